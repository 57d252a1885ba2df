"""dash_table."""

from __future__ import annotations

from typing import Any

from dash_devices_nb import dash_table
from tests.components.cases import Case, Walk, click, press, then

ROWS = [{"x": number, "y": 10 - number} for number in range(6)]


def cell(row: int, column: str = "x") -> str:
    return f"td[data-dash-row='{row}'][data-dash-column={column}]"


def table(**more: Any) -> Any:
    return dash_table.DataTable(ROWS, [{"name": name, "id": name} for name in "xy"], id="it", **more)


CASES = [
    Case(
        "dash_table.DataTable editable",
        lambda: table(editable=True),
        [
            Walk("active_cell", "click on a cell", click(cell(1)), {"row": 2, "column": 1, "column_id": "y"}),
            Walk("selected_cells", "click on a cell", click(cell(3)), []),
            Walk(
                "data",
                "type 7, Enter in a cell",
                then(click(cell(0)), press("body", "7"), press(f"{cell(0)} input", "Enter")),
                [{"x": 100, "y": 200}],
            ),
        ],
        ready=cell(0),
    ),
    Case(
        "dash_table.DataTable rows",
        lambda: table(row_selectable="multi", row_deletable=True),
        [
            Walk("selected_rows", "click on a checkbox", click("input[type=checkbox] >> nth=1"), [2]),
            Walk("data", "delete a row", click("td.dash-delete-cell"), [{"x": 100, "y": 200}]),
        ],
        ready=cell(0),
    ),
    Case(
        "dash_table.DataTable pages",
        lambda: table(page_size=2),
        [Walk("page_current", "click on the next page", click(".next-page"), 2)],
        ready=cell(0),
    ),
    Case(
        "dash_table.DataTable sorted",
        lambda: table(sort_action="native"),
        [
            Walk(
                "sort_by",
                "click on the arrow of a column",
                click("th[data-dash-column=x] .column-header--sort"),
                [{"column_id": "y", "direction": "asc"}],
            )
        ],
        ready=cell(0),
    ),
    Case(
        "dash_table.DataTable filtered",
        lambda: table(filter_action="native"),
        [
            Walk(
                "filter_query",
                "type 3, Enter in a filter",
                press("th.dash-filter[data-dash-column=x] input[type=text]", "3", "Enter"),
                "{y} s> 5",
            )
        ],
        ready=cell(0),
    ),
    Case(
        "dash_table.DataTable with all",
        lambda: table(editable=True, row_selectable="multi", page_size=3, sort_action="native", filter_action="native"),
        [
            Walk("derived_virtual_data", "sort a column", click("th[data-dash-column=y] .column-header--sort"), []),
            Walk("derived_viewport_data", "click on the next page", click(".next-page"), []),
            Walk("derived_viewport_indices", "click on the previous page", click(".previous-page"), []),
            Walk("derived_virtual_selected_rows", "click on a checkbox", click("input[type=checkbox] >> nth=1"), []),
        ],
        ready=cell(0),
    ),
]

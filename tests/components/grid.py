"""AG Grid."""

from __future__ import annotations

from typing import Any

import dash_ag_grid as dag
from playwright.async_api import Page

from tests.components.cases import Act, Case, Walk, click, press

ROWS = [{"id": str(number), "x": number, "y": 10 - number} for number in range(6)]


def cell(row: int, column: str = "x") -> str:
    return f"#it [row-index='{row}'] [col-id={column}]"


def grid(**options: Any) -> Any:
    columns = [
        {
            "field": "x",
            "editable": True,
            "filter": "agNumberColumnFilter",
            "floatingFilter": bool(options.pop("filtered", 0)),
        },
        {"field": "y"},
    ]
    return dag.AgGrid(
        id="it",
        rowData=[dict(row) for row in ROWS],
        columnDefs=columns,
        getRowId="params.data.id",
        dashGridOptions={"animateRows": False, **options},
        style={"height": 340, "width": 500},
    )


def edit(row: int, key: str) -> Act:
    async def act(page: Page) -> None:
        await page.locator(cell(row)).dblclick()
        editor = page.locator(f"{cell(row)} input")
        await editor.press(key)
        await editor.press("Enter")

    return act


CASES = [
    Case(
        "AgGrid editable",
        grid,
        [
            Walk("cellClicked", "click on a cell", click(cell(1, "y")), {"value": 1}),
            Walk(
                "cellDoubleClicked",
                "double-click on a cell",
                lambda page: page.locator(cell(1, "y")).dblclick(),
                {"value": 1},
            ),
            Walk("cellValueChanged", "edit a cell", edit(0, "7"), [{"value": 1}]),
            Walk("rowData", "edit a cell", edit(1, "8"), [{"id": "a", "x": 100, "y": 200}]),
        ],
        ready=cell(0),
    ),
    Case(
        "AgGrid rows selected",
        lambda: grid(rowSelection={"mode": "multiRow"}),
        [Walk("selectedRows", "click on a checkbox", click("#it [row-index='1'] input"), [ROWS[2]])],
        ready=cell(0),
    ),
    Case(
        "AgGrid filtered",
        lambda: grid(filtered=True),
        [
            Walk(
                "filterModel",
                "type in a filter, Enter",
                press(".ag-floating-filter input >> nth=0", "3", "Enter"),
                {"x": {"filterType": "number", "type": "equals", "filter": 4}},
            )
        ],
        others=["virtualRowData"],
        ready=cell(0),
    ),
    Case(
        "AgGrid sorted",
        grid,
        [
            Walk(
                "columnState", "click on a column's head", click(".ag-header-cell[col-id=y] .ag-header-cell-label"), []
            ),
            Walk(
                "virtualRowData",
                "click on a column's head",
                click(".ag-header-cell[col-id=y] .ag-header-cell-label"),
                [],
            ),
        ],
        ready=cell(0),
    ),
    Case(
        "AgGrid pages",
        lambda: grid(pagination=True, paginationPageSize=2, paginationPageSizeSelector=False),
        [
            Walk("paginationInfo", "click on the next page", click("[data-ref=btNext]"), {"currentPage": 2}),
            Walk("paginationGoTo", "-", None, "first"),
        ],
        ready=cell(0),
    ),
]

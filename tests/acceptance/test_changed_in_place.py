"""What a component changes in place, as AG Grid an edited row, is a change like any other, cell by cell."""

from __future__ import annotations

import asyncio
from typing import Any

import dash_ag_grid as dag
from playwright.async_api import Locator, Page, expect

from dash_devices_nb import Dash, Input, Output, Patch, State, callback_context, dcc, html
from dash_devices_nb.app.api.parts import parts_of
from tests.support.browser import Tabs
from tests.support.eventually import eventually
from tests.support.serving import Serving
from tests.support.tcp import network

ROWS = [{"n": "a", "volts": 1}, {"n": "b", "volts": 2}]


def grid_app(**of_grid: Any) -> Dash:
    """An app with a grid of two rows."""
    app = Dash(__name__)
    grid = dag.AgGrid(
        id="grid",
        rowData=ROWS,
        columnDefs=[{"field": "n"}, {"field": "volts", "editable": True}],
        getRowId="params.data.n",
        **of_grid,
    )
    app.layout = html.Div([grid, html.B(id="shared"), html.I(id="own"), dcc.Input(id="other", value="")])
    return app


def cell(page: Page, row: str) -> Locator:
    """The cell with a row's volts."""
    return page.locator(f'[row-id="{row}"] [col-id="volts"]')


async def edit(page: Page, row: str, text: str) -> None:
    """Write into a cell."""
    await write(page, row, text)
    await page.keyboard.press("Enter")


async def write(page: Page, row: str, text: str) -> None:
    """Open the editor of a cell and fill it."""
    await cell(page, row).dblclick()
    await page.locator(".ag-cell-inline-editing input").fill(text)


async def test_an_edited_cell_reaches_the_callback_the_pages_and_late_joiners(serve: Serving, browser: Tabs):
    """The shared callback has the new row as State with the event that tells of it; all pages show it."""
    app = grid_app()
    calls: list[tuple] = []

    @app.callback_shared(
        Output("shared", "children"),
        Input("grid", "cellValueChanged"),
        State("grid", "rowData"),
        prevent_initial_call=True,
    )
    def apply(event, rows):
        calls.append((event[0]["value"], rows, callback_context.client))
        return str([row["volts"] for row in rows])

    @app.callback(
        Output("own", "children"),
        Input("grid", "cellValueChanged"),
        State("grid", "rowData"),
        prevent_initial_call=True,
    )
    def regular(event, rows):
        return str([row["volts"] for row in rows])

    url = await serve(app)
    first, second = await asyncio.gather(browser.open(url), browser.open(url))
    for page in (first, second):
        await expect(cell(page, "a")).to_have_text("1")
    await edit(first, "a", "50")
    await expect(cell(second, "a")).to_have_text("50")
    for page in (first, second):
        await expect(page.locator("#shared")).to_have_text("[50, 2]")
    await expect(first.locator("#own")).to_have_text("[50, 2]")
    assert [(value, rows) for value, rows, _ in calls] == [(50, [{"n": "a", "volts": 50}, ROWS[1]])]
    assert calls[0][2] is not None
    await edit(second, "b", "60")
    await expect(cell(first, "b")).to_have_text("60")
    third = await browser.open(url)
    for page in (first, second, third):
        await expect(cell(page, "a")).to_have_text("50")
        await expect(cell(page, "b")).to_have_text("60")
        await expect(page.locator("#shared")).to_have_text("[50, 60]")


async def test_edits_of_different_rows_at_once_both_stand(serve: Serving, browser: Tabs):
    """Two people edit at once; each has the other's row in the end, and a push between holds."""
    app = grid_app()
    called: list[list] = []

    @app.callback_shared(None, Input("grid", "cellValueChanged"), State("grid", "rowData"))
    def apply(event, rows):
        called.append([row["volts"] for row in rows])

    url = await serve(app)
    async with network(url) as between:
        pages = await asyncio.gather(browser.open(url), browser.open(between.url), browser.open(url))
        for page in pages:
            await expect(cell(page, "a")).to_have_text("1")
        # New rows close an editor that is open: the second person leaves it before the first one's edit arrives.
        between.silence()
        await edit(pages[0], "a", "10")
        await edit(pages[1], "b", "20")
        await expect(cell(pages[2], "a")).to_have_text("10")
        between.speak()
        for page in pages:
            await expect(cell(page, "a")).to_have_text("10")
            await expect(cell(page, "b")).to_have_text("20")
        await eventually(lambda: called and called[-1] == [10, 20], 5)
        rows = Patch()
        rows[0]["volts"] = 11
        app.push_mods({"grid": {"rowData": rows}})
        await expect(cell(pages[2], "a")).to_have_text("11")
        await edit(pages[2], "b", "21")
        for page in pages:
            await expect(cell(page, "a")).to_have_text("11")
            await expect(cell(page, "b")).to_have_text("21")


async def test_an_edit_of_rows_that_are_gone_gives_way(serve: Serving, browser: Tabs):
    """Somebody edits a row that a push takes away meanwhile: all pages show the pushed rows."""
    app = grid_app()
    app.callback_shared(None, Input("grid", "cellValueChanged"), State("grid", "rowData"))(lambda event, rows: None)
    url = await serve(app)
    first, second = await asyncio.gather(browser.open(url), browser.open(url))
    await expect(cell(first, "b")).to_have_text("2")
    await first.evaluate("dashDevices.bridge.shared.receive = () => {}")  # a page to which nothing comes any more
    app.push_mods({"grid": {"rowData": ROWS[:1]}})
    await expect(cell(second, "b")).to_have_count(0)
    await edit(first, "b", "9")
    await expect(cell(first, "b")).to_have_count(0)
    await edit(second, "a", "5")
    row = [{"n": "a", "volts": 5}]
    await eventually(lambda: parts_of(app).runtime.dispatcher.value(("grid", "rowData")).plain == row, 5)

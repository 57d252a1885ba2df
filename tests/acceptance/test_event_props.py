"""Event props in Chromium: every value counts, and arrives once, in order; who comes later gets what they made."""

from __future__ import annotations

import asyncio

import dash_ag_grid as dag
from playwright.async_api import Page, Route, expect

from dash_devices_nb import Dash, Input, Output, dcc, html
from tests.support.browser import Tabs
from tests.support.eventually import eventually
from tests.support.serving import Serving

ROWS = """() => {
    const rows = [];
    const api = window.dash_ag_grid && document.querySelector('.ag-root') && dash_ag_grid.getApi('grid');
    if (api) api.forEachNode(node => rows.push(node.data.n + (node.data.v || '')));
    return rows;
}"""
WATCH = """() => {
    window.seen = [];
    new MutationObserver(records => records.forEach(record => window.seen.push(record.oldValue)))
        .observe(document.getElementById('bell'), {attributeFilter: ['title'], attributeOldValue: true});
}"""


def desk() -> Dash:
    """A grid, a bell, a download, and a shared callback that fills the grid."""
    app = Dash(__name__)
    app.events.add("Div", "title")
    grid = dag.AgGrid(id="grid", rowData=[], columnDefs=[{"field": "n"}], getRowId="params.data.n")
    app.layout = html.Div([grid, html.Div(id="bell", title="none"), dcc.Download(id="file"), html.Button(id="go")])

    @app.callback_shared(Output("grid", "rowTransaction"), Input("go", "n_clicks"), prevent_initial_call=True)
    def fill(n_clicks):
        return {"add": [{"n": f"clicked{n_clicks}"}]}

    return app


async def shows(page: Page, rows: list[str]) -> None:
    """Wait until the grid has these rows."""

    async def has() -> bool:
        seen = await page.evaluate(ROWS)
        assert seen == rows
        return True

    await eventually(has, 10)


def add(app: Dash, *names: str) -> None:
    """Push a row for each name."""
    for name in names:
        app.push_mods({"grid": {"rowTransaction": {"add": [{"n": name}]}}})


async def test_every_row_transaction_counts(serve: Serving, browser: Tabs):
    """In a batch, one after the other, from a shared callback; late joiners have the same rows, and get on alike."""
    app = desk()
    url = await serve(app)
    pages = [await browser.open(url), await browser.open(url)]
    for page in pages:
        await page.locator(".ag-root").wait_for()
    with app.batch():
        add(app, *(f"b{n}" for n in range(10)))
    add(app, *(f"r{n}" for n in range(60)))
    rows = [f"b{n}" for n in range(10)] + [f"r{n}" for n in range(60)]
    for page in pages:
        await shows(page, rows)
    await pages[0].locator("#go").click(force=True)
    rows.append("clicked1")
    late = await browser.open(url)
    for page in (*pages, late):
        await shows(page, rows)
    app.push_mods({"grid": {"rowTransaction": {"update": [{"n": "r0", "v": "!"}], "remove": [{"n": "b0"}]}}})
    rows = ["r0!" if row == "r0" else row for row in rows if row != "b0"]
    later = await browser.open(url)
    for page in (*pages, late, later):
        await shows(page, rows)
    with app.batch():
        app.push_mods({"grid": {"rowData": [{"n": "new"}]}})
        add(app, "first", "second")
    for page in (*pages, late, later):
        await shows(page, ["new", "first", "second"])
    assert not [entry for entry in app.journal if entry.kind == "refusal"]


async def test_transactions_that_come_while_the_grid_loads_count(serve: Serving, browser: Tabs):
    """The page has its layout, its grid is still being loaded: nothing is lost, nothing comes twice."""
    app = desk()
    url = await serve(app)
    page = await browser.open()
    asked, go = asyncio.Event(), asyncio.Event()

    async def hold(route: Route) -> None:
        asked.set()
        await go.wait()
        await route.continue_()

    await page.route("**/async-*", hold)
    await page.goto(url)
    await asyncio.wait_for(asked.wait(), 10)
    add(app, *(f"r{n}" for n in range(20)))
    await page.evaluate("() => new Promise(resolve => setTimeout(resolve, 0))")
    go.set()
    await shows(page, [f"r{n}" for n in range(20)])


async def test_a_prop_that_the_program_names_is_an_event(serve: Serving, browser: Tabs):
    """Each value is rendered, in order; who comes later gets none of them."""
    app = desk()
    url = await serve(app)
    page = await browser.open(url)
    await expect(page.locator("#bell")).to_have_attribute("title", "none")
    await page.evaluate(WATCH)
    with app.batch():
        for n in range(10):
            app.push_mods({"bell": {"title": f"ring {n}"}})
    for n in range(10, 30):
        app.push_mods({"bell": {"title": f"ring {n}"}})
    await expect(page.locator("#bell")).to_have_attribute("title", "ring 29")
    assert await page.evaluate("window.seen") == ["none", *(f"ring {n}" for n in range(29))]
    late = await browser.open(url)
    await expect(late.locator("#bell")).to_have_attribute("title", "none")


async def test_a_download_comes_once_to_those_who_are_there(serve: Serving, browser: Tabs):
    """Each file that is sent; not again for a late joiner, nor for a page that comes back or reads a new layout."""
    app = desk()
    url = await serve(app)
    page, other = await browser.open(url), await browser.open(url)
    got: list[str] = []
    for each in (page, other):
        await expect(each.locator("#bell")).to_have_attribute("title", "none")
        each.on("download", lambda download: got.append(download.suggested_filename))
    names = [f"{n}.txt" for n in range(3)]
    for name in names:
        app.push_mods({"file": {"data": {"content": "text", "filename": name}}}, client=app.clients[0])
    await eventually(lambda: got == names, 10)
    app.push_mods({"file": {"data": {"content": "text", "filename": "all.txt"}}})
    await eventually(lambda: got == [*names, "all.txt", "all.txt"], 10)

    late = await browser.open(url)
    late.on("download", lambda download: got.append(download.suggested_filename))
    await expect(late.locator("#bell")).to_have_attribute("title", "none")
    await page.evaluate("dashDevices.bridge.socket._socket.close()")
    await eventually(lambda: page.evaluate("dashDevices.bridge.socket.greeted"), 10)
    app.layout = app.layout
    app.push_mods({"go": {"title": "after"}})
    for each in (page, other, late):
        await expect(each.locator("#go")).to_have_attribute("title", "after")
    assert len(got) == 5, got

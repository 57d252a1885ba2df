"""What one event of the browser changes is one change: one frame, one call, with all new values."""

from __future__ import annotations

import asyncio

from dash import dash_table
from playwright.async_api import Page, expect

from dash_devices_nb import Dash, Input, Output, State, callback_context, dcc, html
from tests.support.browser import Tabs
from tests.support.eventually import eventually
from tests.support.serving import Serving


async def test_enter_submits_what_was_typed(serve: Serving, browser: Tabs):
    """A debounced field's Enter sets `n_submit` and `value` in two steps; the callback has both, once."""
    app = Dash(__name__)
    app.layout = html.Div([dcc.Input(id="line", value="", debounce=True), html.Div(id="answer")])
    sent: list[tuple[int, str]] = []

    @app.callback_shared(Output("answer", "children"), Input("line", "n_submit"), State("line", "value"))
    def send(n_submit, line):
        sent.append((n_submit, line))
        return f"<{line}>"

    url = await serve(app)
    first, second = await asyncio.gather(browser.open(url), browser.open(url))
    await expect(second.locator("#answer")).to_have_text("<>")
    for word in ("first", "second"):
        await first.locator("#line").fill(word)
        await first.keyboard.press("Enter")
        await expect(second.locator("#answer")).to_have_text(f"<{word}>")
    assert sent[1:] == [(1, "first"), (2, "second")]


async def test_a_field_that_is_left_says_what_was_typed(serve: Serving, browser: Tabs):
    """Leaving a debounced number field is one call of a callback on `n_blur` and `value`, with the new number."""
    app = Dash(__name__)
    app.layout = html.Div(
        [dcc.Input(id="volts", type="number", value=1, debounce=True), html.Div(id="set"), html.Button("b", id="b")]
    )
    calls: list[tuple[float, int]] = []

    @app.callback_shared(Output("set", "children"), Input("volts", "value"), Input("volts", "n_blur"))
    def drive(volts, n_blur):
        calls.append((volts, n_blur))
        return f"{volts} V"

    url = await serve(app)
    first, second = await asyncio.gather(browser.open(url), browser.open(url))
    await expect(second.locator("#set")).to_have_text("1 V")
    await first.locator("#volts").fill("7")
    await first.locator("#b").click()
    await expect(second.locator("#set")).to_have_text("7 V")
    assert calls[1:] == [(7, 1)]


async def test_two_components_that_one_event_sets(serve: Serving, browser: Tabs):
    """A page's script sets two components in one event, through two listeners: one call with both."""
    app = Dash(__name__)
    app.layout = html.Div([html.Button("both", id="go"), dcc.Input(id="a"), dcc.Input(id="b"), html.Div(id="sum")])
    calls: list[tuple] = []

    @app.callback_shared(Output("sum", "children"), Input("a", "value"), Input("b", "value"))
    def add(a, b):
        calls.append((a, b, callback_context.client))
        return f"{a}+{b}"

    url = await serve(app)
    first, second = await asyncio.gather(browser.open(url), browser.open(url))
    await expect(second.locator("#sum")).to_have_text("None+None")
    await first.evaluate(
        """() => {
            const go = document.getElementById('go');
            go.addEventListener('click', () => dash_clientside.set_props('a', {value: 'x'}));
            document.addEventListener('click', () => dash_clientside.set_props('b', {value: 'y'}));
        }"""
    )
    await first.locator("#go").click()
    await expect(second.locator("#sum")).to_have_text("x+y")
    assert [call[:2] for call in calls[1:]] == [("x", "y")]
    assert calls[1][2] is not None


async def edit(page: Page, text: str) -> None:
    """Write into the table's one cell. A table that is still busy may lose the first key: then begin again."""
    cell = page.locator("td[data-dash-column=volts]")

    async def written() -> bool:
        await cell.click()
        await page.keyboard.type(text)
        if await cell.locator("input").input_value() == text:
            return True
        await page.keyboard.press("Escape")
        return False

    await eventually(written)
    await page.keyboard.press("Enter")


async def test_a_tables_edit_is_one_call(serve: Serving, browser: Tabs):
    """A cell that is edited calls what hangs on the data once, though the table says much more of it."""
    app = Dash(__name__)
    app.layout = html.Div(
        [
            dash_table.DataTable(
                id="table",
                data=[{"volts": 1}],
                columns=[{"id": "volts", "name": "volts", "type": "numeric"}],
                editable=True,
            ),
            html.Div(id="shown"),
        ]
    )
    calls: list[list] = []

    @app.callback_shared(
        Output("shown", "children"), Input("table", "data_timestamp"), Input("table", "data"), State("table", "data")
    )
    def apply(stamp, data, state):
        calls.append([data, state])
        return str(data)

    url = await serve(app)
    first, second = await asyncio.gather(browser.open(url), browser.open(url))
    for page in (first, second):
        await page.locator("td[data-dash-column=volts]").wait_for()
    await edit(first, "50")
    await expect(second.locator("#shown")).to_have_text("[{'volts': 50}]")
    await expect(second.locator("td[data-dash-column=volts]")).to_have_text("50")
    assert calls[1:] == [[[{"volts": 50}], [{"volts": 50}]]]


async def test_a_question_follows_the_changes_before_it(serve: Serving, browser: Tabs):
    """A regular callback on the same event comes after the change."""
    app = Dash(__name__)
    app.layout = html.Div([dcc.Input(id="line", value="", debounce=True), html.Div(id="own"), html.Div(id="all")])
    order: list[str] = []

    @app.callback_shared(Output("all", "children"), Input("line", "value"), prevent_initial_call=True)
    async def shared(line):
        order.append("shared")
        return line

    @app.callback(Output("own", "children"), Input("line", "n_submit"), prevent_initial_call=True)
    async def own(n_submit):
        order.append("own")
        return str(n_submit)

    url = await serve(app)
    page = await browser.open(url)
    await page.locator("#line").fill("x")
    await page.keyboard.press("Enter")
    await expect(page.locator("#own")).to_have_text("1")
    assert order == ["shared", "own"]


async def test_a_page_that_is_left_has_said_what_was_done(serve: Serving, browser: Tabs):
    """A change goes out though its page is left in the very same event."""
    app = Dash(__name__)
    app.layout = html.Div([html.Button("go", id="go"), dcc.Input(id="line", value=""), html.Div(id="all")])
    app.callback_shared(Output("all", "children"), Input("line", "value"))(lambda line: f"<{line}>")
    url = await serve(app)
    page, other = await asyncio.gather(browser.open(url), browser.open(url))
    await expect(page.locator("#all")).to_have_text("<>")
    await page.evaluate(
        """() => document.getElementById('go').addEventListener('click', () => {
            dash_clientside.set_props('line', {value: 'last'});
            window.location.href = 'about:blank';
        })"""
    )
    await page.locator("#go").click()
    await expect(other.locator("#all")).to_have_text("<last>")

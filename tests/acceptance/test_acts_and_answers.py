"""What a component says by itself is nobody's act, and counts once, however many pages there are."""

from __future__ import annotations

import asyncio

import dash_bootstrap_components as dbc
import pytest
from playwright.async_api import Page, expect

from dash_devices_nb import Dash, Input, Output, callback_context, dcc, html
from dash_devices_nb.app.api.parts import parts_of
from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.errors import DeclarationError
from tests.support.browser import Tabs
from tests.support.eventually import eventually
from tests.support.serving import Serving

Calls = list[tuple[object, Client | None]]
QUIET_SECONDS = 0.6


async def three(browser: Tabs, url: str) -> list[Page]:
    """Three pages, each with the slider drawn."""
    pages = list(await asyncio.gather(*(browser.open(url) for _ in range(3))))
    for page in pages:
        await page.locator("#ready").wait_for(state="attached")
        await page.wait_for_function("window.dash_stores[0].getState().appLifecycle === 'HYDRATED'")
    return pages


def listens(app: Dash, component_id: str, prop: str) -> Calls:
    """A shared callback on a prop, and its calls: the value and the client."""
    calls: Calls = []

    @app.callback_shared(None, Input(component_id, prop))
    def act(value):
        calls.append((value, callback_context.client))

    return calls


async def rest(app: Dash) -> None:
    """Wait until nothing has changed for a while."""
    seen: list[tuple[float, int]] = []
    loop = asyncio.get_running_loop()

    def still() -> bool:
        seen.append((loop.time(), parts_of(app).runtime.dispatcher.state.revision))
        since = [at for at, revision in seen if revision == seen[-1][1]]
        return since[-1] - since[0] >= QUIET_SECONDS

    await eventually(still, 10)


async def test_a_sliders_drag_value_follows_a_push_once(serve: Serving, browser: Tabs):
    """Every page's slider answers a pushed value; the callback hears it once, from nobody; a key is an act."""
    app = Dash(__name__)
    app.layout = html.Div([dcc.Slider(0, 10, 1, value=5, id="slider"), html.I(id="ready")])
    calls = listens(app, "slider", "drag_value")
    pages = await three(browser, await serve(app))
    for page in pages:
        await page.locator("[role=slider]").wait_for()
    await rest(app)
    calls.clear()
    app.push_mods({"slider": {"value": 9}})
    await eventually(lambda: calls, 5)
    await rest(app)
    assert calls == [(9, None)]
    calls.clear()
    await pages[1].locator("[role=slider]").press("ArrowLeft")
    await eventually(lambda: calls, 5)
    await rest(app)
    assert [value for value, _ in calls] == [8]
    assert calls[0][1] is not None
    for page, shown in zip(pages, ("9", "8", "9"), strict=True):  # the value was pushed and is not shared
        await expect(page.locator("[role=slider]")).to_have_attribute("aria-valuenow", shown)


async def test_a_dropdown_drops_a_value_that_is_no_option_any_more(serve: Serving, browser: Tabs):
    """Pushed options without the value: three dropdowns drop it, one call, nobody's, and the pages agree."""
    app = Dash(__name__)
    app.layout = html.Div([dcc.Dropdown(["a", "b"], "a", id="drop"), html.I(id="ready")])
    calls = listens(app, "drop", "value")
    pages = await three(browser, await serve(app))
    for page in pages:
        await expect(page.locator("#drop")).to_contain_text("a")
    app.push_mods({"drop": {"options": ["b", "c"]}})
    await eventually(lambda: calls, 5)
    await rest(app)
    assert calls == [(None, None)]
    for page in pages:
        await expect(page.locator("#drop")).not_to_contain_text("a")


async def test_a_toast_closes_by_itself_once_each_time(serve: Serving, browser: Tabs):
    """A toast with a duration closes in three pages: one call, nobody's; again at the next push; a click is an act."""
    app = Dash(__name__)
    toast = dbc.Toast("x", id="toast", duration=300, is_open=False, dismissable=True)
    app.layout = html.Div([toast, html.I(id="ready")])
    calls = listens(app, "toast", "is_open")
    pages = await three(browser, await serve(app))
    for _ in range(2):
        app.push_mods({"toast": {"is_open": True}})
        await eventually(lambda: len(calls) >= 2, 5)
        await rest(app)
        assert calls == [(True, None), (False, None)]
        calls.clear()
    app.push_mods({"toast": {"duration": None, "is_open": True}})
    await pages[0].locator("#toast button.btn-close").click()
    await eventually(lambda: len(calls) >= 2, 5)
    await rest(app)
    assert [value for value, _ in calls] == [True, False]
    assert calls[1][1] is not None


async def test_opening_pages_says_a_graphs_first_relayout_once(serve: Serving, browser: Tabs):
    """What graphs say when they are first drawn is no act of those who open the page."""
    app = Dash(__name__)
    app.layout = html.Div([dcc.Graph(id="graph", figure={"data": [{"y": [1, 2]}]}), html.I(id="ready")])
    calls = listens(app, "graph", "relayoutData")
    pages = await three(browser, await serve(app))
    for page in pages:
        await page.locator(".js-plotly-plot .main-svg").first.wait_for()
    await rest(app)
    assert len(calls) <= 1
    assert all(client is None for _, client in calls)


async def test_a_popover_is_opened_by_who_clicks_on_its_target(serve: Serving, browser: Tabs):
    """It opens a while after the click on another component: an act all the same, in each page; a push is none."""
    app = Dash(__name__)
    popover = dbc.Popover("text", id="popover", target="target", trigger="click")
    app.layout = html.Div([dbc.Button("more", id="target"), popover, html.I(id="ready")])
    calls = listens(app, "popover", "is_open")
    first, second, _ = await three(browser, await serve(app))
    await rest(app)
    for page in (first, second):
        await page.locator("#target").click()
        await eventually(lambda: calls, 5)
        await rest(app)
    assert [value for value, _ in calls] == [True, False]
    assert len({client for _, client in calls} - {None}) == 2
    calls.clear()
    app.push_mods({"popover": {"is_open": True}})
    await rest(app)
    assert calls == [(True, None)]


# The calendar opens late on a slow page, and takes no focus then, which would be an event of its own.
SLOW_TO_DRAW = """() => {
    window.requestAnimationFrame = draw => setTimeout(draw, 200);
    HTMLElement.prototype.focus = () => {};
}"""


async def test_a_date_that_is_typed_is_an_act(serve: Serving, browser: Tabs):
    """It is said when the page has drawn, long after the key, and the field has another id than its component."""
    app = Dash(__name__)
    dates = dcc.DatePickerRange(id="range", start_date="2026-01-10", end_date="2026-01-12")
    app.layout = html.Div([dates, html.I(id="ready")])
    calls = listens(app, "range", "end_date")
    first, second, _ = await three(browser, await serve(app))
    app.push_mods({"range": {"end_date": "2026-01-15"}})
    await rest(app)
    assert calls == [("2026-01-15", None)]
    for page, key in ((first, "9"), (second, "8")):
        await page.evaluate(SLOW_TO_DRAW)
        calls.clear()
        for press in ("End", "Backspace", key, "Enter"):
            await page.locator("#range-end-date").press(press)
        await eventually(lambda: calls, 5)
        await rest(app)
        [(value, client)] = calls
        assert value == f"2026-01-1{key}"
        assert client is not None


async def test_an_interval_that_is_shared_has_one_clock(serve: Serving, browser: Tabs):
    """It ticks as fast with three pages as with one, not without one; `disabled` and `max_intervals` hold."""
    app = Dash(__name__)
    app.layout = html.Div(
        [dcc.Interval(id="tick", interval=100), html.I(id="ready"), html.B(id="count"), html.U(id="own")]
    )
    times: list[float] = []
    loop = asyncio.get_running_loop()

    @app.callback_shared(Output("count", "children"), Input("tick", "n_intervals"), prevent_initial_call=True)
    async def tick(n):
        times.append(loop.time())
        assert callback_context.client is None
        return f"tick {n}"

    app.callback(Output("own", "children"), Input("tick", "n_intervals"))(lambda n: f"mine {n}")
    url = await serve(app)
    pages = await three(browser, url)
    times.clear()
    await eventually(lambda: len(times) >= 11, 10)
    assert times[10] - times[0] > 0.9, "ten intervals of 100 ms"
    app.push_mods({"tick": {"disabled": True}})
    await rest(app)
    stood = len(times)
    shown = await pages[0].locator("#count").text_content()
    for page in pages:
        await expect(page.locator("#count")).to_have_text(shown)
        await expect(page.locator("#own")).to_have_text(shown.replace("tick", "mine"))
    number = int(shown.split()[1])
    app.push_mods({"tick": {"disabled": False, "max_intervals": number + 2}})
    for page in pages:
        await expect(page.locator("#count")).to_have_text(f"tick {number + 2}")
    await rest(app)
    assert len(times) == stood + 2
    app.push_mods({"tick": {"max_intervals": -1}})
    await expect(pages[0].locator("#count")).to_have_text(f"tick {number + 3}")
    for page in pages:
        await page.close()
    await eventually(lambda: not app.clients, 10)
    await rest(app)


async def test_the_program_says_whose_act_a_prop_is(serve: Serving, browser: Tabs):
    """`cause_of`: "page" makes an answer an act, "once" an act an answer, "never" leaves the app's value."""
    app = Dash(__name__)
    app.layout = html.Div(
        [
            dcc.Slider(0, 10, 1, value=5, id="slider"),
            dcc.Input(id="line"),
            dcc.Input(id="fixed", value="app's"),
            html.I(id="ready"),
        ]
    )
    spoken, typed, kept = (
        listens(app, *key) for key in (("slider", "drag_value"), ("line", "value"), ("fixed", "value"))
    )
    app.cause_of("slider", "drag_value", "page")
    app.cause_of("line", "value", "once")
    app.cause_of("fixed", "value", "never")
    pages = await three(browser, await serve(app))
    for page in pages:
        await page.locator("[role=slider]").wait_for()
    await rest(app)
    spoken.clear()
    app.push_mods({"slider": {"value": 9}})
    await rest(app)
    assert [value for value, _ in spoken] == [9, 9, 9]
    assert len({client for _, client in spoken} - {None}) == 3
    await pages[0].locator("#line").fill("x")
    await expect(pages[1].locator("#line")).to_have_value("x")
    await eventually(lambda: typed)
    await rest(app)
    assert typed == [("x", None)]
    await pages[0].locator("#fixed").fill("mine")
    await expect(pages[0].locator("#fixed")).to_have_value("app's")
    assert kept == []
    with pytest.raises(
        DeclarationError, match=r"cause_of\(line.value, 'twice'\): accepted are 'page', 'once', 'never'"
    ):
        app.cause_of("line", "value", "twice")

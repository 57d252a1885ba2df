"""Chains of regular callbacks that the server runs for the page."""

from __future__ import annotations

import threading

from playwright.async_api import Page, expect

from dash_devices_nb import Dash, Input, Output, State, dcc, html
from tests.support.browser import Tabs
from tests.support.eventually import eventually
from tests.support.serving import Serving

COUNT = """() => {
    const socket = window.dashDevices.bridge.socket;
    const write = socket._write.bind(socket);
    window.asked = [];
    socket._write = frame => { if (frame.t === 'req') window.asked.push(frame.body.output); write(frame); };
}"""


def chain_of(chain: bool) -> tuple[Dash, list[str]]:
    """a -> b -> c -> d, where c also takes the state of another input, which the first request does not tell."""
    app = Dash(__name__)
    app.layout = html.Div([dcc.Input(id="a", value="x"), dcc.Input(id="other", value="o"), *map(_box, "bcde")])
    calls: list[str] = []

    @app.callback(Output("b", "children"), Input("a", "value"), State("other", "value"))
    def to_b(a, other):
        calls.append("b")
        return f"b{a}"

    @app.callback(Output("c", "children"), Input("b", "children"), State("other", "value"), chain=chain)
    def to_c(b, other):
        calls.append("c")
        return f"c{b}{other}"

    @app.callback(Output("d", "children"), Output("e", "children"), Input("c", "children"), chain=chain)
    async def to_d(c):
        calls.append("d")
        return f"d{c}", [html.B(c, id="bold")]

    return app, calls


def _box(name: str) -> html.Div:
    return html.Div(id=name)


async def act(page: Page, text: str, shown: str) -> list[str]:
    """Type, wait for the end of the chain, and return what the page asked for."""
    await page.evaluate("window.asked = []")
    await page.locator("#a").fill(text)
    await expect(page.locator("#d")).to_have_text(shown)
    asked = await page.evaluate("window.asked")
    return list(asked)


async def test_a_chain_that_opts_in_costs_the_page_one_request(serve: Serving, browser: Tabs) -> None:
    """What the page shows, and how often each link is called, is the same as without."""
    app, calls = chain_of(chain=True)
    page = await browser.open(await serve(app))
    await expect(page.locator("#d")).to_have_text("dcbxo")
    await page.evaluate(COUNT)
    calls.clear()
    assert await act(page, "y", "dcbyo") == ["b.children"]
    assert calls == ["b", "c", "d"]
    await expect(page.locator("#bold")).to_have_text("cbyo")


async def test_a_chain_that_does_not_opt_in_asks_for_each_link(serve: Serving, browser: Tabs) -> None:
    """As in stock Dash."""
    app, calls = chain_of(chain=False)
    page = await browser.open(await serve(app))
    await expect(page.locator("#d")).to_have_text("dcbxo")
    await page.evaluate(COUNT)
    calls.clear()
    assert await act(page, "y", "dcbyo") == ["b.children", "c.children", "..d.children...e.children.."]
    assert calls == ["b", "c", "d"]


async def test_a_link_whose_state_changed_meanwhile_is_asked_for(serve: Serving, browser: Tabs) -> None:
    """What was foreseen with the old state is dropped; the page shows what holds."""
    app, _ = chain_of(chain=True)
    go_on, waits = threading.Event(), threading.Event()

    @app.callback(Output("f", "children"), Input("slow", "value"), prevent_initial_call=True)
    def slow(value):
        waits.set()
        go_on.wait(10)
        return value

    @app.callback(Output("g", "children"), Input("f", "children"), State("other", "value"), chain=True)
    def follows(value, other):
        return f"{value} {other}"

    app.layout.children += [dcc.Input(id="slow"), _box("f"), _box("g")]
    page = await browser.open(await serve(app))
    await expect(page.locator("#d")).to_have_text("dcbxo")
    await page.evaluate(COUNT)
    await page.locator("#slow").fill("s")
    await eventually(waits.is_set)
    await page.locator("#other").fill("new")
    go_on.set()
    await expect(page.locator("#g")).to_have_text("s new")
    assert await page.evaluate("window.asked") == ["f.children", "g.children"]

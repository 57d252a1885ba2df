"""Programs of the ancestor chain by pushes and callbacks without output: who is called, in two pages of Chromium.

The rows are named after the traces of the original (r1 to r11).
"""

from __future__ import annotations

import asyncio
import threading

import pytest
from playwright.async_api import Page, expect

from dash_devices_nb import Dash, Input, Output, callback_context, dcc, html
from tests.support.browser import Tabs
from tests.support.eventually import eventually
from tests.support.serving import Serving


def number(name: str, value: int) -> dcc.Input:
    return dcc.Input(id=name, type="number", value=value)


def program(calls: list[tuple[str, object]]) -> Dash:
    app = Dash(__name__)
    app.layout = html.Div(
        [
            *(
                html.Button(each, id=each)
                for each in ("go1", "go2", "go2t", "go2c", "go3", "go3n", "go7", "go8", "go11")
            ),
            number("a1", 1),
            number("b1", 1),
            dcc.Input(id="a2", value=""),
            dcc.Input(id="a3", value=""),
            dcc.Input(id="a3n", value=""),
            number("length", 400),
            number("size", 4000),
            dcc.Input(id="a7", value="start"),
            number("a8", 5),
            html.Button("s9", id="s9"),
            html.Button("r9", id="r9"),
            *(html.Div(id=each) for each in ("o1", "o3", "t9", "o11")),
            html.Div("", id="m11"),
        ]
    )
    model = {"a": 1, "b": 1}

    @app.callback_shared(None, [Input("a1", "value"), Input("b1", "value")])
    def device(a, b):
        model.update(a=a, b=b)

    @app.callback(Output("o1", "children"), [Input("go1", "n_clicks")])
    def refresh(n):
        if not n:
            return ""
        model.update(a=10 + n, b=20 + n)
        app.push_mods({"a1": {"value": model["a"]}})
        app.push_mods({"b1": {"value": model["b"]}})
        return f"done {n}"

    @app.callback(None, [Input("a2", "value")])
    def on_a2(value):
        calls.append(("a2", value))

    @app.callback(None, [Input("go2", "n_clicks")])
    def go2(n):
        app.push_mods({"a2": {"value": f"pushed{n}"}})

    @app.callback(None, [Input("go2t", "n_clicks")])
    def go2t(n):
        thread = threading.Thread(target=app.push_mods, args=({"a2": {"value": f"thread{n}"}},))
        thread.start()
        thread.join()

    @app.callback(None, [Input("go2c", "n_clicks")])
    def go2c(n):
        app.push_mods({"a2": {"value": f"client{n}"}}, callback_context.client)

    @app.callback(None, [Input("go3", "n_clicks")])
    def go3(n):
        return [Output("a3", "value", f"alt{n}")]

    @app.callback(None, [Input("a3", "value")])
    def on_a3(value):
        calls.append(("a3", value))
        return Output("o3", "children", f"got {value}")

    @app.callback(Output("a3n", "value"), [Input("go3n", "n_clicks")])
    def go3n(n):
        return f"normal{n}" if n else "start"

    @app.callback(None, [Input("a3n", "value")])
    def on_a3n(value):
        calls.append(("a3n", value))

    @app.callback(None, [Input("length", "value"), Input("size", "value")])
    def convert(length, size):
        calls.append(("convert", [each["prop_id"] for each in callback_context.triggered]))
        if callback_context.triggered[0]["prop_id"].startswith("length"):
            app.push_mods({"size": {"value": length * 10}})
        else:
            app.push_mods({"length": {"value": size / 10}})

    app.callback(None, [Input("go7", "n_clicks")])(lambda n: app.push_mods({"a7": {"value": "reset"}}))

    @app.callback_shared(None, [Input("a8", "value")])
    def on_a8(value):
        calls.append(("a8", value))

    app.callback(None, [Input("go8", "n_clicks")])(lambda n: app.push_mods({"a8": {"value": 5}, "a2": {"value": ""}}))
    app.callback_shared(None, [Input("s9", "n_clicks")])(lambda n: Output("t9", "children", f"shared{n}"))
    app.callback(None, [Input("r9", "n_clicks")])(lambda n: Output("t9", "children", f"mine{n}"))

    @app.callback(None, [Input("go11", "n_clicks")])
    def go11(n):
        threading.Thread(target=app.push_mods, args=({"m11": {"children": f"task {n}"}},)).start()

    @app.callback(None, [Input("m11", "children")])
    def on_m11(value):
        return [Output("o11", "children", f"list of {value}")]

    return app


@pytest.fixture
def calls() -> list[tuple[str, object]]:
    """What was called, and with what."""
    return []


async def two(serve: Serving, browser: Tabs, calls: list[tuple[str, object]]) -> tuple[Page, Page]:
    url = await serve(program(calls))
    first, second = await asyncio.gather(browser.open(url), browser.open(url))
    return first, second


async def test_pushes_call_where_they_arrive(serve: Serving, browser: Tabs, calls):
    """r1, r2, r2t, r2c, r8, r11: to all in each page, to one in that page, what is unchanged nowhere."""
    first, second = await two(serve, browser, calls)
    await first.click("#go1")
    for page in (first, second):
        await expect(page.locator("#b1")).to_have_value("21")
    await first.click("#go2")
    await eventually(lambda: calls == [("a2", "pushed1")] * 2)
    await first.click("#go2t")
    await eventually(lambda: calls[2:] == [("a2", "thread1")] * 2)
    await first.click("#go2c")
    await expect(first.locator("#a2")).to_have_value("client1")
    await eventually(lambda: calls[4:] == [("a2", "client1")])
    await expect(second.locator("#a2")).to_have_value("thread1")
    await first.click("#go11")
    for page in (first, second):
        await expect(page.locator("#o11")).to_have_text("list of task 1")
    calls.clear()
    await first.click("#go8")
    await eventually(lambda: sorted(calls) == [("a2", ""), ("a2", ""), ("a8", 5)])
    await first.click("#go8")
    await first.click("#go11")
    await expect(second.locator("#o11")).to_have_text("list of task 2")
    await eventually(lambda: len(calls) == 4)
    assert calls[3] == ("a8", 5)


async def test_answers_call_in_the_page_that_asked(serve: Serving, browser: Tabs, calls):
    """r3, r3n, r9: an alternate output counts as a normal one does."""
    first, second = await two(serve, browser, calls)
    await first.click("#go3")
    await expect(first.locator("#o3")).to_have_text("got alt1")
    await first.click("#go3n")
    await eventually(lambda: calls == [("a3", "alt1"), ("a3n", "normal1")])
    await first.click("#s9")
    for page in (first, second):
        await expect(page.locator("#t9")).to_have_text("shared1")
    await first.click("#r9")
    await expect(first.locator("#t9")).to_have_text("mine1")
    await second.click("#s9")
    for page in (first, second):
        await expect(page.locator("#t9")).to_have_text("shared2")
    await first.click("#r9")
    await expect(first.locator("#t9")).to_have_text("mine2")
    await expect(second.locator("#t9")).to_have_text("shared2")


async def test_boxes_that_convert_each_other_settle(serve: Serving, browser: Tabs, calls):
    """r6, r7: it ends, equal in both pages; and what was only pushed is a page's own."""
    first, second = await two(serve, browser, calls)
    await first.fill("#length", "100")
    for page in (first, second):
        await expect(page.locator("#size")).to_have_value("1000")
        await expect(page.locator("#length")).to_have_value("100")
    await first.click("#go7")
    for page in (first, second):
        await expect(page.locator("#a7")).to_have_value("reset")
    await first.fill("#a7", "mine")
    await first.click("#s9")
    await expect(second.locator("#t9")).to_have_text("shared1")
    await expect(second.locator("#a7")).to_have_value("reset")
    await expect(first.locator("#a7")).to_have_value("mine")
    late = await browser.open(second.url)
    await expect(late.locator("#a7")).to_have_value("reset")
    await expect(late.locator("#length")).to_have_value("100")


async def test_what_was_only_pushed_is_a_pages_own_where_hooks_greet(serve: Serving, browser: Tabs):
    """With a connect hook too a page keeps to itself what it types, unscolded; a reload shows what was pushed."""
    app = Dash(__name__)
    fields = [dcc.Input(id="box", value="", persistence=True), html.Div(id="echo"), html.Div(id="status")]
    app.layout = html.Div(fields)
    app.callback_connect(lambda client, connect: None)

    @app.callback([Output("echo", "children"), Output("status", "children")], [Input("box", "value")])
    def echo(value):
        return value, "-"

    url = await serve(app)
    app.push_mods({"box": {"value": "pushed"}, "status": {"children": "ready"}})
    one, two = await browser.open(url), await browser.open(url)
    for page in (one, two):
        await expect(page.locator("#echo")).to_have_text("pushed")
        await expect(page.locator("#status")).to_have_text("-")
    await two.locator("#box").fill("mine")
    await expect(two.locator("#echo")).to_have_text("mine")
    app.push_mods({"status": {"children": "seen"}})
    for page in (one, two):
        await expect(page.locator("#status")).to_have_text("seen")
        await expect(page.get_by_text("is not shared")).to_have_count(0)
    await expect(one.locator("#box")).to_have_value("pushed")
    await two.reload()
    await expect(two.locator("#echo")).to_have_text("pushed")

"""What Dash 4.5 brought, on the page's WebSocket; with an older Dash the message says what is missing."""

from __future__ import annotations

import asyncio
import threading

import dash
import pytest
from packaging.version import Version
from playwright.async_api import expect

from dash_devices_nb import ALL, Dash, Input, Output, Patch, Services, State, ctx, dcc, html
from dash_devices_nb.app.api.parts import parts_of
from dash_devices_nb.app.execution.regular_calls import AHEAD
from dash_devices_nb.errors import DeclarationError
from tests.support.browser import Tabs
from tests.support.eventually import eventually
from tests.support.kernels import running_kernel
from tests.support.serving import Serving

NEW = Version(dash.__version__).release >= (4, 5)
RUN = "app.run(port=0, jupyter_mode='_none', auth=None); print(app.url)"
newer = pytest.mark.skipif(not NEW, reason="Dash 4.5 brought it")


@pytest.mark.skipif(NEW, reason="Dash 4.5 takes them")
def test_a_generator_is_refused_where_it_would_not_stream():
    """Plain or async, the message says which Dash takes it."""
    app = Dash(__name__)

    def plain(n_clicks):
        yield n_clicks

    async def streams(n_clicks):
        yield n_clicks

    for function in (plain, streams):
        with pytest.raises(DeclarationError, match=rf"{function.__name__} is a generator: with Dash 4\.5 or newer it"):
            app.callback(Output("a", "children"), Input("b", "n_clicks"))(function)


@newer
async def test_a_plain_generator_streams_from_workers(serve: Serving, browser: Tabs):
    """It may sleep, and sets other props; its errors are told; the loop goes on meanwhile."""
    browser.allow_errors("tank is dry", "Callback", "500", "Failed to load resource")
    app = Dash(__name__)
    app.layout = html.Div(
        [html.Button(name, id=name) for name in ("go", "dry")] + [html.P(id=name) for name in ("log", "n", "seen")]
    )
    step, threads = threading.Semaphore(0), []

    @app.callback(Output("log", "children"), Input("go", "n_clicks"), prevent_initial_call=True)
    def stream(n_clicks):
        for number in range(3):
            threads.append(threading.current_thread())
            assert step.acquire(timeout=20)
            dash.set_props("n", {"children": f"{number} of {ctx.triggered_id}"})
            yield number

    @app.callback(Output("seen", "children"), Input("log", "children"))
    def seen(log):
        return f"seen {log}"

    @app.callback(Output("log", "title"), Input("dry", "n_clicks"), prevent_initial_call=True)
    def dry(n_clicks):
        yield "filling"
        raise RuntimeError("the tank is dry")

    page = await browser.open(await serve(app))
    await page.locator("#go").click()
    await eventually(lambda: len(threads) == 1)
    app.push_mods({"seen": {"children": "pushed meanwhile"}})
    await expect(page.locator("#seen")).to_have_text("pushed meanwhile")
    for number in range(3):
        step.release()
        await expect(page.locator("#n")).to_have_text(f"{number} of go")
        await expect(page.locator("#seen")).to_have_text(f"seen {number}")
    assert threading.main_thread() not in threads
    await page.locator("#dry").click()
    await expect(page.locator("#log")).to_have_attribute("title", "filling")
    await eventually(lambda: any("the tank is dry" in str(error) for error in app.errors))


@newer
async def test_a_plain_generator_is_closed_once_its_page_has_left(serve: Serving, browser: Tabs):
    """Not in the middle of a step: at its next answer."""
    app = Dash(__name__)
    app.layout = html.Div([html.Button("go", id="go"), html.P(id="log")])
    step, closed = threading.Event(), []

    @app.callback(Output("log", "children"), Input("go", "n_clicks"), prevent_initial_call=True)
    def stream(n_clicks):
        try:
            yield "waits"
            assert step.wait(20)
            yield "never seen"
        finally:
            closed.append(threading.current_thread() is not threading.main_thread())

    page = await browser.open(await serve(app))
    await page.locator("#go").click()
    await expect(page.locator("#log")).to_have_text("waits")
    await page.close()
    await eventually(lambda: not app.clients, 10)
    assert closed == []
    step.set()
    await eventually(lambda: closed == [True])
    assert not app.errors


@newer
@pytest.mark.parametrize("service", [Services.PUSHER_ALL, Services.NORMAL], ids=["socket", "http"])
async def test_an_async_generator_sends_each_answer_as_it_comes(serve: Serving, browser: Tabs, service: Services):
    """To the page that asked, `Patch` and `set_props` too; what hangs on it is called; an error is told."""
    browser.allow_errors("tank is dry", "Callback", "500", "Failed to load resource")
    app = Dash(__name__, server_service=service)
    app.layout = html.Div(
        [html.Button(name, id=name) for name in ("go", "dry")]
        + [html.Div(id="log", children=[]), html.P(id="n"), html.P(id="seen")]
    )
    step, closed = asyncio.Semaphore(0), []

    @app.callback(Output("log", "children"), Input("go", "n_clicks"), prevent_initial_call=True)
    async def stream(n_clicks):
        try:
            yield ["begun"]
            for number in range(3):
                await step.acquire()
                patch = Patch()
                patch.append(f" {number}")
                dash.set_props("n", {"children": number})
                yield patch
            await step.acquire()
        finally:
            closed.append(n_clicks)

    @app.callback(Output("seen", "children"), Input("log", "children"))
    def seen(log):
        return f"seen {len(log)}"

    @app.callback(Output("log", "title"), Input("dry", "n_clicks"), prevent_initial_call=True)
    async def dry(n_clicks):
        yield "filling"
        raise RuntimeError("the tank is dry")

    url = await serve(app)
    page, other = await browser.open(url), await browser.open(url)
    await expect(page.locator("#seen")).to_have_text("seen 0")
    await page.locator("#go").click()
    await expect(page.locator("#log")).to_have_text("begun")
    for number in range(3):
        step.release()
        await expect(page.locator("#n")).to_have_text(str(number))
        await expect(page.locator("#seen")).to_have_text(f"seen {number + 2}")
    await expect(page.locator("#log")).to_have_text("begun 0 1 2")
    step.release()
    await eventually(lambda: closed == [1])
    await expect(other.locator("#log")).to_have_text("")
    await page.locator("#dry").click()
    await expect(page.locator("#log")).to_have_attribute("title", "filling")
    await eventually(lambda: any("the tank is dry" in str(error) for error in app.errors))


@newer
async def test_cookies_go_with_the_first_answer_of_a_stream(serve: Serving, browser: Tabs):
    """As headers do over HTTP; the next callback reads them."""
    app = Dash(__name__)
    app.layout = html.Div([html.Button(name, id=name) for name in ("go", "who")] + [html.P(id="log"), html.P(id="is")])

    @app.callback(Output("log", "children"), Input("go", "n_clicks"), prevent_initial_call=True)
    async def stream(n_clicks):
        ctx.response.set_cookie("bench", "seven")
        yield "begun"
        yield "done"

    @app.callback(Output("is", "children"), Input("who", "n_clicks"), prevent_initial_call=True)
    def who(n_clicks):
        return ctx.cookies.get("bench")

    page = await browser.open(await serve(app))
    await page.locator("#go").click()
    await expect(page.locator("#log")).to_have_text("done")
    await page.locator("#who").click()
    await expect(page.locator("#is")).to_have_text("seven")
    assert {cookie["name"]: cookie["value"] for cookie in await page.context.cookies()}["bench"] == "seven"


@newer
async def test_a_stream_that_waits_ends_when_its_page_leaves(serve: Serving, browser: Tabs):
    """The generator is closed where it stands."""
    app = Dash(__name__)
    app.layout = html.Div([html.Button("go", id="go"), html.P(id="log")])
    closed = []

    @app.callback(Output("log", "children"), Input("go", "n_clicks"), prevent_initial_call=True)
    async def stream(n_clicks):
        try:
            yield "waits"
            await asyncio.Event().wait()
        finally:
            closed.append(n_clicks)

    page = await browser.open(await serve(app))
    await page.locator("#go").click()
    await expect(page.locator("#log")).to_have_text("waits")
    await page.close()
    await eventually(lambda: closed == [1])
    assert not app.errors


@newer
async def test_a_stream_that_is_defined_anew_says_no_more(tmp_path, browser: Tabs):
    """A cell that is run again ends the stream of its earlier run; the next call is of the new one."""
    cell = """
        @app.callback(Output("log", "children"), Input("go", "n_clicks"), prevent_initial_call=True)
        async def stream(n_clicks):
            try:
                for number in range(10**6):
                    yield f"WORD {number > 5}"
                    await asyncio.sleep(0.01)
            finally:
                closed.append("WORD")
    """
    async with running_kernel(cwd=tmp_path) as kernel:
        await kernel.run(
            """
            import asyncio
            from dash_devices_nb import Dash, Input, Output, html
            closed = []
            app = Dash("live")
            app.layout = html.Div([html.Button("go", id="go"), html.P(id="log")])
            """,
            cell_id="app",
        )
        await kernel.run(cell.replace("WORD", "old"), cell_id="stream")
        page = await browser.open((await kernel.run(RUN)).text.splitlines()[-1])
        await page.locator("#go").click()
        await expect(page.locator("#log")).to_have_text("old True")
        await kernel.run(cell.replace("WORD", "new"), cell_id="stream")

        async def ended():
            return "['old']" in (await kernel.run("print(closed)")).text

        await eventually(ended)
        await page.locator("#go").click()
        await expect(page.locator("#log")).to_have_text("new True")
        await page.close()


@newer
async def test_a_fast_stream_waits_for_its_page_and_for_others(serve: Serving, browser: Tabs):
    """All answers of a generator that awaits nothing come, in order, and no more wait than a page has to confirm."""
    app = Dash(__name__)
    app.layout = html.Div([html.Button("go", id="go"), html.P(id="log"), html.P(id="last")])
    app.clientside_callback(
        "function (said) { (window.said = window.said || []).push(said); return said; }",
        Output("last", "children"),
        Input("log", "children"),
    )
    most = [0]

    @app.callback(Output("log", "children"), Input("go", "n_clicks"), prevent_initial_call=True)
    async def stream(n_clicks):
        for number in range(600):
            yield number
            most.append(max(page.outbox.unconfirmed for page in parts_of(app).runtime.pages.values()))

    page = await browser.open(await serve(app))
    await page.locator("#go").click()
    await expect(page.locator("#last")).to_have_text("599", timeout=20_000)
    said = [each for each in await page.evaluate("window.said") if each is not None]
    assert said == sorted(said)
    assert max(most) <= AHEAD + 10


@newer
async def test_parts_of_a_prop_large_requests_and_partial_patterns(serve: Serving, browser: Tabs):
    """`get_prop(path=)`, `compress_payload=True`, `partial_pattern=True` and the shared storage."""
    app = Dash(__name__)
    boxes = [dcc.Input(id={"kind": "box", "row": n, "column": 1}, value=n) for n in range(3)]
    app.layout = html.Div(
        [html.Button(id="go"), dcc.Store(id="kept", data={"list": [1, {"a": "deep"}]}), *boxes]
        + [html.P(id=name) for name in ("part", "size", "sum")]
    )

    @app.callback(Output("part", "children"), Input("go", "n_clicks"), prevent_initial_call=True, websocket=True)
    async def part(n_clicks):
        got = [await ctx.websocket.get_prop("kept", "data", path=path) for path in (["list", -1, "a"], ["list", 9], [])]
        return str(got)

    @app.callback(
        Output("size", "children"),
        Input("go", "n_clicks"),
        State("kept", "data"),
        prevent_initial_call=True,
        compress_payload=True,
        compress_threshold=0,
    )
    def size(n_clicks, data):
        return str(data)

    @app.callback(Output("sum", "children"), Input({"kind": "box"} | {"row": ALL}, "value", partial_pattern=True))
    def total(values):
        app.shared_storage.set("total", sum(values))
        return app.shared_storage.get("total")

    page = await browser.open(await serve(app))
    await expect(page.locator("#sum")).to_have_text("3")
    await page.locator("#go").click(force=True)
    await expect(page.locator("#part")).to_have_text("['deep', None, {'list': [1, {'a': 'deep'}]}]")
    await expect(page.locator("#size")).to_have_text("{'list': [1, {'a': 'deep'}]}")
    app.shared_storage.close()
    with pytest.raises(DeclarationError, match="has partial_pattern=True, which regular callbacks take"):
        app.callback_shared(Output("sum", "title"), [Input({"row": ALL}, "value", partial_pattern=True)])(print)

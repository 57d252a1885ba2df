"""What Dash 4.5 brought, on the page's WebSocket; with an older Dash the message says what is missing."""

from __future__ import annotations

import asyncio

import dash
import pytest
from packaging.version import Version
from playwright.async_api import expect

from dash_devices_nb import ALL, Dash, Input, Output, Patch, Services, State, ctx, dcc, html
from dash_devices_nb.errors import DeclarationError
from tests.support.browser import Tabs
from tests.support.eventually import eventually
from tests.support.serving import Serving

NEW = Version(dash.__version__).release >= (4, 5)
newer = pytest.mark.skipif(not NEW, reason="Dash 4.5 brought it")


def test_a_generator_is_refused_where_it_would_not_stream():
    """A plain one always; an async one with a Dash that does not take it."""
    app = Dash(__name__)

    def plain(n_clicks):
        yield n_clicks

    async def streams(n_clicks):
        yield n_clicks

    with pytest.raises(DeclarationError, match=r"plain is a generator: with Dash 4\.5 or newer one"):
        app.callback(Output("a", "children"), Input("b", "n_clicks"))(plain)
    if not NEW:
        with pytest.raises(DeclarationError, match="streams is a generator"):
            app.callback(Output("a", "children"), Input("b", "n_clicks"))(streams)


@newer
@pytest.mark.parametrize("service", [Services.PUSHER_ALL, Services.NORMAL], ids=["socket", "http"])
async def test_an_async_generator_sends_each_answer_as_it_comes(serve: Serving, browser: Tabs, service: Services):
    """To the page that asked, `Patch` and `set_props` too; the page that leaves ends it; an error is told."""
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

"""Callbacks that stream (Dash 4.5): what happens to a stream when its page may no longer ask, and in the journal."""

import asyncio

import dash
import pytest
from packaging.version import Version

from dash_devices_nb import Dash, Input, Output, ctx, html
from dash_devices_nb.errors import ReplayError
from tests.support.eventually import eventually

pytestmark = pytest.mark.skipif(Version(dash.__version__).release < (4, 5), reason="Dash 4.5 brought it")


@pytest.fixture
def app() -> Dash:
    """One stream for those who may act, and one for all; each waits for its step."""
    app = Dash(__name__)
    app.layout = html.Div([html.Button(id="go"), html.P(id="log"), html.Button(id="look"), html.P(id="view")])
    app.steps, app.closed = {"acts": 0, "looks": 0}, []

    def streams(name):
        async def stream(n_clicks):
            try:
                for number in range(100):
                    yield f"{name} {number}"
                    while app.steps[name] <= number:
                        await asyncio.sleep(0.002)
            finally:
                app.closed.append(name)

        stream.__name__ = name
        return stream

    for name, button, output, role in (("acts", "go", "log", "control"), ("looks", "look", "view", "view")):
        app.callback(Output(output, "children"), Input(button, "n_clicks"), prevent_initial_call=True, role=role)(
            streams(name)
        )
    return app


async def test_a_stream_ends_when_its_page_may_no_longer_ask(app, tab):
    """Somebody who is set to view gets no more of what those who may act ask for; what viewers may ask for goes on."""
    guest = await tab(app, role="control", name="Ben", guest=True)
    await guest.act("go", "n_clicks", 1)
    await guest.act("look", "n_clicks", 1)
    await guest.expect("log", "children", "acts 0")
    await guest.expect("view", "children", "looks 0")
    app.clients[0].role = "view"
    app.steps["acts"] = app.steps["looks"] = 1
    await eventually(lambda: app.closed == ["acts"])
    await guest.expect("view", "children", "looks 1")
    assert guest.prop("log", "children") == "acts 0"


async def test_a_recorded_stream_can_be_gone_through(app, tab):
    """`replay` gives the generator; it has no one result to send, and says so."""
    page = await tab(app)
    await page.act("look", "n_clicks", 1)
    await page.expect("view", "children", "looks 0")
    await page.close()
    await eventually(lambda: app.closed == ["looks"])
    (call,) = app.journal.calls("looks")
    again = call.replay()
    assert await anext(again) == "looks 0"
    await again.aclose()
    with pytest.raises(ReplayError, match="looks is a generator with many results"):
        call.replay(send=True)


async def test_dash_streams_no_cookies():
    """Decision 83: stock Dash sends those of a plain callback, and none of a generator's."""
    app = dash.Dash(__name__, backend="quart")
    app.layout = html.Div([html.Button(id="go"), html.P(id="plain"), html.P(id="stream")])

    @app.callback(Output("plain", "children"), Input("go", "n_clicks"))
    async def plain(n_clicks):
        ctx.response.set_cookie("bench", "seven")
        return "done"

    @app.callback(Output("stream", "children"), Input("go", "n_clicks"))
    async def stream(n_clicks):
        ctx.response.set_cookie("bench", "seven")
        yield "done"

    client, has = app.server.test_client(), {}
    await client.get("/_dash-dependencies")  # the first request prepares the app
    for name in ("plain", "stream"):
        body = {
            "output": f"{name}.children",
            "outputs": {"id": name, "property": "children"},
            "inputs": [{"id": "go", "property": "n_clicks", "value": 1}],
            "changedPropIds": ["go.n_clicks"],
        }
        answer = await client.post("/_dash-update-component", json=body)
        assert "done" in await answer.get_data(as_text=True)
        has[name] = "Set-Cookie" in answer.headers
    assert has == {"plain": True, "stream": False}

"""MCP's tools, as Dash's own server hands out their calls."""

import dash
import httpx
import pytest

from dash_devices_nb import Dash, Input, Output, dcc, html
from dash_devices_nb.exceptions import PreventUpdate


@pytest.fixture(autouse=True)
def own_tools(monkeypatch):
    """Dash's table of marked functions is one per process."""
    monkeypatch.setattr("dash.mcp._decorator.MCP_DECORATED_FUNCTIONS", {})


def call(http: httpx.Client, tool: str, **arguments: object):
    """What a tool answers."""
    asked = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}
    return http.post("/_mcp", json=asked).raise_for_status().json()["result"]


def initial(http: httpx.Client, component_id: str):
    """The value with which Dash says a component begins."""
    said = call(http, "get_dash_component", component_id=component_id, property="value")
    return said["structuredContent"]["properties"]["value"]["initial_value"]


def test_callbacks_that_feed_each_other_get_each_its_own_answer(app_server):
    """Dash keeps an answer that it has, and starts anew without asking for it: the next is not given that one."""
    app = Dash("chain", enable_mcp=True)
    app.layout = html.Div([dcc.Input(id="a", value="x"), dcc.Input(id="b"), dcc.Input(id="c")])
    ran = []

    @app.callback(Output("b", "value"), Input("a", "value"))
    def second(a):
        ran.append("second")
        return f"{a} b"

    @app.callback(Output("c", "value"), Input("b", "value"), Input("a", "value"))
    def third(b, a):
        ran.append("third")
        if b is None:
            raise PreventUpdate
        return f"{b} c"

    with httpx.Client(base_url=app_server.run(app)) as http:
        assert [initial(http, name) for name in "cba"] == ["x b c", "x b", "x"]
        assert ran == ["second", "third"]


@pytest.mark.parametrize("guest", [False, True])
def test_who_is_no_guest_is_told_what_a_tool_raised(app_server, guest):
    """As by stock Dash; a guest is told only that it failed."""
    app = Dash("fails", enable_mcp=True)
    app.layout = html.Div([dcc.Input(id="i"), html.Div(id="o")])

    @dash.mcp.mcp_enabled
    def fail(x: int) -> str:
        """Fail always."""
        raise ValueError("boom")

    @app.callback(Output("o", "children"), Input("i", "value"))
    def show(i):
        raise ValueError("bang")

    url = app_server.run(app, auth="secret")
    base, _, secret = url.partition("?token=")
    entry = {"share": app.share("control").url.partition("?share=")[2]} if guest else {"token": secret}
    with httpx.Client(base_url=base, follow_redirects=True) as http:
        http.get("/", params=entry).raise_for_status()
        for tool, arguments, text in (("fail", {"x": 1}, "boom"), ("show", {"i": "1"}, "bang")):
            answer = call(http, tool, **arguments)
            assert answer["isError"] is True
            said = answer["content"][0]["text"]
            assert (text in said) is not guest
            assert "RoleError" not in said
            assert not guest or "Internal server error." in said

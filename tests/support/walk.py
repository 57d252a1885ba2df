"""All routes of an app that declares callbacks of every kind, what each role gets, and people who ask for them."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dash
import diskcache
import httpx
import quart
from dash import DiskcacheManager
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from dash_devices_nb import Dash, Input, Output, Services, dcc, html

SOCKET = "/_dash-devices/ws"
ROLES = ("stranger", "view", "control", "owner")

# What each role gets: the HTTP status, of a WebSocket "open" or the code with which it is closed.
WALK = {
    # Dash's own, which show the page
    "GET /": (403, 200, 200, 200),
    "GET /some/page": (403, 200, 200, 200),
    "GET /_dash-layout": (403, 200, 200, 200),
    "GET /_dash-dependencies": (403, 200, 200, 200),
    "GET /_reload-hash": (403, 200, 200, 200),
    "GET /_favicon.ico": (403, 200, 200, 200),
    "GET /_dash-component-suites/dash/dcc/dash_core_components.js": (403, 200, 200, 200),
    # Dash's own, which call a callback: each has its own role
    "POST /_dash-update-component regular": (403, 200, 200, 200),
    "POST /_dash-update-component acts": (403, 403, 204, 204),
    "POST /_dash-update-component S2": (403, 403, 200, 200),
    "POST /_dash-update-component owner's": (403, 403, 403, 200),
    "POST /_dash-update-component background": (403, 200, 200, 200),
    "POST /api/shown": (403, 200, 200, 200),
    "POST /api/fired": (403, 403, 403, 200),
    "POST /_mcp tools/list": (403, 200, 200, 200),
    "POST /_mcp fired": (403, "refused", "refused", 200),
    "POST /_mcp marked": (403, "refused", 200, 200),
    "GET /_mcp": (403, 200, 200, 200),
    # ours
    "GET /api/props/set/value": (403, 200, 200, 200),
    "PUT /api/props/set/value": (403, 403, 200, 200),
    "GET /api/openapi.json": (403, 200, 200, 200),
    "POST /_dash-devices/stop/nothing": (403, 404, 404, 404),
    # Dash's own, which we do not know
    "GET /_dash-to-come": (403, 403, 403, 200),
    "POST /_dash-to-come": (403, 403, 403, 200),
    # the program's own
    "GET /video": (403, 200, 200, 200),
    "POST /move": (403, 403, 200, 200),
    "DELETE /move": (403, 403, 200, 200),
    "POST /look": (403, 200, 200, 200),
    "GET /secrets": (403, 403, 403, 200),
    "GET /admin/list": (403, 403, 403, 200),
    "WEBSOCKET /own": (4403, 4403, "open", "open"),
    "WEBSOCKET /own-view": (4403, "open", "open", "open"),
    "WEBSOCKET /_dash-devices/ws": (4403, "open", "open", "open"),
    "WEBSOCKET /_dash-ws-callback": (4403, 400, 400, 400),
    # by frames of the pages' WebSocket, where a callback that is refused is answered by nothing
    "FRAME _dash-layout": (4403, 200, 200, 200),
    "FRAME _dash-dependencies": (4403, 200, 200, 200),
    "FRAME _reload-hash": (4403, 200, 200, 200),
    "FRAME _mcp": (4403, "unread", "unread", "unread"),
    "FRAME regular": (4403, 200, 200, 200),
    "FRAME acts": (4403, 204, 204, 204),
    "FRAME S2": (4403, 204, 200, 200),
    "FRAME owner's": (4403, 204, 204, 200),
    "FRAME background": (4403, 200, 200, 200),
    "FRAME set": (4403, "refused", "set", "set"),
}
CALLS = {
    "acts": ("_no_output", "act.n_clicks"),
    "regular": ("shown.children", "typed.value"),
    "S2": ("serial-out.children", "serial.value"),
    "owner's": ("fired.children", "fire.n_clicks"),
    "background": ("slow.children", "start.n_clicks"),
}


def to_come():
    """A view as of a later Dash."""
    return "new"


to_come.__module__ = "dash.to_come"


def make_app(folder: Path) -> Dash:
    """Callbacks of every kind, and routes of the program's own."""
    app = Dash(
        "walk",
        enable_mcp=True,
        background_callback_manager=DiskcacheManager(diskcache.Cache(str(folder / "cache"))),
    )
    ids = ("typed", "serial", "set")
    app.layout = html.Div(
        [dcc.Input(id=each, value="a") for each in ids]
        + [html.Button(id=each) for each in ("act", "fire", "start")]
        + [html.Div(id=each) for each in ("shown", "serial-out", "fired", "slow", "shared")]
    )
    app.ran = []
    app.callback_shared(Output("shared", "children"), Input("set", "value"))(lambda value: value)

    @app.callback(Output("shown", "children"), Input("typed", "value"), api_endpoint="/api/shown")
    def shown(typed):
        """Show."""
        return f"shown {typed}"

    app.callback(None, Input("act", "n_clicks"))(lambda n: app.ran.append("acts"))
    app.callback(Output("serial-out", "children"), Input("serial", "value"), service=Services.S2)(lambda s: s)

    @app.callback(
        Output("fired", "children"),
        Input("fire", "n_clicks"),
        role="owner",
        api_endpoint="/api/fired",
        prevent_initial_call=True,
    )
    def fired(n_clicks):
        """Fire."""
        app.ran.append("owner's")
        return f"fired {n_clicks}"

    app.callback(Output("slow", "children"), Input("start", "n_clicks"), background=True, prevent_initial_call=True)(
        lambda n: f"slow {n}"
    )

    @dash.mcp.mcp_enabled
    def marked(number: int) -> str:
        """Count."""
        app.ran.append("marked")
        return f"marked {number}"

    server = app.server
    server.add_url_rule("/_dash-to-come", "to_come", to_come, methods=["GET", "POST"])
    admin = quart.Blueprint("admin", __name__, url_prefix="/admin")

    @server.get("/video")
    async def video():
        return "a picture"

    @server.route("/move", methods=["POST", "DELETE"])
    async def move():
        app.ran.append("move")
        return "moved"

    @server.post("/look")
    @app.route_role("view")
    async def look():
        return "looked"

    @server.get("/secrets")
    @app.route_role("owner")
    async def secrets():
        return "secret"

    @admin.get("/list")
    async def listed():
        return "list"

    server.register_blueprint(admin)
    app.route_role("owner", "admin")

    @server.websocket("/own")
    async def own():
        await quart.websocket.send("own")

    @server.websocket("/own-view")
    @app.route_role("view")
    async def own_view():
        await quart.websocket.send("own")

    app.setup_apis()
    return app


class Person:
    """Somebody who asks a running app.

    Args:
        base: the app's address, with the slash at the end.
        entry: by what this person enters: the query of the first request; empty for strangers.
    """

    def __init__(self, base: str, entry: dict[str, str]) -> None:
        self._base = base
        self._entry = entry
        parts = urlsplit(base)
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self.http = httpx.AsyncClient(base_url=base, headers={"Origin": self._origin}, timeout=30)

    async def enter(self) -> None:
        """By the owner's address, or by a link."""
        if self._entry:
            answer = await self.http.get("/", params=self._entry)
            assert answer.status_code in (200, 302, 303), answer.text

    async def walk(self) -> dict[str, Any]:
        """The outcome of every row."""
        return {what: await self.ask(what) for what in WALK}

    async def ask(self, what: str) -> Any:
        """The outcome of a row of the walk."""
        method, path, *rest = what.split(" ", 2)
        if method == "WEBSOCKET":
            return await self._socket(path, self._first)
        if method == "FRAME":
            name = what.partition(" ")[2]
            return await self._socket(SOCKET, self._set if name == "set" else partial(self._frame, name))
        name = rest[0] if rest else ""
        if path == "/_mcp" and name:
            return await self._mcp(name)
        body: object = {}
        if path == "/_dash-update-component":
            body = update(*CALLS[name])
            if name == "acts":
                body["output"] = await self._no_output()
        elif path.startswith("/api"):
            arguments = {"/api/shown": {"typed": "x"}, "/api/fired": {"n_clicks": 1}}
            body = arguments.get(path, {"value": "a"})
        answer = await self.http.request(method, path, **({} if method == "GET" else {"json": body}))
        return answer.status_code

    async def _no_output(self) -> str:
        """Dash's name of the callback without output, as the page learns it."""
        answer = await self.http.get("/_dash-dependencies")
        if answer.status_code != 200:
            return "_no_output"
        return next(str(each["output"]) for each in answer.json() if each["no_output"])

    async def _mcp(self, name: str) -> Any:
        if name == "tools/list":
            params = {}
        else:
            arguments = {"fired": {"n_clicks": 1}, "marked": {"number": 1}}[name]
            params = {"name": name, "arguments": arguments}
        method = "tools/list" if name == "tools/list" else "tools/call"
        asked = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        answer = await self.http.post("/_mcp", json=asked, headers={"Accept": "application/json, text/event-stream"})
        if answer.status_code != 200:
            return answer.status_code
        result = answer.json()["result"]
        return "refused" if result.get("isError") else 200

    async def _socket(self, path: str, says: Callable[[ClientConnection], Awaitable[Any]]) -> Any:
        cookies = "; ".join(f"{each.name}={each.value}" for each in self.http.cookies.jar)
        headers = {"Origin": self._origin, "Cookie": cookies}
        url = self._base.rstrip("/").replace("http", "ws", 1) + path
        try:
            async with asyncio.timeout(20), connect(url, additional_headers=headers) as socket:
                if path == SOCKET:
                    hello = {"t": "hello", "client": "", "key": "", "epoch": "", "rev": 0, "q": 0}
                    await socket.send(json.dumps(hello))
                return await says(socket)
        except InvalidStatus as refused:
            return refused.response.status_code
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else None

    async def _first(self, socket: ClientConnection) -> str:
        """Whether something comes."""
        await socket.recv()
        return "open"

    async def _frame(self, name: str, socket: ClientConnection) -> Any:
        """The status with which a request is answered."""
        return (await self._answer(name, socket))["s"]

    async def _answer(self, name: str, socket: ClientConnection) -> dict[str, Any]:
        asked: dict[str, Any] = {"t": "req", "n": 1, "path": name, "query": ""}
        if name in CALLS:
            body = update(*CALLS[name])
            if name == "acts":
                body["output"] = await self._no_output()
            asked |= {"path": "_dash-update-component", "body": body}
        await socket.send(json.dumps(asked))
        while True:
            frame: dict[str, Any] = json.loads(await socket.recv())
            if frame["t"] == "res":
                return frame
            if frame["t"] == "unread":
                return {"s": "unread"}

    async def _set(self, socket: ClientConnection) -> str:
        """Whether a change of a shared prop counts: the layout that everybody loads shows it."""
        value = f"set by {secrets.token_hex(8)}"
        await socket.send(json.dumps({"t": "set", "s": 1, "m": {"set": {"value": value}}}))
        return "set" if value in json.dumps(await self._answer("_dash-layout", socket)) else "refused"


def update(output: str, of: str) -> dict[str, Any]:
    """What a page posts to have a callback called because an input has changed."""
    component, prop = of.split(".")
    changed = {"id": component, "property": prop, "value": 1}
    outputs = [] if "." not in output else dict(zip(("id", "property"), output.split("."), strict=True))
    return {"output": output, "outputs": outputs, "inputs": [changed], "changedPropIds": [of], "state": []}

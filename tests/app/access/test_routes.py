"""All routes of an app, asked for by each role, over HTTP and by WebSocket: one check of role, floor and journal."""

import asyncio
import json
import logging
from contextlib import asynccontextmanager, suppress

import dash
import httpx
import pytest
import quart
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from dash_devices_nb import Dash, Input, Output, callback, dcc, html
from dash_devices_nb.app.api.parts import parts_of
from dash_devices_nb.app.stock_dash.route_roles import RouteRoles
from dash_devices_nb.errors import RoleError, RunError
from dash_devices_nb.testing import visitor
from tests.support.eventually import eventually
from tests.support.walk import ROLES, WALK, Person, make_app


@asynccontextmanager
async def person(app, role):
    """Somebody of a role, who has entered."""
    base, _, secret = app.url.partition("?token=")
    entry = {"token": secret} if role == "owner" else {}
    if role in ("view", "control"):
        entry = {"share": app.share(role).url.partition("?share=")[2]}
    somebody = Person(base, entry)
    async with somebody.http:
        await somebody.enter()
        yield somebody


@pytest.fixture
def app(app_server, tmp_path) -> Dash:
    """One that runs, with a secret."""
    app = make_app(tmp_path)
    app_server.run(app, auth="secret")
    return app


@pytest.mark.parametrize("body", [{"streamDownlink": {"from": 0}}, {"streamCancel": {"requestId": 1}}], ids=str)
async def test_ways_of_dashs_own_streams_reach_nothing(app, body):
    """What Dash 4.5 takes in the body of its update route beside calls: it names no callback, for the owner either."""
    async with person(app, "owner") as somebody:
        answer = await somebody.http.post("/_dash-update-component", json=body)
    assert answer.status_code in (400, 404), answer.text


@pytest.mark.parametrize("role", ROLES)
async def test_every_route_asks_for_its_role(app, role):
    """The whole table, row by row; who may not has run nothing."""
    async with person(app, role) as somebody:
        found = await somebody.walk()
    assert found == {what: row[ROLES.index(role)] for what, row in WALK.items()}
    may = {"view": set(), "stranger": set(), "control": {"acts", "marked", "move"}}
    assert role == "owner" or set(app.ran) == may[role]


def test_the_walk_leaves_no_route_out(app):
    """Each rule of the app's server has a row; what a later Dash adds fails here, and is the owner's meanwhile."""
    adapter = app.server.url_map.bind("localhost")
    rows = {}
    for what in WALK:
        method, path, *_ = what.split(" ", 2)
        if method == "FRAME" or path == "/_dash-ws-callback":
            continue  # no route; Dash's own WebSocket, which there is not
        rule, _ = (
            adapter.match(
                path,
                method="GET" if method == "WEBSOCKET" else method,
                websocket=method == "WEBSOCKET",
                return_rule=True,
            )
            if path != "/_mcp" or method == "POST"
            else (None, None)
        )
        rows[getattr(rule, "endpoint", None)] = what
    missing = {rule.endpoint for rule in app.server.url_map.iter_rules()} - set(rows)
    assert missing <= {
        "static",
        "_dash_assets.static",
        "/_mcp:GET",
        "/_mcp:DELETE",
        "/_dash-devices/ws",
        "update_component_socket",
        "dash_devices_stop",  # it has tests of its own, which reckon with the floor
    }, missing


async def test_the_floor_counts_for_routes_too(app):
    """While it is closed a controller posts to nothing that acts."""
    async with person(app, "control") as somebody:
        assert await somebody.ask("POST /move") == 200
        app.control.close()
        assert await somebody.ask("POST /move") == 403
        assert await somebody.ask("GET /video") == 200
        assert (await somebody.ask("POST /_mcp marked")) == "refused"
        app.control.open()
        assert await somebody.ask("POST /move") == 200


async def test_calls_of_every_way_are_in_the_journal(app):
    """API endpoints and MCP tools as well, and what was refused."""
    async with person(app, "view") as viewer, person(app, "owner") as owner:
        for each in ("POST /api/fired", "POST /_mcp fired"):
            await viewer.ask(each)
            await owner.ask(each)
        await viewer.ask("POST /move")
    calls = [entry.summary for entry in app.journal.filter("call") if "fired" in entry.summary]
    assert len(calls) == 2
    refusals = [entry.summary for entry in app.journal.filter("refusal")]
    assert len([each for each in refusals if "fired" in each]) == 2
    assert "POST /move: You may look, but not act." in refusals


async def test_a_paused_app_holds_calls_of_every_way(app):
    """Until it goes on."""
    await eventually(lambda: app.journal.calls())  # the first call of the shared one is not held
    app.pause()
    async with person(app, "owner") as owner:
        asked = [asyncio.ensure_future(owner.ask(each)) for each in ("POST /api/fired", "POST /_mcp fired")]
        await eventually(lambda: len(parts_of(app).runtime.pause_gate) == 2)
        assert app.ran == []
        app.resume()
        assert await asyncio.gather(*asked) == [200, 200]


def test_api_endpoints_reach_the_own_app_only(tmp_path):
    """Stock Dash's table of them is one per process."""

    def declare(name):
        app = Dash(name)
        app.layout = html.Div([dcc.Input(id="i"), html.Div(id="o")])
        app.callback(Output("o", "children"), Input("i", "value"), api_endpoint=f"/api/{name}")(lambda i: f"{name} {i}")
        return app

    first, second = declare("one"), declare("two")
    for app in (first, second):
        app.setup_apis()
    for app, own in ((first, "one"), (second, "two")):
        rules = {rule.rule for rule in app.server.url_map.iter_rules() if rule.rule.startswith("/api")}
        assert rules == {f"/api/{own}", "/api/openapi.json", "/api/props/<path:component_id>/<prop>"}


async def test_an_endpoint_of_dash_callback_is_the_apps_that_takes_it(app_server):
    """`dash.callback` declares for the app that comes."""

    @callback(Output("o", "children"), Input("i", "value"), api_endpoint="/api/global")
    async def show(i):
        return f"global {i}"

    app = Dash("global")
    app.layout = html.Div([dcc.Input(id="i"), html.Div(id="o")])
    app.setup_apis()
    url = app_server.run(app)
    async with httpx.AsyncClient(base_url=url) as http:
        answer = await http.post("/api/global", json={"i": 1})
        assert (answer.status_code, answer.json()) == (200, "global 1")
        answer = await http.post("/api/global", json={"j": 1})
        assert (answer.status_code, answer.text) == (
            400,
            "The arguments do not fit: missing a required argument: 'i'.",
        )
        for body in ("[1]", '{"i": ' + "[" * 300 + "]" * 300 + "}", '{"i": 1' + "0" * 400 + "}", '{"i": "\\ud83d"}'):
            answer = await http.post("/api/global", content=body, headers={"Content-Type": "application/json"})
            assert (answer.status_code, answer.headers["content-type"]) == (400, "text/plain; charset=utf-8"), body


def test_a_plain_tool_does_not_run_on_the_loop(app_server):
    """One that takes its time stops nobody."""
    import threading

    app = Dash("slow", enable_mcp=True)
    app.layout = html.Div()
    threads = []

    @dash.mcp.mcp_enabled
    def where() -> str:
        """Where it runs."""
        threads.append(threading.current_thread())
        with pytest.raises(RuntimeError):
            asyncio.get_running_loop()
        return "there"

    url = app_server.run(app)
    asked = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "where", "arguments": {}}}
    answer = httpx.post(f"{url}_mcp", json=asked, headers={"Accept": "application/json, text/event-stream"})
    assert not answer.json()["result"].get("isError"), answer.text
    assert threads[0] is not threading.main_thread()


def test_a_role_that_there_is_not_is_refused():
    """And a name that is none."""
    app = Dash("roles")
    with pytest.raises(RoleError, match="boss"):
        app.route_role("boss")
    with pytest.raises(RoleError, match="names no route"):
        app.route_role("view", 3)
    assert isinstance(parts_of(app).views.routes, RouteRoles)


def test_a_second_app_on_one_server_is_refused_when_made():
    """Its page would not be live."""
    first = Dash("first", server=quart.Quart("both"), url_base_pathname="/app1/")
    with pytest.raises(RunError, match=r"serves the app 'first' at /app1/ already"):
        Dash("second", server=first.server, url_base_pathname="/app2/")


# ---- what the program puts before our WebSocket


async def greeted(url: str, **headers: str):
    """What a stranger's program hears from the socket: the first frame's kind, or the code and the reason."""
    socket_url = url.rstrip("/").replace("http", "ws") + "/_dash-devices/ws"
    try:
        async with connect(socket_url, additional_headers={"Origin": url.rstrip("/"), **headers}) as socket:
            await socket.send(json.dumps({"t": "hello", "client": "", "key": "", "epoch": "", "rev": 0, "q": 0}))
            return json.loads(await asyncio.wait_for(socket.recv(), 10))["t"]
    except ConnectionClosed as closed:
        return closed.rcvd.code, closed.rcvd.reason


def small_app(**kwargs) -> Dash:
    """One with a secret in its layout."""
    app = Dash("pause_gate", **kwargs)
    app.layout = html.Div([dcc.Input(id="i", value="a"), html.Div("the secret", id="o")])
    app.callback(Output("o", "children"), Input("i", "value"))(lambda i: f"secret {i}")
    return app


async def test_before_request_guards_the_socket(app_server):
    """Who gets 401 for the page gets no layout by the socket either."""
    app = small_app()

    @app.server.before_request
    async def login():
        return None if quart.request.cookies.get("login") == "yes" else ("Log in first.", 401)

    url = app_server.run(app)
    assert await greeted(url) == (4403, "the app's before_request answers 401")
    assert await greeted(url, Cookie="login=yes") == "welcome"
    assert app.clients == [] or all(client.id for client in app.clients)


async def test_a_plain_guard_a_failing_one_and_one_that_aborts(app_server):
    """None lets in whom it does not let in to the page; what fails is told to the owner."""
    for guard, said in (
        (lambda: ("no", 403), "the app's before_request answers 403"),
        (lambda: 1 / 0, "the app's before_request failed"),
        (lambda: quart.abort(418), "the app's before_request answers 418"),
    ):
        app = small_app()
        app.server.before_request(guard)
        code, reason = await greeted(app_server.run(app))
        assert code == 4403
        assert reason.startswith(said)
        assert [type(error).__name__ for error in app.errors] == (["ZeroDivisionError"] if "failed" in said else [])


@pytest.mark.parametrize("where", ["before_request", "before_websocket", "hook", "view"])
async def test_a_guard_that_fails_tells_nobody_its_exception(app_server, hooks, where):
    """The socket closes with 4403 or 4001 and a sentence; what was raised is the owner's to read."""
    app = small_app()

    def guard(*args, **kwargs):
        raise RuntimeError("password=hunter2")

    match where:
        case "before_request":
            app.server.before_request(guard)
        case "before_websocket":
            app.server.before_websocket(guard)
        case "hook":
            hooks.websocket_connect()(guard)
        case "view":
            app.server.view_functions["update_component_socket"] = guard
    code, reason = await greeted(app_server.run(app))
    assert code in (4001, 4403)
    assert "failed" in reason
    assert "hunter2" not in reason
    assert [str(error) for error in app.errors] == ["password=hunter2"]


async def test_before_websocket_guards_the_socket(app_server):
    """It sees the cookies and the path."""
    app = small_app()
    paths = []

    @app.server.before_websocket
    async def guard():
        paths.append(quart.websocket.path)
        return None if "login" in quart.websocket.cookies else ("no", 401)

    url = app_server.run(app)
    assert await greeted(url) == (4403, "the app's before_websocket answers 401")
    assert await greeted(url, Cookie="login=1") == "welcome"
    assert paths == ["/_dash-devices/ws"] * 2


async def test_a_websocket_of_the_programs_own_gets_empty_messages(app_server):
    """Texts and binary ones; Quart by itself fails at the latter."""
    app = small_app()

    @app.server.websocket("/echo")
    async def echo():
        while True:
            await quart.websocket.send(await quart.websocket.receive())

    async with connect(app_server.run(app).replace("http", "ws", 1) + "echo") as socket:
        for message in ("", b"", "text", b"bytes"):
            await socket.send(message)
            assert await socket.recv() == message


async def test_what_is_put_around_the_endpoint_guards_the_socket(app_server):
    """As programs of the ancestor do it with `login_required`, plain or a coroutine."""
    for kind in ("plain", "coroutine"):
        app = small_app()
        view = app.server.view_functions["update_component_socket"]

        def plain(*args, view=view, **kwargs):
            return view(*args, **kwargs) if "login" in quart.websocket.cookies else ("no", 401)

        async def coroutine(*args, view=view, **kwargs):
            if "login" not in quart.websocket.cookies:
                quart.abort(401)
            return await view(*args, **kwargs)

        app.server.view_functions["update_component_socket"] = plain if kind == "plain" else coroutine
        url = app_server.run(app)
        assert (await greeted(url))[0] == 4403, kind
        assert await greeted(url, Cookie="login=1") == "welcome", kind


@pytest.fixture
def hooks():
    """Stock Dash's hooks, which are of the process."""
    yield dash.hooks
    for name in ("websocket_connect", "websocket_message"):
        dash.hooks._ns.pop(name, None)


async def test_websocket_hooks_of_dash_are_heeded(app_server, hooks, tab):
    """One that refuses closes with its code; one of messages sees each and may refuse."""
    seen = []

    @hooks.websocket_connect()
    async def knock(websocket):
        return None if "login" in websocket.cookies else (4001, "not you")

    @hooks.websocket_message()
    def message(websocket, message):
        seen.append(message["type"])
        return message["type"] != "set"

    app = small_app()
    app.callback_shared(Output("o", "title"), Input("i", "title"))(lambda title: title)
    url = app_server.run(app)
    assert await greeted(url) == (4001, "not you")
    assert await greeted(url, Cookie="login=1") == "welcome"
    from dash_devices_nb.testing.tab import Tab

    async with Tab(url, {"Cookie": "login=1"}) as page:
        assert "callback_request" in seen
        await page.act("i", "title", "x")
        await eventually(lambda: not page.connected)
    assert "set" in seen


def test_visitors_of_the_testing_package_are_checked_likewise(app_server):
    """What a program's own tests see is what guests get."""
    app = small_app()

    @app.server.post("/move")
    async def move():
        return "moved"

    url = app_server.run(app)
    for role, status in (("view", 403), ("control", 200)):
        answer = httpx.post(f"{url}move", headers=visitor(app, role, "Eve", guest=True))
        assert answer.status_code == status
        assert answer.headers["content-type"].startswith("text/")


@pytest.mark.parametrize("role", ROLES[:3])
async def test_other_methods_let_nobody_further(app, role):
    """On every path: strangers get nothing, no callback runs, and nothing fails."""
    paths = {what.split(" ")[1] for what in WALK if what.split(" ")[0] in ("GET", "POST")}
    known = {tuple(what.split(" ")[:2]) for what in WALK}
    found = {}
    async with person(app, role) as somebody:
        for path in sorted(paths):
            for method in ("HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE", "GET", "POST", "STEAL"):
                if (method, path) not in known:
                    answer = await somebody.http.request(method, path, json={} if method in ("PUT", "PATCH") else None)
                    found[f"{method} {path}"] = answer.status_code
    assert app.ran == []
    if role == "stranger":
        assert set(found.values()) == {403}
    else:
        assert {what: status for what, status in found.items() if status >= 500} == {}
        acting = {
            what: found[what] for what in found if what.split(" ")[0] in ("PUT", "PATCH", "DELETE", "STEAL", "TRACE")
        }
        assert {what: status for what, status in acting.items() if status < 400} == {}


async def test_guests_read_nothing_of_the_program_in_errors(app):
    """Neither the parameters of a callback that they may not call, nor what an exception in Dash's MCP server says."""
    asked = {"jsonrpc": "2.0", "id": 1, "method": "tools/none", "params": {}}
    headers = {"Accept": "application/json, text/event-stream"}
    said = {}
    async with person(app, "control") as guest, person(app, "owner") as owner:
        refused = await guest.http.post("/api/fired", json={"other": 1})
        assert refused.status_code == 403
        assert "n_clicks" not in refused.text
        assert "n_clicks" in (await owner.http.post("/api/fired", json={"other": 1})).text
        for who, somebody in (("guest", guest), ("owner", owner)):
            error = (await somebody.http.post("/_mcp", json=asked, headers=headers)).json()["error"]
            said[who] = (error["code"], error["message"])
    assert said["guest"] == (-32603, "Internal error")
    assert said["owner"][0] == -32603
    assert "tools/none" in said["owner"][1]


async def test_links_and_the_secret_are_in_no_log(app, caplog, capfd):
    """Not of one that counts, nor of a revoked one, wherever in a request it stands; not when a route fails, either."""
    caplog.set_level(logging.DEBUG)

    @app.server.route("/broken")
    async def broken():
        raise RuntimeError("no camera")

    base, _, secret = app.url.partition("?token=")
    good, revoked = app.share("control"), app.share("control")
    revoked.revoke()
    tokens = [share.url.partition("?share=")[2] for share in (good, revoked)]
    for token in tokens:
        async with httpx.AsyncClient(base_url=base) as http:
            await http.get("/", params={"share": token})
            for path in ("/broken", "/nowhere", "/_dash-update-component"):
                await http.get(path, params={"%73hare": token}, headers={"Referer": f"{base}?share={token}"})
        with suppress(InvalidHandshake, ConnectionClosed):
            async with connect(f"{base.replace('http', 'ws', 1)}_dash-devices/ws?share={token}") as socket:
                await socket.recv()
    async with httpx.AsyncClient(base_url=base, follow_redirects=True) as http:
        await http.get("/", params={"token": secret})
        assert (await http.get("/broken", params={"token": secret})).status_code == 500
    ours = [record for record in caplog.records if not record.name.startswith(("httpx", "httpcore", "websockets"))]
    out, err = capfd.readouterr()
    printed = [line for line in out.splitlines() if "running on" not in line]  # its start, for its owner
    written = "".join((*map(caplog.handler.format, ours), *printed, err))
    assert "no camera" in written
    for hidden in (*tokens, secret):
        assert hidden not in written

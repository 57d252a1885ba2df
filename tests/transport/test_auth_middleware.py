import json
import re
import socket
import time
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote, unquote

import httpx
import pytest
import websockets

from dash_devices_nb.registration import ShareList
from dash_devices_nb.transport.allowed_hosts import AllowedHosts
from dash_devices_nb.transport.auth_middleware import AuthMiddleware
from dash_devices_nb.transport.bind import BoundSocket
from dash_devices_nb.transport.serve import Server

SECRET = "s3cret-of-the-app"


async def echo(scope, receive, send):
    """Answers with the headers that arrived, or opens a WebSocket and sends them."""
    text = ";".join(sorted(name.decode() for name, _ in scope["headers"]))
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": text})
        await receive()
        return
    user = dict(scope["headers"])[b"x-dash-devices-user"]
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-user", user)]})
    await send({"type": "http.response.body", "body": text.encode()})


@asynccontextmanager
async def gated(secret: str | None = SECRET, path: str = "/", **options):
    server = Server(
        AuthMiddleware(echo, secret, path, **options),
        BoundSocket.bind_tcp("127.0.0.1", 0, search=False),
        max_message_bytes=1000,
    )
    await server.start()
    async with httpx.AsyncClient(base_url=server.url) as client:
        yield server, client
    await server.stop(timeout=1)


def ws_url(server: Server) -> str:
    return server.url.replace("http", "ws", 1)


def user_of(response: httpx.Response) -> dict[str, Any]:
    """Whom the app was told that this is."""
    user: dict[str, Any] = json.loads(unquote(response.headers["x-user"]))
    return user


async def closed(server: Server, **options) -> tuple[int | None, str | None]:
    async with websockets.connect(ws_url(server), **options) as ws:
        with pytest.raises(websockets.ConnectionClosed):
            await ws.recv()
        return ws.close_code, ws.close_reason


async def test_a_stranger_gets_403_with_a_page_that_says_what_to_do():
    """Without the secret there is a page with the remedy, whatever the path or method."""
    async with gated() as (_, client):
        for response in (
            await client.get("/"), await client.post("/_dash-update-component"),
            await client.get("/?token=wrong"), await client.get("/?token="),
            await client.get("/", headers={"X-Dash-Devices-Secret": "wrong"}),
            await client.get("/", headers={"Cookie": "dash-devices-1=x; bad cookie;;="}),
        ):  # fmt: skip
            assert response.status_code == 403
            assert "Open it by the whole address that app.run() printed" in response.text
        assert "width=device-width" in response.text, "too wide for a phone"


async def test_a_token_is_not_looked_for_among_thousands_of_parameters():
    """To read them held up the loop; a token beside a few lets in."""
    async with gated() as (_, client):
        few, many = (f"/?token={SECRET}" + "&a=b" * number for number in (100, 2000))
        assert (await client.get(many)).status_code == 403
        assert (await client.get(few)).status_code == 303


async def test_a_stranger_s_websocket_is_closed_with_4403():
    """A page can read the code and the reason, which a refused handshake would hide."""
    async with gated() as (server, _):
        code, reason = await closed(server)
        assert code == 4403
        assert reason is not None
        assert reason.startswith("This page needs its secret.")


async def test_the_extension_s_header_lets_in_and_is_taken_off():
    """With the secret header a request enters; the app does not see it, but sees the user."""
    headers = {"X-Dash-Devices-Secret": SECRET, "X-Dash-Devices-User": "{}"}
    async with gated() as (server, client):
        text = (await client.get("/", headers=headers)).text
        assert "x-dash-devices-user" in text
        assert "x-dash-devices-secret" not in text
        async with websockets.connect(ws_url(server), additional_headers=headers) as ws:
            assert "x-dash-devices-secret" not in str(await ws.recv())


async def test_the_token_is_turned_into_a_cookie():
    """A GET with the token is redirected to the same address without it, and the cookie stays."""
    async with gated(path="/app/") as (server, client):
        response = await client.get(f"/app/page?a=1&token={SECRET}&b=%C3%A9")
        assert response.status_code == 303
        assert response.headers["location"] == "./page?a=1&b=%C3%A9"
        port = server.socket.port
        assert re.fullmatch(
            rf"dash-devices-{port}=[0-9a-f]{{64}}; Path=/app/; HttpOnly; SameSite=Lax",
            response.headers["set-cookie"],
        )
        assert SECRET not in response.headers["set-cookie"]
        cookie = {"Cookie": response.headers["set-cookie"].partition(";")[0]}
        odd = {"Cookie": f'x={{"a b": 1}}; é; {cookie["Cookie"]}; y'.encode("latin-1")}
        assert (await client.get("/app/page", headers=cookie)).status_code == 200
        assert (await client.get("/app/page", headers=odd)).status_code == 200
        assert (await client.post("/app/page", headers=cookie)).status_code == 200
        async with websockets.connect(ws_url(server), additional_headers=cookie) as ws:
            assert "cookie" in str(await ws.recv())


@pytest.mark.parametrize(
    ("path", "location"),
    [("/", "./"), ("/app/", "./"), ("//evil.org", "./evil.org"), ("/a/b:c%20d", "./b:c%20d")],
)
async def test_the_redirect_stays_on_the_host(path, location):
    """The address is relative: right behind every proxy, and never another host's."""
    async with gated() as (server, client):
        response = await client.get(f"http://127.0.0.1:{server.socket.port}{path}?token={SECRET}")
        assert (response.status_code, response.headers["location"]) == (303, location)


async def test_a_frame_of_another_site_gets_a_partitioned_cookie():
    """Browsers withhold a Lax cookie in such a frame."""
    async with gated() as (_, client):
        response = await client.get(
            f"/?token={SECRET}",
            headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "iframe"},
        )
        assert response.headers["set-cookie"].endswith("HttpOnly; SameSite=None; Secure; Partitioned")


async def test_the_token_counts_for_get_requests_only():
    """A form or WebSocket of another site cannot carry the secret in its address."""
    async with gated() as (server, client):
        assert (await client.post(f"/?token={SECRET}")).status_code == 403
        async with websockets.connect(ws_url(server) + f"?token={SECRET}") as ws:
            with pytest.raises(websockets.ConnectionClosed):
                await ws.recv()
            assert ws.close_code == 4403


async def test_nobody_can_claim_to_be_a_user_without_the_secret_header():
    """Who comes by cookie is the owner and who comes where there is no secret is anybody, whatever they say."""
    forged = {"X-Dash-Devices-User": quote('{"username": "eve", "role": "owner"}')}
    anybody = {"username": None, "name": "", "role": "control", "share": None, "expires": None}
    async with gated(secret=None) as (_, client):
        assert user_of(await client.get("/", headers=forged)) == anybody
    async with gated() as (_, client):
        await client.get(f"/?token={SECRET}")
        assert user_of(await client.get("/", headers=forged)) == {**anybody, "role": "owner"}


async def test_pages_of_other_origins_are_refused():
    """POSTs and WebSockets of another site's page are refused even with the right cookie."""
    async with gated() as (server, client):
        cookies = (await client.get(f"/?token={SECRET}")).headers["set-cookie"].partition(";")[0]
        for origin in ("http://evil.org", "null", f"http://127.0.0.1:{server.socket.port + 1}"):
            headers = {"Cookie": cookies, "Origin": origin}
            response = await client.post("/", headers=headers)
            assert response.status_code == 403
            assert f"A page of {origin} may not use this app" in response.text
            code, reason = await closed(server, additional_headers=headers)
            assert (code, str(reason)[:9]) == (4403, "A page of")
        own = {"Cookie": cookies, "Origin": server.url.rstrip("/")}
        assert (await client.post("/", headers=own)).status_code == 200
        late = {"Cookie": cookies, "Sec-Fetch-Site": "cross-site"}
        assert (await client.post("/", headers=late)).status_code == 403


async def test_behind_the_extension_the_forwarded_host_counts():
    """The browser's host is in X-Forwarded-Host, which is believed next to the secret only."""
    headers = {"Origin": "https://hub.example.org", "X-Forwarded-Host": "hub.example.org:443"}
    async with gated() as (_, client):
        response = await client.post("/", headers={**headers, "X-Dash-Devices-Secret": SECRET})
        assert response.status_code == 200
    async with gated(secret=None) as (_, client):
        assert (await client.post("/", headers=headers)).status_code == 403


@pytest.mark.parametrize("allowed", ["http://Lab.example.org:8888/", "*"])
async def test_more_origins_can_be_allowed(allowed):
    """An origin in the list may use the app; without a secret the Origin is still checked."""
    async with gated(secret=None, allowed_origins=[allowed]) as (_, client):
        headers = {"Origin": "http://lab.example.org:8888"}
        assert (await client.post("/", headers=headers)).status_code == 200


TLS = [
    ("https", {}, True),
    ("http", {}, False),
    ("http", {"X-Forwarded-Proto": "https"}, True),
    ("http", {"X-Forwarded-Proto": "http, https"}, False),
]
"""How a browser has asked, what a proxy says of it, and whether its cookie is for TLS alone."""


async def is_for_tls_alone(gate: AuthMiddleware, entry: dict[str, str]) -> None:
    """The cookie that this entry gets, where the browser has asked over TLS, and else not."""
    for scheme, headers, secure in TLS:
        transport = httpx.ASGITransport(gate)
        async with httpx.AsyncClient(transport=transport, base_url=f"{scheme}://here", headers=headers) as client:
            answer = await client.get("/", params=entry)
        assert answer.status_code == 303
        assert answer.headers["set-cookie"].endswith("; Secure") is secure


async def test_under_tls_the_owners_cookie_is_for_tls_alone():
    """A page over plain HTTP of the same host is not sent it; without TLS it could not be set so."""
    gate = AuthMiddleware(echo, SECRET)
    await is_for_tls_alone(gate, {"token": SECRET})


async def test_under_tls_a_guests_cookie_is_for_tls_alone(tmp_path, monkeypatch):
    """As the owner's."""
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    shares = ShareList("camera", "port:1")
    token = shares.token(shares.issue("view", 1, "", time.time()))
    gate = AuthMiddleware(echo, SECRET, shares=shares)
    await is_for_tls_alone(gate, {"share": token})
    await gate.stop()


# ---- without a secret: the name tells whose page it is


@pytest.mark.parametrize(
    ("host", "passes"),
    [
        ("localhost", True),
        ("LOCALHOST.:8050", True),
        ("127.0.0.1:1", True),
        ("[::1]:8050", True),
        ("lab.example.org:8050", True),
        ("evil.example", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.nip.example:8050", False),
        ("192.168.1.5", False),
        ("[", False),
    ],
)
async def test_without_a_secret_only_the_apps_own_names_are_answered(host: str, passes: bool) -> None:
    """A site that has its name resolved to 127.0.0.1 reads nothing, whatever the method; and a WebSocket is closed."""
    async with gated(None, allowed_hosts=["Lab.Example.org"]) as (server, client):
        for method in ("GET", "HEAD", "POST", "OPTIONS"):
            answer = await client.request(method, "/", headers={"Host": host, "Origin": f"http://{host}"})
            assert (answer.status_code == 200) is passes, (method, answer.text)
        if not passes:
            shown = await client.get("/", headers={"Host": host})
            assert "has no secret" in shown.text
            assert "app.run(allowed_hosts=[" in shown.text
            if host != "[":
                port = int(server.url.rstrip("/").rpartition(":")[2])
                async with websockets.connect(f"ws://{host}/", host="127.0.0.1", port=port) as socket_:
                    with pytest.raises(websockets.ConnectionClosed):
                        await socket_.recv()
                    assert socket_.close_code == 4403
                    assert "has no secret" in str(socket_.close_reason)


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", "http://localhost"])
async def test_without_a_secret_other_sites_act_on_nothing(origin: str) -> None:
    """The right Host is not enough: neither POSTs nor WebSockets of pages elsewhere, on this computer or not."""
    async with gated(None) as (server, client):
        assert (await client.post("/", headers={"Origin": origin})).status_code == 403
        code, reason = await closed(server, additional_headers={"Origin": origin})
        assert (code, str(reason)[:9]) == (4403, "A page of")
        own = {"Origin": server.url.rstrip("/")}
        assert (await client.post("/", headers=own)).status_code == 200


async def test_with_a_secret_any_name_is_answered() -> None:
    """Another site does not know it, and a proxy in front may give whatever Host it likes."""
    async with gated() as (_, client):
        answer = await client.get("/", headers={"Host": "evil.example", "X-Dash-Devices-Secret": SECRET})
        assert answer.status_code == 200


def test_on_other_addresses_this_computer_is_asked_for_by_its_own_names() -> None:
    """The address to which the request came, the host name, those that the program gives, and loopback names."""
    name = socket.gethostname()
    hosts = AllowedHosts(["device.example"])
    for host in (name, f"{name.upper()}.local:8050", "192.168.1.5:8050", "device.example", "localhost:8050"):
        assert hosts.refusal(host, "192.168.1.5") == ""
    assert hosts.refusal("192.168.1.5", "::ffff:192.168.1.5") == ""
    assert "192.168.1.5" in hosts.refusal("192.168.1.6", "192.168.1.5")
    assert "allowed_hosts=['other.example']" in hosts.refusal("other.example:8050", "192.168.1.5"), "as run() takes it"
    assert hosts.refusal("evil.example", "192.168.1.5")
    assert hosts.refusal(name, "127.0.0.1"), "a name that others may make resolve to it"
    assert AllowedHosts(["*"]).refusal("evil.example", "127.0.0.1") == ""


def test_who_can_reach_it_is_told_by_the_address_that_it_is_bound_to() -> None:
    """Debian resolves a computer's own name to 127.0.1.1: there it reaches what is open to all networks as well."""
    name = socket.gethostname()
    for bound in ("0.0.0.0", "::"):
        hosts = AllowedHosts((), bound)
        for host in (f"{name}:8050", "127.0.1.1:8050", "localhost:8050"):
            assert hosts.refusal(host, "127.0.1.1") == ""
        assert hosts.refusal("evil.example", "127.0.1.1")
    assert AllowedHosts((), "127.0.0.1").refusal(name, "127.0.0.1"), "a name that others may make resolve to it"


async def test_who_somebody_is_is_not_taken_from_outside() -> None:
    """Without a secret the headers of the extension are nobody's word."""
    told = {"X-Dash-Devices-User": quote('{"username": "root", "role": "owner"}'), "X-Forwarded-Host": "evil.example"}
    async with gated(None) as (_, client):
        answer = await client.get("/", headers=told)
        assert user_of(answer)["role"] == "control"


# ---- who may show it in a frame

BY = "frame-ancestors 'self' http://device:* https://device:* http://localhost:* https://localhost:* "
BY += "http://127.0.0.1:* https://127.0.0.1:* vscode-webview: vscode-file:"


@pytest.mark.parametrize(
    ("kind", "own", "options", "policy"),
    [
        (b"text/html; charset=utf-8", [], {}, BY),
        (b"text/html", [], {"allowed_origins": ["https://Lab.example/"]}, f"{BY} https://lab.example"),
        (b"text/html", [], {"allowed_origins": ["https://x; script-src *"]}, BY),
        (b"text/html", [], {"frames": ["https://*.vscode-cdn.net"]}, f"{BY} https://*.vscode-cdn.net"),
        (b"text/html", [], {"allowed_origins": ["*"]}, None),
        (b"application/json", [], {}, None),
        (b"text/html", [(b"X-Frame-Options", b"DENY")], {}, None),
        (b"text/html", [(b"Content-Security-Policy", b"frame-ancestors 'none'")], {}, "frame-ancestors 'none'"),
        (b"text/html", [(b"Content-Security-Policy", b"img-src *")], {}, f"img-src *, {BY}"),
    ],
)
async def test_pages_say_who_may_show_them_in_a_frame(kind, own, options, policy):
    """Notebooks' pages and those that are allowed; what a program says itself counts more, and Jupyter says its own."""

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind), *own]})
        await send({"type": "http.response.body", "body": b""})

    headers = {"Host": "device:8050"}
    for secret, more in ((None, {"allowed_hosts": ["device"]}), (SECRET, {})):
        gate = AuthMiddleware(app, secret, **options, **more)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(gate), base_url="http://device:8050") as client:
            await client.get("/", params={"token": SECRET})
            answer = await client.get("/", headers=headers)
            assert answer.headers.get("content-security-policy") == policy
    async with httpx.AsyncClient(transport=httpx.ASGITransport(gate), base_url="http://device:8050") as client:
        through = await client.get("/", headers={**headers, "X-Dash-Devices-Secret": SECRET})
        assert BY not in through.headers.get("content-security-policy", "")


async def test_what_is_no_request_passes_and_a_gate_without_guests_stops():
    """The app's own lifespan is none of its business."""
    scopes = []

    async def app(scope, receive, send):
        scopes.append(scope)

    gate = AuthMiddleware(app, SECRET)
    await gate(scope := {"type": "lifespan"}, None, None)
    assert scopes == [scope]
    await gate.stop()


async def test_an_origin_whose_port_is_none_is_foreign():
    """So is one that names no host, or is of another scheme."""
    async with gated() as (_, client):
        cookies = (await client.get(f"/?token={SECRET}")).headers["set-cookie"].partition(";")[0]
        for origin in ("http://127.0.0.1:port", "http://127.0.0.1:99999", "null", "file://", "ftp://127.0.0.1"):
            answer = await client.post("/", headers={"Cookie": cookies, "Origin": origin})
            assert answer.status_code == 403, origin


async def test_a_link_that_does_not_count_is_refused_with_the_reason(tmp_path, monkeypatch):
    """As a page, or by closing the WebSocket."""
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    async with gated(shares=ShareList("camera", "port:1")) as (_, client):
        answer = await client.get("/", params={"share": "forged"})
        assert answer.status_code == 403
        assert "link" in answer.text


def test_an_app_that_is_bound_to_a_name_is_this_computers():
    """ "localhost" is loopback, as its addresses are; another name is not."""
    assert "localhost" in AllowedHosts([], "localhost").refusal("evil.example", "127.0.0.1")
    assert AllowedHosts([], "elsewhere").refusal("10.0.0.7", "10.0.0.7") == ""

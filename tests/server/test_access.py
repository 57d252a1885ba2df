"""Who may pass: strangers, other sites' pages, and everybody else, on every route."""

from __future__ import annotations

import re

import httpx
import pytest
from tornado.httputil import HTTPHeaders
from traitlets import TraitError
from websockets.exceptions import InvalidStatus

from dash_devices_nb.server.app import ROUTES, DashDevicesApp
from dash_devices_nb.server.handlers.access import configured_origins, refusal
from tests.server.conftest import Page, Visit, visiting

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}


def paths() -> list[str]:
    """One path for every registered route, made from its pattern."""
    found = []
    for pattern, _ in ROUTES:
        path = re.sub(r"\(\[a-z0-9\]\[.*?\}\)", "bench", pattern)
        path = path.replace("([^/]+)(?:/.*)?", "Not-a-name/x").replace("/?", "/").replace(".*", "x")
        assert re.fullmatch(pattern, path), (pattern, path)
        found.append(path.removeprefix("/dash-devices/"))
    return found


@pytest.mark.parametrize("path", paths())
async def test_every_route_refuses_a_stranger(visit: Visit, page: Page, path: str) -> None:
    """Without Jupyter's login nothing is served: not a page, not a callback, not a WebSocket."""
    async with httpx.AsyncClient() as stranger:
        for method in METHODS:
            answer = await stranger.request(method, visit.url(path))
            expected = (302, 403, 405) if method in ("GET", "HEAD") else (403, 405)
            assert answer.status_code in expected, (method, path, answer.status_code)
        answer = await stranger.get(visit.url(path), headers=UPGRADE)
        assert answer.status_code == 403
        answer = await stranger.get(visit.url(path), headers={"Authorization": "token wrong"})
        assert answer.status_code in (302, 403)
    assert page.scopes == []


@pytest.mark.parametrize("path", paths())
async def test_every_route_refuses_other_sites(visit: Visit, page: Page, path: str) -> None:
    """A person who is logged in and visits another site does nothing here by it."""
    evil = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    for method in METHODS:
        answer = await visit.http.request(method, visit.url(path), headers=evil)
        assert answer.status_code in (403, 405), (method, path, answer.status_code)
    answer = await visit.http.get(visit.url(path), headers={**UPGRADE, **evil})
    assert answer.status_code == 403
    assert page.scopes == []


async def test_refusal_says_what_came_and_what_is_accepted(visit: Visit, page: Page) -> None:
    """The message of a refused callback helps whoever runs a proxy."""
    answer = await visit.http.post(visit.url("bench/x"), headers={"Origin": "http://other:1"})
    assert answer.status_code == 403
    assert answer.json()["message"] == (
        "Not from a page of this server: the origin is 'http://other:1' and Sec-Fetch-Site None, "
        f"expected an Origin that equals the Host '{visit.origin.removeprefix('http://')}' or is one of "
        "DashDevicesApp.trusted_origins, Sec-Fetch-Site 'same-origin', or Jupyter's token and no Origin."
    )


async def test_other_port_of_the_same_host_is_another_site(visit: Visit, page: Page) -> None:
    """Cookies do not know ports, so the origin has to."""
    for origin in ("http://127.0.0.1:1", "http://127.0.0.1", "null"):
        answer = await visit.http.post(visit.url("bench/x"), headers={"Origin": origin})
        assert answer.status_code == 403, origin
    answer = await visit.http.post(visit.url("bench/x"))
    assert answer.status_code == 403, "a POST without an origin"


async def test_token_lets_programs_in(visit: Visit, page: Page) -> None:
    """A program without cookies gives the token, in the header or in the URL."""
    jupyter = visit.jupyter
    async with httpx.AsyncClient() as program:
        answer = await program.post(visit.url("bench/x"), headers=jupyter.headers)
        assert answer.status_code == 200
    async with httpx.AsyncClient() as program:
        answer = await program.get(visit.url(f"bench/x?token={jupyter.token}"))
        assert answer.status_code == 200
    async with visit.socket("bench/x", Cookie="", Origin="", **jupyter.headers) as socket:
        await socket.send("hello")
        assert await socket.recv() == "hello"


async def test_no_token_excuses_a_foreign_origin(visit: Visit, page: Page) -> None:
    """A page on another port reads the XSRF cookie, and a token can leak: neither makes it a page of this server."""
    xsrf = "0123456789abcdef0123456789abcdef"
    cookie = {"Cookie": f"{visit.cookies}; _xsrf={xsrf}"}
    token = visit.jupyter.headers
    for foreign in (
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site"},
    ):
        for proof, query in (({"X-XSRFToken": xsrf}, ""), ({}, f"?_xsrf={xsrf}"), (token, "")):
            for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
                answer = await visit.http.request(
                    method, visit.url(f"bench/x{query}"), headers={**cookie, **foreign, **proof}
                )
                assert answer.status_code == 403, (foreign, proof, query, method)
            for path in ("bench/_dash-devices/ws", "bench/_dash-devices/status"):
                with pytest.raises(InvalidStatus) as refused:
                    await visit.socket(path + query, **{"Origin": "", **cookie, **foreign, **proof})
                assert refused.value.response.status_code == 403
    assert page.scopes == []


async def test_preflight_of_another_site_is_refused(visit: Visit, page: Page) -> None:
    """So no page of another site can send X-Forwarded-Host, by which a proxy says what the Host was."""
    asked = {
        "Origin": "https://evil.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-forwarded-host",
    }
    for path in paths():
        answer = await visit.http.options(visit.url(path), headers=asked)
        assert answer.status_code == 403
        assert not [name for name in answer.headers if name.lower().startswith("access-control-allow")]


async def test_websocket_of_another_site_is_refused(visit: Visit, page: Page) -> None:
    """Browsers let every site open WebSockets with our cookies; the extension does not."""
    for origin in ("https://evil.example", "null", ""):
        for path in ("bench/_dash-devices/ws", "bench/_dash-devices/status"):
            with pytest.raises(InvalidStatus) as refused:
                await visit.socket(path, Origin=origin)
            assert refused.value.response.status_code == 403


HOST = {"Host": "lab.example:8888"}


@pytest.mark.parametrize(
    ("method", "headers", "passes"),
    [
        ("POST", {"Origin": "http://lab.example:8888"}, True),
        ("POST", {"Origin": "https://LAB.example:8888"}, True),
        ("POST", {"Origin": "http://lab.example"}, False),
        ("POST", {"Origin": "http://lab.example:8888.evil.example"}, False),
        ("POST", {"Origin": "http://["}, False),
        ("POST", {"Sec-Fetch-Site": "same-origin"}, True),
        ("POST", {"Sec-Fetch-Site": "same-site", "Origin": "http://x.lab.example"}, False),
        ("POST", {"Sec-Fetch-Site": "none"}, False),
        ("POST", {"Origin": "https://front.example", "X-Forwarded-Host": "front.example"}, True),
        ("POST", {"Origin": "https://front.example", "X-Forwarded-Host": "a, front.example"}, True),
        ("POST", {"Origin": "https://trusted.example"}, True),
        ("POST", {}, False),
        ("GET", {}, True),
        ("GET", {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"}, True),
        ("GET", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, True),
        ("GET", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, False),
        ("GET", {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"}, False),
        ("GET", {"Origin": "https://evil.example"}, False),
    ],
)
def test_requests_of_our_pages_are_told_from_others(method: str, headers: dict[str, str], passes: bool) -> None:
    """Each kind of proof that browsers and proxies let through is taken, and nothing else."""
    trusted = configured_origins("https://trusted.example", None)
    given = HTTPHeaders({**HOST, **headers})
    assert (refusal(method, given, websocket=False, trusted=trusted) is None) is passes


def test_websocket_needs_the_proof_of_a_post() -> None:
    """A WebSocket is a GET that acts."""
    trusted = configured_origins("", None)
    for headers, passes in (
        ({}, False),
        ({"Origin": "http://lab.example:8888"}, True),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "websocket"}, False),
    ):
        given = HTTPHeaders({**HOST, **headers})
        assert (refusal("GET", given, websocket=True, trusted=trusted) is None) is passes


def test_allow_origin_star_is_not_honoured() -> None:
    """What is acceptable for reading notebooks is not for acting on devices."""
    assert not configured_origins("*", None)("https://evil.example")
    assert configured_origins("", r"https://.*\.example")("https://a.example")
    assert not configured_origins("", r"https://.*\.example")("https://a.example.evil")
    assert not configured_origins("", None, ["*"])("https://evil.example")


def test_trusted_origins_are_origins() -> None:
    """They are compared as browsers write them, and what is no origin is refused when the server starts."""
    app = DashDevicesApp(trusted_origins=["https://Lab.example/", "http://[::1]:8888"])
    assert app.trusted_origins == ["https://lab.example", "http://[::1]:8888"]
    trusted = configured_origins("", None, app.trusted_origins)
    assert trusted("https://LAB.example")
    assert not trusted("https://lab.example:8443")
    for wrong in ("*", "lab.example", "https://lab.example/path", ""):
        with pytest.raises(TraitError, match=re.escape(f"trusted_origins is {wrong!r}; it takes an origin")):
            DashDevicesApp(trusted_origins=[wrong])


async def test_guests_on_another_port_of_the_host_are_warned_of() -> None:
    """`guest_origin` is no wall where users log in at the same host name: the log says so once, and not elsewhere."""
    async with visiting("--DashDevicesApp.guest_origin=http://127.0.0.1:1") as visit:
        for _ in range(2):
            assert (await visit.http.get(visit.url("_apps"))).status_code == 200
        assert visit.jupyter.output.count("guest_origin http://127.0.0.1:1 is another port of 127.0.0.1") == 1
    async with visiting("--DashDevicesApp.guest_origin=http://localhost:1") as visit:
        assert (await visit.http.get(visit.url("_apps"))).status_code == 200
        assert "is another port of" not in visit.jupyter.output

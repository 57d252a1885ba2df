"""Guests: what a share link opens, and that it opens nothing else."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from urllib.parse import quote, urlsplit

import httpx
import pytest
import websockets
from websockets.exceptions import InvalidStatus

from dash_devices_nb.registration import ShareList
from tests.server.conftest import Page, Visit, serving
from tests.server.guests import COOKIE, Links, guest_socket, links_of, strict_server, user_of
from tests.server.test_access import METHODS, UPGRADE
from tests.support.eventually import eventually
from tests.support.routes import PATH as ROUTES_PATH
from tests.support.routes import sample

PUBLIC = re.compile(r"login|logout|static|favicon|api$|api/?$|custom|manifest|metrics|" + ROUTES_PATH)
"""Routes that Jupyter answers to everybody."""


@pytest.fixture(scope="module")
async def visit() -> AsyncIterator[Visit]:
    """An owner who is logged in."""
    async with strict_server() as visit:
        yield visit


@pytest.fixture
async def page(visit: Visit) -> AsyncIterator[Page]:
    """An app."""
    async with serving(visit, notebook="private/plans.ipynb") as page:
        yield page


@pytest.fixture
def links(visit: Visit) -> Links:
    """Its share links."""
    return links_of(visit, "bench")


@pytest.fixture
async def guest() -> AsyncIterator[httpx.AsyncClient]:
    """A browser that has never been here."""
    # A connection each: what refuses an upgrade closes its connection without saying so.
    async with httpx.AsyncClient(timeout=30, limits=httpx.Limits(max_keepalive_connections=0)) as http:
        yield http


async def test_a_link_becomes_a_cookie_and_opens_the_app(
    visit: Visit, page: Page, links: Links, guest: httpx.AsyncClient
) -> None:
    """The page, a callback, the WebSocket and the kernel's state, in the link's role; the app never sees the token."""
    record, token = links.issue("control", name="Ada <b>")
    answer = await guest.get(visit.url(f"bench/page?a=1&share={token}&b=%C3%A9"))
    prefix = urlsplit(visit.url("bench/")).path
    assert (answer.status_code, answer.headers["location"]) == (303, f"{prefix}page?a=1&b=%C3%A9")
    cookie = answer.headers["set-cookie"]
    assert re.fullmatch(
        rf"{COOKIE}={re.escape(token)}; Path={re.escape(prefix)}; Max-Age=\d+; HttpOnly; SameSite=Lax", cookie
    )
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert page.scopes == []
    answer = await guest.get(visit.url("bench/"), headers={"Referer": visit.url(f"bench/?share={token}")})
    assert (answer.status_code, answer.text) == (200, "hello")
    assert user_of(page) == {
        "username": None, "name": "Ada <b>", "role": "control", "share": record.id, "expires": record.expires
    }  # fmt: skip
    answer = await guest.post(visit.url("bench/x"), content=b"x", headers={"Origin": visit.origin})
    assert answer.text == "x"
    async with guest_socket(visit, "bench/_dash-devices/ws", token) as socket:
        await socket.send("carried")
        assert await socket.recv() == "carried"
    async with guest_socket(visit, "bench/_dash-devices/status", token) as socket:
        assert json.loads(await socket.recv()).keys() == {"state", "since", "now"}
    assert token not in repr(page.scopes)
    assert not re.search("username-|_xsrf", repr(guest.cookies))


async def test_no_other_route_of_the_server_opens(
    visit: Visit, page: Page, links: Links, guest: httpx.AsyncClient
) -> None:
    """Every registered route, by every method and as a WebSocket, answers a guest as a stranger: not at all."""
    _, token = links.issue("control")
    routes = (await guest.get(visit.jupyter.url + ROUTES_PATH)).json()["routes"]
    assert len(routes) > 80
    base = urlsplit(visit.jupyter.url).path
    refused, public = 0, set()
    async with serving(visit, "other") as other:
        paths = {sample(pattern) for pattern in routes if not pattern.strip("()").startswith(".*")}
        # Voila's files of a template: it crashes on a path that names no template, whoever asks.
        paths = {re.sub("/voila/templates/x$", "/voila/templates/base/static/x", path) for path in paths}
        paths |= {
            f"{base}dash-devices/{path}" for path in ("", "_apps", "other/", "other/_dash-devices/status", "nobody/")
        }
        paths |= {base + path for path in (
            "api/contents", f"api/kernels/{visit.kernel_id}", f"api/kernels/{visit.kernel_id}/channels", "api/sessions",
            "api/terminals", "files/x", "lab", "tree", "nbconvert/html/x.ipynb", "terminals/websocket/1",
        )}  # fmt: skip
        for path in sorted(paths):
            assert path.startswith("/"), path
            if path.startswith(f"{base}dash-devices/bench/"):
                continue
            if "/lab/api/licenses/" in path or path.endswith("/robots.txt"):
                continue  # nobody is answered there: the one handler cannot send an error, the other cannot be made
            for method in (*METHODS, "upgrade"):
                headers = dict(UPGRADE, Origin=visit.origin) if method == "upgrade" else {"Origin": visit.origin}
                verb = "GET" if method == "upgrade" else method
                theirs = {**headers, "Cookie": f"{COOKIE}={token}", "Authorization": f"token {token}"}
                url = visit.origin + path
                ours = path.startswith(f"{base}dash-devices/")
                if ours and method == "upgrade":
                    continue  # answered with the reason: below
                stranger = await guest.request(verb, url, headers=headers)
                answer = await guest.request(verb, f"{url}?share={token}&token={token}", headers=theirs)
                assert ours or answer.status_code == stranger.status_code, (method, path)
                if PUBLIC.search(path.removeprefix(base)):
                    public.add(path)
                    continue
                elsewhere = answer.status_code in (301, 302) and not answer.content
                headers_only = method == "OPTIONS" and not answer.content
                assert elsewhere or headers_only or answer.status_code in (403, 404, 405), (
                    method,
                    path,
                    answer.status_code,
                )
                assert "set-cookie" not in answer.headers or COOKIE not in answer.headers["set-cookie"]
                refused += 1
        for path in ("other/_dash-devices/ws", "other/_dash-devices/status", "other/own-socket", "nobody/x"):
            async with guest_socket(visit, path, token) as socket:
                with pytest.raises(websockets.ConnectionClosed):
                    await socket.recv()
                assert (socket.close_code, socket.close_reason[:30]) == (4403, "This share link is not valid f")
        for path in ("_apps", "", "Other/x"):
            with pytest.raises(InvalidStatus):
                await guest_socket(visit, path, token)
        assert other.scopes == []
    assert page.scopes == []
    assert refused > 500
    assert len(public) < 30, sorted(public)


async def test_the_origin_for_guests_knows_no_owner(visit: Visit, page: Page, links: Links) -> None:
    """There Jupyter's login and token are ignored, everything but shared apps is refused, and links let in."""
    port = urlsplit(visit.jupyter.url).port
    base = urlsplit(visit.jupyter.url).path
    origin = f"http://localhost:{port}"
    owner = {"Cookie": visit.cookies, "Authorization": f"token {visit.jupyter.token}", "Origin": origin}
    routes = (await visit.http.get(visit.jupyter.url + ROUTES_PATH)).json()["routes"]
    paths = {sample(pattern) for pattern in routes if not pattern.strip("()").startswith(".*")} | {
        "/",
        base,
        f"{base}lab",
        f"{base}dash-devices/bench/",
    }
    async with httpx.AsyncClient(timeout=30, base_url=origin, limits=httpx.Limits(max_keepalive_connections=0)) as http:
        for path in sorted(paths):
            for method in ("GET", "POST", "upgrade"):
                headers = {**owner, **UPGRADE} if method == "upgrade" else owner
                verb = "GET" if method == "upgrade" else method
                answer = await http.request(verb, f"{path}?token={visit.jupyter.token}", headers=headers)
                assert answer.status_code == 403, (method, path, answer.status_code)
                assert "set-cookie" not in answer.headers
        assert page.scopes == []
        _, token = links.issue()
        entered = await http.get(f"{base}dash-devices/bench/?share={token}", headers=owner)
        assert (entered.status_code, entered.headers["location"]) == (303, f"{base}dash-devices/bench/")
        assert token in entered.headers["set-cookie"]
        both = {**owner, "Cookie": f"{visit.cookies}; {COOKIE}={token}"}
        assert (await http.get(f"{base}dash-devices/bench/", headers=both)).status_code == 200
        assert user_of(page)["role"] == "view"
        assert page.headers["x-forwarded-host"] == f"localhost:{port}"
    forwarded = {"X-Forwarded-Host": f"localhost:{port}", "Cookie": visit.cookies}
    assert (await visit.http.get(visit.url("bench/"), headers=forwarded)).status_code == 403


async def test_a_guest_cannot_say_who_they_are(visit: Visit, page: Page, links: Links) -> None:
    """Headers by which the extension speaks to the app are taken off, in whatever spelling they come."""
    _, token = links.issue("view")
    forged = [
        ("Cookie", f"{COOKIE}={token}"),
        ("X-Dash-Devices-User", "%7B%22role%22%3A%22owner%22%7D"),
        ("x-dash-devices-USER", "%7B%22role%22%3A%22owner%22%7D"),
        ("X-Dash-Devices-Secret", "s" * 43),
        ("X-Forwarded-For", "10.0.0.1"),
        ("Connection", "X-Dash-Devices-User, X-Dash-Devices-Secret, close"),
    ]
    async with httpx.AsyncClient() as http:
        answer = await http.get(visit.url("bench/"), headers=forged)
        assert answer.status_code == 200
        assert user_of(page)["role"] == "view"
        assert page.headers["x-forwarded-for"] == "127.0.0.1"
        assert len([name for name, _ in page.scopes[-1]["headers"] if name == b"x-dash-devices-user"]) == 1
    async with guest_socket(visit, "bench/_dash-devices/ws", token, X_Dash_Devices_User="%7B%7D"):
        assert user_of(page)["role"] == "view"


async def test_a_path_cannot_lead_out_of_the_app(visit: Visit, page: Page, links: Links) -> None:
    """Dots, slashes and percent signs in a path change nothing of which app is asked."""
    _, token = links.issue("control")
    base = urlsplit(visit.url()).path
    jupyter = urlsplit(visit.jupyter.url).path
    odd = (
        "bench/../other/", "bench/%2e%2e/other/", "bench/..%2fother/", "bench%2f..%2fother/", "bench//../other/",
        "/other/", "./other/", "bench/../../api/contents", "bench/%2e%2e/%2e%2e/api/contents", "BENCH/",
        "bench\\..\\other/",
    )  # fmt: skip
    async with serving(visit, "other") as other:
        for target in [*(base + path for path in odd), f"/{base}other/", f"{jupyter}./dash-devices/other/"]:
            for head in ("", visit.origin):
                answer = await raw_get(visit.origin, head + target, f"{COOKIE}={token}")
                assert re.match(r"HTTP/1.1 (200|302|400|403|404) ", answer), (target, answer[:80])
                assert "plans" not in answer
        assert other.scopes == []
    assert all(scope["path"].startswith("/") for scope in page.scopes)


async def raw_get(origin: str, target: str, cookie: str) -> str:
    """The answer to a request whose target no client library has put in order."""
    address = urlsplit(origin)
    lines = (f"GET {target} HTTP/1.1", f"Host: {address.netloc}", f"Cookie: {cookie}", "Connection: close", "", "")
    return await raw(origin, "\r\n".join(lines))


async def raw(origin: str, head: str) -> str:
    """What is answered to these bytes, until the connection is closed."""
    address = urlsplit(origin)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(head.encode())
    answer = await asyncio.wait_for(reader.read(), 20)
    writer.close()
    await writer.wait_closed()
    return answer.decode(errors="replace")


async def test_only_a_get_of_the_page_takes_a_link(visit: Visit, page: Page, links: Links) -> None:
    """No other method and no WebSocket enters by its URL, and two different links are none."""
    _, token = links.issue("control")
    _, second = links.issue("view")
    async with httpx.AsyncClient() as http:
        for method in ("HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
            answer = await http.request(method, visit.url(f"bench/?share={token}"), headers={"Origin": visit.origin})
            assert answer.status_code in (302, 403), method
            assert "set-cookie" not in answer.headers
        answer = await http.get(visit.url(f"bench/?share={token}&share={second}"))
        assert answer.status_code == 403
        answer = await http.get(visit.url(f"bench/?share={token}"), headers={"Sec-Fetch-Site": "cross-site"})
        assert answer.status_code == 403, "a picture on another site"
    with pytest.raises(InvalidStatus):
        await visit.socket(f"bench/_dash-devices/ws?share={token}", Cookie="")
    assert page.scopes == []


async def test_what_does_not_count_is_refused_with_a_reason(
    visit: Visit, page: Page, links: Links, guest: httpx.AsyncClient
) -> None:
    """Tampered, expired, revoked and foreign links: a page says why, a WebSocket closes with 4403 and the reason."""
    _, good = links.issue("view")
    _, ended = links.issue("view", hours=1, ago=3601)
    record, revoked = links.issue("view")
    links.revoke(record)
    _, foreign = links_of(visit, "other").issue("view")
    _, elsewhere = Links(visit.jupyter, ShareList("bench", "/dash-devices/bench/")).issue("view")
    raised = good.replace(".v", ".c")
    longer = re.sub(r"\.v[0-9a-f]+", ".vffffffff", good)
    for token, reason in {
        ended: "This share link has ended.",
        revoked: "This share link was revoked.",
        foreign: "This share link is not valid for this app",
        elsewhere: "This share link is not valid for this app",
        raised: "This share link is not valid for this app",
        longer: "This share link is not valid for this app",
        good[:-1]: "This share link is incomplete",
        "": "This share link is incomplete",
    }.items():
        answer = await guest.get(visit.url(f"bench/?share={token}"), headers={"Accept": "text/html"})
        assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)
        assert reason in answer.text
        assert "_apps" not in answer.text
        assert re.findall('href="(.*?)"', answer.text) == [f"{urlsplit(visit.jupyter.url).path}login"]
        cookie = {"Cookie": f"{COOKIE}={token}", "Origin": visit.origin}
        answer = await guest.get(visit.url("bench/"), headers={**cookie, "Accept": "text/html"})
        assert answer.status_code == 403
        assert reason in answer.text
        assert (await guest.post(visit.url("bench/"), headers=cookie)).status_code == 403
        for path in ("ws", "status"):
            async with guest_socket(visit, f"bench/_dash-devices/{path}", token) as socket:
                with pytest.raises(websockets.ConnectionClosed):
                    await socket.recv()
                assert socket.close_code == 4403
                assert reason[:40] in (socket.close_reason or "")
    assert page.scopes == []
    both = {"Cookie": f"{COOKIE}={revoked}; {COOKIE}={good}"}
    assert (await guest.get(visit.url("bench/"), headers=both)).status_code == 200, "one of two cookies counts"


async def test_a_revoked_link_ends_what_is_open(
    visit: Visit, page: Page, links: Links, guest: httpx.AsyncClient
) -> None:
    """WebSockets close with 4403 and the reason, a stream breaks off; other links go on."""
    record, token = links.issue("view")
    _, other = links.issue("view")
    cookie = {"Cookie": f"{COOKIE}={token}"}
    async with (
        guest_socket(visit, "bench/_dash-devices/ws", token) as live,
        guest_socket(visit, "bench/_dash-devices/status", token) as status,
        guest_socket(visit, "bench/_dash-devices/ws", other) as stays,
        guest.stream("GET", visit.url("bench/stream"), headers=cookie) as stream,
    ):
        pieces = stream.aiter_bytes()
        await anext(pieces)
        links.revoke(record)
        with pytest.raises(httpx.RemoteProtocolError):
            async for _ in pieces:
                pass
        for socket in (live, status):
            async with asyncio.timeout(5):
                await socket.wait_closed()
            assert socket.close_code == 4403
            assert (socket.close_reason or "").startswith("This share link was revoked.")
        await stays.send("still here")
        assert await stays.recv() == "still here"
    await eventually(lambda: page.gone == 1)


async def test_the_owner_stays_the_owner(visit: Visit, page: Page, links: Links) -> None:
    """A login in the same browser counts more than a link: no cookie is set, and one that is there is not looked at."""
    _, token = links.issue("view")
    answer = await visit.http.get(visit.url(f"bench/?share={token}&x=1"))
    assert (answer.status_code, "set-cookie" in answer.headers) == (303, False)
    assert answer.headers["location"].endswith("/bench/?x=1")
    both = {"Cookie": f"{visit.cookies}; {COOKIE}={token}"}
    assert (await visit.http.get(visit.url("bench/"), headers=both)).status_code == 200
    assert (user_of(page)["role"], user_of(page)["share"]) == ("owner", None)


async def test_another_site_cannot_use_a_guests_cookie(visit: Visit, page: Page, links: Links) -> None:
    """As with the owner's: neither POSTs nor WebSockets of its pages."""
    _, token = links.issue("control")
    evil = {"Cookie": f"{COOKIE}={token}", "Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    async with httpx.AsyncClient() as http:
        for method in METHODS:
            assert (await http.request(method, visit.url("bench/x"), headers=evil)).status_code == 403, method
    with pytest.raises(InvalidStatus):
        await guest_socket(visit, "bench/_dash-devices/ws", token, Origin="https://evil.example")
    assert page.scopes == []


async def test_a_guest_learns_nothing_of_the_server(visit: Visit, links: Links, guest: httpx.AsyncClient) -> None:
    """Where the app does not answer or does not run, the page says that alone and goes on by itself."""
    _, token = links.issue("view")
    headers = {"Cookie": f"{COOKIE}={token}", "Accept": "text/html"}
    async with serving(visit, "elsewhere", notebook="private/plans.ipynb"):
        async with serving(visit, notebook="private/bench.ipynb") as page:
            late = await guest.get(visit.url("bench/silent"), headers={**headers, "Sec-Fetch-Mode": "navigate"})
            assert page.registration.notebook is not None
        gone = await guest.get(visit.url("bench/"), headers=headers)
    for answer, status in ((late, 502), (gone, 404)):
        assert answer.status_code == status
        assert "does not run now" in answer.text
        assert not re.search(r"private|elsewhere|ipynb|_apps|kernel", answer.text), answer.text


async def test_the_lists_trouble_is_told_to_the_log_alone(
    visit: Visit, page: Page, links: Links, guest: httpx.AsyncClient
) -> None:
    """A list that others could have written lets nobody in."""
    _, token = links.issue("view")
    entered = await guest.get(visit.url(f"bench/?share={token}"))
    assert entered.status_code == 303
    await eventually(lambda: "share=[secret]" in visit.jupyter.output)
    assert token not in visit.jupyter.output
    file = visit.jupyter.runtime_dir / "dash-devices/bench.shares"
    file.chmod(0o666)
    answer = await guest.get(visit.url("bench/"), headers={"Cookie": f"{COOKIE}={token}"})
    file.chmod(0o600)
    assert answer.status_code == 403
    assert "the log of the Jupyter server says why" in answer.text
    assert "0666" not in answer.text
    await eventually(lambda: "has mode 0666, expected 0600" in visit.jupyter.output)


async def test_no_spelling_of_a_link_is_in_the_log(visit: Visit, page: Page, links: Links) -> None:
    """A link that is refused here may count elsewhere: however the name is encoded, and within other addresses."""
    _, elsewhere = Links(visit.jupyter, ShareList("bench", "/dash-devices/bench/")).issue("view")
    encoded = elsewhere.replace(".", "%2E")
    spellings = [f"share={elsewhere}", f"%73hare={elsewhere}", f"s%68ar%65={encoded}", f"%73%68%61%72%65={encoded}"]
    targets = [f"dash-devices/bench/?x=1&{each}" for each in spellings]
    targets += [f"dash-devices/bench?{spellings[1]}", f"lab?{spellings[2]}", f"dash-devices/bench/x/{encoded}"]
    targets += [f"login?next=%2Fdash-devices%2Fbench%3F{quote(each)}" for each in spellings[1:]]
    base = urlsplit(visit.jupyter.url).path
    for number, target in enumerate(targets):
        await raw_get(visit.origin, f"{base}{target}&number={number}", "")
    async with httpx.AsyncClient(follow_redirects=True, headers={"Accept": "text/html"}) as http:
        for each in (f"bench?{spellings[0]}", f"bench?{spellings[3]}"):
            await http.get(visit.url(each), headers={"Referer": visit.url(f"bench/?{spellings[1]}")})
        await http.get(visit.url("nothing/?number=last"))
    await eventually(lambda: "number=last" in visit.jupyter.output)
    assert "x=1&%73hare=[secret]" in visit.jupyter.output
    for token in (elsewhere, encoded, quote(encoded)):
        assert token not in visit.jupyter.output


LENGTHS = ["x", "1_0", "+1", "-1", "0x1", "1, 2", "", "1e3", "9" * 21, "9" * 5000]


@pytest.mark.parametrize("length", LENGTHS, ids=lambda length: f"{length[:5]}-{len(length)}")
async def test_a_content_length_that_is_none_gets_400(visit: Visit, page: Page, links: Links, length: str) -> None:
    """Through the extension, for an owner and for a guest: nothing of ours fails, and the app is not asked."""
    _, token = links.issue("control")
    before = len(visit.jupyter.output)  # of other tests, by the same server
    login = "; ".join(f"{cookie.name}={cookie.value}" for cookie in visit.http.cookies.jar)
    for cookie in (f"{COOKIE}={token}", login):
        for method, path in (("POST", "bench/x"), ("GET", "bench/")):
            head = f"{method} {urlsplit(visit.url(path)).path} HTTP/1.1\r\nHost: {urlsplit(visit.origin).netloc}\r\n"
            head += f"Origin: {visit.origin}\r\nCookie: {cookie}\r\nContent-Length: {length}\r\n\r\n"
            answer = await raw(visit.origin, head)
            assert answer.startswith("HTTP/1.1 400 "), (method, path, answer[:200])
    assert page.scopes == []
    assert "Traceback" not in visit.jupyter.output[before:]

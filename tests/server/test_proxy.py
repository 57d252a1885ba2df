"""What passes through the Jupyter server to an app and back, and what does not."""

from __future__ import annotations

import json
import os
from urllib.parse import unquote

import httpx

from tests.server.conftest import BASE_URL, Page, Visit, serving
from tests.support.eventually import eventually

PREFIX = f"{BASE_URL}dash-devices/bench/"


async def test_page_path_and_query_reach_the_app_as_the_browser_encoded_them(visit: Visit, page: Page) -> None:
    """The app sees its own path, still percent-encoded, and its own query."""
    answer = await visit.http.get(visit.url("bench/a%20b/%C3%B6?x=1&y=%26"))
    assert (answer.status_code, answer.text) == (200, "hello")
    assert page.scopes[-1]["raw_path"] == b"/a%20b/%C3%B6"
    assert page.scopes[-1]["query_string"] == b"x=1&y=%26"


async def test_jupyters_credentials_do_not_reach_the_app(visit: Visit, page: Page) -> None:
    """Cookies of Jupyter, Authorization, the token and forged headers of ours stay here."""
    await visit.http.get(
        visit.url(f"bench/?token={visit.jupyter.token}&z=1&_xsrf=abc"),
        headers={
            **visit.jupyter.headers,
            "Cookie": f"{visit.cookies}; mine=1; username-localhost-8888=x; jupyterhub-user-x=y",
            "Referer": f"{visit.origin}/lab?token={visit.jupyter.token}",
            "X-XSRFToken": "abc",
            "X-Dash-Devices-User": "mallory",
            "X-Forwarded-For": "6.6.6.6",
            "Connection": "keep-alive, X-Private",
            "X-Private": "hop",
        },
    )
    headers = page.headers
    assert visit.jupyter.token not in repr(page.scopes[-1])
    assert page.scopes[-1]["query_string"] == b"z=1"
    assert headers["cookie"] == "mine=1"
    assert headers["x-forwarded-for"] == "127.0.0.1"
    assert not {"authorization", "x-xsrftoken", "x-private"} & headers.keys()
    assert json.loads(unquote(headers["x-dash-devices-user"]))["role"] == "owner"


async def test_the_apps_cookies_and_redirects_stay_below_its_path(visit: Visit, page: Page) -> None:
    """A cookie is scoped to the app, Jupyter's are refused, and a redirect keeps the prefix."""
    login = next(c.name for c in visit.http.cookies.jar if c.name.startswith("username-"))
    page.replies["/go"] = (
        302,
        [
            (b"location", b"/there?a=1"),
            (b"set-cookie", b"mine=1; Path=/; Domain=example.org; HttpOnly"),
            (b"set-cookie", f"{login}=stolen; Path=/".encode()),
            (b"set-cookie", b"_xsrf=stolen"),
            (b"x-frame-options", b"DENY"),
            (b"content-security-policy", b"script-src 'self'"),
        ],
        b"",
    )
    answer = await visit.http.get(visit.url("bench/go"))
    assert answer.headers["location"] == f"{PREFIX}there?a=1"
    assert answer.headers.get_list("set-cookie") == [f"mine=1; HttpOnly; Path={PREFIX}"]
    assert answer.headers.get_list("content-security-policy") == [
        "frame-ancestors 'self'",
        "script-src 'self'",
    ]
    assert "x-frame-options" not in answer.headers
    visit.http.cookies.delete("mine")


async def test_bodies_pass_in_both_directions(visit: Visit, page: Page) -> None:
    """A POST of a page of this server needs no XSRF token, and its body arrives whole."""
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        answer = await visit.http.request(
            method, visit.url("bench/echo"), content=b"x" * 90_000, headers={"Origin": visit.origin}
        )
        assert (method, answer.status_code, len(answer.content)) == (method, 200, 90_000)
    answer = await visit.http.head(visit.url("bench/"))
    assert (answer.status_code, answer.content) == (200, b"")
    page.replies["/unchanged"] = (304, [(b"etag", b'"1"')], b"")
    assert (await visit.http.get(visit.url("bench/unchanged"))).status_code == 304


async def test_chunked_upload_is_streamed_and_limited(visit: Visit, page: Page) -> None:
    """An upload of unknown length passes piece by piece; one that is too long is refused."""

    async def pieces(count: int):  # type: ignore[no-untyped-def]
        for _ in range(count):
            yield b"x" * 10_000

    origin = {"Origin": visit.origin}
    answer = await visit.http.post(visit.url("bench/echo"), content=pieces(5), headers=origin)
    assert len(answer.content) == 50_000
    answer = await visit.http.post(visit.url("bench/echo"), content=pieces(15), headers=origin)
    assert answer.status_code == 413
    assert answer.json()["message"] == "The body has more than 100000 bytes, the most accepted."


async def test_upload_that_is_too_long_is_refused_with_the_limit(visit: Visit, page: Page) -> None:
    """The answer names what came and what is accepted, and the app hears nothing of it."""
    answer = await visit.http.post(visit.url("bench/echo"), content=b"x" * 150_000, headers={"Origin": visit.origin})
    assert answer.status_code == 413
    assert answer.json()["message"] == "The body has 150000 bytes, at most 100000 are accepted."
    assert page.bodies == []


async def test_stream_flows_and_ends_when_its_reader_leaves(visit: Visit, page: Page) -> None:
    """A video that has no end is passed on as it comes; a reader who leaves ends it at the app."""
    async with visit.http.stream("GET", visit.url("bench/stream")) as answer:
        assert answer.headers["content-type"] == "multipart/x-mixed-replace; boundary=frame"
        seen = b""
        async for chunk in answer.aiter_raw():
            seen += chunk
            if seen.count(b"--frame") >= 5:
                break
    await eventually(lambda: page.gone == 1)


async def test_app_that_does_not_answer_gives_502_with_the_reason(visit: Visit, page: Page) -> None:
    """Nobody waits for ever: programs get JSON, persons a page that goes on by itself."""
    answer = await visit.http.get(visit.url("bench/silent"))
    assert answer.status_code == 502
    message = answer.json()["message"]
    assert message.startswith("the app did not begin to answer within 2 s (kernel: ")
    answer = await visit.http.get(
        visit.url("bench/silent"), headers={"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}
    )
    assert answer.status_code == 502
    assert "The app did not begin to answer within 1 s." in answer.text
    assert "_dash-devices/status" in answer.text


async def test_app_whose_socket_is_gone_gives_502_with_the_reason(visit: Visit) -> None:
    """A record that outlives its socket is told apart from an app that nobody knows."""
    async with serving(visit, "brittle") as page:
        endpoint = page.registration.endpoint
        moved = f"{endpoint.path}x"  # type: ignore[union-attr]
        os.rename(endpoint.path, moved)  # type: ignore[union-attr]
        answer = await visit.http.get(visit.url("brittle/"))
        os.rename(moved, endpoint.path)  # type: ignore[union-attr]
    assert answer.status_code == 502
    assert answer.json()["message"].startswith(
        "the socket of the app 'brittle' is gone: its kernel ended or was restarted"
    )


async def test_unknown_app_gives_a_page_that_lists_what_runs(visit: Visit, page: Page) -> None:
    """The page links the apps that run and shows how to start this one."""
    answer = await visit.http.get(visit.url("nothing/"), headers={"Accept": "text/html"})
    assert answer.status_code == 404
    assert f'<a class="card app" href="{PREFIX}">\n<b>bench</b>' in answer.text
    assert "app.run(name=&#34;nothing&#34;)" in answer.text or 'name="nothing"' in answer.text
    answer = await visit.http.get(visit.url("nothing/x"))
    assert answer.json()["message"] == "There is no app 'nothing' here; running: bench."


async def test_malicious_name_reaches_nothing(visit: Visit, page: Page) -> None:
    """Names that no app can have are refused before anything is looked up."""
    for path in ("..%2f..%2fetc/", "%74hermo/", "Bench/", "-x/", "a" * 65 + "/", "127.0.0.1:22/"):
        answer = await visit.http.get(visit.url(path))
        assert answer.status_code == 404, path
        assert "names are of a-z 0-9 _ -" in answer.json()["message"]
    assert page.scopes == []


async def test_bare_name_redirects_to_the_page(visit: Visit, page: Page) -> None:
    """The URL without its last slash works, and loses the token on the way."""
    answer = await visit.http.get(visit.url("bench?token=x&a=1"))
    assert answer.status_code in (301, 302)
    assert answer.headers["location"] == f"{PREFIX}?a=1"


async def test_page_is_at_the_same_url_after_another_process_registers_it(visit: Visit) -> None:
    """The name belongs to the notebook, not to the process."""
    for _ in range(2):
        async with serving(visit, "steady") as page:
            assert page.registration.prefix == f"{BASE_URL}dash-devices/steady/"
            assert (await visit.http.get(visit.url("steady/"))).status_code == 200


async def test_stranger_is_sent_to_the_login(visit: Visit, page: Page) -> None:
    """Without cookie and token a page redirects to Jupyter's login, and comes back after it."""
    async with httpx.AsyncClient() as stranger:
        answer = await stranger.get(visit.url("bench/"))
        assert answer.status_code == 302
        assert answer.headers["location"].startswith(f"{BASE_URL}login?next=")
    assert page.scopes == []

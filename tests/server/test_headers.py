"""The header filters, case by case."""

from __future__ import annotations

import pytest
from tornado.httputil import HTTPHeaders

from dash_devices_nb.server.proxy.headers import (
    jupyters_cookies,
    scoped_cookie,
    to_app,
    to_browser,
    within,
    without_secrets,
)

PREFIX = "/user/x/dash-devices/app/"
TEST = jupyters_cookies(["_xsrf", "username-*", "jupyterhub-*"], "custom")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("/a", "/a"),
        ("/a?token=1", "/a"),
        ("/a?token=1&b=2", "/a?b=2"),
        ("/a?b=2&TOKEN=1&_xsrf=3&c", "/a?b=2&c"),
        ("/a?mytoken=1", "/a?mytoken=1"),
        ("http://h/lab?token=1#x", "http://h/lab#x"),
        ("/a?b=%26token=1", "/a?b=%26token=1"),
        ("/a?%74oken=1&b", "/a?b"),
    ],
)
def test_secrets_leave_the_query(url: str, expected: str) -> None:
    """Jupyter's own parameters go, everything else stays as it is encoded."""
    assert without_secrets(url) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("a=1", f"a=1; Path={PREFIX}"),
        ("a=1; Path=/", f"a=1; Path={PREFIX}"),
        (f"a=1; path={PREFIX}sub; Secure", f"a=1; Secure; Path={PREFIX}sub"),
        ("a=1; Path=/user/x/dash-devices/application", f"a=1; Path={PREFIX}"),
        ("a=b=c; Domain=.example.org; SameSite=Lax", f"a=b=c; SameSite=Lax; Path={PREFIX}"),
        ("_xsrf=1", None),
        ("username-host-8888=1", None),
        ("jupyterhub-session-id=1", None),
        ("custom=1; Path=/elsewhere", None),
        ("__Host-a=1", None),
        ("=1", None),
        ("a b=1", None),
    ],
)
def test_cookie_of_an_app_stays_below_its_path(given: str, expected: str | None) -> None:
    """No cookie of an app reaches Jupyter, and none takes the place of one of Jupyter's."""
    assert scoped_cookie(given, PREFIX, TEST) == expected


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("/x?y=1#z", f"{PREFIX}x?y=1#z"),
        (f"{PREFIX}x", f"{PREFIX}x"),
        ("x", "x"),
        ("http://lab:1/x", f"{PREFIX}x"),
        ("https://elsewhere/x", "https://elsewhere/x"),
        ("//elsewhere/x", "//elsewhere/x"),
        ("http://[", "http://["),
    ],
)
def test_redirect_stays_below_the_prefix(location: str, expected: str) -> None:
    """What the app takes for its root is its root in the browser, too."""
    assert within(location, PREFIX, {"lab:1"}) == expected


def test_hop_by_hop_headers_and_ours_are_dropped() -> None:
    """What concerns one connection, and what only we may say, is not passed on; which client it is a page may say."""
    headers = HTTPHeaders(
        {
            "Connection": "close, X-Named",
            "X-Named": "1",
            "Keep-Alive": "1",
            "TE": "trailers",
            "Proxy-Authorization": "1",
            "X-Dash-Devices-Secret": "guess",
            "x-dash-devices-anything": "1",
            "X-Dash-Devices-Client": "id.key",
            "Forwarded": "for=1",
            "Accept": "text/html",
            "Cookie": "a=1; _xsrf=2; custom=3;b=4",
        }
    )
    headers.add("Cookie", "username-x=1; c=5")
    assert dict(to_app(headers, TEST).get_all()) == {
        "X-Dash-Devices-Client": "id.key",
        "Accept": "text/html",
        "Cookie": "a=1; b=4; c=5",
    }


def test_what_would_hold_for_all_of_jupyter_is_not_passed_back() -> None:
    """An app decides over its own path, not over the origin that it shares with Jupyter."""
    headers = HTTPHeaders(
        {
            "Service-Worker-Allowed": "/",
            "Clear-Site-Data": '"cookies"',
            "Strict-Transport-Security": "max-age=1",
            "Alt-Svc": 'h3=":443"',
            "X-Frame-Options": "DENY",
            "X-Own": "1",
        }
    )
    passed, problems = to_browser(headers, prefix=PREFIX, hosts=(), is_jupyters=TEST)
    assert dict(passed.get_all()) == {"X-Own": "1"}
    assert problems == []

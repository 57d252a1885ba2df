"""Filter the headers of requests to the app and of its responses.

The app's page lives at Jupyter's origin, so the browser sends Jupyter's cookies with each of its
requests. None of what lets somebody into Jupyter goes on to the app: not the login and XSRF
cookies, not ``Authorization``, not ``?token=`` (in the URL or in the ``Referer``). The other way,
the app can set cookies for its own path only, and none of Jupyter's.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import unquote_plus, urlsplit, urlunsplit

from tornado.httputil import HTTPHeaders

HOP_BY_HOP = frozenset(
    (
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)  # RFC 9110, section 7.6.1
OURS = "x-dash-devices-"
OF_PAGES = "x-dash-devices-client"
"""The header with which a page names its client over HTTP. The app checks it."""
CREDENTIALS = frozenset(("authorization", "cookie", "x-xsrftoken"))
REPLACED = frozenset(("x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded"))
MOST_DIGITS = 20
"""Longest Content-Length, in digits. Python refuses to parse very long numbers."""
QUERY_SECRETS = frozenset(("token", "_xsrf", "share"))
"""Query parameters that grant access to Jupyter or to an app. Apps cannot use these names."""

NOT_PASSED_BACK = frozenset(
    (
        "server",
        "date",
        "x-frame-options",
        "content-security-policy",
        # These would apply to all of Jupyter's origin, not only to the app's path.
        "alt-svc",
        "clear-site-data",
        "service-worker-allowed",
        "strict-transport-security",
    )
)

CookieTest = Callable[[str], bool]


def hop_by_hop(headers: HTTPHeaders) -> frozenset[str]:
    """The lower-case names of the headers that concern this connection only."""
    named = (part.strip().lower() for part in headers.get("Connection", "").split(","))
    return HOP_BY_HOP.union(name for name in named if name)


def to_app(headers: HTTPHeaders, is_jupyters: CookieTest) -> HTTPHeaders:
    """The headers of a browser's request, without those that the app must not see or that we set ourselves.

    Args:
        headers: as they came.
        is_jupyters: returns whether a cookie of this name is Jupyter's.
    """
    dropped = hop_by_hop(headers) | CREDENTIALS | REPLACED
    passed = HTTPHeaders()
    for name, value in headers.get_all():
        lower = name.lower()
        if lower in dropped or (lower.startswith((OURS, "sec-websocket-extensions")) and lower != OF_PAGES):
            continue
        passed.add(name, without_secrets(value) if lower == "referer" else value)
    cookies = app_cookies(headers.get_list("Cookie"), is_jupyters)
    if cookies:
        passed["Cookie"] = cookies
    return passed


def app_cookies(values: Iterable[str], is_jupyters: CookieTest) -> str:
    """A Cookie header without Jupyter's."""
    pairs = (pair.strip() for value in values for pair in value.split(";"))
    return "; ".join(p for p in pairs if p and not is_jupyters(p.partition("=")[0].strip()))


def jupyters_cookies(patterns: Iterable[str], *names: str) -> CookieTest:
    """A test for cookies that are Jupyter's, by shell patterns and by exact names."""
    fixed = frozenset(names)
    shapes = tuple(patterns)
    return lambda name: name in fixed or any(fnmatch.fnmatchcase(name, s) for s in shapes)


def content_length(values: Iterable[str]) -> int:
    """The length of a request's body by its Content-Length headers, 0 where there is none.

    Raises:
        ValueError: it is no number, or there are several.
    """
    given = {length.strip() for value in values for length in value.split(",")}
    if not given:
        return 0
    (length, *others) = given
    if others or len(length) > MOST_DIGITS or not (length.isascii() and length.isdigit()):
        shown = ", ".join(sorted(given))
        raise ValueError(f"The Content-Length {shown!r:.60} is not a number of bytes, of at most {MOST_DIGITS} digits")
    return int(length)


def without_secrets(url: str) -> str:
    """The URL (or path and query) without the query parameters that let somebody into Jupyter."""
    head, mark, query = url.partition("?")
    if not mark:
        return url
    query, hash_mark, fragment = query.partition("#")
    kept = [p for p in query.split("&") if _parameter(p) not in QUERY_SECRETS]
    tail = f"{hash_mark}{fragment}"
    return f"{head}?{'&'.join(kept)}{tail}" if kept else f"{head}{tail}"


def _parameter(pair: str) -> str:
    return unquote_plus(pair.partition("=")[0]).strip().lower()


def to_browser(
    headers: HTTPHeaders, *, prefix: str, hosts: Iterable[str], is_jupyters: CookieTest
) -> tuple[HTTPHeaders, list[str]]:
    """The headers of an app's response for the browser, and the problems to report.

    Args:
        headers: as they came.
        prefix: path of the app's URL, with a slash at both ends.
        hosts: host names (with port) by which the browser may know this server.
        is_jupyters: tells by its name whether a cookie is Jupyter's.
    """
    dropped = hop_by_hop(headers) | NOT_PASSED_BACK
    passed = HTTPHeaders()
    problems: list[str] = []
    for name, value in headers.get_all():
        lower = name.lower()
        if lower in dropped or lower.startswith(OURS):
            continue
        if lower == "set-cookie":
            cookie = scoped_cookie(value, prefix, is_jupyters)
            if cookie is None:
                problems.append(f"the app's cookie {value.partition('=')[0]!r:.100} is refused")
            else:
                passed.add(name, cookie)
        elif lower in ("location", "content-location"):
            passed.add(name, within(value, prefix, hosts))
        else:
            passed.add(name, value)
    return passed, problems


def scoped_cookie(value: str, prefix: str, is_jupyters: CookieTest) -> str | None:
    """A Set-Cookie value that reaches only the app's path; None if it is Jupyter's or malformed."""
    name = value.partition(";")[0].partition("=")[0].strip()
    try:
        SimpleCookie()[name] = ""
    except CookieError:
        return None
    if is_jupyters(name) or name.startswith("__Host-"):
        return None
    kept: list[str] = []
    path = prefix
    for attribute in value.split(";"):
        key, _, content = attribute.partition("=")
        key = key.strip().lower()
        if key == "path" and content.strip().startswith(prefix):
            path = content.strip()
        elif key not in ("path", "domain"):
            kept.append(attribute.strip())
    return "; ".join((*kept, f"Path={path}"))


def within(location: str, prefix: str, hosts: Iterable[str]) -> str:
    """A redirect's target as the browser must see it: the app's ``/x`` is ``{prefix}x``.

    Targets on other hosts, relative ones and those with the prefix stay as they are.
    """
    try:
        parts = urlsplit(location)
    except ValueError:
        return location
    own = not parts.netloc or parts.netloc in set(hosts)
    if not own or not parts.path.startswith("/") or location.startswith("//"):
        return location
    path = parts.path if parts.path.startswith(prefix) else prefix + parts.path[1:]
    return urlunsplit(("", "", path, parts.query, parts.fragment))

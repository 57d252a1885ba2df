"""Checks of a page's address, as a browser sees it."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.cookiejar import CookieJar
from urllib.parse import urljoin, urlsplit, urlunsplit

from websockets.exceptions import InvalidHandshake, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from dash_devices_nb.doctor.finding import Finding

SECONDS = 10.0
UPGRADE = (
    "let the proxy pass upgrades. nginx: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; "
    'proxy_set_header Connection "upgrade"; proxy_set_header Host $http_host; Caddy and Traefik do it by themselves.'
)

_SETTINGS = re.compile(r'<script id="_dash-devices-config" type="application/json">(.*?)</script>', re.DOTALL)
_SCRIPT = re.compile(r'<script src="([^"]*_dash-devices/page-[^"]*)"')


class _Browser:
    """Loads pages and keeps cookies."""

    def __init__(self) -> None:
        self._cookies = CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._cookies))

    def get(self, url: str) -> tuple[int, str, str]:
        """Return the status, the text and the final URL. Raises OSError."""
        try:
            with self._opener.open(url, timeout=SECONDS) as answer:
                return answer.status, answer.read().decode(errors="replace"), answer.url
        except urllib.error.HTTPError as error:
            with error:
                return error.code, "", url

    def cookie(self, url: str) -> dict[str, str]:
        """Return the header with the cookies for a URL."""
        request = urllib.request.Request(url)
        self._cookies.add_cookie_header(request)
        given = request.get_header("Cookie")
        return {"Cookie": given} if given else {}


def check_address(url: str) -> Iterator[Finding]:
    """Check that the page loads, knows its own address, and gets its WebSocket."""
    shown = url.partition("?")[0]
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        yield Finding(f"{shown!r} is no address of a page.", "give it as the browser shows it, http://host:port/path/.")
        return
    browser = _Browser()
    try:
        status, text, final = browser.get(url)
    except (OSError, ValueError) as exc:
        reason = getattr(exc, "reason", exc)
        yield Finding(f"Nobody answers at {shown} ({reason}).", "start the app, and check the host, port and firewall.")
        return
    if status in (401, 403):
        mend = "give the whole address with its ?token=, as app.url has it, or a share link."
        yield Finding(f"{shown} answers {status}: it asks for a secret or a login.", mend)
        return
    settings = _SETTINGS.search(text)
    if status != 200 or settings is None:
        yield Finding(f"{shown} answers {status} with something that is no page of dash_devices_nb.", "check the path.")
        return
    prefix = str(json.loads(settings[1])["prefix"])
    script = _SCRIPT.search(text)
    loaded = browser.get(urljoin(final, script[1]))[0] if script else 404
    if loaded != 200 or not urlsplit(final).path.startswith(prefix):
        yield Finding(
            f"Wrong base URL: the page at {shown} takes its path for {prefix!r}, and its script answers {loaded}.",
            "let the proxy pass the path unchanged; Jupyter has its path by c.ServerApp.base_url, an app of its own by "
            "Dash(url_base_pathname=...).",
        )
        return
    yield from _check_socket(final, prefix, browser)


def _check_socket(page: str, prefix: str, browser: _Browser) -> Iterator[Finding]:
    parts = urlsplit(urljoin(page, f"{prefix}_dash-devices/ws"))
    url = urlunsplit(("wss" if parts.scheme == "https" else "ws", parts.netloc, parts.path, "", ""))
    origin = f"{parts.scheme}://{parts.netloc}"
    cookie = browser.cookie(page)
    try:
        with connect(
            url,
            origin=Origin(origin),
            additional_headers=cookie,
            compression=None,
            open_timeout=SECONDS,
            close_timeout=1,
        ):
            return
    except InvalidStatus as exc:
        status = exc.response.status_code
        if status == 403:
            mend = f"pass the Host header unchanged in the proxy, or allow the origin: allowed_origins=[{origin!r}]."
            yield Finding(f"The WebSocket of {page.partition('?')[0]} is refused (403) for the origin {origin}.", mend)
        else:
            yield Finding(f"No WebSocket at {parts.path}: the upgrade is answered {status}.", UPGRADE)
    except (OSError, InvalidHandshake) as exc:
        yield Finding(f"No WebSocket at {parts.path} ({type(exc).__name__}: {exc}).", UPGRADE)

"""The connections of a page, or of a program, to an app: HTTP, and one WebSocket."""

from __future__ import annotations

import asyncio
import html
import http.client
import json
import re
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPResponse
from http.cookiejar import CookieJar
from urllib.parse import urljoin, urlsplit, urlunsplit

import websockets
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin

from dash_devices_nb.close_codes import CloseCode
from dash_devices_nb.remote.types import Frame

_SETTINGS = re.compile(r'<script id="_dash-devices-config" type="application/json">(.*?)</script>', re.DOTALL)


@dataclass(frozen=True)
class Fetched:
    """An HTTP response.

    Attributes:
        status, text, headers: of the response; names of headers are in lower case.
        url: its URL after redirects.
    """

    status: int
    text: str
    url: str
    headers: dict[str, str]


class Link:
    """The network side of a page, as a browser does it.

    Args:
        url: the page's URL, with its `?token=` if it has one.
        headers: additional headers for all requests and for the WebSocket.

    Attributes:
        headers: the additional headers; a change applies to later requests.
        settings: the settings for the page's script; empty before `open`.
        cookies: the cookies, kept as a browser does.
        socket: the newest WebSocket, or None.
    """

    def __init__(self, url: str, headers: Mapping[str, str] | None = None) -> None:
        self.url = url
        self.settings: Frame = {}
        self.cookies = CookieJar()
        self.headers = dict(headers or {})
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(self.cookies)
        )
        self.socket: ClientConnection | None = None
        self._outgoing: deque[str | bytes] = deque()
        self.sent = 0
        """Number of frames sent on this connection."""
        self._writing = asyncio.Lock()

    # ---- HTTP

    async def open(self) -> None:
        """Load the page itself.

        Raises:
            ConnectionError: nobody answers, or it is not a page of dash_devices_nb.
        """
        page = await self.fetch(self.url)
        found = _SETTINGS.search(page.text)
        if page.status != 200 or found is None:
            raise ConnectionError(
                f"{self.place} answers {page.status} and is not a page of dash_devices_nb: {words(page.text)[:200]!r}"
            )
        self.url = page.url
        self.settings = json.loads(found.group(1))

    async def fetch(
        self, path: str, body: object = None, headers: Mapping[str, str] | None = None, within: float = 30.0
    ) -> Fetched:
        """Send a request to the app. `path` is relative to its prefix, `body` is sent as JSON.

        Raises:
            ConnectionError: nobody answers.
        """
        url = urljoin(urljoin(self.url, self.settings.get("prefix", "")), path)
        return await asyncio.to_thread(self._fetch, url, body, {**self.headers, **(headers or {})}, within)

    def _fetch(self, url: str, body: object, headers: Mapping[str, str], within: float) -> Fetched:
        request = urllib.request.Request(url, headers=dict(headers))
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
            request.add_header("Origin", self.origin)
        try:
            with self._opener.open(request, timeout=within) as answer:
                return _fetched(answer)
        except urllib.error.HTTPError as error:
            with error:
                return _fetched(error)
        except (OSError, ValueError, http.client.HTTPException) as error:
            why = getattr(error, "reason", error)
            raise ConnectionError(f"nobody answers at {without_secrets(url)}: {why}") from error

    @property
    def place(self) -> str:
        """The URL without its secrets, for messages."""
        return without_secrets(self.url)

    @property
    def origin(self) -> str:
        """The origin of the page."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    # ---- the WebSocket

    @property
    def connected(self) -> bool:
        """Whether the WebSocket is open."""
        return self.socket is not None and self.socket.state is websockets.State.OPEN

    async def connect(self, ping_seconds: float | None = None) -> ClientConnection:
        """Open the WebSocket. With `ping_seconds`, one that does not answer pings is closed."""
        parts = urlsplit(urljoin(self.url, self.settings["prefix"] + "_dash-devices/ws"))
        url = urlunsplit(("wss" if parts.scheme == "https" else "ws", parts.netloc, parts.path, "", ""))
        request = urllib.request.Request(self.url)
        self.cookies.add_cookie_header(request)
        given = {name.lower(): value for name, value in self.headers.items()}.get("cookie")
        cookie = "; ".join(each for each in (given, request.get_header("Cookie")) if each)
        headers = {name: value for name, value in self.headers.items() if name.lower() != "cookie"}
        self._outgoing.clear()
        self.sent = 0
        self.socket = await connect(
            url,
            origin=Origin(self.origin),
            additional_headers={**headers, **({"Cookie": cookie} if cookie else {})},
            compression=None,
            ping_interval=ping_seconds,
            max_size=None,
            proxy=None,
        )
        return self.socket

    def send(self, frame: Mapping[str, object] | str | bytes) -> bool:
        """Queue a frame for `flush`. Returns False without a connection."""
        if not self.connected:
            return False
        self._outgoing.append(frame if isinstance(frame, str | bytes) else json.dumps(frame))
        self.sent += 1
        return True

    async def flush(self) -> None:
        """Send the queued frames in order. Frames that a lost connection swallows must be sent again by the page."""
        async with self._writing:
            while self._outgoing and self.socket is not None:
                try:
                    await self.socket.send(self._outgoing.popleft())
                except websockets.ConnectionClosed:
                    self._outgoing.clear()

    def cut(self) -> None:
        """Break the connection without a Close frame, as a lost network does."""
        if self.socket is not None:
            self.socket.transport.abort()

    async def close(self) -> None:
        """Close the WebSocket, as closing a tab does."""
        # A connection that ended with much unsent data cannot be aborted (asyncio before Python 3.12).
        if self.socket is not None and self.socket.close_code is None:
            await self.socket.close(CloseCode.GOING_AWAY)


def without_secrets(url: str) -> str:
    """A URL without its query, where the tokens are."""
    return url.partition("?")[0]


def _fetched(answer: HTTPResponse | urllib.error.HTTPError) -> Fetched:
    text = answer.read().decode(errors="replace")
    return Fetched(
        answer.status or 0, text, answer.url, {name.lower(): value for name, value in answer.headers.items()}
    )


def words(page: str) -> str:
    """Return the text of a page."""
    return " ".join(html.unescape(re.sub(r"(?s)<(title|style|script)\b.*?</\1>|<.*?>", " ", page)).split())

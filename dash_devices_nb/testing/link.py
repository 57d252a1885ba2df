"""A page's connections to an app: its files over HTTP, and its one WebSocket, which a test may cut."""

from __future__ import annotations

import asyncio
import html
import json
import re
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookiejar import CookieJar
from typing import Any
from urllib.parse import urljoin, urlsplit, urlunsplit

import websockets
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin

from dash_devices_nb.close_codes import CloseCode

_SETTINGS = re.compile(r'<script id="_dash-devices-config" type="application/json">(.*?)</script>', re.DOTALL)


@dataclass(frozen=True)
class Fetched:
    """An answer over HTTP.

    Attributes:
        status, text, headers: of the answer; the names of the headers are in lower case.
        url: where it was, after redirects.
    """

    status: int
    text: str
    url: str
    headers: dict[str, str]


class Link:
    """What a browser does for a page.

    Args:
        url: the page's, with its `?token=` if it has one.
        headers: more headers for all requests and for the WebSocket.

    Attributes:
        settings: what the page's own script would read; empty before `open`.
        cookies: as a browser keeps them.
        socket: the newest WebSocket, or None.
    """

    def __init__(self, url: str, headers: Mapping[str, str] | None = None) -> None:
        self.url = url
        self.settings: dict[str, Any] = {}
        self.cookies = CookieJar()
        self._headers = dict(headers or {})
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(self.cookies)
        )
        self.socket: ClientConnection | None = None
        self._outgoing: deque[str | bytes] = deque()
        self.sent = 0
        """Frames of this connection."""
        self._writing = asyncio.Lock()

    # ---- HTTP

    async def open(self) -> None:
        """Load the page itself.

        Raises:
            ConnectionError: nobody answers there, or it is no page of dash_devices_nb.
        """
        page = await self.fetch(self.url)
        found = _SETTINGS.search(page.text)
        if page.status != 200 or found is None:
            raise ConnectionError(
                f"{self.url} answers {page.status} and is no page of dash_devices_nb: {_words(page.text)[:200]!r}"
            )
        self.url = page.url
        self.settings = json.loads(found.group(1))

    async def fetch(self, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Fetched:
        """Ask for something of the app; `path` is relative to its prefix, `body` is sent as JSON.

        Raises:
            ConnectionError: nobody answers.
        """
        url = urljoin(urljoin(self.url, self.settings.get("prefix", "")), path)
        return await asyncio.to_thread(self._fetch, url, body, {**self._headers, **(headers or {})})

    def _fetch(self, url: str, body: Any, headers: Mapping[str, str]) -> Fetched:
        request = urllib.request.Request(url, headers=dict(headers))
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
            request.add_header("Origin", self.origin)
        try:
            with self._opener.open(request, timeout=30) as answer:
                return _fetched(answer)
        except urllib.error.HTTPError as error:
            with error:
                return _fetched(error)
        except OSError as error:
            raise ConnectionError(f"nobody answers at {url}: {error}") from error

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

    async def connect(self) -> ClientConnection:
        """Open the WebSocket."""
        parts = urlsplit(urljoin(self.url, self.settings["prefix"] + "_dash-devices/ws"))
        url = urlunsplit(("wss" if parts.scheme == "https" else "ws", parts.netloc, parts.path, "", ""))
        request = urllib.request.Request(self.url)
        self.cookies.add_cookie_header(request)
        given = {name.lower(): value for name, value in self._headers.items()}.get("cookie")
        cookie = "; ".join(each for each in (given, request.get_header("Cookie")) if each)
        headers = {name: value for name, value in self._headers.items() if name.lower() != "cookie"}
        self._outgoing.clear()
        self.sent = 0
        self.socket = await connect(
            url,
            origin=Origin(self.origin),
            additional_headers={**headers, **({"Cookie": cookie} if cookie else {})},
            compression=None,
            ping_interval=None,
            max_size=None,
            proxy=None,
        )
        return self.socket

    def send(self, frame: Mapping[str, Any] | str | bytes) -> bool:
        """Queue a frame for `flush`. Returns False if there is no connection."""
        if not self.connected:
            return False
        self._outgoing.append(frame if isinstance(frame, str | bytes) else json.dumps(frame))
        self.sent += 1
        return True

    async def flush(self) -> None:
        """Send what was queued, in its order; what a lost connection swallows is the page's to send again."""
        async with self._writing:
            while self._outgoing and self.socket is not None:
                try:
                    await self.socket.send(self._outgoing.popleft())
                except websockets.ConnectionClosed:
                    self._outgoing.clear()

    def cut(self) -> None:
        """Break the connection without a parting word, as a lost network does."""
        if self.socket is not None:
            self.socket.transport.abort()

    async def close(self) -> None:
        """Close the WebSocket as a tab that is closed does."""
        # One that ended while much was still to be sent cannot be aborted (asyncio before Python 3.12).
        if self.socket is not None and self.socket.close_code is None:
            await self.socket.close(CloseCode.GOING_AWAY)


def _fetched(answer: Any) -> Fetched:
    text = answer.read().decode(errors="replace")
    return Fetched(answer.status, text, answer.url, {name.lower(): value for name, value in answer.headers.items()})


def _words(page: str) -> str:
    """What a page says to a person."""
    return " ".join(html.unescape(re.sub(r"(?s)<(title|style|script)\b.*?</\1>|<.*?>", " ", page)).split())

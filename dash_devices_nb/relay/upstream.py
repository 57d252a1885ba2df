"""What carries a relay's side of the protocol to the app, and the carrier that is a WebSocket."""

from __future__ import annotations

import asyncio
import contextlib
import http.cookies
import urllib.request
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol
from urllib.parse import urlsplit, urlunsplit

import orjson
import websockets
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin

from dash_devices_nb.close_codes import CloseCode
from dash_devices_nb.errors import DashDevicesError, RemoteError, UpstreamError
from dash_devices_nb.relay import http_client
from dash_devices_nb.relay.http_client import Answer, Body, Headers, why_not
from dash_devices_nb.relay.mirror import Fields, Mirror
from dash_devices_nb.remote.link import Link, words

PING_SECONDS = 20.0
SHARE = "dash-devices-share"
"""How the names of cookies with a share link begin."""


class Channel(Protocol):
    """The WebSocket of one page that may act, as far as the app."""

    async def send(self, message: str | bytes) -> None:
        """Send a message."""

    async def receive(self) -> str | bytes:
        """Return the next message. Raises `Closed`."""

    async def close(self, code: int) -> None:
        """The page has closed its WebSocket with this code."""


class Closed(Exception):
    """The app has closed a channel.

    Attributes:
        code, reason: as it says.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Upstream(Protocol):
    """A way to the app.

    Attributes:
        place: its address without secrets, for messages.
        prefix: the path of the app's page; "" while it is unknown.
    """

    place: str
    prefix: str

    async def follow(self, mirror: Mirror) -> None:
        """Connect, and let the mirror receive until the connection ends.

        Raises:
            RemoteError: the app refuses.
            UpstreamError: it does not answer.
        """

    async def say(self, frame: Fields) -> bool:
        """Send a frame of the relay's own. Without a connection it is dropped, and False returned."""

    def ask(
        self, method: str, target: str, headers: Headers, body: Body = b"", *, token: str = ""
    ) -> AbstractAsyncContextManager[Answer]:
        """Send an HTTP request: for the guest of a token, or else for the relay itself.

        Raises:
            UpstreamError: the app does not answer.
        """

    async def admit(self, token: str) -> str:
        """Let the app check a share link. Returns why it is refused, as a sentence for the guest; "" if it is not.

        Raises:
            UpstreamError: the app does not answer.
        """

    def channel(self, headers: Headers, token: str) -> AbstractAsyncContextManager[Channel]:
        """Open the WebSocket of a page that may act.

        Raises:
            UpstreamError: the app does not answer.
        """


class WebSocketUpstream:
    """The app by its own address, directly or through a Jupyter server.

    Args:
        url: the address of the page, as the owner has it.
        headers: more headers for all requests, as `Authorization` for a Jupyter server.

    Attributes:
        place, prefix: as in `Upstream`.
    """

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self._link = Link(url, headers)
        self._given = dict(headers)
        self.place = self._link.place
        self.prefix = ""
        self._share_cookie = ""
        if not self.place.startswith(("http://", "https://")):
            raise RemoteError(f"{self.place!r} is no address of an app; it begins with http:// or https://.")
        parts = urlsplit(url)
        self.origin = f"{parts.scheme}://{parts.netloc}"

    async def follow(self, mirror: Mirror) -> None:
        """Implement `Upstream`."""
        try:
            await self._link.open()
            self.prefix = self._link.settings["prefix"]
            socket = await self._link.connect(PING_SECONDS)
        except ConnectionError as error:
            raise UpstreamError(f"{error}.") from error
        except websockets.InvalidStatus as error:
            raise UpstreamError(f"{self.place} refuses the WebSocket (HTTP {error.response.status_code}).") from error
        except (OSError, websockets.InvalidHandshake, TimeoutError) as error:
            raise UpstreamError(f"{self.place} does not answer: {why_not(error)}.") from error
        try:
            await self._send(socket, mirror.greeting())
            async for message in socket:
                for frame in mirror.receive(message):
                    await self._send(socket, frame)
        except websockets.ConnectionClosed:
            pass
        except RemoteError:
            raise
        except (DashDevicesError, ValueError, KeyError, TypeError) as error:
            mirror.start_anew()
            raise UpstreamError(f"{self.place} has sent what does not fit: {error!r}.") from error
        finally:
            await self._link.close()
        code, reason = socket.close_code or CloseCode.ABNORMAL_CLOSURE, socket.close_reason or ""
        if code >= 4000:
            raise RemoteError(f"{self.place} has closed the connection: {reason or code}")
        raise UpstreamError(f"{self.place} has closed the connection ({code} {reason}).")

    async def _send(self, socket: ClientConnection, frame: Fields) -> None:
        await socket.send(orjson.dumps(frame).decode())

    async def say(self, frame: Fields) -> bool:
        """Implement `Upstream`."""
        if not self._link.send(orjson.dumps(frame).decode()):
            return False
        await self._link.flush()
        return True

    @contextlib.asynccontextmanager
    async def ask(
        self, method: str, target: str, headers: Headers, body: Body = b"", *, token: str = ""
    ) -> AsyncIterator[Answer]:
        """Implement `Upstream`."""
        whose = await self._as_guest(headers, token) if token else self._as_owner(headers)
        async with http_client.request(self.origin, method, target, whose, body) as answer:
            yield answer

    @contextlib.asynccontextmanager
    async def channel(self, headers: Headers, token: str) -> AsyncIterator[Channel]:
        """Implement `Upstream`."""
        parts = urlsplit(self.origin)
        scheme = "wss" if parts.scheme == "https" else "ws"
        url = urlunsplit((scheme, parts.netloc, f"{self.prefix}_dash-devices/ws", "", ""))
        given = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in await self._as_guest(headers, token)
        }
        given.pop("origin", None)
        try:
            socket = await connect(
                url,
                origin=Origin(self.origin),
                additional_headers=given,
                user_agent_header=None,
                compression=None,
                ping_interval=PING_SECONDS,
                max_size=None,
                proxy=None,
            )
        except (OSError, websockets.InvalidHandshake, TimeoutError) as error:
            raise UpstreamError(f"The app does not answer: {why_not(error)}.") from error
        channel = _Channel(socket)
        try:
            yield channel
        finally:
            await channel.close(CloseCode.GOING_AWAY)

    def _as_owner(self, headers: Headers) -> Headers:
        request = urllib.request.Request(self._link.url)
        self._link.cookies.add_cookie_header(request)
        kept = [pair for pair in headers if pair[0].lower() != b"cookie"]
        given = [(name.lower().encode(), value.encode()) for name, value in self._given.items()]
        return [*kept, *given, (b"cookie", (request.get_header("Cookie") or "").encode("latin-1"))]

    async def _as_guest(self, headers: Headers, token: str) -> Headers:
        """The headers of a guest's request, with the share link's cookie as the app has it."""
        if not self._share_cookie and (why := await self.admit(token)):
            raise UpstreamError(why)
        cookies = [value.decode("latin-1") for name, value in headers if name.lower() == b"cookie"]
        pairs = [pair.strip() for each in cookies for pair in each.split(";")]
        passed = [pair for pair in pairs if pair and not pair.startswith(SHARE)]
        passed.append(f"{self._share_cookie}={token}")
        kept = [pair for pair in headers if pair[0].lower() not in (b"cookie", b"origin", b"host")]
        return [*kept, (b"cookie", "; ".join(passed).encode("latin-1")), (b"origin", self.origin.encode())]

    async def admit(self, token: str) -> str:
        """Implement `Upstream`. The app also says by which cookie it knows its guests."""
        given = False
        async with http_client.request(self.origin, "GET", f"{self.prefix}?share={token}", []) as answer:
            for name, value in answer.headers:
                if name == b"set-cookie":
                    cookies = http.cookies.SimpleCookie(value.decode("latin-1"))
                    for each in cookies:
                        if each.startswith(SHARE):
                            self._share_cookie, given = each, True
            text = "" if given else words((await answer.body()).decode(errors="replace"))
        return "" if given else text[:200] or f"The app does not take this share link (HTTP {answer.status})."


class _Channel:
    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    async def send(self, message: str | bytes) -> None:
        with contextlib.suppress(websockets.ConnectionClosed):  # which `receive` tells
            await self._socket.send(message)

    async def receive(self) -> str | bytes:
        try:
            message: str | bytes = await self._socket.recv()
        except websockets.ConnectionClosed:
            code = self._socket.close_code or CloseCode.ABNORMAL_CLOSURE
            raise Closed(code, self._socket.close_reason or "") from None
        return message

    async def close(self, code: int) -> None:
        if self._socket.close_code is not None:
            return
        if code == CloseCode.GOING_AWAY:
            await self._socket.close(code)
        else:  # the page may come back within the grace
            self._socket.transport.abort()
            await asyncio.sleep(0)

"""Guests of an app that is served directly: a share link in the URL becomes a cookie, and the cookie lets in.

Through a Jupyter server its extension does the same (`server.handlers.guests`); the links and what they mean are in
`registration.shares`.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from dash_devices_nb.close_codes import CloseCode
from dash_devices_nb.errors import RegistrationError, ShareError
from dash_devices_nb.registration import ShareList, ShareRecord
from dash_devices_nb.registration.link_watch import LinkWatch
from dash_devices_nb.transport import connection_limits

PARAMETER = "share"
REMEMBERED = 7 * 86_400
"""Seconds for which a browser keeps the cookie after the link's end, so that its page can say that it has ended."""
FULL = "Full: too much is open by this share link. Please try again."
MOST_COOKIES = 4


class ShareAuth:
    """Checks the share links of one app, and ends what is open by one that has ended.

    Args:
        shares: the app's links.
    """

    def __init__(self, shares: ShareList) -> None:
        self._shares = shares
        self._open: LinkWatch[str] = LinkWatch(self._why_ended)
        self._under_way: Counter[str] = Counter()

    def admit(self, tokens: list[str]) -> ShareRecord:
        """The link of the first token that counts.

        Raises:
            ShareError: none does; says why the first does not.
        """
        refusal: ShareError | None = None
        for token in tokens[:MOST_COOKIES]:
            try:
                return self._shares.admit(token, time.time())
            except ShareError as error:
                refusal = refusal or error
            except RegistrationError as error:
                refusal = refusal or ShareError(f"Share links cannot be checked now: {type(error).__name__}.")
        raise refusal or ShareError("There is no share link.")

    def _why_ended(self, share: str) -> str:
        try:
            return self._shares.why_ended(share, time.time())
        except RegistrationError as error:
            return f"Share links cannot be checked now: {type(error).__name__}."

    async def serve(self, app: Any, record: ShareRecord, scope: Any, receive: Any, send: Any) -> None:
        """Serve a guest's request or WebSocket, at most until the link ends, while there is room for it."""
        if (
            self._under_way[record.id] >= connection_limits.of_a_link()
            or self._under_way.total() >= connection_limits.of_links()
        ):
            await _full(scope, receive, send)
            return
        self._under_way[record.id] += 1
        try:
            await self._served(app, record, scope, receive, send)
        finally:
            self._under_way[record.id] -= 1
            if not self._under_way[record.id]:
                del self._under_way[record.id]

    async def _served(self, app: Any, record: ShareRecord, scope: Any, receive: Any, send: Any) -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None
        cut: list[asyncio.Task[None]] = []

        def close(reason: str) -> None:
            if scope["type"] == "websocket":
                cut.append(loop.create_task(_closed(send, reason)))
            else:
                cut.append(loop.create_task(asyncio.sleep(0)))
                task.cancel()

        self._open.began(record.id, close)
        try:
            await app(scope, receive, send)
        except asyncio.CancelledError:
            if not cut or task.uncancel():
                raise
        finally:
            self._open.ended(record.id, close)
            await asyncio.gather(*cut)

    async def stop(self) -> None:
        """Look at the links no more."""
        await self._open.stop()


async def _full(scope: Any, receive: Any, send: Any) -> None:
    """Say that too much is open by the link, and end the connection."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close", "code": CloseCode.TRY_AGAIN_LATER, "reason": FULL})
        return
    body = FULL.encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", b"%d" % len(body)),
        (b"retry-after", b"30"),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _closed(send: Any, reason: str) -> None:
    with suppress(OSError, RuntimeError):  # it was just closed
        await send({"type": "websocket.close", "code": CloseCode.FORBIDDEN, "reason": reason})


def cookie(name: str, token: str, record: ShareRecord, path: str, scheme: str) -> str:
    """The Set-Cookie that keeps a guest's token."""
    age = int(record.expires - time.time()) + REMEMBERED
    secure = "; Secure" if scheme in ("https", "wss") else ""
    return f"{name}={token}; Path={path}; Max-Age={age}; HttpOnly; SameSite=Lax{secure}"


def named(headers: Mapping[bytes, bytes], name: str) -> list[str]:
    """What the cookies of a name hold."""
    # Not SimpleCookie: it gives up at the first odd cookie of another program on this host.
    pairs = (pair.partition("=") for pair in headers.get(b"cookie", b"").decode("latin-1").split(";"))
    return [value.strip() for found, _, value in pairs if found.strip() == name]

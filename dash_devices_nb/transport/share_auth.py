"""Guests of an app that is served directly: a share link in the URL becomes a cookie, which lets them in.

Through a Jupyter server its extension does the same (`server.handlers.guests`); the links and what they mean are in
`registration.shares`.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeAlias

from dash_devices_nb.close_codes import CloseCode
from dash_devices_nb.errors import RegistrationError, ShareError
from dash_devices_nb.registration import ShareList, ShareRecord
from dash_devices_nb.registration.link_watch import LinkWatch
from dash_devices_nb.registration.polling import Step
from dash_devices_nb.registration.share_cookies import admit_first
from dash_devices_nb.transport import connection_limits
from dash_devices_nb.transport.polling import close_at_once, step_of_scope

Application: TypeAlias = Callable[[Any, Any, Any], Awaitable[None]]
"""An ASGI application."""

FULL = "Full: too much is open by this share link. Please try again."


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
        """Return the link of the first valid token.

        Raises:
            ShareError: no token is valid; says why the first one is not.
        """
        return admit_first(tokens, self._admit)

    def _admit(self, token: str) -> ShareRecord:
        try:
            return self._shares.admit(token, time.time())
        except RegistrationError as error:
            raise ShareError(f"Share links cannot be checked now: {type(error).__name__}.") from error

    def _why_ended(self, share: str) -> str:
        try:
            return self._shares.why_ended(share, time.time())
        except RegistrationError as error:
            return f"Share links cannot be checked now: {type(error).__name__}."

    async def serve(self, app: Application, record: ShareRecord, scope: Any, receive: Any, send: Any) -> None:
        """Serve a guest's request or WebSocket, until the link ends at the latest, if there is room for it."""
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

    async def _served(self, app: Application, record: ShareRecord, scope: Any, receive: Any, send: Any) -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None
        cut: list[asyncio.Task[None]] = []
        why = ""
        started = False

        async def noting_send(message: Any) -> None:
            nonlocal started
            started = True
            await send(message)

        def close(reason: str) -> None:
            nonlocal why
            why = reason
            if scope["type"] == "websocket":
                cut.append(loop.create_task(_closed(send, reason)))
            else:
                cut.append(loop.create_task(asyncio.sleep(0)))
                task.cancel()

        self._open.began(record.id, close)
        try:
            await app(scope, receive, noting_send)
        except asyncio.CancelledError:
            if not cut or task.uncancel():
                raise
            if not started:
                await _ended(scope, send, why)
        finally:
            self._open.ended(record.id, close)
            await asyncio.gather(*cut)

    async def stop(self) -> None:
        """Stop watching the links."""
        await self._open.stop()


async def _full(scope: Any, receive: Any, send: Any) -> None:
    """Answer that too much is open by the link, and close the connection."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close", "code": CloseCode.TRY_AGAIN_LATER, "reason": FULL})
        return
    if step_of_scope(scope) is Step.OPEN:
        await close_at_once(send, CloseCode.TRY_AGAIN_LATER, FULL)
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


async def _ended(scope: Any, send: Any, reason: str) -> None:
    """Answer a request whose link has ended before the app has answered."""
    if step_of_scope(scope) is not None:
        await close_at_once(send, CloseCode.FORBIDDEN, reason)
        return
    body = reason.encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _closed(send: Any, reason: str) -> None:
    with suppress(OSError, RuntimeError):  # it has just closed
        await send({"type": "websocket.close", "code": CloseCode.FORBIDDEN, "reason": reason})

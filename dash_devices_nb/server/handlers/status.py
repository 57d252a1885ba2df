"""``{base_url}dash-devices/{name}/_dash-devices/status``: a WebSocket on the kernel's state.

It is answered here and not by the kernel, because it has to speak while the kernel cannot.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from jupyter_server.auth.decorator import allow_unauthenticated
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from dash_devices_nb.close_codes import CloseCode
from dash_devices_nb.server.handlers.access import RESOURCE
from dash_devices_nb.server.handlers.guests import GuestHandler
from dash_devices_nb.server.kernel_status import Status


class StatusHandler(GuestHandler, WebSocketHandler):
    """Sends the app's state, then every change of it, and nothing else: guests may know it."""

    auth_resource = RESOURCE
    app = ""

    @property
    def ping_interval(self) -> float:
        """Tornado's keep-alive, in seconds (`jupyter_server` counts in milliseconds)."""
        return self.extension.ping_interval

    @property
    def ping_timeout(self) -> float:
        """When a page that does not answer a ping is given up, in seconds."""
        return self.extension.ping_interval

    @property
    def max_message_size(self) -> int:
        """The page has nothing to say here, in bytes."""
        return 4096

    @allow_unauthenticated  # `prepare` lets nobody else pass
    async def get(self, *args: Any, **kwargs: Any) -> None:
        """Open the WebSocket."""
        await super().get(*args, **kwargs)

    def open(self, *args: str, **_: str) -> None:
        """Send the state of now and listen; close at once where too much is open by a guest's link."""
        if full := self.extension.guests.full(args[0], self.visitor):
            self.close(CloseCode.TRY_AGAIN_LATER, full)
            return
        self.app = args[0]
        self.set_nodelay(True)
        self.extension.guests.follow(self.app, self.visitor, self._end)
        self._send(self.extension.watch(self.app, self._send).status)

    def on_message(self, _message: str | bytes) -> None:
        """A page says nothing here."""

    def on_close(self) -> None:
        """Stop listening."""
        if self.app:
            self.extension.guests.leave(self.app, self.visitor, self._end)
            self.extension.unwatch(self.app, self._send)

    def _end(self, reason: str) -> None:
        self.close(CloseCode.FORBIDDEN, reason)

    def _send(self, status: Status) -> None:
        try:
            sent = self.write_message(json.dumps(status.message()))
        except WebSocketClosedError:
            return  # on_close follows
        asyncio.ensure_future(sent).add_done_callback(_noted)


def _noted(sent: asyncio.Future[None]) -> None:
    """Take notice of the page having left meanwhile."""
    if not sent.cancelled():
        sent.exception()

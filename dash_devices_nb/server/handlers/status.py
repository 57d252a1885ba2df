"""``{base_url}dash-devices/{name}/_dash-devices/status``: a WebSocket for the kernel's state.

The Jupyter server answers it, because it must work while the kernel does not. A page behind a proxy that lets no
WebSocket pass asks for the state now and then.
"""

from __future__ import annotations

import json
from contextlib import ExitStack, suppress

from jupyter_server.auth.decorator import allow_unauthenticated
from tornado.iostream import StreamClosedError

from dash_devices_nb.close_codes import CloseCode
from dash_devices_nb.server.handlers.access import RESOURCE
from dash_devices_nb.server.handlers.guests import GuestHandler, switching
from dash_devices_nb.server.handlers.upgrade import check_handshake
from dash_devices_nb.server.kernel_status import Status
from dash_devices_nb.server.proxy.talking_socket import TalkingSocket


class StatusHandler(GuestHandler):
    """Sends the app's state and every change of it. Guests may know it."""

    auth_resource = RESOURCE

    @allow_unauthenticated  # `prepare` refuses everybody else
    async def get(self, app: str) -> None:
        """Open the WebSocket, and serve it until it ends. Close it at once if too much is open by a guest's link.

        A plain request gets the state as it is now.

        Raises:
            Refused: the request for a WebSocket is no handshake.
        """
        if not self.upgrades:
            self.set_header("Cache-Control", "no-store")
            self.finish(self.extension.status_of(app).message())
            return
        check_handshake(self.request.headers)
        extension, visitor = self.extension, self.visitor
        if full := extension.guests.full(app, visitor):
            self.refuse_socket(full, CloseCode.TRY_AGAIN_LATER)
        stream = self.detach()
        stream.set_nodelay(True)
        socket = TalkingSocket(stream, extension.guests.frames_of(app, visitor))

        def end(reason: str) -> None:
            socket.close(CloseCode.FORBIDDEN, reason)

        def tell(status: Status) -> None:
            socket.say(json.dumps(status.message()))

        with ExitStack() as stack, suppress(StreamClosedError):
            stack.callback(stream.close)
            status = extension.watch(app, tell).status
            stack.callback(extension.unwatch, app, tell)
            extension.guests.follow(app, visitor, end)
            stack.callback(extension.guests.leave, app, visitor, end)
            await stream.write(switching(self.request.headers["Sec-WebSocket-Key"]))
            tell(status)
            await socket.listen(extension.ping_interval)

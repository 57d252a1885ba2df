"""Hand a browser's socket to its app, so that the app's messages are written only once.

Jupyter's server and the kernel run on one computer, and a Unix socket between them carries descriptors as well as bytes
(`SCM_RIGHTS`, unix(7)). Once a page's WebSocket is open, the extension gives the app the connection to the browser:

1. The extension offers the socket in the handshake (`HEADER: OFFERED`). An app that wants it answers `HEADER: TAKEN`
   and sends nothing more until the socket has arrived.
2. The extension sends the handshake's answer to the browser, then one byte to the app, with or without the descriptor.
3. The app writes to the browser's socket. It never reads from it: the browser's bytes still come through the
   extension, which follows and limits them, and notices when the browser has gone.

To have a ping or a Close frame sent between two of the app's messages, the extension asks the app: it sends `PING`, or
a Close frame, which a WebSocket answers with one.
"""

from __future__ import annotations

import contextlib
import os
import socket

from dash_devices_nb.errors import RegistrationError

HEADER = "X-Dash-Devices-Socket"
OFFERED, TAKEN = "offered", "taken"
PING = b"\x89\x80\0\0\0\0"
"""The frame by which the extension asks the app to ping the browser. Browsers never send such a frame."""


def possible(sock: socket.socket) -> bool:
    """Whether this connection between extension and app can carry descriptors."""
    return sock.family == getattr(socket, "AF_UNIX", None) and hasattr(socket, "send_fds")


def give(sock: socket.socket, given: socket.socket | None) -> bool:
    """Send the app the browser's socket, or a note that it does not come.

    Args:
        sock: the connection to the app.
        given: the browser's socket, which also stays open here; None if it does not come.

    Returns:
        Whether the socket was sent. Also False if the app has just gone, which the next read reports.
    """
    with contextlib.suppress(OSError):
        if given is not None:
            socket.send_fds(sock, [b"+"], [given.fileno()])
            return True
        sock.send(b"-")
    return False


def take(sock: socket.socket) -> socket.socket | None:
    """Receive what `give` sent: the browser's socket, non-blocking, or None.

    Raises:
        BlockingIOError: nothing has come yet.
        RegistrationError: the descriptor is not a connected stream socket; it is closed.
    """
    _, descriptors, _, _ = socket.recv_fds(sock, 1, 1, getattr(socket, "MSG_CMSG_CLOEXEC", 0))
    if not descriptors:
        return None
    descriptor = descriptors[0]
    os.set_inheritable(descriptor, False)
    try:
        taken = socket.socket(fileno=descriptor)
    except OSError as exc:
        os.close(descriptor)
        raise RegistrationError("the descriptor for a browser's socket is not a socket; it is closed") from exc
    if not _is_connection(taken):
        with taken:
            raise RegistrationError(
                f"the descriptor for a browser's socket is {taken!r}, not a connection; it is closed"
            )
    taken.setblocking(False)
    return taken


def _is_connection(sock: socket.socket) -> bool:
    """Whether it is a stream socket that is, or just was, connected."""
    listens = getattr(socket, "SO_ACCEPTCONN", None)  # not on Windows, where no descriptors come
    return sock.type == socket.SOCK_STREAM and not (listens is not None and sock.getsockopt(socket.SOL_SOCKET, listens))

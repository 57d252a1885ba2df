"""Handing a browser's socket to its app, so that what the app sends is written but once.

Jupyter's server and the kernel run on one computer, and a Unix socket between them carries descriptors as well as bytes
(`SCM_RIGHTS`, unix(7)). Once a page's WebSocket is open, the extension gives the app the connection to the browser:

1. The extension offers it in the handshake (`HEADER: OFFERED`); an app that wants it answers so (`HEADER: TAKEN`), and
   sends nothing more until it has come.
2. The extension has sent the handshake's answer to the browser, and sends one byte with the descriptor, or without it.
3. The app writes to the browser's socket. It never reads from it: what the browser sends still comes through the
   extension, which follows it, limits it, and knows when the browser has gone.

Whoever wants something written between two of the app's messages asks the app: the extension sends it `PING`, or a
Close frame, which a WebSocket answers in kind.
"""

from __future__ import annotations

import contextlib
import os
import socket

from dash_devices_nb.errors import RegistrationError

HEADER = "X-Dash-Devices-Socket"
OFFERED, TAKEN = "offered", "taken"
PING = b"\x89\x80\0\0\0\0"
"""By this frame the extension has the app ping the browser. Browsers send no pings, and none has such a mask."""


def possible(sock: socket.socket) -> bool:
    """Whether this connection between extension and app can carry descriptors."""
    return sock.family == getattr(socket, "AF_UNIX", None) and hasattr(socket, "send_fds")


def give(sock: socket.socket, given: socket.socket | None) -> bool:
    """Send the app the browser's socket, or word that it does not come.

    Args:
        sock: The connection to the app.
        given: It stays open here, too.

    Returns:
        Whether it is on its way; False too if the app has just gone, which reading from it tells.
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
        BlockingIOError: Nothing has come yet.
        RegistrationError: What came is no connected stream socket; it is closed.
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
        raise RegistrationError("what came for a browser's socket is none; it is closed") from exc
    if not _is_connection(taken):
        with taken:
            raise RegistrationError(f"what came for a browser's socket is {taken!r}, no connection; it is closed")
    taken.setblocking(False)
    return taken


def _is_connection(sock: socket.socket) -> bool:
    """Whether it is a stream of bytes; one whose other end has just gone is, too."""
    listens = getattr(socket, "SO_ACCEPTCONN", None)  # not on Windows, where no descriptors come
    return sock.type == socket.SOCK_STREAM and not (listens is not None and sock.getsockopt(socket.SOL_SOCKET, listens))

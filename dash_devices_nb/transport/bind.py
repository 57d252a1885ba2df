"""Sockets that we bind ourselves, before anything serves on them.

Binding first has three reasons. A port that is taken becomes an exception with a remedy, where a
server that binds for itself logs and exits (inside a kernel: kills the kernel). A Unix socket gets
mode 0600 in a directory of mode 0700, where servers make it 0666. And the address is known before
the first request, so the page's URL can be printed and registered.

The socket listens as soon as it is bound: two sockets with SO_REUSEADDR can hold one port until one
of them listens, and a page that reconnects early waits in the backlog instead of being refused.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import socket
import stat
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from dash_devices_nb.errors import BindError, PortInUseError

SEARCH_SPAN = 100
"""Number of ports above the requested one that `bind_tcp(search=True)` tries."""

MAX_UNIX_PATH = 99
"""Longest Unix socket path in bytes: the kernel's `sun_path` holds 104 (macOS) or 108 (Linux)."""

BACKLOG = 512


def unix_sockets() -> bool:
    """Whether this system has Unix sockets; Windows has not. Else an app behind Jupyter serves on a loopback port."""
    return hasattr(socket, "AF_UNIX") and sys.platform != "win32"


@dataclass(slots=True)
class BoundSocket:
    """A listening socket, and what is needed to remove it without a trace.

    Attributes:
        sock: the listening socket, non-blocking.
        host: the address it is bound to, as requested; empty for a Unix socket.
        port: the TCP port, 0 for a Unix socket.
        path: the file of a Unix socket, None for TCP.
    """

    sock: socket.socket
    host: str = ""
    port: int = 0
    path: Path | None = None
    _own_directory: Path | None = field(default=None, repr=False)

    @classmethod
    def bind_tcp(cls, host: str, port: int, *, search: bool) -> Self:
        """Bind a TCP socket. From any thread.

        Args:
            host: a name or address of this computer, as "127.0.0.1", "0.0.0.0" or "::1".
            port: the port, 0 for any free one.
            search: whether to go on to the next ports, up to 100 above, if it is taken.

        Raises:
            PortInUseError: the port, or with `search` each port in the range, is taken.
            BindError: the host is not of this computer, or the port is not allowed.
        """
        if not 0 <= port <= 65535:
            raise BindError(f"Port {port} is not a port; accepted are 0 (any free one) to 65535.")
        try:
            info = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        except OSError as exc:
            raise BindError(
                f"The host {host!r} cannot be resolved ({exc}). Use 127.0.0.1 for this computer "
                f"only, or 0.0.0.0 for every network it is in."
            ) from exc
        family, _, _, _, address = info[0]
        last = min(port + SEARCH_SPAN, 65535) if search and port else port
        for candidate in range(port, last + 1):
            # With its protocol named, asyncio sets TCP_NODELAY on the connections: else small messages wait 40 ms.
            sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
            try:
                _exclusive(sock)
                sock.bind((address[0], candidate, *address[2:]))
                sock.listen(BACKLOG)
                sock.setblocking(False)
            except OSError as exc:
                sock.close()
                if exc.errno == errno.EADDRINUSE:
                    continue
                raise BindError(
                    f"Cannot bind {host}:{candidate}: {exc.strerror}. The host must be an address "
                    f"of this computer, and a port below 1024 needs administrator rights."
                ) from exc
            return cls(sock, host=host, port=sock.getsockname()[1])
        taken = f"Port {port}" if last == port else f"Each of the ports {port} to {last}"
        raise PortInUseError(
            f"{taken} on {host} is in use by another program (or by an app of this one that still "
            f"runs: stop it with app.stop()). Give another one with app.run(port=...), or port=0 "
            f"for any free one."
        )

    @classmethod
    def bind_unix(cls, directory: str | os.PathLike[str]) -> Self:
        """Bind a Unix socket of mode 0600 below a directory of mode 0700. From any thread.

        The directory is made if it does not exist. If its name leaves no room for a socket (the
        system's limit is about 100 bytes), a private temporary directory takes its place, and goes
        with the socket.

        Raises:
            BindError: there are no Unix sockets here, or the directory belongs to somebody else or
                lets others in.
        """
        if not unix_sockets():
            raise BindError("This system has no Unix sockets; bind a loopback port with a secret instead.")
        name = f"{secrets.token_hex(6)}.sock"
        path = Path(os.path.abspath(directory)) / name
        own_directory: Path | None = None
        if len(os.fsencode(path)) > MAX_UNIX_PATH:
            own_directory = Path(tempfile.mkdtemp(prefix="dash-devices-"))
            path = own_directory / name
            if len(os.fsencode(path)) > MAX_UNIX_PATH:
                own_directory.rmdir()
                raise BindError(
                    f"Both {directory} and the temporary directory {own_directory.parent} are too "
                    f"long for a Unix socket (at most {MAX_UNIX_PATH} bytes with the file's name). "
                    f"Set TMPDIR to a shorter directory."
                )
        _private_directory(path.parent)
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.bind(str(path))
            path.chmod(0o600)
            sock.listen(BACKLOG)
            sock.setblocking(False)
        except OSError as exc:
            bound = cls(sock, path=path, _own_directory=own_directory)
            bound.close()
            raise BindError(f"Cannot make the Unix socket {path}: {exc.strerror}.") from exc
        return cls(sock, path=path, _own_directory=own_directory)

    @property
    def url(self) -> str:
        """The URL for a browser on this computer, with a final slash; "unix:PATH" for a Unix socket."""
        if self.path is not None:
            return f"unix:{self.path}"
        host = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "[::1]"}.get(self.host, self.host)
        if ":" in host and not host.startswith("["):
            host = f"[{host}]"
        return f"http://{host}:{self.port}/"

    @property
    def endpoint(self) -> dict[str, str | int]:
        """The address in the form that a registration record holds."""
        if self.path is not None:
            return {"kind": "unix", "path": str(self.path)}
        return {"kind": "tcp", "host": str(self.sock.getsockname()[0]), "port": self.port}

    def close(self) -> None:
        """Close the socket and remove its file. Is idempotent. From any thread."""
        self.sock.close()
        if self.path is not None:
            self.path.unlink(missing_ok=True)
        if self._own_directory is not None:
            shutil.rmtree(self._own_directory, ignore_errors=True)


def _exclusive(sock: socket.socket) -> None:
    """Let a port be bound again right after its server stopped, but never twice at a time."""
    if sys.platform == "win32":  # pragma: no cover - Windows
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
    else:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)


def _private_directory(directory: Path) -> None:
    """Make `directory` with mode 0700, or check that it is ours alone."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise BindError(f"{directory} is not a directory (a link is not accepted either).")
    if found.st_uid != os.getuid():
        raise BindError(
            f"{directory} belongs to user {found.st_uid}, not to {os.getuid()}; a socket there "
            f"would not be private. Remove it or set JUPYTER_RUNTIME_DIR to a directory of yours."
        )
    if stat.S_IMODE(found.st_mode) & 0o077:
        directory.chmod(0o700)

"""Find the Jupyter server that owns this kernel, so that the page can go through it.

Several servers of several users may run on one computer, so "any running server" is never the
answer. These signs tie a kernel to its server, in this order:

1. The kernel's connection file is named `kernel-<uuid>.json`: it has an id at a server.
2. `jpserver-<pid>.json` in Jupyter's runtime directory, where pid is `JPY_PARENT_PID` (who started
   the kernel) or else the kernel's parent process. The file holds the server's URL and token, and
   only its user can read it.
3. On a Hub, where the runtime directory may be another one, `JUPYTERHUB_SERVICE_PREFIX`.

The server found is then asked, with its token, whether it runs our extension
(`{base_url}dash-devices/_apps`) and knows the kernel (`{base_url}api/kernels/<uuid>`).
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from dash_devices_nb.kernel.environment import Environment, Host, detect

PING = "dash-devices/_apps"
"""The route, below the base URL, that only our extension answers."""

REMEDY = "Install dash-devices-nb where the Jupyter server runs and restart that server"


@dataclass(frozen=True)
class JupyterServer:
    """The server that owns this kernel.

    Attributes:
        base_url: its path for browsers, with slashes at both ends, as "/user/x/".
        url: its address on this computer, as "http://127.0.0.1:8888/user/x/".
        kernel_id: the id by which it knows this kernel.
        token: its token, empty if there is none.
    """

    base_url: str
    url: str
    kernel_id: str
    token: str = ""


@dataclass(frozen=True)
class Discovery:
    """The outcome of a search.

    Attributes:
        server: the server; None if no server can serve the page.
        why_not: why there is none, as a sentence for the user; empty if there is one.
    """

    server: JupyterServer | None
    why_not: str = ""


def find_server(
    environment: Environment | None = None,
    *,
    environ: Mapping[str, str] = os.environ,
    runtime_dir: str | os.PathLike[str] | None = None,
    timeout: float = 1.0,
) -> Discovery:
    """Find the Jupyter server of this kernel and check that it has our extension.

    Blocks for up to `timeout`; from any thread, but not from the loop of a server's own process.

    Args:
        environment: where the program runs, found out by default.
        environ: the environment variables.
        runtime_dir: Jupyter's runtime directory, its usual one by default.
        timeout: how long each of the two requests may take, in seconds.
    """
    environment = environment or detect(environ)
    if environment.host in (Host.VSCODE, Host.COLAB):
        name = {Host.VSCODE: "VS Code", Host.COLAB: "Colab"}[environment.host]
        return Discovery(None, f"{name} does not show pages through a Jupyter server.")
    kernel_id = environment.kernel_id
    if kernel_id is None:
        return Discovery(None, "This program is no kernel of a Jupyter server.")
    if runtime_dir is None:
        from jupyter_core.paths import jupyter_runtime_dir

        runtime_dir = jupyter_runtime_dir()
    server = _from_runtime_files(Path(runtime_dir), environ, kernel_id) or _from_hub(environ, kernel_id)
    if server is None:
        return Discovery(
            None,
            f"The Jupyter server that started this kernel cannot be found (no jpserver-*.json of "
            f"process {environ.get('JPY_PARENT_PID') or os.getppid()} in {runtime_dir}).",
        )
    why_not = _check(server, timeout)
    return Discovery(None if why_not else server, why_not)


def _from_runtime_files(runtime_dir: Path, environ: Mapping[str, str], kernel_id: str) -> JupyterServer | None:
    for pid in (environ.get("JPY_PARENT_PID", ""), str(os.getppid())):
        if not pid.isdecimal():
            continue
        server = server_of(runtime_dir / f"jpserver-{pid}.json", environ, kernel_id)
        if server is not None:
            return server
    return None


def server_of(path: Path, environ: Mapping[str, str], kernel_id: str) -> JupyterServer | None:
    """The server that has written a file, or None: it is not there, half written or foreign."""
    try:
        info = json.loads(path.read_bytes())
        base_url, url, sock = info["base_url"], info["url"], info.get("sock")
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if sock:
        url = f"unix:{sock}:{base_url}"
    token = str(info.get("token") or environ.get("JUPYTERHUB_API_TOKEN", ""))
    return JupyterServer(_slashes(base_url), url.rstrip("/") + "/", kernel_id, token)


def _from_hub(environ: Mapping[str, str], kernel_id: str) -> JupyterServer | None:
    prefix = environ.get("JUPYTERHUB_SERVICE_PREFIX", "")
    url = environ.get("JUPYTERHUB_SERVICE_URL", "")
    if not prefix or not url:
        return None
    base = urlsplit(url)
    token = environ.get("JUPYTERHUB_API_TOKEN", "")
    local = f"{base.scheme}://{base.netloc}{_slashes(prefix)}"
    return JupyterServer(_slashes(prefix), local, kernel_id, token)


def _check(server: JupyterServer, timeout: float) -> str:
    """Why the server cannot serve the page; empty if it can."""
    try:
        status, _ = request(server, PING, timeout)
        if status == 404:
            return f"The Jupyter server at {server.base_url} lacks the extension. {REMEDY}."
        # Without a token (a server with a password, a Hub) we are refused, but by a route that exists.
        if status not in (200, 401, 403):
            return f"The Jupyter server at {server.base_url} answered {status}. {REMEDY}."
        if status == 200 and request(server, f"api/kernels/{server.kernel_id}", timeout)[0] == 404:
            return f"The Jupyter server at {server.base_url} does not know this kernel ({server.kernel_id})."
    except (OSError, http.client.HTTPException) as exc:
        return f"The Jupyter server at {server.url} did not answer within {timeout:g} s ({type(exc).__name__}: {exc})."
    return ""


def request(server: JupyterServer, path: str, timeout: float) -> tuple[int, bytes]:
    """The status and the body of a GET request below the base URL; redirects are not followed.

    Raises:
        OSError, http.client.HTTPException: it does not answer.
    """
    headers = {"Accept": "application/json"}
    if server.token:
        headers["Authorization"] = f"token {server.token}"
    connection = _connect(server.url, timeout)
    try:
        unix = server.url.startswith("unix:")
        base = server.url.rpartition(":")[2] if unix else urlsplit(server.url).path
        connection.request("GET", quote(base, safe="/%~@") + path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def _connect(url: str, timeout: float) -> http.client.HTTPConnection:
    if url.startswith("unix:"):
        return _UnixConnection(url.removeprefix("unix:").rpartition(":")[0], timeout)
    parts = urlsplit(url)
    host = parts.hostname or "127.0.0.1"
    if parts.scheme != "https":
        return http.client.HTTPConnection(host, parts.port, timeout=timeout)
    # The address comes from a file that only its user can write; its certificate is often
    # self-signed, or for the name that browsers use.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(host, parts.port, timeout=timeout, context=context)


class _UnixConnection(http.client.HTTPConnection):
    """An HTTP connection to a Unix socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock: Any = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _slashes(path: str) -> str:
    return f"/{path.strip('/')}/" if path.strip("/") else "/"

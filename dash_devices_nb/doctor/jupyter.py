"""Checks of the running Jupyter servers, and of the records of apps."""

from __future__ import annotations

import http.client
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from jupyter_core.paths import jupyter_runtime_dir

from dash_devices_nb import registration
from dash_devices_nb.doctor.finding import Finding
from dash_devices_nb.doctor.installation import PACKAGE, SERVER_ONLY
from dash_devices_nb.errors import RegistrationError
from dash_devices_nb.kernel.discovery import PING, JupyterServer, request, server_of
from dash_devices_nb.registration.store import is_running, process_lives, read_all
from dash_devices_nb.version import __version__

SECONDS = 3.0


@dataclass(frozen=True)
class Running:
    """A running Jupyter server."""

    pid: int
    server: JupyterServer


def running_servers() -> list[Running]:
    """Return the running Jupyter servers of this user."""
    found = []
    for path in sorted(Path(jupyter_runtime_dir()).glob("jpserver-*.json")):
        pid = path.stem.rpartition("-")[2]
        server = server_of(path, os.environ, "")
        if server is not None and pid.isdecimal() and process_lives(int(pid)):
            found.append(Running(int(pid), server))
    return found


def check_servers(servers: list[Running]) -> Iterator[Finding]:
    """Check that each server has the extension, in this version."""
    for running in servers:
        where = f"The Jupyter server at {running.server.url} (process {running.pid}{_python_of(running.pid)})"
        mend = f"install {PACKAGE} or {SERVER_ONLY} {__version__} in the environment of that server, and restart it."
        try:
            status, body = request(running.server, PING, SECONDS)
        except (OSError, http.client.HTTPException) as exc:
            yield Finding(f"{where} does not answer ({type(exc).__name__}: {exc}).", "restart it.")
            continue
        if status == 404:
            yield Finding(f"{where} runs without the extension: it is in another environment, or off there.", mend)
        elif status == 200:
            version = _version(body)
            if version != __version__:
                yield Finding(f"{where} has the extension of {version}; this Python has {__version__}.", mend)
        elif status not in (401, 403):  # with a password or a Hub we are refused, by a route that exists
            yield Finding(f"{where} answers {status} for {PING}.", "see its log.")


def check_records(servers: list[Running]) -> Iterator[Finding]:
    """Check that each record belongs to a running program, below the base URL of a server."""
    try:
        records, refused = read_all()
        folder = registration.directory()
    except RegistrationError as exc:
        yield Finding(f"The directory of the records cannot be used: {exc}.", "mend it, or set JUPYTER_RUNTIME_DIR.")
        return
    for error in refused:
        yield Finding(f"A record cannot be read: {error}.", "delete that file.")
    bases = sorted({running.server.base_url for running in servers})
    for record in records:
        if not is_running(record):
            yield Finding(
                f"The record of {record.name!r} is stale: process {record.pid} has ended.",
                f"delete {folder / record.filename}",
            )
        elif bases and not any(record.prefix.startswith(f"{base}{registration.URL_SEGMENT}/") for base in bases):
            yield Finding(
                f"The app {record.name!r} is registered at {record.prefix}, but no Jupyter server has that base URL "
                f"({', '.join(bases)}).",
                "restart its kernel from the server that runs now, and run app.run() again.",
            )


def _version(body: bytes) -> str:
    try:
        return str(json.loads(body).get("version", "an older version"))
    except (ValueError, AttributeError):
        return "an unknown version"


def _python_of(pid: int) -> str:
    """Return the Python executable of a process, if the system tells it."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return ""
    return f", {os.fsdecode(command[0])}" if command[0] else ""

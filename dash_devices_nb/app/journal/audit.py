"""The audit log: who did what, as JSON lines in a file that rotates.

The journal is bounded and ends with the program; this file stays. A line is made where the event is published, often
with the app's lock held, so a thread writes it.
"""

from __future__ import annotations

import logging
import os
import queue
import sys
import threading
import time
import weakref
from collections.abc import Callable
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

import orjson

from dash_devices_nb.app.execution import event_stream as events
from dash_devices_nb.app.execution.regular_call import RegularCall
from dash_devices_nb.app.execution.runtime import Runtime
from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.journal import entries as kinds
from dash_devices_nb.core.props.mods import Mods
from dash_devices_nb.errors import DashDevicesError, JournalError
from dash_devices_nb.kernel.tracebacks import in_a_line

AUDIT = "DASH_DEVICES_AUDIT"
"""The environment variable with the file, where `Dash(audit=...)` names none."""
MAX_BYTES = 5_000_000
BACKUPS = 10
LONGEST = 1000
"""Bytes of JSON of a value up to which it is in a line; of a longer one its size is."""
SELDOM_SECONDS = 60.0

_files: weakref.WeakValueDictionary[str, AuditFile] = weakref.WeakValueDictionary()


class AuditFile:
    """One file, which all apps of the process that name it share.

    Args:
        path: its path.

    Raises:
        JournalError: it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._handler = _PrivateFile(path, maxBytes=MAX_BYTES, backupCount=BACKUPS, encoding="utf-8")
        except OSError as exc:
            raise JournalError(
                f"the audit log cannot be written to {str(path)!r} ({exc.strerror}); "
                "give the path of a file in a directory that exists and that you may write to"
            ) from exc
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._users = 0
        self._lock = threading.Lock()
        weakref.finalize(self, self._handler.close)

    @staticmethod
    def at(path: Path) -> AuditFile:
        """The file of a path. Raises JournalError."""
        key = os.path.realpath(path)
        file = _files.get(key)
        if file is None:
            file = _files[key] = AuditFile(Path(key))
        return file

    def open(self) -> None:
        """Write in a thread from now on."""
        with self._lock:
            self._users += 1
            if self._thread is None:
                self._thread = threading.Thread(target=self._write_all, name="dash-devices-audit", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Write what waits, and end the thread, unless another app needs it. What comes later is written at once."""
        with self._lock:
            self._users -= 1
            thread = self._thread if self._users == 0 else None
            if thread is not None:
                self._thread = None
                self._lines.put(None)
        if thread is not None:
            thread.join()

    def write(self, line: str) -> None:
        """Write a line. From any thread."""
        with self._lock:
            waits = self._thread is not None
            if waits:
                self._lines.put(line)
        if not waits:
            self._write(line)

    def _write_all(self) -> None:
        while (line := self._lines.get()) is not None:
            self._write(line)

    def _write(self, line: str) -> None:
        self._handler.handle(logging.LogRecord("audit", logging.INFO, "", 0, line, None, None))


class _PrivateFile(RotatingFileHandler):
    """Only its user can read it. A disk that refuses is told, seldom, and stops nothing."""

    _told = -SELDOM_SECONDS

    def _open(self) -> Any:
        def private(path: str, flags: int) -> int:
            return os.open(path, flags, 0o600)

        return open(self.baseFilename, self.mode, encoding=self.encoding, opener=private)

    def handleError(self, record: logging.LogRecord) -> None:
        if time.monotonic() - self._told > SELDOM_SECONDS:
            self._told = time.monotonic()
            print(f"The audit log {self.baseFilename} cannot be written: {sys.exc_info()[1]}", file=sys.stderr)


class AuditTrail:
    """Writes what persons do in one app, what is refused them, and what fails.

    Args:
        path: the file.
        app: the app's name.

    Raises:
        JournalError: the file cannot be written, or the path is none.
    """

    def __init__(self, path: str | os.PathLike[str], app: str) -> None:
        given: object = path
        if not isinstance(given, str | os.PathLike) or not Path(given).name:
            raise JournalError(f"audit={given!r}: give the path of a file, such as Dash(audit='audit.jsonl')")
        self._file = AuditFile.at(Path(path))
        self._app = app

    def follow(self, runtime: Runtime) -> None:
        """Write what the app publishes."""
        listen = runtime.subscribe
        listen(events.Came, lambda event: self._say(kinds.CONNECT, event.client))
        listen(events.Left, lambda event: self._say(kinds.DISCONNECT, event.client))
        listen(events.Changed, self._changed)
        listen(events.CallEnded, self._called)
        listen(events.ActRefused, lambda event: self._say(kinds.REFUSAL, event.client, event.reason))
        listen(events.RoleChanged, lambda event: self._say(kinds.ROLE, event.client, event.what))
        listen(events.FloorChanged, lambda event: self._say(kinds.FLOOR, event.client, event.what))
        listen(events.Noted, lambda event: self._say(event.kind, event.client, event.what))
        listen(events.ShareChanged, lambda event: self._say("share", None, event.what))
        listen(events.Failed, lambda event: self._say(kinds.ERROR, event.client, _failed(event.where, event.error)))

    def begun(self) -> None:
        """The app has started."""
        self._file.open()
        self._say("begin", None)

    def ending(self) -> None:
        """The app ends."""
        self._say("end", None)
        self._file.close()

    def _changed(self, event: events.Changed) -> None:
        if event.cause is None:  # a person
            self._say("act", event.client, _values(event.mods))

    def _called(self, event: events.CallEnded) -> None:
        recorded = event.recorded
        if isinstance(recorded.call, RegularCall) and recorded.call.acted:
            inputs: Callable[[], object] = lambda: recorded.inputs  # noqa: E731
            self._say("act", recorded.client, {"callback": recorded.name, "inputs": _short(inputs, recorded.call)})
        if recorded.error is not None:
            self._say(kinds.ERROR, recorded.client, _failed(recorded.name, recorded.error))

    def _say(self, event: str, client: Client | None, what: object = None) -> None:
        line = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "app": self._app,
            "event": event,
            "who": None if client is None else _who(client),
            "what": what,
        }
        kept = {name: value for name, value in line.items() if value is not None}
        self._file.write(orjson.dumps(kept, default=repr, option=orjson.OPT_NON_STR_KEYS).decode())


def _who(client: Client) -> dict[str, str]:
    named = {
        "client": client.id,
        "name": str(client.name or ""),
        "username": client.username or "",
        "address": client.address,
        "share": client.share or "",
        "role": str(client.role),
    }
    return {key: value for key, value in named.items() if value}


def _values(mods: Mods) -> dict[str, object]:
    return {
        f"{component}.{prop}": orjson.Fragment(value.json) if value.size <= LONGEST else f"({value.size} bytes)"
        for (component, prop), value in mods.items()
    }


def _short(inputs: Callable[[], object], call: RegularCall) -> object:
    """The inputs of a call, unless they are long, or cannot be told."""
    try:
        size = len(orjson.dumps(call.body.get("inputs"), default=repr))
        return inputs() if size <= LONGEST else f"({size} bytes)"
    except (DashDevicesError, TypeError, ValueError) as exc:
        return f"({exc})"


def _failed(where: str, error: BaseException) -> str:
    return f"{where}: {in_a_line(error)}"

"""A bounded log of everything that callbacks and threads print, warn, log and display, besides the output below cells.

In a kernel `sys.stdout` and `sys.stderr` are ipykernel's streams. They also pass everything written to their `echo`
(the terminal's stream, if any), in the writing thread. While an app or a logged callback runs, our own echo stands in
front of theirs. It logs the text if the writing thread or task belongs to such a callback. The routing to cells is not
affected, and code that keeps a stream (a logging handler) is logged too. Shadowing the streams' `write` is no option:
IPython does that itself while a cell runs. Warnings and logging arrive by standard error. Displayed objects bypass the
streams: a hook on IPython's display publisher, which keeps hooks by thread, logs their plain text.

A thread of the program belongs to no callback: ipykernel files its output under the request that it handled last. If
that is a cell's, the line appears below the cell that ran last. But a completion or a widget's message is a request
too, and front ends drop output for those. So while an app runs, an echo logs what threads print, and sends lines that
would be lost to the cell that ran last.
"""

from __future__ import annotations

import contextvars
import itertools
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

LINES = 1000

_writer: contextvars.ContextVar[LogWriter | None] = contextvars.ContextVar("dash_devices_nb_log", default=None)


@dataclass(frozen=True)
class LogLine:
    """One line that a callback, or a thread of the program, printed or displayed.

    Attributes:
        number: counts the lines from 1.
        time: in seconds since the epoch.
        name: the callback, or the thread.
        stream: "stdout", "stderr", or "display" for the plain text of what was displayed.
        text: without the line's end.
    """

    number: int
    time: float
    name: str
    stream: str
    text: str


class OutputLog:
    """The last lines that an app's callbacks printed. From any thread.

    Args:
        limit: how many lines are kept.

    Attributes:
        count: the number of lines so far.
    """

    def __init__(self, limit: int = LINES) -> None:
        self._lines: deque[LogLine] = deque(maxlen=limit)
        self._numbers = itertools.count(1)
        self.count = 0
        self._listening = False
        self._threads = threading.local()

    def add(self, name: str, stream: str, text: str) -> None:
        """Log a line."""
        line = LogLine(next(self._numbers), time.time(), name, stream, text)
        self._lines.append(line)
        self.count = line.number

    def __len__(self) -> int:
        return len(self._lines)

    def __iter__(self) -> Iterator[LogLine]:
        return iter(self._lines.copy())

    def listen(self) -> None:
        """Also log what other threads print, under their names, until `leave`. Idempotent."""
        if not self._listening:
            self._listening = True
            _taps.open(self)

    def leave(self) -> None:
        """Log only callbacks again. Is idempotent."""
        if self._listening:
            self._listening = False
            _taps.close(self)

    def of_thread(self, name: str) -> LogWriter:
        """Return a writer for the current thread, which has this name."""
        writers: dict[str, LogWriter] = self._threads.__dict__
        return writers.setdefault(name, LogWriter(self, name))

    def clear(self) -> None:
        """Forget all lines; numbers go on."""
        self._lines.clear()

    @contextmanager
    def logging(self, name: str) -> Iterator[None]:
        """Log what the current thread or task prints inside, as the callback `name`.

        Only with a kernel's streams; elsewhere it does nothing. May be nested; the innermost wins.
        """
        writer = LogWriter(self, name)
        token = _writer.set(writer)
        _taps.open()
        publisher = _display_publisher()
        if publisher is not None:
            publisher.register_hook(writer.displayed)
        try:
            yield
        finally:
            if publisher is not None:
                publisher.unregister_hook(writer.displayed)
            _taps.close()
            _writer.reset(token)
            writer.finish()


class LogWriter:
    """Splits the output of one call into lines, while the call runs."""

    def __init__(self, log: OutputLog, name: str) -> None:
        self._log = log
        self._name = name
        self._begun = {"stdout": "", "stderr": "", "display": ""}

    def write(self, stream: str, text: str) -> None:
        """Add some text."""
        *lines, rest = (self._begun[stream] + text).split("\n")
        self._begun[stream] = rest
        for line in lines:
            self._log.add(self._name, stream, line)

    def displayed(self, message: dict[str, Any]) -> dict[str, Any]:
        """A hook for the display publisher: log the text of each object that this call displays for the first time."""
        if _writer.get() is self and message.get("msg_type") == "display_data":
            data = message["content"]["data"]
            self.write("display", f"{data.get('text/plain') or ', '.join(data)}\n")
        return message

    def finish(self) -> None:
        """Log the rest, which has no line end."""
        for stream, text in self._begun.items():
            if text:
                self._log.add(self._name, stream, text)


class _Echo:
    """Stands in front of the echo of one of ipykernel's streams."""

    def __init__(self, name: str, stream: Any) -> None:
        self.name = name
        self.before = stream.echo
        self._stream = stream
        self._variable = vars(stream).get("_parent_header")
        self._again = threading.local()

    def write(self, text: str) -> None:
        if getattr(self._again, "now", False):
            return
        writer = _writer.get()
        if writer is not None:
            writer.write(self.name, text)
        elif self._is_stray():
            thread = threading.current_thread().name
            for log in _taps.logs:
                log.of_thread(thread).write(self.name, text)
            self._keep(text)
        if self.before is not None:
            self.before.write(text)

    def _is_stray(self) -> bool:
        """Whether the writing thread runs neither a cell nor a callback."""
        if threading.current_thread() is threading.main_thread():
            return False
        return not (isinstance(self._variable, contextvars.ContextVar) and self._variable.get(None))

    def _keep(self, text: str) -> None:
        """Write text again below the cell that ran last, if ipykernel would file it where no front end shows it."""
        header, variable = _last_cell.get("header"), self._variable
        filed = getattr(self._stream, "parent_header", None) or {}
        if not header or filed.get("msg_type") == "execute_request" or not isinstance(variable, contextvars.ContextVar):
            return
        token = variable.set(header)
        self._again.now = True
        try:
            self._stream.write(text)
        finally:
            self._again.now = False
            variable.reset(token)

    def flush(self) -> None:
        if self.before is not None:
            self.before.flush()


_last_cell: dict[str, Any] = {}


def cell_begins(parent: Mapping[str, Any]) -> None:
    """Report that a cell begins to run; `parent` is its request, empty if no front end sent it."""
    if parent:
        _last_cell["header"] = parent["header"]


def _display_publisher() -> Any:
    ipython = sys.modules.get("IPython")
    publisher = getattr(ipython.get_ipython() if ipython is not None else None, "display_pub", None)
    return publisher if hasattr(publisher, "unregister_hook") else None


class _Taps:
    """Our echoes of the two streams, installed while somebody logs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self.logs: tuple[OutputLog, ...] = ()
        """Those that log threads, too."""
        self._tapped: list[tuple[Any, _Echo]] = []

    def open(self, log: OutputLog | None = None) -> None:
        with self._lock:
            self.logs += () if log is None else (log,)
            self._users += 1
            if self._users > 1:
                return
            for name in ("stdout", "stderr"):
                stream: Any = getattr(sys, name)
                # Other streams (a terminal, a test's capture) cannot tell threads apart, and are left alone.
                if hasattr(stream, "echo"):
                    stream.echo = echo = _Echo(name, stream)
                    self._tapped.append((stream, echo))

    def close(self, log: OutputLog | None = None) -> None:
        with self._lock:
            self.logs = tuple(each for each in self.logs if each is not log)
            self._users -= 1
            if self._users:
                return
            for stream, echo in self._tapped:
                if stream.echo is echo:
                    stream.echo = echo.before
            self._tapped.clear()


_taps = _Taps()

"""A bounded log of what callbacks and threads print, warn, log and display, beside the output that goes to cells.

In a kernel `sys.stdout` and `sys.stderr` are ipykernel's streams, which hand all that is written to them to their
`echo` as well (the terminal's stream, if any), in the thread that writes. While an app runs, or a callback whose output
is to be logged, an echo of ours stands before theirs: it logs the text if the thread or task that writes is such a
callback's. So the routing to cells does not notice, and what holds on to a stream (a logging handler) is logged too.
The streams' `write` cannot be shadowed for that: IPython does so itself while a cell runs. Warnings and logging come by
standard error. What is displayed goes past the streams: a hook on IPython's display publisher, which keeps its hooks by
thread, logs its plain text.

What a thread of the program's own prints is nobody's callback: ipykernel files it under the request that it took last.
As long as that is a cell's, the line stands under the cell that ran last. But a completion, or a widget's message, is a
request, too, and front ends show nothing that answers one: such lines were lost. While an app runs, an echo logs what
threads print, and gives what would be lost to the cell that ran last.
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
    """One line that a callback, or a thread of the program's, printed or displayed.

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
        count: how many there have been.
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
        """Log also what threads print that run no callback, by their names, until `leave`. Is idempotent."""
        if not self._listening:
            self._listening = True
            _taps.open(self)

    def leave(self) -> None:
        """Log only callbacks again. Is idempotent."""
        if self._listening:
            self._listening = False
            _taps.close(self)

    def of_thread(self, name: str) -> LogWriter:
        """Makes lines of what the current thread prints, which has this name."""
        writers: dict[str, LogWriter] = self._threads.__dict__
        return writers.setdefault(name, LogWriter(self, name))

    def clear(self) -> None:
        """Forget all lines; numbers go on."""
        self._lines.clear()

    @contextmanager
    def logging(self, name: str) -> Iterator[None]:
        """Log what the current thread or task prints inside, as the callback `name`.

        Only where there is a kernel's stream; elsewhere it does nothing. May be nested; the innermost counts.
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
    """Makes lines of what one call prints, for the time of that call."""

    def __init__(self, log: OutputLog, name: str) -> None:
        self._log = log
        self._name = name
        self._begun = {"stdout": "", "stderr": "", "display": ""}

    def write(self, stream: str, text: str) -> None:
        """Take some text."""
        *lines, rest = (self._begun[stream] + text).split("\n")
        self._begun[stream] = rest
        for line in lines:
            self._log.add(self._name, stream, line)

    def displayed(self, message: dict[str, Any]) -> dict[str, Any]:
        """A hook for the display publisher: take the text of what this call displays for the first time."""
        if _writer.get() is self and message.get("msg_type") == "display_data":
            data = message["content"]["data"]
            self.write("display", f"{data.get('text/plain') or ', '.join(data)}\n")
        return message

    def finish(self) -> None:
        """Log what has no line end."""
        for stream, text in self._begun.items():
            if text:
                self._log.add(self._name, stream, text)


class _Echo:
    """Stands before the echo of one of ipykernel's streams."""

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
        """Whether a thread writes that neither runs a cell nor a callback."""
        if threading.current_thread() is threading.main_thread():
            return False
        return not (isinstance(self._variable, contextvars.ContextVar) and self._variable.get(None))

    def _keep(self, text: str) -> None:
        """Write again, under the cell that ran last, what ipykernel is about to file under what no front end shows."""
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
    """A cell begins to run; `parent` is its request, empty where it is none of a front end's."""
    if parent:
        _last_cell["header"] = parent["header"]


def _display_publisher() -> Any:
    ipython = sys.modules.get("IPython")
    publisher = getattr(ipython.get_ipython() if ipython is not None else None, "display_pub", None)
    return publisher if hasattr(publisher, "unregister_hook") else None


class _Taps:
    """Our echoes of the two streams, there while somebody logs."""

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
                # Other streams (a terminal, a test's capture) do not tell threads apart, and are left alone.
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

"""A bounded log of what callbacks print, warn, log and display, beside the output that goes to their cells.

In a kernel `sys.stdout` and `sys.stderr` are ipykernel's streams, which hand all that is written to them to their
`echo` as well (the terminal's stream, if any), in the thread that writes. While at least one callback runs whose output
is to be logged, an echo of ours stands before theirs: it logs the text if the thread or task that writes is such a
callback's. So the routing to cells does not notice, and what holds on to a stream (a logging handler) is logged too.
The streams' `write` cannot be shadowed for that: IPython does so itself while a cell runs. Warnings and logging come by
standard error. What is displayed goes past the streams: a hook on IPython's display publisher, which keeps its hooks by
thread, logs its plain text.
"""

from __future__ import annotations

import contextvars
import itertools
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

LINES = 1000

_writer: contextvars.ContextVar[LogWriter | None] = contextvars.ContextVar("dash_devices_nb_log", default=None)


@dataclass(frozen=True)
class LogLine:
    """One line that a callback printed or displayed.

    Attributes:
        number: counts the lines from 1.
        time: in seconds since the epoch.
        name: the callback.
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

    def add(self, name: str, stream: str, text: str) -> None:
        """Log a line."""
        line = LogLine(next(self._numbers), time.time(), name, stream, text)
        self._lines.append(line)
        self.count = line.number

    def __len__(self) -> int:
        return len(self._lines)

    def __iter__(self) -> Iterator[LogLine]:
        return iter(self._lines.copy())

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

    def __init__(self, name: str, before: Any) -> None:
        self.name = name
        self.before = before

    def write(self, text: str) -> None:
        writer = _writer.get()
        if writer is not None:
            writer.write(self.name, text)
        if self.before is not None:
            self.before.write(text)

    def flush(self) -> None:
        if self.before is not None:
            self.before.flush()


def _display_publisher() -> Any:
    ipython = sys.modules.get("IPython")
    publisher = getattr(ipython.get_ipython() if ipython is not None else None, "display_pub", None)
    return publisher if hasattr(publisher, "unregister_hook") else None


class _Taps:
    """Our echoes of the two streams, there while somebody logs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._tapped: list[tuple[Any, _Echo]] = []

    def open(self) -> None:
        with self._lock:
            self._users += 1
            if self._users > 1:
                return
            for name in ("stdout", "stderr"):
                stream: Any = getattr(sys, name)
                # Other streams (a terminal, a test's capture) do not tell threads apart, and are left alone.
                if hasattr(stream, "echo"):
                    stream.echo = echo = _Echo(name, stream.echo)
                    self._tapped.append((stream, echo))

    def close(self) -> None:
        with self._lock:
            self._users -= 1
            if self._users:
                return
            for stream, echo in self._tapped:
                if stream.echo is echo:
                    stream.echo = echo.before
            self._tapped.clear()


_taps = _Taps()

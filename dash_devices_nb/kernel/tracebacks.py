"""Tracebacks as a user of the library wants them: of their own code.

Between an event of a page and the line that raised lie our dispatcher, Dash, Quart and asyncio.
Their frames are taken out of a copy of the traceback; the exception keeps the whole one, so that
`%debug` can still go everywhere. IPython formats the rest as it does for a cell, colours and the
user's `%xmode` included.
"""

import copy
import linecache
import sys
import traceback
from types import TracebackType
from typing import Any

from dash_devices_nb.errors import CallbackInterrupted

INTERNAL = frozenset(
    {
        "asyncio",
        "concurrent",
        "contextlib",
        "dash",
        "dash_devices_nb",
        "nest_asyncio2",
        "quart",
        "threading",
        "tornado",
        "uvicorn",
    }
)
"""Top-level packages whose frames say nothing to a user."""


def user_frames(exc: BaseException) -> TracebackType | None:
    """A copy of the exception's traceback with the user's frames only, None if there are none."""
    frames = []
    tb = exc.__traceback__
    while tb is not None:
        module = tb.tb_frame.f_globals.get("__name__") or ""
        if module.partition(".")[0] not in INTERNAL:
            frames.append(tb)
        tb = tb.tb_next
    result: TracebackType | None = None
    for tb in reversed(frames):
        result = TracebackType(result, tb.tb_frame, tb.tb_lasti, tb.tb_lineno)
    return result


def format_exception(exc: BaseException) -> str:
    """The text to show for an exception, coloured if IPython runs, well-formed. From any thread.

    An exception without a user's frame, as our own about a wrong number of values, is shown as its
    message alone; an interrupted callback as the line where it was stopped.
    """
    return _well_formed(_formatted(exc))


def _formatted(exc: BaseException) -> str:
    tb = user_frames(exc)
    if tb is None:
        return _join(traceback.format_exception_only(exc))
    if isinstance(exc, CallbackInterrupted):
        return _where(exc, tb)
    shell = _shell()
    if shell is not None and not _has_group(exc):  # of which IPython, too, leaves the parts to the standard library
        # A formatter keeps the traceback it works on, so each call, from whichever thread, has one.
        formatter = copy.copy(shell.InteractiveTB)
        return _join(formatter.structured_traceback(type(exc), exc, tb, tb_offset=0), "\n")
    return _join(traceback.format_exception(type(exc), exc, tb))


def in_a_line(exc: BaseException) -> str:
    """An exception's type and message; the type alone where it has none, as of a plain `assert`."""
    try:
        text = str(exc)
    except Exception as another:  # noqa: BLE001 - a program's exception may be anything
        text = f"(its text raises {type(another).__name__})"
    return _well_formed(f"{type(exc).__name__}: {text}" if text else type(exc).__name__)


def _well_formed(text: str) -> str:
    """Half a surrogate pair, as from half an emoji, is no text that a stream or a page takes: it is spelled out."""
    return text.encode("utf-8", "backslashreplace").decode()


def _has_group(exc: BaseException | None) -> bool:
    """Whether it is a group of exceptions, as of a TaskGroup, or was raised while one was handled."""
    seen: set[int] = set()
    while exc is not None and id(exc) not in seen:
        if isinstance(exc, BaseExceptionGroup):
            return True
        seen.add(id(exc))
        exc = exc.__cause__ or exc.__context__
    return False


def _where(exc: BaseException, tb: TracebackType) -> str:
    while tb.tb_next is not None:
        tb = tb.tb_next
    code = tb.tb_frame.f_code
    line = linecache.getline(code.co_filename, tb.tb_lineno).strip()
    return f"{type(exc).__name__}: {exc}\n  in {code.co_name}, line {tb.tb_lineno}: {line}"


def _shell() -> Any:
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython is not None else None


def _join(lines: list[str], separator: str = "") -> str:
    return separator.join(lines).rstrip("\n")

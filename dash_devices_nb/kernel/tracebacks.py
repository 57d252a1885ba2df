"""Tracebacks reduced to the user's own code.

Between a page's event and the line that raised lie our dispatcher, Dash, Quart and asyncio. Their
frames are removed from a copy of the traceback. The exception keeps the whole one, so `%debug` can
still go everywhere. IPython formats the rest as for a cell, with colours and the user's `%xmode`.
"""

from __future__ import annotations

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
"""Top-level packages whose frames do not help a user."""


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
    """Return the text to show for an exception, well-formed, and coloured if IPython runs. From any thread.

    An exception without a user's frame, such as ours about a wrong number of values, is shown as its
    message alone. An interrupted callback is shown as the line where it was stopped.
    """
    return _well_formed(_formatted(exc))


def _formatted(exc: BaseException) -> str:
    tb = user_frames(exc)
    if tb is None:
        return _join(traceback.format_exception_only(exc))
    if isinstance(exc, CallbackInterrupted):
        return _where(exc, tb)
    shell = _shell()
    if shell is not None and not _has_group(exc):  # IPython, too, leaves their parts to the standard library
        # A formatter keeps the traceback that it works on, so each call needs its own.
        formatter = copy.copy(shell.InteractiveTB)
        return _join(formatter.structured_traceback(type(exc), exc, tb, tb_offset=0), "\n")
    return _join(traceback.format_exception(type(exc), exc, tb))


def in_a_line(exc: BaseException) -> str:
    """Return an exception's type and message, or the type alone if it has no message (a plain `assert`)."""
    try:
        text = str(exc)
    except Exception as another:  # noqa: BLE001 - a program's exception may be anything
        text = f"(its text raises {type(another).__name__})"
    return _well_formed(f"{type(exc).__name__}: {text}" if text else type(exc).__name__)


def _well_formed(text: str) -> str:
    """Spell out lone surrogates (half an emoji): streams and pages cannot take them."""
    return text.encode("utf-8", "backslashreplace").decode()


def _has_group(exc: BaseException | None) -> bool:
    """Whether it is an exception group, or was raised while one was handled."""
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

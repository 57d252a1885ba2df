"""The journal as a program sees it: the core's record, shown as a table, as a DataFrame, and saved to a file."""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from pathlib import Path

from dash_devices_nb.app.stock_dash.types import Array
from dash_devices_nb.core.journal.entries import CALL, LIMIT, Entry, Journal
from dash_devices_nb.core.journal.recording import written
from dash_devices_nb.core.journal.retention import MEMORY
from dash_devices_nb.errors import JournalError
from dash_devices_nb.kernel.html_tables import html_table

SHOWN = 50
"""How many entries the table in a notebook shows."""


class AppJournal(Journal):
    """The journal of an app. What it takes of the memory is bounded: see `Journal`.

    Args:
        limit: how many entries are kept.
        app: the app's name, for files.
        memory: how many bytes of JSON its large values may take together.
    """

    def __init__(self, limit: int = LIMIT, app: str = "", memory: int = MEMORY) -> None:
        super().__init__(limit, memory, threading.Lock(), time.monotonic)
        self._app = app

    def _repr_html_(self) -> str:
        entries = list(self)
        more = len(entries) - SHOWN
        caption = f"{more} earlier entries are not shown; app.journal.filter(...) finds them" if more > 0 else ""
        heads = ("", "time", "event", "client", "what", "cause", "bytes", "ms")
        return html_table(heads, [_row(entry) for entry in entries[-SHOWN:]], caption)

    def to_frame(self) -> Array:
        """The entries as a pandas DataFrame, one a row, with the time as the index.

        Raises:
            JournalError: pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as exc:
            raise JournalError("app.journal.to_frame() needs pandas: %pip install pandas") from exc
        entries = list(self)
        frame = pd.DataFrame(
            {
                "number": [entry.number for entry in entries],
                "kind": [entry.kind for entry in entries],
                "client": [getattr(entry.client, "id", None) for entry in entries],
                "name": [entry.what.name if entry.kind == CALL else None for entry in entries],
                "what": [entry.summary for entry in entries],
                "cause": [entry.cause for entry in entries],
                "size": [entry.size for entry in entries],
                "seconds": [entry.what.seconds if entry.kind == CALL else None for entry in entries],
                "error": [
                    None if entry.kind != CALL or entry.what.error is None else repr(entry.what.error)
                    for entry in entries
                ],
            }
        )
        frame.index = pd.to_datetime([entry.time for entry in entries], unit="s", utc=True)
        frame.index.name = "time"
        return frame

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the session to a file that `dash_devices_nb.replay` reads: JSON lines (see `core.journal.recording`).

        An existing file is replaced when all is written.

        Returns:
            The path.

        Raises:
            JournalError: the file cannot be written, or the path is none.
        """
        given: object = path
        if not isinstance(given, str | os.PathLike) or not Path(given).name:
            raise JournalError(f"save({given!r}): give the path of a file, such as app.journal.save('session.jsonl')")
        path = Path(path)
        unfinished = path.with_name(path.name + ".part")
        try:
            with unfinished.open("wb") as file:
                file.writelines(written(list(self), self._app))
            unfinished.replace(path)
        except OSError as exc:
            with suppress(OSError):
                unfinished.unlink()
            raise JournalError(
                f"the journal cannot be written to {str(path)!r} ({exc.strerror}); "
                "give the path of a file in a directory that exists and that you may write to"
            ) from exc
        return path


def _row(entry: Entry) -> tuple[object, ...]:
    clock = time.strftime("%H:%M:%S", time.localtime(entry.time)) + f"{entry.time % 1:.3f}"[1:]
    seconds = entry.what.seconds if entry.kind == CALL else None
    return (
        entry.number,
        clock,
        entry.kind,
        "" if entry.client is None else str(entry.client.name or entry.client.username or entry.client.id),
        entry.summary,
        entry.cause,
        entry.size or "",
        "" if seconds is None else f"{seconds * 1000:.1f}",
    )

"""One file of kept values and presets, by SQLite. It knows neither devices nor pages.

The log of SQLite (WAL) is written and synced before a write returns, so what was written survives kill -9. One program
has the file at a time: the operating system lets its lock go when that program ends, however it does.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from dash_devices_nb.errors import KeptError

VERSION = 1
"""The version of the tables. A file of another version is left as it is."""
APPLICATION = 0x44446E62
"""The application id in SQLite's header ("DDnb")."""
MOST_PRESETS = 500
TABLES = """
CREATE TABLE kept (name TEXT PRIMARY KEY, value TEXT NOT NULL, at REAL NOT NULL, by TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE presets (name TEXT PRIMARY KEY, at REAL NOT NULL, by TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE preset_values (
    preset TEXT NOT NULL REFERENCES presets (name) ON DELETE CASCADE, name TEXT NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (preset, name)
) WITHOUT ROWID;
"""
MAGIC = b"SQLite format 3\0"


@dataclass(frozen=True, slots=True)
class Entry:
    """A value that is kept.

    Attributes:
        value: the value as JSON.
        at: when it was set, in seconds since the epoch.
        by: who set it, or "".
    """

    value: str
    at: float
    by: str = ""


@dataclass(frozen=True, slots=True)
class PresetInfo:
    """A preset, without its values.

    Attributes:
        name: its name.
        at: when it was saved, in seconds since the epoch.
        by: who saved it, or "".
        count: how many values it has.
    """

    name: str
    at: float
    by: str
    count: int


class KeptStore:
    """A file of kept values. From any thread. After `close()`, the next use opens it again.

    Args:
        path: the file. It is made if it is not there.

    Raises:
        KeptError: it is of another version, of something else, damaged, or in use. It is left as it is.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(os.path.abspath(path))
        self._lock = threading.RLock()
        self._base: sqlite3.Connection | None = None
        self._release: weakref.finalize[[], KeptStore] | None = None
        with self._using():
            pass

    # ---- kept values

    def load(self) -> dict[str, Entry]:
        """All kept values by their names."""
        with self._using() as base:
            rows = base.execute("SELECT name, value, at, by FROM kept ORDER BY name").fetchall()
        return {name: Entry(value, at, by) for name, value, at, by in rows}

    def write(self, entries: Mapping[str, Entry | None]) -> None:
        """Keep these values. None: delete it. They are on disk when this returns."""
        rows = [(name, each.value, each.at, each.by) for name, each in entries.items() if each is not None]
        gone = [(name,) for name, each in entries.items() if each is None]
        with self._using() as base, base:
            base.executemany("DELETE FROM kept WHERE name = ?", gone)
            base.executemany("INSERT OR REPLACE INTO kept VALUES (?, ?, ?, ?)", rows)

    # ---- presets

    def presets(self) -> list[PresetInfo]:
        """The presets, by name."""
        with self._using() as base:
            rows = base.execute(
                "SELECT p.name, p.at, p.by, COUNT(v.name) FROM presets p LEFT JOIN preset_values v ON v.preset = p.name"
                " GROUP BY p.name ORDER BY p.name"
            ).fetchall()
        return [PresetInfo(*row) for row in rows]

    def preset(self, name: str) -> dict[str, str] | None:
        """Return the values of a preset as JSON. None: there is no such preset."""
        with self._using() as base:
            if base.execute("SELECT 1 FROM presets WHERE name = ?", [name]).fetchone() is None:
                return None
            rows = base.execute("SELECT name, value FROM preset_values WHERE preset = ? ORDER BY name", [name])
            return dict(rows.fetchall())

    def save_preset(self, name: str, values: Mapping[str, str], at: float, by: str) -> None:
        """Save a preset. Replaces an earlier one of this name. Raises KeptError if there are too many."""
        with self._using() as base, base:
            base.execute("DELETE FROM presets WHERE name = ?", [name])
            (count,) = base.execute("SELECT COUNT(*) FROM presets").fetchone()
            if count >= MOST_PRESETS:
                raise KeptError(f"there are {count} presets, which is the limit; delete one to save {name!r:.60}")
            base.execute("INSERT INTO presets VALUES (?, ?, ?)", [name, at, by])
            base.executemany("INSERT INTO preset_values VALUES (?, ?, ?)", [(name, *each) for each in values.items()])

    def delete_preset(self, name: str) -> bool:
        """Delete a preset. Returns False if there is no such preset."""
        with self._using() as base, base:
            return base.execute("DELETE FROM presets WHERE name = ?", [name]).rowcount > 0

    # ---- the file

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._base = None
            if self._release is not None:
                self._release()
                self._release = None

    @contextmanager
    def _using(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                if self._base is None:
                    self._base = self._opened()
                    self._release = weakref.finalize(self, self._base.close)
                yield self._base
            except sqlite3.Error as error:
                raise self._wrong(error) from error
            except OSError as error:
                raise KeptError(f"{self.path} cannot be used for kept values: {error}") from error

    def _opened(self) -> sqlite3.Connection:
        new = not self.path.exists() or self.path.stat().st_size == 0
        if not new:
            self._check()
        base = sqlite3.connect(self.path, timeout=1.0, check_same_thread=False)
        try:
            base.execute("PRAGMA locking_mode = EXCLUSIVE")
            base.execute("PRAGMA foreign_keys = ON")
            if new:
                base.executescript(
                    f"BEGIN EXCLUSIVE; PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION};"
                    f"{TABLES} COMMIT;"
                )
            base.execute("PRAGMA journal_mode = WAL")
            base.execute("PRAGMA synchronous = FULL")
            base.execute("SELECT COUNT(*) FROM kept").fetchone()  # takes the lock
        except BaseException:
            base.close()
            raise
        return base

    def _check(self) -> None:
        """Check a file without changing it. Raises KeptError, sqlite3.Error."""
        with self.path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise KeptError(f"{self.path} is not an SQLite file, and is left as it is; give another file")
        with closing(sqlite3.connect(f"{self.path.as_uri()}?mode=ro", uri=True, timeout=1.0)) as base:
            (application,) = base.execute("PRAGMA application_id").fetchone()
            if application != APPLICATION:
                raise KeptError(f"{self.path} is an SQLite file of something else, and is left as it is")
            (version,) = base.execute("PRAGMA user_version").fetchone()
            if version != VERSION:
                raise KeptError(
                    f"{self.path} has kept values of version {version}; this package reads and writes version "
                    f"{VERSION}. It is left as it is; give another file"
                )
            wrong = [text for (text,) in base.execute("PRAGMA quick_check(3)").fetchall() if text != "ok"]
            if wrong:
                raise sqlite3.DatabaseError("; ".join(wrong).replace("\n", " "))

    def _wrong(self, error: sqlite3.Error) -> KeptError:
        code = getattr(error, "sqlite_errorcode", None)
        if code is not None and code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return KeptError(f"{self.path} is in use by another program; close that one, or give another file")
        if code is not None and code & 0xFF in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
            return KeptError(f"{self.path} could not be written: {error}")
        return KeptError(
            f"{self.path} cannot be used for kept values, and is left as it is; give another file. SQLite says: {error}"
        )

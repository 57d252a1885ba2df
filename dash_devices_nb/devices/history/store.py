"""A file of readings, in DuckDB.

Decision 71 says why DuckDB. One process has the file open. Any of its threads may use it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dash_devices_nb.devices.types import Foreign
from dash_devices_nb.errors import HistoryError

if TYPE_CHECKING:
    import numpy
    import pandas

VERSION = 1
"""The version of the tables. A file of another version is left as it is."""
READ_AT_ONCE = 16
"""Up to this multiple of a plot's points, readings are thinned here. DuckDB thins more of them, in one pass."""
TABLES = """
CREATE TABLE IF NOT EXISTS about (version INTEGER);
CREATE TABLE IF NOT EXISTS signals (id INTEGER PRIMARY KEY, name VARCHAR UNIQUE, unit VARCHAR);
CREATE TABLE IF NOT EXISTS readings (
    signal INTEGER, time DOUBLE, value DOUBLE, text VARCHAR, status VARCHAR, run VARCHAR
);
"""
FORMATS = {".csv": "(FORMAT csv, HEADER)", ".parquet": "(FORMAT parquet, COMPRESSION zstd)"}


@dataclass(frozen=True, slots=True)
class Row:
    """One stored reading.

    Attributes:
        signal: the id of the signal, such as "ls/A/temperature".
        time: seconds since the epoch.
        value: the value if it is a number, else None.
        text: the value if it is not a number, else None.
        status: as in `signals.Status`.
        run: the name of the run that it belongs to, or None.
    """

    signal: str
    time: float
    value: float | None
    text: str | None
    status: str
    run: str | None = None


class Store:
    """A file of readings. From any thread.

    Args:
        path: the path of the file. A missing file is created.

    Raises:
        HistoryError: DuckDB is not installed, or the file has another version, is damaged, or is open in another
            process.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        try:
            import duckdb
        except ImportError as error:
            raise HistoryError(f'history needs DuckDB ({error}): pip install "dash-devices-nb[history]"') from error
        self.path = Path(path)
        self._failures: type[Exception] = duckdb.Error
        self._lock = threading.RLock()
        self._ids: dict[str, int] = {}
        try:
            self._base = duckdb.connect(str(self.path))
        except duckdb.Error as error:
            held = "lock" in str(error)
            what = "is open in another process" if held else "cannot be opened as a history, and is left as it is"
            raise HistoryError(f"{self.path} {what}; give another file. DuckDB says: {_first_line(error)}") from error
        try:
            self._prepare()
        except BaseException:
            self._base.close()
            raise

    def _prepare(self) -> None:
        try:
            known = {name for (name,) in self._base.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
            if known and "about" not in known:
                raise HistoryError(
                    f"{self.path} is a DuckDB file for another purpose, with the tables {', '.join(sorted(known)[:5])}"
                )
            if known:
                version = self._base.execute("SELECT version FROM about").fetchone()
                if version != (VERSION,):
                    raise HistoryError(
                        f"{self.path} is a history of version {version and version[0]}; this package reads and writes "
                        f"version {VERSION}. It is left as it is; give another file"
                    )
            else:
                self._base.execute(TABLES)
                self._base.execute("INSERT INTO about VALUES (?)", [VERSION])
            self._ids = dict(self._base.execute("SELECT name, id FROM signals").fetchall())
        except self._failures as error:
            raise HistoryError(f"{self.path} cannot be read as a history: {_first_line(error)}") from error

    # ---- writing

    def add(self, rows: Sequence[Row], units: dict[str, str] | None = None) -> None:
        """Add readings. They are on disk when this returns.

        Raises:
            HistoryError: they could not be written. Then none of them was.
        """
        import numpy as np

        with self._lock:
            try:
                self._base.execute("BEGIN")
                batch = {  # DuckDB reads this variable
                    "signal": np.array([self._id(row.signal, units or {}) for row in rows], np.int32),
                    "time": np.array([row.time for row in rows], np.float64),
                    "value": np.array([np.nan if row.value is None else row.value for row in rows], np.float64),
                    "empty": np.array([row.value is None for row in rows], bool),
                    "text": np.array([row.text for row in rows], object),
                    "status": np.array([row.status for row in rows], object),
                    "run": np.array([row.run for row in rows], object),
                }
                self._base.register("batch", batch)
                self._base.execute(
                    "INSERT INTO readings SELECT signal, time, CASE WHEN empty THEN NULL ELSE value END, text, status, "
                    "run FROM batch"
                )
                self._base.execute("COMMIT")
            except self._failures as error:
                self._ids = {}
                self._undo()
                raise HistoryError(f"readings could not be written to {self.path}: {_first_line(error)}") from error

    def register(self, units: dict[str, str]) -> None:
        """Add signals, by id and unit, before they have readings. Raises HistoryError."""
        with self._lock:
            try:
                for name in units:
                    self._id(name, units)
            except self._failures as error:
                raise HistoryError(f"{self.path} cannot be written: {_first_line(error)}") from error

    def _undo(self) -> None:
        try:
            self._base.execute("ROLLBACK")
        except self._failures:  # DuckDB has rolled back by itself
            return

    def _id(self, name: str, units: dict[str, str]) -> int:
        if not self._ids:
            self._ids = dict(self._base.execute("SELECT name, id FROM signals").fetchall())
        if name not in self._ids:
            number = max(self._ids.values(), default=0) + 1
            self._base.execute("INSERT INTO signals VALUES (?, ?, ?)", [number, name, units.get(name, "")])
            self._ids[name] = number
        return self._ids[name]

    def forget_before(self, time: float) -> int:
        """Delete the readings before a time. Returns their number. Raises HistoryError."""
        with self._lock:
            found = self._run("DELETE FROM readings WHERE time < ?", [time]).fetchone()
            return int(found[0]) if found else 0

    def shrink(self, most_bytes: int) -> int:
        """Delete the oldest readings until the rest needs at most `most_bytes`. Returns the number of deleted readings.

        The file itself does not shrink, but its space is used again.
        """
        deleted = 0
        with self._lock:
            while self.bytes_used() > most_bytes:
                span = self.span()
                if span is None:
                    return deleted
                first, last = span
                cut = self.forget_before(first + max((last - first) * 0.1, 1e-3))
                if not cut:
                    return deleted
                deleted += cut
                self._run("CHECKPOINT")
        return deleted

    def bytes_used(self) -> int:
        """Return the number of bytes that are in use in the file."""
        row = self._run("SELECT used_blocks * block_size FROM pragma_database_size()").fetchone()
        return int(row[0]) if row else 0

    # ---- reading

    def span(self) -> tuple[float, float] | None:
        """Return the times of the oldest and the newest reading. None: there are no readings."""
        row = self._run("SELECT min(time), max(time) FROM readings").fetchone()
        return None if row is None or row[0] is None else (float(row[0]), float(row[1]))

    def signals(self) -> list[str]:
        """Return the ids of the signals in the file."""
        return [name for (name,) in self._run("SELECT name FROM signals ORDER BY id").fetchall()]

    def thinned(self, signal: str, start: float, end: float, points: int) -> tuple[numpy.ndarray, numpy.ndarray]:
        """Return the numbers of a signal between two times, at most about `points` of them.

        If there are more, only the lowest and the highest number in each slice of time are returned, so that no peak is
        lost. Returns times and values, in order of time.
        """
        import numpy as np

        if signal not in self._ids or end <= start:
            return np.array([]), np.array([])
        stretch = "FROM readings WHERE signal = ? AND time BETWEEN ? AND ? AND value IS NOT NULL AND NOT isnan(value)"
        named = [self._ids[signal], start, end]
        slices = max(1, points // 2)
        width = (end - start) / slices
        # A short stretch is read at once. DuckDB stops at the limit, so little of a long one is read in vain.
        limit = READ_AT_ONCE * points
        found = self._run(f"SELECT time, value {stretch} LIMIT {limit + 1}", named).fetchnumpy()
        if len(found["time"]) <= limit:
            return _thinned(np.asarray(found["time"], float), np.asarray(found["value"], float), points, start, width)
        found = self._run(
            "SELECT arg_min(time, value) AS t1, min(value) AS v1, arg_max(time, value) AS t2, max(value) AS v2 "
            f"{stretch} GROUP BY floor((time - ?) / ?)",
            [*named, start, width],
        ).fetchnumpy()
        times = np.concatenate([np.asarray(found["t1"], float), np.asarray(found["t2"], float)])
        values = np.concatenate([np.asarray(found["v1"], float), np.asarray(found["v2"], float)])
        times, kept = np.unique(times, return_index=True)
        return times, values[kept]

    def to_frame(
        self, signals: Iterable[str] | None = None, start: float | None = None, end: float | None = None
    ) -> pandas.DataFrame:
        """Return the readings as a DataFrame with the columns time (UTC), signal, value, text, status, unit, run."""
        sql, values = self._selected(signals, start, end)
        return self._run(sql, values).df()

    def save(
        self,
        path: str | os.PathLike[str],
        signals: Iterable[str] | None = None,
        start: float | None = None,
        end: float | None = None,
    ) -> int:
        """Write the readings to a `.csv` or `.parquet` file. Returns their number. Raises HistoryError."""
        target = Path(path)
        options = FORMATS.get(target.suffix.lower())
        if options is None:
            raise HistoryError(f"{target.name} does not end in one of {', '.join(FORMATS)}")
        sql, values = self._selected(signals, start, end)
        name = str(target).replace("'", "''")
        row = self._run(f"COPY ({sql}) TO '{name}' {options}", values).fetchone()
        return int(row[0]) if row else 0

    def _selected(
        self, signals: Iterable[str] | None, start: float | None, end: float | None
    ) -> tuple[str, list[str | float]]:
        wanted: list[str] = ["TRUE"]
        values: list[str | float] = []
        if signals is not None:
            names = list(signals)
            unknown = [name for name in names if name not in self._ids]
            if unknown:
                raise HistoryError(f"{self.path} has no readings of {unknown[0]!r}; it has {', '.join(self._ids)}")
            wanted.append(f"name IN ({', '.join('?' * len(names))})")
            values += names
        for limit, sign in ((start, ">="), (end, "<=")):
            if limit is not None:
                wanted.append(f"time {sign} ?")
                values.append(limit)
        return (
            "SELECT to_timestamp(time) AS time, name AS signal, value, text, status, unit, run FROM readings "
            f"JOIN signals ON id = signal WHERE {' AND '.join(wanted)} ORDER BY time"
        ), values

    def _run(self, sql: str, values: Sequence[object] = ()) -> Foreign:
        try:
            with self._lock:
                cursor = self._base.cursor()
            return cursor.execute(sql, list(values))  # beside a write: a plot does not wait for the disk
        except self._failures as error:
            raise HistoryError(f"{self.path}: {_first_line(error)}") from error

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._base.close()


def _thinned(
    times: numpy.ndarray, values: numpy.ndarray, points: int, start: float, width: float
) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Return the points in order of time: all, or the lowest and highest of each slice if there are too many."""
    import numpy as np

    if len(times) <= points:
        kept = np.argsort(times, kind="stable")
    else:
        slices = np.floor((times - start) / width)
        order = np.lexsort((values, slices))
        ends = np.flatnonzero(np.diff(slices[order]))
        lowest, highest = np.concatenate([[0], ends + 1]), np.concatenate([ends, [len(order) - 1]])
        kept = order[np.union1d(lowest, highest)]
        kept = kept[np.argsort(times[kept], kind="stable")]
    return times[kept], values[kept]


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0][:300]

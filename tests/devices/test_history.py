"""Readings on disk: what is kept, thinned, exported, forgotten, and what becomes of it when things go wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import Annotated

import numpy as np
import pytest

from dash_devices_nb import devices
from dash_devices_nb.devices.history import store as stores
from dash_devices_nb.devices.history.recorder import History
from dash_devices_nb.devices.history.store import Row, Store
from dash_devices_nb.errors import HistoryError
from tests.support.eventually import eventually_sync

pytest.importorskip("duckdb")


class Probe:
    state: str = "ready"

    def __init__(self) -> None:
        self.fault: Exception | None = None
        self._n = 0

    @property
    def temperature(self) -> Annotated[float, devices.Unit("K"), devices.Period(0.01)]:
        if self.fault:
            raise self.fault
        self._n += 1
        return float(self._n)


@pytest.fixture
def probe():
    return Probe()


@pytest.fixture
def device(probe):
    with devices.connect(probe, period=0.01) as made:
        yield made


def rows(n: int, start: float = 1000.0) -> list[Row]:
    return [Row("d/x", start + k, float(k % 100), None, "ok") for k in range(n)]


def test_what_devices_say_is_kept(device, probe, tmp_path):
    """Numbers, texts and failures, with times and units; a page need not look."""
    with History([device], tmp_path / "h.duckdb") as history:
        eventually_sync(lambda: len(history.to_frame([device.temperature])) > 5)
        probe.fault = ValueError("open")
        eventually_sync(lambda: "stale" in set(history.to_frame([device.temperature]).status))
        frame = history.to_frame()
    good = frame[(frame.signal == "probe/temperature") & (frame.status == "ok")]
    assert list(good.value) == sorted(good.value)
    assert set(good.unit) == {"K"}
    assert set(frame[frame.signal == "probe/state"].text) == {"ready"}
    assert frame[frame.status == "stale"].value.isna().all()


def test_it_goes_on_in_the_same_file(device, tmp_path):
    """What an earlier session has kept is there, and new readings come to it."""
    for _ in range(2):
        with History([device.temperature], tmp_path / "h.duckdb") as history:
            before = len(history.to_frame())
            eventually_sync(lambda history=history, before=before: len(history.to_frame()) > before)
    assert before > 0


def test_a_stretch_is_thinned_with_its_peaks(tmp_path):
    """A million points become about as many as a page is wide; the one peak among them is there."""
    store = Store(tmp_path / "h.duckdb")
    values = np.zeros(200_000)
    values[123_456] = 7.0
    store.add([Row("d/x", float(n), float(v), None, "ok") for n, v in enumerate(values)])
    times, thin = store.thinned("d/x", 0, 200_000, 1000)
    assert len(times) <= 1002
    assert thin.max() == 7.0
    assert times[thin.argmax()] == 123_456.0
    assert (np.diff(times) > 0).all()
    times, thin = store.thinned("d/x", 123_450, 123_460, 1000)
    assert list(thin) == [0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0]
    assert len(store.thinned("d/unknown", 0, 1, 10)[0]) == 0
    store.close()


def test_a_short_stretch_is_thinned_like_a_long_one(tmp_path, monkeypatch):
    """What is read at once and thinned here is what DuckDB makes of it: also out of order, and with gaps."""
    store = Store(tmp_path / "h.duckdb")
    random = np.random.default_rng(3)
    times = random.permutation(np.concatenate([np.arange(0.0, 2000), np.arange(2500.0, 4000)])) + 0.25
    store.add([Row("d/x", at, float(v), None, "ok") for at, v in zip(times, random.normal(size=3500), strict=True)])
    stretches = [(0, 4000, 300), (100, 3000, 1000), (2000, 2499, 10), (0, 4000, 4000), (3999, 4000, 10)]
    here = [store.thinned("d/x", *stretch) for stretch in stretches]
    assert [len(each) for each, _ in here][2:] == [0, 3500, 1]
    monkeypatch.setattr(stores, "READ_AT_ONCE", 1)  # no longer for the first two
    there = [store.thinned("d/x", *stretch) for stretch in stretches]
    for (t1, v1), (t2, v2) in zip(here, there, strict=True):
        assert list(t1) == list(t2)
        assert list(v1) == list(v2)
    store.close()


def test_export(tmp_path):
    """CSV and Parquet, of a stretch; another ending is refused with those that there are."""
    import pandas as pd

    store = Store(tmp_path / "it's.duckdb")
    store.add(rows(100))
    assert store.save(tmp_path / "it's.csv", start=1010.0, end=1019.0) == 10
    assert store.save(tmp_path / "a.parquet", ["d/x"]) == 100
    assert len(pd.read_parquet(tmp_path / "a.parquet")) == 100
    assert list(pd.read_csv(tmp_path / "it's.csv").value) == list(range(10, 20))
    with pytest.raises(HistoryError, match=r"a.xls does not end in one of .csv, .parquet"):
        store.save(tmp_path / "a.xls")
    with pytest.raises(HistoryError, match="has no readings of 'd/y'; it has d/x"):
        store.to_frame(["d/y"])
    store.close()


def test_retention_by_age_and_size(tmp_path):
    """The oldest go first, and the newest stay."""
    store = Store(tmp_path / "h.duckdb")
    store.add(rows(100))
    assert store.forget_before(1050.0) == 50
    assert store.span() == (1050.0, 1099.0)
    store.close()
    import duckdb

    with duckdb.connect(str(tmp_path / "h.duckdb")) as base:
        base.execute("INSERT INTO readings SELECT 1, 2000 + n, sin(n) * 1e9, NULL, 'ok', NULL FROM range(1000000) t(n)")
    store = Store(tmp_path / "h.duckdb")
    most = store.bytes_used() // 2
    assert store.shrink(most) > 300_000
    assert 0 < store.bytes_used() <= most
    span = store.span()
    assert span is not None
    assert span[1] == 2000 + 999_999
    store.close()


def test_files_that_are_none(tmp_path, monkeypatch):
    """Another version, another program's file, a truncated one, one that is in use: said, and left as it is."""
    monkeypatch.setattr(stores, "VERSION", 7)
    Store(tmp_path / "future.duckdb").close()
    monkeypatch.undo()
    with pytest.raises(HistoryError, match="is a history of version 7; this package reads and writes version 1"):
        Store(tmp_path / "future.duckdb")

    import duckdb

    with duckdb.connect(str(tmp_path / "other.duckdb")) as other:
        other.execute("CREATE TABLE mine (a INTEGER)")
    with pytest.raises(HistoryError, match="a DuckDB file for another purpose, with the tables mine"):
        Store(tmp_path / "other.duckdb")

    store = Store(tmp_path / "cut.duckdb")
    store.add(rows(50_000))
    store.close()
    whole = (tmp_path / "cut.duckdb").read_bytes()
    (tmp_path / "cut.duckdb").write_bytes(whole[: len(whole) // 3])
    with pytest.raises(HistoryError, match=r"cut\.duckdb"):
        Store(tmp_path / "cut.duckdb").to_frame()
    (tmp_path / "text.duckdb").write_text("no database at all, but a text that is long enough to be looked at" * 100)
    with pytest.raises(HistoryError, match="cannot be opened as a history, and is left as it is"):
        Store(tmp_path / "text.duckdb")
    assert (tmp_path / "text.duckdb").read_text().startswith("no database")


WRITER = """
import sys, time
from dash_devices_nb.devices.history.store import Row, Store
store = Store(sys.argv[1])
n = 0
while True:
    store.add([Row("d/x", float(n + k), 1.0, None, "ok") for k in range(50)])
    n += 50
    print(n, flush=True)
"""


def test_kill_9_loses_nothing_that_was_written(tmp_path):
    """What `add` has returned from is there after the process was killed in the middle of the next."""
    path = tmp_path / "h.duckdb"
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    while int(process.stdout.readline()) < 500:
        pass
    with pytest.raises(HistoryError, match="is open in another process"):
        Store(path)
    os.kill(process.pid, signal.SIGKILL)
    with process.stdout:
        said = [int(line) for line in process.stdout.read().split()]
    process.wait()
    store = Store(path)
    assert len(store.to_frame()) >= max(said, default=500)
    store.close()


def test_a_disk_that_takes_nothing_is_told_and_loses_nothing_else(device, tmp_path, monkeypatch):
    """The fault is told once, readings wait in memory, and are written when the disk takes them again."""
    told: list[str] = []
    with History([device.temperature], tmp_path / "h.duckdb", told=told.append) as history:
        real = Store.add

        def full(self, rows, units=None):
            raise HistoryError("No space left on device")

        monkeypatch.setattr(Store, "add", full)
        eventually_sync(lambda: history.fault)
        history.flush()
        time_of_fault = time.time()
        monkeypatch.setattr(Store, "add", real)
        assert history.flush()
        assert not history.fault
        frame = history.to_frame(end=time_of_fault)
    assert len(told) == 2
    assert "No space left on device" in told[0]
    assert (np.diff(frame.value) == 1).all()
    assert history.lost == 0


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda device, path: History([], path), "takes signals, groups or devices"),
        (lambda device, path: History(["ls/A"], path), "not 'ls/A'"),
        (lambda device, path: History([device], path, keep_days=0), "keep_days=0"),
        (lambda device, path: History([device], path, keep_days="7"), "keep_days='7'"),
        (lambda device, path: History([device], 5), "the name of a file, such as 'readings.duckdb', not 5"),
        (lambda device, path: History([device], path.parent / "no folder" / "h.duckdb"), "cannot be opened"),
    ],
)
def test_bad_input(make, said, device, tmp_path):
    """What is wrong is said when it is written."""
    with pytest.raises(HistoryError, match=said):
        make(device, tmp_path / "h.duckdb")

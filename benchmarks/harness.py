"""What the benchmarks of a running app share: programs in processes of their own, their use of the machine, results.

A program of `benchmarks.programs` prints one line of JSON where it has something to say; the benchmark reads those.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import statistics
import sys
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import psutil

from benchmarks.report import Target, last_line, machine
from tests.support.processes import Process, spawn

PAUSE = 0.002
"""Seconds between two messages of the fan-out, alike for all servers."""


class ProgramFailed(RuntimeError):
    """A program did not start, or ended; the report says so."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Program:
    """A running program of `benchmarks.programs`."""

    def __init__(self, name: str, process: Process) -> None:
        self.name = name
        self.process = process
        self._seen = 0

    async def says(self, within: float = 60.0) -> dict[str, Any]:
        """The next line of JSON that it prints.

        Raises:
            ProgramFailed: it ended, or printed nothing in time.
        """
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            lines = [line for line in self.process.output.splitlines(keepends=True) if line.startswith("{")]
            if len(lines) > self._seen and lines[self._seen].endswith("\n"):
                self._seen += 1
                said: dict[str, Any] = json.loads(lines[self._seen - 1])
                return said
            if self.process.returncode is not None:
                raise ProgramFailed(f"{self.name} ended: {last_line(self.process.output)}")
            await asyncio.sleep(0.05)
        raise ProgramFailed(f"{self.name} said nothing within {within:g} s: {last_line(self.process.output)}")

    def usage(self) -> tuple[float, float]:
        """CPU seconds so far and resident memory in MB."""
        process = psutil.Process(self.process.pid)
        times = process.cpu_times()
        return times.user + times.system, process.memory_info().rss / 1e6


@contextlib.asynccontextmanager
async def running(name: str, *arguments: object, directory: Path) -> AsyncIterator[Program]:
    """Run a program of `benchmarks.programs` until the end of the block."""
    log = directory / f"{name}-{time.monotonic_ns()}.log"
    command = [sys.executable, "-m", f"benchmarks.programs.{name}", *map(str, arguments)]
    # Apps keep a key in Jupyter's data directory; this is not the person's.
    process = Process(spawn(command, log, env={"JUPYTER_DATA_DIR": str(directory)}, cwd=Path.cwd()), log)
    try:
        yield Program(name, process)
    finally:
        await process.stop()


async def listens(port: int, server: Program) -> None:
    """Wait until a program listens on its port.

    Raises:
        ProgramFailed: it ended, or does not.
    """
    for _ in range(600):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            if server.process.returncode is not None:
                raise ProgramFailed(last_line(server.process.output)) from None
            await asyncio.sleep(0.1)
        else:
            writer.close()
            return
    raise ProgramFailed(f"{server.name} does not listen")


def say(**facts: Any) -> None:
    """A program says something to its benchmark: in one write, as its log may get a warning in between."""
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def quantiles(values: Sequence[float]) -> dict[str, float]:
    """p50, p95 and p99."""
    if len(values) < 2:
        return dict.fromkeys(("p50", "p95", "p99"), values[0] if values else float("nan"))
    cuts = statistics.quantiles(values, n=100)
    return {"p50": statistics.median(values), "p95": cuts[94], "p99": cuts[98]}


def print_table(title: str, rows: Sequence[dict[str, Any]]) -> None:
    """Print rows of the same columns, and below them the machine."""
    print(f"\n{title}")
    columns = list(dict.fromkeys(name for row in rows for name in row))
    cells = [[_shown(row.get(name)) for name in columns] for row in rows]
    widths = [max(len(name), *(len(row[n]) for row in cells)) for n, name in enumerate(columns)]
    for line in [columns, *cells]:
        first, *others = (
            text.ljust(w) if n == 0 else text.rjust(w) for n, (text, w) in enumerate(zip(line, widths, strict=True))
        )
        print("  ".join([first, *others]))
    about = machine()
    print(f"{about['processor']}, {about['cores']} cores, load {', '.join(map(str, about['load']))}")
    print(", ".join(f"{name} {number}" for name, number in about["versions"].items()), flush=True)


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"
    return str(value)


def save(
    results: str,
    name: str,
    rows: Sequence[dict[str, Any]],
    loads: Sequence[float],
    targets: Sequence[Target] = (),
    **more: Any,
) -> Path:
    """Write the rows and what is wanted as JSON, with the machine and its load before and after.

    Returns:
        The path for the picture.
    """
    about = {**machine(), "load_before": [round(load, 2) for load in loads]}
    path = Path(results) / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    rounded = [{k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()} for row in rows]
    wanted = [{k: round(v, 4) if isinstance(v, float) else v for k, v in vars(each).items()} for each in targets]
    found = {"machine": about, "rows": rounded, "ratios": wanted, **more}
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return path.with_suffix(".png")


def load_now() -> list[float]:
    """The load averages, to be noted before a measurement."""
    return list(os.getloadavg())


def figure(width: float = 8, height: float = 4, columns: int = 1) -> tuple[Any, Any]:
    """A picture and its axes; (None, None) without matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        print("no picture: matplotlib is missing (pip install 'dash-devices-nb[bench]')")
        return None, None
    picture = Figure(figsize=(width, height), layout="constrained")
    axes = picture.subplots(1, columns)
    for each in axes if columns > 1 else [axes]:
        each.spines[["top", "right"]].set_visible(False)
    return picture, axes

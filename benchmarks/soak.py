"""A day of a class in quick motion, and what its device keeps of it: memory, descriptors, threads and tasks.

The app is in a kernel, with the allocator's settings of `dash-devices-nb serve`. Its cells are run as a notebook runs
them, its pages are in another process, over real sockets. What goes on is the same at all times, so what the kernel
uses must not grow once all that is bounded has reached its bound: after a warm-up. The slope is that of a straight line
by least squares through the means of equal blocks of time, each longer than a page stays, so that they are nearly
independent; its error takes in what correlation of neighbouring blocks is left.

Memory is measured twice. `kept_mb` is what is in use, of C and of Python, right after each full collection: a leak is
in it, whatever kind it is. `rss_mb` is what the system says: beside it garbage, and the holes of the allocators, which
grow for long, by steps, to the most that there ever was. The other rows tell in which of them something grows.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import math
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks.harness import figure, load_now, print_table, running, save
from benchmarks.programs import soak_app
from benchmarks.report import Target, print_targets
from dash_devices_nb.standalone.kernel import ALLOCATOR
from tests.support.kernels import Kernel, running_kernel

WARM_UP, LEAST_WARM_UP_SECONDS = 0.4, 180.0
"""The part of the time before which nothing counts; at least so long that the journal holds nothing else than this.

Of an hour it is 24 minutes: Python's table of interned strings, of 2 MB, doubles after some 17, once.
"""
BLOCKS, BLOCK_SECONDS = 20, 20.0
LOOK_SECONDS = 2.0
STEP_SECONDS = 5.0
"""Between two cells."""
ERRORS = 2.0
"""A slope exceeds its limit if it is this many standard errors above it (a one-sided error of 5 %)."""
ALLOWED = {"kept_mb": 1.0, "rss_mb": 2.0, "descriptors": 2.0, "threads": 3.0, "tasks": 1.0}
"""For its error a slope may be so far above its limit at most: a run that is too restless to tell does not pass."""
TITLES = {"kept_mb": "memory in use, MB", "rss_mb": "resident memory, MB"}
LIMITS = {"kept_mb": 1.0, "rss_mb": 1.0, "descriptors": 0.0, "threads": 0.0, "tasks": 0.0}
ALSO = (
    "uss_mb",
    "malloc_mb",
    "malloc_taken_mb",
    "python_mb",
    "python_taken_mb",
    "blocks",
    "connected",
    "pages",
    "journal",
    "cpu_percent",
    "pages_cpu_percent",
    "frames_per_s",
)


@dataclass(frozen=True)
class Slope:
    """How something grows.

    Attributes:
        mean: of all that was seen.
        slope: an hour.
        error: its standard error.
    """

    mean: float
    slope: float
    error: float


def slope_of(times: Sequence[float], values: Sequence[float], blocks: int) -> Slope:
    """The slope per hour of values at given times (in seconds), from the means of equal blocks of time.

    Raises:
        ValueError: there are too few blocks, or a block without values.
    """
    if blocks < 4:
        raise ValueError(f"{blocks} blocks; a slope and its error take 4 or more")
    start, span = times[0], times[-1] - times[0]
    rows: list[list[tuple[float, float]]] = [[] for _ in range(blocks)]
    for when, value in zip(times, values, strict=True):
        rows[min(blocks - 1, int((when - start) / span * blocks))].append(((when - start) / 3600, value))
    if not all(rows):
        raise ValueError("a block of time has no values")
    xs = [statistics.fmean(when for when, _ in row) for row in rows]
    ys = [statistics.fmean(value for _, value in row) for row in rows]
    slope, intercept = statistics.linear_regression(xs, ys)
    left = [y - slope * x - intercept for x, y in zip(xs, ys, strict=True)]
    square = sum(each * each for each in left)
    middle = statistics.fmean(xs)
    error = math.sqrt(square / (blocks - 2) / sum((x - middle) ** 2 for x in xs))
    alike = sum(a * b for a, b in itertools.pairwise(left)) / square if square > 0 else 0.0
    if 0 < alike < 1:
        error *= math.sqrt((1 + alike) / (1 - alike))
    return Slope(statistics.fmean(ys), slope, error)


class Soak:
    """One run.

    Args:
        kernel: where the app is.
        directory: for the files of this run.
        options: of the command line.
    """

    def __init__(self, kernel: Kernel, directory: Path, options: Any) -> None:
        self._kernel = kernel
        self._looks = directory / "looks.jsonl"
        self._links = directory / "links.json"
        self._rows = directory / "rows.jsonl"  # for people who watch a running benchmark
        self._directory = directory
        self._options = options
        self.rows: list[dict[str, float]] = []
        self.counts: list[dict[str, Any]] = []
        self.did: dict[str, float] = {}

    async def run(self) -> None:
        """All of it."""
        await self._cell(soak_app.APP)
        await self._new_links()
        for number in (0, 1):
            await self._cell(soak_app.EDITED.format(number=number), cell_id="edited")
        await self._cell(soak_app.START.format(path=str(self._looks)))
        url = (await self._cell("print(app.url)")).split()[-1]
        pages, tabs = self._options.pages, self._options.tabs
        async with running("soak_pages", url, self._links, pages, tabs, directory=self._directory) as program:
            start = time.monotonic()
            end = start + self._options.minutes * 60
            warm = start + warm_up(self._options.minutes * 60)
            editing = asyncio.create_task(self._edit())
            app = psutil.Process(self._kernel.pid)
            before = app.cpu_times(), program.usage()[0], time.monotonic(), 0.0
            said = {"frames": 0.0}
            traced = False
            try:
                while (now := time.monotonic()) < end:
                    if editing.done():
                        await editing
                    if now > warm and not self.counts:
                        self.counts.append(json.loads(await self._cell(soak_app.COUNTS)))
                    if now > warm and self._options.trace and not traced:
                        traced = True
                        await self._cell(soak_app.TRACE)
                        await self._cell("before = tracemalloc.take_snapshot()")
                    await asyncio.sleep(LOOK_SECONDS)
                    look = json.loads(self._looks.read_text(encoding="utf-8").splitlines()[-1])
                    # A page that is here has a socket and a task: how many are here at a moment is chance.
                    look |= {name: look[name] - look["connected"] for name in ("descriptors", "tasks")}
                    memory = app.memory_full_info()
                    said = last_said(program.process.output) or said
                    after = app.cpu_times(), program.usage()[0], time.monotonic(), float(said.get("frames", 0))
                    seconds = after[2] - before[2]
                    self.rows.append(
                        {
                            **look,
                            "at": after[2] - start,
                            "rss_mb": memory.rss / 1e6,
                            "uss_mb": memory.uss / 1e6,
                            "cpu_percent": (sum(after[0][:2]) - sum(before[0][:2])) / seconds * 100,
                            "pages_cpu_percent": (after[1] - before[1]) / seconds * 100,
                            "frames_per_s": (after[3] - before[3]) / seconds,
                            "machine_load": os.getloadavg()[0],
                        }
                    )
                    with self._rows.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(self.rows[-1]) + "\n")
                    before = after
                    if program.process.returncode is not None:
                        raise RuntimeError(f"the pages ended: {program.process.output[-2000:]}")
                self.did = said
                self.counts.append(json.loads(await self._cell(soak_app.COUNTS)))
                if self._options.trace:
                    print(await self._cell(soak_app.TRACE), flush=True)
            finally:
                editing.cancel()
                await asyncio.gather(editing, return_exceptions=True)

    async def _edit(self) -> None:
        """Run a cell again and again: the callbacks' most often, the layout's and the links' once a minute."""
        number = 0
        while True:
            await asyncio.sleep(STEP_SECONDS)
            number += 1
            if number % 12 == 0:
                await self._new_links()
            elif number % 12 == 6:
                await self._cell(soak_app.LAYOUT.format(number=number // 12 % 4), cell_id="layout")
            else:
                await self._cell(soak_app.EDITED.format(number=number % 4), cell_id="edited")

    async def _new_links(self) -> None:
        new = self._links.with_suffix(".new")
        new.write_text(await self._cell(soak_app.LINKS, cell_id="links"), encoding="utf-8")
        new.replace(self._links)

    async def _cell(self, code: str, cell_id: str | None = None) -> str:
        """Run a cell and return its output. IPython's history, which grows with each cell, is left out."""
        cell = await self._kernel.run(code, within=180, cell_id=cell_id, store_history=False)
        self._kernel.cells.clear()
        return cell.text


def last_said(output: str) -> dict[str, float] | None:
    """The last whole line of JSON."""
    lines = [line for line in output[-20_000:].splitlines(keepends=True) if line.startswith("{") and line[-1] == "\n"]
    return json.loads(lines[-1]) if lines else None


def warm_up(seconds: float) -> float:
    """Seconds before which nothing counts: a part, or more of a short run, but at most half of it."""
    return min(max(seconds * WARM_UP, LEAST_WARM_UP_SECONDS), seconds / 2)


async def measure(options: Any) -> Soak:
    with tempfile.TemporaryDirectory() as directory:
        async with running_kernel(env={"PYTHONPATH": str(Path.cwd()), **ALLOCATOR}) as kernel:
            soak = Soak(kernel, Path(directory), options)
            await soak.run()
    return soak


def slopes_of(rows: Sequence[dict[str, float]], seconds: float) -> dict[str, Slope]:
    """Of everything that was seen after the warm-up."""
    warm = warm_up(seconds)
    counted = [row for row in rows if row["at"] >= warm]
    blocks = max(4, min(BLOCKS, int((seconds - warm) / BLOCK_SECONDS)))
    times = [row["at"] for row in counted]
    return {name: slope_of(times, [row[name] for row in counted], blocks) for name in (*LIMITS, *ALSO)}


def target_of(name: str, slope: Slope) -> Target:
    """What is wanted of a slope."""
    met = slope.slope <= LIMITS[name] + min(ERRORS * slope.error, ALLOWED[name])
    what = f"{name}, growth an hour (± {slope.error:.2g})"
    return Target(what, f"at most {LIMITS[name]:g}", slope.slope, met)


def grown(counts: Sequence[dict[str, Any]]) -> dict[str, int]:
    """How many more objects of each type there are at the end than after the warm-up, the most first."""
    before, after = counts[0]["types"], counts[-1]["types"]
    more = {name: count - before.get(name, 0) for name, count in after.items() if name in before}
    return dict(sorted(more.items(), key=lambda pair: -abs(pair[1]))[:12])


def run(options: Any) -> int:
    """The command ``soak``."""
    loads = load_now()
    soak = asyncio.run(measure(options))
    slopes = slopes_of(soak.rows, options.minutes * 60)
    rows = [
        {"": name, "mean": each.mean, "an hour": each.slope, "±": each.error, "limit": LIMITS.get(name)}
        for name, each in slopes.items()
    ]
    print_table(
        f"soak: {options.pages} pages, {options.minutes:g} min, of which {warm_up(options.minutes * 60) / 60:.3g} to "
        "warm up; the kernel's process",
        rows,
    )
    seen = [row["machine_load"] for row in soak.rows]
    print(
        f"paced, not as fast as can be: the app takes {slopes['cpu_percent'].mean:.0f} % of a core and the pages "
        f"{slopes['pages_cpu_percent'].mean:.0f} %; load {min(seen):.3g} to {max(seen):.3g}, others' work in it"
    )
    objects = [count["objects"] for count in soak.counts]
    print("descriptors and tasks: beside the socket and the task of each page that is connected")
    print(f"objects that Python's collector knows: {objects[0]} after the warm-up, {objects[-1]} at the end")
    print("  " + ", ".join(f"{name} {count:+}" for name, count in grown(soak.counts).items()))
    print("the pages: " + ", ".join(f"{name} {number:g}" for name, number in soak.did.items()))
    targets = [target_of(name, slopes[name]) for name in LIMITS]
    print_targets(targets)
    allowed = ", ".join(f"{name} {most:g}" for name, most in ALLOWED.items())
    print(f"(MISSED: above the limit by more than {ERRORS:g} standard errors, or by more than: {allowed})")
    if not options.no_save:
        write(options, soak, rows, targets, loads)
    return 0 if all(target.met for target in targets) else 1


def write(options: Any, soak: Soak, rows: list[dict[str, Any]], targets: list[Target], loads: Sequence[float]) -> None:
    """The file and the picture."""
    seen = {
        name: [round(row[name], 2) for row in soak.rows[:: max(1, len(soak.rows) // 120)]]
        for name in ("at", *LIMITS, "uss_mb", "blocks", "connected")
    }
    about = {
        "load_most": max(row["machine_load"] for row in soak.rows),
        "minutes": options.minutes,
        "pages": options.pages,
        "did": soak.did,
        "objects": soak.counts[-1]["objects"],
    }
    path = save(options.results, "soak", rows, loads, targets=targets, grown=grown(soak.counts), seen=seen, **about)
    picture, axes = figure(12.5, 2.8, len(LIMITS))
    if picture is None:
        return
    for axis, name in zip(axes, LIMITS, strict=True):
        axis.plot([at / 60 for at in seen["at"]], seen[name], linewidth=0.8)
        axis.axvline(warm_up(options.minutes * 60) / 60, linestyle="--", color="#b8c4cc")
        axis.set(title=TITLES.get(name, name), xlabel="minutes")
    picture.savefig(path, dpi=130)

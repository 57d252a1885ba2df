"""A class at one device: many tabs without a browser, some real pages, a device at 20 Hz, and dragged sliders."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import psutil
from playwright.async_api import Page

from benchmarks.harness import Program, figure, free_port, load_now, print_table, quantiles, running, save
from benchmarks.report import Target, at_least, at_most, print_targets
from dash_devices_nb.core.protocol import outbox
from tests.support.browser import launched_chromium

RATE = 20.0
PAUSE_BETWEEN_LOOKS = 0.1
WANTED_PUSH_P95, WANTED_GROWTH_MB = 100.0, 10.0
"""Milliseconds until a push is on all tabs, twice a device's period; how much the server may grow."""

WATCH = """() => {
    window.times = [];
    new MutationObserver(() => {
        const text = document.getElementById('device').textContent;
        if (window.counting) window.times.push(Date.now() - 1000 * parseFloat(text));
    }).observe(document.getElementById('device'), {childList: true, characterData: true, subtree: true});
}"""


class Session:
    """A running class.

    Attributes:
        server: the app's program.
        tabs: the program with the raw tabs.
        windows: the real pages.
    """

    def __init__(self, server: Program, tabs: Program, windows: Sequence[Page]) -> None:
        self.server = server
        self.tabs = tabs
        self.windows = windows

    async def phase(self, seconds: float) -> dict[str, Any]:
        """Measure what the tabs and the pages see in the next phase, including all single times."""
        await self.tabs.says(120)
        for page in self.windows:
            await page.evaluate("window.times.length = 0; window.counting = true")
        (cpu, memory), machine = self.server.usage(), psutil.cpu_times()
        said = await self.tabs.says(seconds + 60)
        (cpu_after, memory_after), machine_after = self.server.usage(), psutil.cpu_times()
        pages = [time for page in self.windows for time in await page.evaluate("window.times")]
        idle = machine_after.idle - machine.idle
        return {
            "stalled": said["stalled"],
            "pushes": said["pushes"],
            "drags": said["drags"],
            "pages": pages,
            "received_per_s": said["received"] / seconds,
            "cpu_percent": (cpu_after - cpu) / seconds * 100,
            "tabs_cpu_percent": said["cpu"] / seconds * 100,
            "idle_percent": idle / (psutil.cpu_count() or 1) / seconds * 100,
            "mb_start": memory,
            "mb_end": memory_after,
        }

    async def ended(self) -> dict[str, Any]:
        """What is known at the end: the most that waited for one page, and the tabs that were cut off."""
        lost = (await self.tabs.says())["lost"]
        lines = self.server.process.output.count("\n{") - 1
        looks = [await self.server.says(2) for _ in range(max(1, lines - 2))]
        return {"most_waiting_kb": max(look["most_waiting"] for look in looks) / 1e3, "lost": lost}


@contextlib.asynccontextmanager
async def in_class(
    tabs: int, pages: int, draggers: int, phases: Sequence[int], seconds: float
) -> AsyncIterator[Session]:
    """A server, its pages and its tabs; `phases` says how many stalled tabs there are in each."""
    port = free_port()
    async with contextlib.AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = await stack.enter_async_context(running("class_server", port, RATE, directory=directory))
        await server.says()
        windows = []
        if pages:
            browser = await stack.enter_async_context(launched_chromium())
        for _ in range(pages):
            page = await browser.new_page()
            await page.goto(f"http://127.0.0.1:{port}/")
            await page.wait_for_selector("#device")
            await page.evaluate(WATCH)
            windows.append(page)
        stalled = ",".join(map(str, phases))
        clients = await stack.enter_async_context(
            running("class_tabs", port, tabs, draggers, stalled, seconds, directory=directory)
        )
        yield Session(server, clients, windows)


def seen(phase: dict[str, Any]) -> dict[str, float]:
    """The quantiles of a phase, for a table."""
    lists = {"push": phase["pushes"], "drag": phase["drags"], "page": phase["pages"]}
    found = {f"{what}_{name}": value for what, times in lists.items() for name, value in quantiles(times).items()}
    return found | {name: value for name, value in phase.items() if not isinstance(value, list)}


def waiting_target(row: dict[str, Any]) -> Target:
    """How much may wait for one page."""
    bound = (outbox.LIMIT + outbox.WINDOW) / 1e3
    return at_most("most that waited for one page (kB)", row["most_waiting_kb"], round(bound))


async def measure(options: Any) -> dict[str, Any]:
    async with in_class(options.tabs, options.pages, options.draggers, [0], options.seconds) as session:
        row = seen(await session.phase(options.seconds))
        return {"what": f"{options.tabs} tabs, {options.pages} pages", **row, **await session.ended()}


def run(options: Any) -> int:
    """The command ``classroom``."""
    loads = load_now()
    row = asyncio.run(measure(options))
    expected = (RATE + 2 * options.draggers / 0.2) * options.tabs
    targets = [
        at_most("push to all tabs, p95 (ms)", row["push_p95"], WANTED_PUSH_P95),
        at_most("growth of the server in the run (MB)", row["mb_end"] - row["mb_start"], WANTED_GROWTH_MB),
        at_least("delivered / made", row["received_per_s"] / expected, 0.95),
        waiting_target(row),
    ]
    report("classroom", [row], targets, loads, options)
    return 0


def report(name: str, rows: list[dict[str, Any]], targets: list[Target], loads: list[float], options: Any) -> None:
    """Print, save and draw the rows of a class."""
    turned = [{"": column, **{row["what"]: row[column] for row in rows}} for column in rows[0]]
    print_table(f"{name}: change to every page in milliseconds, {options.seconds:g} s each", turned[1:])
    print_targets(targets)
    if options.no_save:
        return
    path = save(options.results, name, rows, loads, targets=targets, seconds=options.seconds, draggers=options.draggers)
    picture, axis = figure(7, 3.6)
    if picture is None:
        return
    kinds = [what for what in ("push", "drag", "page") if rows[0][f"{what}_p50"] == rows[0][f"{what}_p50"]]
    labels = [f"{what} {q}" for what in kinds for q in ("p50", "p95", "p99")]
    for number, row in enumerate(rows):
        values = [row[label.replace(" ", "_")] for label in labels]
        places = [place + number * 0.8 / len(rows) for place in range(len(labels))]
        axis.bar(places, values, 0.8 / len(rows), align="edge", label=row["what"])
    axis.set_xticks([place + 0.4 for place in range(len(labels))], labels, rotation=45)
    axis.set_ylabel("milliseconds")
    axis.legend(frameon=False)
    picture.savefig(path, dpi=130)

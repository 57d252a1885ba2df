"""A class at one device: many browserless tabs and some real pages, a device at 20 Hz, and people who drag sliders.

``slow`` is the same with tabs that never read, in turn with none, in one run.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.harness import Program, figure, free_port, load_now, print_table, quantiles, running, save
from dash_devices_nb.core import outbox
from tests.support.browser import launched_chromium

RATE = 20.0
SHARE = 1.10
"""How much the p95 of the others may grow by stalled tabs."""

WATCH = """() => {
    window.times = [];
    new MutationObserver(() => {
        const text = document.getElementById('device').textContent;
        if (window.counting) window.times.push(Date.now() - 1000 * parseFloat(text));
    }).observe(document.getElementById('device'), {childList: true, characterData: true, subtree: true});
}"""


async def session(tabs: int, pages: int, draggers: int, stalled: int, seconds: float) -> dict[str, Any]:
    """One class; a row of the table."""
    port = free_port()
    async with contextlib.AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = await stack.enter_async_context(running("class_server", port, RATE, directory=directory))
        await server.says()
        browser = await stack.enter_async_context(launched_chromium())
        windows = []
        for _ in range(pages):
            page = await browser.new_page()
            await page.goto(f"http://127.0.0.1:{port}/")
            await page.wait_for_selector("#device")
            await page.evaluate(WATCH)
            windows.append(page)
        clients = await stack.enter_async_context(
            running("class_tabs", port, tabs, draggers, stalled, seconds, directory=directory)
        )
        await clients.says(120)
        for page in windows:
            await page.evaluate("window.counting = true")
        cpu, memory = server.usage()
        said = await clients.says(seconds + 60)
        cpu_after, memory_after = server.usage()
        real = [time for page in windows for time in await page.evaluate("window.times")]
        lost = await clients.says()
        return {
            "stalled": stalled,
            **{f"push_{name}": value for name, value in quantiles(said["pushes"]).items()},
            **{f"drag_{name}": value for name, value in quantiles(said["drags"]).items()},
            **{f"page_{name}": value for name, value in quantiles(real).items()},
            "received_per_s": said["received"] / seconds,
            "cpu_percent": (cpu_after - cpu) / seconds * 100,
            "mb_start": memory,
            "mb_end": memory_after,
            "most_waiting_kb": await _most(server) / 1e3,
            "lost": lost["lost"],
        }


async def _most(server: Program) -> float:
    """The most that waited for one page at any look."""
    lines = server.process.output.count("\n{") - 1
    return float(max([(await server.says(1))["most_waiting"] for _ in range(max(1, lines - 2))]))


def run(options: Any) -> int:
    """The command ``classroom``."""
    loads = load_now()
    row = asyncio.run(session(options.tabs, options.pages, options.draggers, 0, options.seconds))
    _report("classroom", [{"what": f"{options.tabs} tabs, {options.pages} pages", **row}], loads, options)
    return 0


def run_slow(options: Any) -> int:
    """The command ``slow``."""
    loads = load_now()
    rows = []
    for number in range(2 * options.rounds):
        stalled = options.stalled if number % 2 else 0
        row = asyncio.run(session(options.tabs, options.pages, options.draggers, stalled, options.seconds))
        rows.append({"what": f"{options.tabs} tabs, {stalled} stalled", **row})
    _report("slow", rows, loads, options)
    quiet, loud = ([row["push_p95"] for row in rows if bool(row["stalled"]) is which] for which in (False, True))
    ratio = sorted(loud)[len(loud) // 2] / sorted(quiet)[len(quiet) // 2]
    print(f"the others' p95, with stalled to without: {ratio:.2f}, at most {SHARE}: {_met(ratio <= SHARE)}")
    bound = (outbox.LIMIT + outbox.WINDOW) / 1e3
    most = max(row["most_waiting_kb"] for row in rows)
    print(f"the most that waited for one page: {most:.0f} kB, at most {bound:.0f} kB: {_met(most <= bound)}")
    return 0


def _met(met: bool) -> str:
    return "met" if met else "MISSED"


def _report(name: str, rows: list[dict[str, Any]], loads: list[float], options: Any) -> None:
    turned = [
        {"": column, **{row["what"] + f" ({n + 1})": row[column] for n, row in enumerate(rows)}} for column in rows[0]
    ]
    print_table(f"{name}: change to every page in milliseconds, {options.seconds:g} s each", turned[1:])
    if options.no_save:
        return
    path = save(options.results, name, rows, loads, seconds=options.seconds, draggers=options.draggers)
    picture, axis = figure(7, 3.6)
    if picture is None:
        return
    labels = [f"{what} {q}" for what in ("push", "drag", "page") for q in ("p50", "p95", "p99")]
    for number, row in enumerate(rows):
        values = [row[label.replace(" ", "_")] for label in labels]
        places = [place + number * 0.8 / len(rows) for place in range(len(labels))]
        axis.bar(places, values, 0.8 / len(rows), align="edge", label=row["what"])
    axis.set_xticks([place + 0.4 for place in range(len(labels))], labels, rotation=45)
    axis.set_ylabel("milliseconds")
    axis.legend(frameon=False)
    picture.savefig(path, dpi=130)

"""A million numbers a second to five pages, of which one is Chromium and draws, on two cores.

The same numbers go as arrays (`Waterfall`, bytes), as lists (JSON, what there was before), and by Bokeh's server, which
sends bytes too, to a plot of a line. The rounds are interleaved.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import statistics
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.harness import free_port, listens, load_now, print_table, quantiles, running, save
from benchmarks.report import at_least, at_most, print_targets
from tests.support.browser import launched_chromium

KINDS = ("bytes", "json", "bokeh")
RATE, POINTS = 20, 50_000
RAW = 4
"""Pages without a browser; the fifth is in Chromium."""
COUNT_OURS = """() => {
    window.drawn = 0;
    const put = CanvasRenderingContext2D.prototype.putImageData;
    CanvasRenderingContext2D.prototype.putImageData = function (...args) {
        window.drawn += 1;
        return put.apply(this, args);
    };
}"""
COUNT_BOKEH = """() => {
    window.drawn = 0;
    const [plot] = Bokeh.documents[0].roots();
    plot.renderers[0].data_source.change.connect(() => { window.drawn += 1; });
}"""


async def one(kind: str, seconds: float) -> dict[str, Any]:
    """One round of one kind."""
    port = free_port()
    async with contextlib.AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if kind == "bokeh":
            starting = running("arrays_bokeh", port, RATE, POINTS, directory=directory)
        else:
            starting = running("arrays_server", port, kind, RATE, POINTS, RAW + 1, directory=directory)
        server = await stack.enter_async_context(starting)
        await listens(port, server)
        browser = await stack.enter_async_context(launched_chromium())
        page = await browser.new_page()
        await page.goto(f"http://127.0.0.1:{port}/")
        await page.wait_for_selector("canvas", state="attached")
        if kind == "bokeh":
            await page.wait_for_function("window.Bokeh && Bokeh.documents.length > 0")
        await page.evaluate(COUNT_BOKEH if kind == "bokeh" else COUNT_OURS)
        tabs = await stack.enter_async_context(running("arrays_tabs", port, kind, RAW, seconds, directory=directory))
        await tabs.says()
        cpu, _ = server.usage()
        drawn = await page.evaluate("[window.drawn, performance.now()]")
        said = await tabs.says(seconds + 60)
        used = server.usage()[0] - cpu
        later = await page.evaluate("[window.drawn, performance.now()]")
    ages = quantiles(said["ages"]) if said["ages"] else {"p50": None, "p95": None}
    lines = sum(said["lines"]) / RAW / seconds
    return {
        "as": kind,
        "kpoints_s": lines * POINTS / 1e3,
        "kb_line": sum(said["bytes"]) / max(1, sum(said["lines"])) / 1e3,
        "drawn_s": (later[0] - drawn[0]) / (later[1] - drawn[1]) * 1e3,
        "cpu_percent": used / seconds * 100,
        "age_p50": ages["p50"],
        "age_p95": ages["p95"],
    }


async def measure(options: Any) -> list[dict[str, Any]]:
    rounds: dict[str, list[dict[str, Any]]] = {kind: [] for kind in KINDS}
    for _ in range(options.rounds):
        for kind in random.sample(KINDS, len(KINDS)):
            rounds[kind].append(await one(kind, options.seconds))
            print(".", end="", flush=True)
    return [
        {name: kind if name == "as" else _median([row[name] for row in rounds[kind]]) for name in rounds[kind][0]}
        for kind in KINDS
    ]


def _median(values: list[float | None]) -> float | None:
    there = [value for value in values if value is not None]
    return statistics.median(there) if there else None


def run(options: Any) -> int:
    """The command ``arrays``."""
    loads = load_now()
    rows = asyncio.run(measure(options))
    ours, text, bokeh = rows
    targets = [
        at_least("points a second to each page, thousands", ours["kpoints_s"], 0.95 * RATE * POINTS / 1e3),
        at_least("lines drawn a second in Chromium", ours["drawn_s"], 0.95 * RATE),
        at_most("the kernel's CPU, ours / Bokeh", ours["cpu_percent"] / bokeh["cpu_percent"], 1.0),
        at_most("the kernel's CPU, bytes / JSON", ours["cpu_percent"] / text["cpu_percent"], 0.5),
        at_most("age of a line at pages without a browser, p95 (ms)", ours["age_p95"], 1000 / RATE),
    ]
    print_table(f"{POINTS} float32 {RATE} times a second to {RAW + 1} pages", rows)
    print_targets(targets)
    if not options.no_save:
        save(options.results, "arrays", rows, loads, targets=targets, seconds=options.seconds, rounds=options.rounds)
    return 0

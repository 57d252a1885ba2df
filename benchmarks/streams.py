"""A plot that grows: 10 traces, 50 points for each, 20 times a second, in Chromium.

The page's own frame rate says whether it stays smooth, the number of redraws whether it keeps up; beside it stock Dash
on Flask, whose page asks for the points by a `dcc.Interval`, and the same page with nothing to draw.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import tempfile
from pathlib import Path
from typing import Any

from playwright.async_api import Browser

from benchmarks.harness import figure, free_port, listens, load_now, print_table, quantiles, running, save
from benchmarks.report import at_least, at_most, print_targets
from tests.support.browser import launched_chromium

WANTED_FPS, WANTED_LONGEST = 30.0, 100.0
WATCH = """async (milliseconds) => {
    const plot = document.querySelector('#graph .js-plotly-plot');
    const at = () => plot.data[0].x.at(-1) ?? -1;
    const frames = [], draws = [];
    let last = at();
    const end = performance.now() + milliseconds;
    await new Promise(resolve => {
        const frame = now => {
            frames.push(now);
            if (at() !== last) draws.push(last = at());
            if (now < end) requestAnimationFrame(frame);
            else resolve();
        };
        requestAnimationFrame(frame);
    });
    return {frames, draws, first: draws[0] ?? last, last};
}"""


async def one(browser: Browser, kind: str, options: Any, rate: float) -> dict[str, Any]:
    """One kind of page."""
    port = free_port()
    arguments = (port, options.traces, options.points, rate, options.most)
    async with contextlib.AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = await stack.enter_async_context(running(f"stream_{kind}", *arguments, directory=directory))
        await listens(port, server)
        page = await browser.new_page()
        await page.goto(f"http://127.0.0.1:{port}/")
        await page.wait_for_selector("#graph .main-svg")
        await asyncio.sleep(3)
        cpu, _ = server.usage()
        seen = await page.evaluate(WATCH, options.seconds * 1000)
        used = server.usage()[0] - cpu
        await page.close()
    frames = seen["frames"]
    gaps = [later - sooner for sooner, later in itertools.pairwise(frames)]
    elapsed = (frames[-1] - frames[0]) / 1e3
    return {
        "fps": len(gaps) / elapsed,
        "gap_p95": quantiles(gaps)["p95"],
        "gap_most": max(gaps),
        "redraws_per_s": len(seen["draws"]) / elapsed,
        "pushes_drawn_per_s": (seen["last"] - seen["first"]) / options.points / elapsed,
        "cpu_percent": used / options.seconds * 100,
    }


async def measure(options: Any) -> list[dict[str, Any]]:
    async with launched_chromium() as browser:
        return [
            {"page": "nothing comes", **await one(browser, "ours", options, 0.001)},
            {"page": "app.stream", **await one(browser, "ours", options, options.rate)},
            {"page": "Dash on Flask, Interval", **await one(browser, "flask", options, options.rate)},
        ]


def run(options: Any) -> int:
    """The command ``streams``."""
    loads = load_now()
    rows = asyncio.run(measure(options))
    still, ours, flask = rows
    targets = [
        at_least("frames a second while points come", ours["fps"], WANTED_FPS),
        at_most("time between two frames, p95 (ms)", ours["gap_p95"], WANTED_LONGEST),
        at_least("pushes drawn / made", ours["pushes_drawn_per_s"] / options.rate, 0.95),
        at_least("CPU of the server, Dash on Flask / app.stream", flask["cpu_percent"] / ours["cpu_percent"], 1.0),
        at_least("frames a second, app.stream / nothing comes", ours["fps"] / still["fps"], 0.5),
    ]
    what = f"{options.traces} traces x {options.points} points x {options.rate:g}/s, {options.most} points kept"
    print_table(f"{what}, in Chromium", rows)
    print_targets(targets)
    if options.no_save:
        return 0
    path = save(options.results, "streams", rows, loads, targets=targets, what=what)
    picture, axis = figure(7, 2.4)
    if picture is not None:
        axis.barh([row["page"] for row in rows], [row["fps"] for row in rows], color="#b8c4cc", label="frames")
        axis.barh(
            [row["page"] for row in rows], [row["redraws_per_s"] for row in rows], 0.4, color="#1f6f8b", label="redraws"
        )
        axis.set_xlabel("a second")
        axis.invert_yaxis()
        axis.legend(frameon=False)
        picture.savefig(path, dpi=130)
    return 0

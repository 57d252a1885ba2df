"""A camera: 640x480 JPEG at 30 frames a second to 20 pages on two cores.

To pages without a browser it is seen what the app can deliver; to pages in Chromium what comes of it where everything
runs on one machine, next to the least that a page with a camera can do (`frames_bare`). The bytes as a data URL, the
way without `push_frame`, stand beside it.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.harness import figure, free_port, load_now, print_table, quantiles, running, save
from benchmarks.report import at_least, at_most, print_targets
from tests.support.browser import launched_chromium

RATE = 30.0
KINDS = ("bytes", "array", "base64")
WATCH = """() => {
    window.shown = 0;
    new MutationObserver(() => { window.shown += 1; })
        .observe(document.getElementById('camera'), {attributes: true, attributeFilter: ['src']});
}"""


async def without_browser(kind: str, pages: int, seconds: float) -> dict[str, Any]:
    """What raw pages get."""
    port = free_port()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        async with running("frames_server", port, RATE, kind, pages, directory=directory) as server:
            size = (await server.says())["bytes"]
            await asyncio.sleep(1)
            async with running("frames_tabs", port, pages, seconds, directory=directory) as tabs:
                await tabs.says()
                cpu, _ = server.usage()
                said = await tabs.says(seconds + 30)
                used = server.usage()[0] - cpu
    frames = said["frames"]
    row = {"pages": f"{pages} without a browser", "as": kind, "kb": size / 1e3}
    row |= {"fps": sum(frames) / pages / seconds, "least_fps": min(frames) / seconds}
    row |= {"age_p50": quantiles(said["ages"])["p50"], "age_p95": quantiles(said["ages"])["p95"]}
    return row | {"cpu_percent": used / seconds * 100, "cpu_us": used / max(1, sum(frames)) * 1e6}


async def in_chromium(kind: str, pages: int, seconds: float) -> dict[str, Any]:
    """Measure what real pages show, each at the rate that it can take."""
    port = free_port()
    async with contextlib.AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        program = "frames_bare" if kind == "bare" else "frames_server"
        server = await stack.enter_async_context(running(program, port, RATE, kind, pages, directory=directory))
        size = (await server.says())["bytes"]
        browser = await stack.enter_async_context(launched_chromium())
        windows = []
        for _ in range(pages):
            page = await browser.new_page()
            await page.goto(f"http://127.0.0.1:{port}/")
            await page.wait_for_selector("#camera", state="attached")
            await page.evaluate(WATCH)
            windows.append(page)
        await asyncio.sleep(2)
        cpu, _ = server.usage()
        before = [await page.evaluate("[window.shown, performance.now()]") for page in windows]
        await asyncio.sleep(seconds)
        after = [await page.evaluate("[window.shown, performance.now()]") for page in windows]
        used = server.usage()[0] - cpu
    rates = [(new[0] - old[0]) / (new[1] - old[1]) * 1e3 for old, new in zip(before, after, strict=True)]
    row = {"pages": f"{pages} in Chromium", "as": kind, "kb": size / 1e3, "fps": sum(rates) / pages}
    row |= {"least_fps": min(rates), "age_p50": None, "age_p95": None}
    return row | {"cpu_percent": used / seconds * 100, "cpu_us": used / max(1.0, sum(rates) * seconds) * 1e6}


async def measure(options: Any) -> list[dict[str, Any]]:
    rows = []
    for kind in KINDS:
        rows.append(await without_browser(kind, options.pages, options.seconds))
        print(".", end="", flush=True)
    for kind, pages in (("bytes", 1), ("base64", 1), ("bare", options.pages), ("bytes", options.pages)):
        rows.append(await in_chromium(kind, pages, options.seconds))
        print(".", end="", flush=True)
    return rows


def run(options: Any) -> int:
    """The command ``frames``."""
    loads = load_now()
    rows = asyncio.run(measure(options))
    raw, array, text, one, one_text, bare, many = rows
    targets = [
        at_least(f"frames a second to {options.pages} pages, the slowest", raw["least_fps"], 0.95 * RATE),
        at_most(f"age of a frame at {options.pages} pages, p95 (ms)", raw["age_p95"], 1000 / RATE),
        at_least("the same from numpy arrays", array["least_fps"], 0.95 * RATE),
        at_least("CPU a frame as a data URL / as bytes", text["cpu_us"] / raw["cpu_us"], 1.0),
        at_least("frames a second, one page in Chromium", one["fps"], 0.95 * RATE),
        at_least("CPU, data URL / bytes, one in Chromium", one_text["cpu_us"] / one["cpu_us"], 1.0),
        at_least(f"frames a second, ours / bare page, {options.pages} in Chromium", many["fps"] / bare["fps"], 0.8),
    ]
    print_table("640x480 JPEG at 30 frames a second", rows)
    print_targets(targets)
    if options.no_save:
        return 0
    path = save(options.results, "frames", rows, loads, targets=targets, seconds=options.seconds)
    picture, axis = figure(7, 3.4)
    if picture is not None:
        colours = ["#b8c4cc" if row["as"] == "base64" else "#1f6f8b" for row in rows]
        axis.barh(range(len(rows)), [row["fps"] for row in rows], color=colours)
        axis.set_yticks(range(len(rows)), [f"{row['pages']}, {row['as']}" for row in rows])
        axis.axvline(RATE, color="#555555", linewidth=1, linestyle=":")
        axis.set_xlabel("frames a second at each page (made: 30)")
        axis.invert_yaxis()
        picture.savefig(path, dpi=130)
    return 0

"""The trip while a cell runs, in a real kernel, for both loops.

With `loop="thread"` a page shall hardly notice; with `loop="kernel"` it waits for the cell, by design.
"""

from __future__ import annotations

import asyncio
from typing import Any

from playwright.async_api import Browser, Page
from playwright.async_api import Error as PlaywrightError

from benchmarks.harness import figure, load_now, print_table, quantiles, save
from benchmarks.report import at_most, print_targets
from benchmarks.trip import TRIPS
from tests.support.browser import launched_chromium
from tests.support.kernels import running_kernel

APP = """
import time
from dash_devices_nb import Dash, Input, Output, dcc, html
try:
    import numpy as np
except ImportError:
    np = None

app = Dash("busy")
app.layout = html.Div([dcc.Input(id="question", value=""), html.Div(id="answer")])

@app.callback_shared(Output("answer", "children"), Input("question", "value"))
def answer(value):
    return value

app.run(loop={loop!r}, jupyter_mode="external")
"""

WANTED = {"time.sleep": 1.5, "pure Python": 5.0, "NumPy product": 2.0}
"""Times the trip with nothing running. Python hands the lock over each 5 ms: a trip meets that two or three times."""

CELLS = {
    "nothing": "pass",
    "time.sleep": "time.sleep({seconds})",
    "pure Python": "end = time.monotonic() + {seconds}\nwhile time.monotonic() < end: pass",
    "NumPy product": (
        "big = np.random.rand(1500, 1500); end = time.monotonic() + {seconds}\n"
        "while time.monotonic() < end: big = big @ big; big /= big.max()"
    ),
}


async def trips(page: Page, name: str, count: int, patience: float) -> list[float]:
    options = {"question": "#question", "answer": "#answer", "name": name, "count": count, "patience": patience}
    times: list[float] = await page.evaluate(TRIPS, options)
    return times


async def one_loop(browser: Browser, loop: str, count: int, seconds: float) -> list[dict[str, Any]]:
    """The trips with one loop, for each kind of cell."""
    rows = []
    async with running_kernel() as kernel:
        await kernel.run(APP.format(loop=loop))
        url = str((await kernel.run("app.url")).result).strip("'")
        page = await browser.new_page()
        await page.goto(url)
        await page.wait_for_selector("#question")
        await trips(page, "warm", 30, 10_000)
        base = 0.0
        for what, cell in CELLS.items():
            running = kernel.start(cell.format(seconds=seconds))
            await asyncio.sleep(0.2)
            times: list[float] = []
            row: dict[str, Any] = {"loop": loop, "cell": what}
            try:
                while len(times) < count and (what == "nothing" or not running.finished):
                    times += await trips(page, f"{what}{len(times)}", 1, seconds * 1000 + 10_000)
            except PlaywrightError as error:
                row["failure"] = str(error).splitlines()[0]
            while not running.finished:
                await asyncio.sleep(0.05)
            if times:
                base = base or quantiles(times)["p50"]
                row |= {"trips": len(times), **quantiles(times), "most": max(times)}
                row["to_nothing"] = row["p50"] / base
            rows.append(row)
        await page.close()
    return rows


async def measure(count: int, seconds: float) -> list[dict[str, Any]]:
    async with launched_chromium() as browser:
        return [row for loop in ("thread", "kernel") for row in await one_loop(browser, loop, count, seconds)]


def run(options: Any) -> int:
    """The command ``busy``."""
    loads = load_now()
    rows = asyncio.run(measure(options.trips, options.seconds))
    print_table(f"a shared trip while a cell of {options.seconds:g} s runs, in milliseconds", rows)
    found = {row["cell"]: row.get("to_nothing") for row in rows if row["loop"] == "thread"}
    targets = [at_most(f"loop='thread', {cell} / nothing", found.get(cell), most) for cell, most in WANTED.items()]
    print_targets(targets)
    if options.no_save:
        return 0
    path = save(options.results, "busy", rows, loads, targets, seconds=options.seconds)
    picture, axis = figure(7, 3.4)
    if picture is not None:
        shown = [row for row in rows if "p50" in row]
        axis.barh(range(len(shown)), [row["p50"] for row in shown], color="#1f6f8b")
        axis.barh(range(len(shown)), [row["p95"] for row in shown], color="#1f6f8b", alpha=0.3)
        axis.set_yticks(range(len(shown)), [f"{row['loop']}: {row['cell']}" for row in shown])
        axis.set(xscale="log", xlabel="milliseconds (median, p95)")
        axis.invert_yaxis()
        picture.savefig(path, dpi=130)
    return 0

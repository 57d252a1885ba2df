"""How long it takes until the page is there: the import, and `app.run()` in a real kernel."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.report import Measurement, at_most, last_line, machine, save_picture, save_results
from tests.support.kernels import running_kernel

IMPORT = """
import time
start = time.perf_counter()
import {module}
print((time.perf_counter() - start) * 1000)
"""

RUN = """
import time
from dash_devices_nb import Dash, Input, Output, dcc, html

app = Dash("startup")
app.layout = html.Div([dcc.Slider(0, 10, id="slider"), html.Div(id="text")])

@app.callback_shared(Output("text", "children"), [Input("slider", "value")])
def show(value):
    return str(value)

start = time.perf_counter()
app.run()
elapsed = (time.perf_counter() - start) * 1000
"""

TARGETS = {"import": 50.0, "run": 500.0}


def import_times(module: str, count: int) -> list[float]:
    """Milliseconds of the import in fresh interpreters, after one that fills the caches."""
    times = []
    for _ in range(count + 1):
        done = subprocess.run(
            [sys.executable, "-c", IMPORT.format(module=module)],
            capture_output=True,
            text=True,
            check=True,
        )
        times.append(float(done.stdout))
    return times[1:]


async def run_time() -> float:
    """Milliseconds of the first `app.run()` in a fresh kernel, the package once imported."""
    async with running_kernel() as kernel:
        await kernel.run(RUN)
        cell = await kernel.run("print(elapsed)")
        await kernel.run("app.stop()")
        return float(cell.text)


def measure(count: int) -> list[Measurement]:
    """The import of ours, of Dash for comparison, and `app.run()`."""
    measurements = []
    for key, module in (("import", "dash_devices_nb"), ("import_dash", "dash")):
        m = Measurement(key, f"import {module}")
        try:
            m.times = import_times(module, count)
        except subprocess.CalledProcessError as error:
            m.failure = last_line(error.stderr)
        measurements.append(m)
    m = Measurement("run", "app.run() in a kernel")
    try:
        m.times = [asyncio.run(run_time()) for _ in range(max(3, count // 3))]
    except AssertionError as error:
        m.failure = last_line(str(error))
    return [*measurements, m]


def run(options: Any) -> int:
    """The command ``startup``."""
    measurements = measure(options.count)
    print(f"{'in milliseconds':30}{'n':>4}{'median':>9}{'p95':>9}{'wanted':>12}")
    for m in measurements:
        if not m.times:
            print(f"{m.label:30}  SKIPPED: {m.failure}")
            continue
        limit = TARGETS.get(m.key)
        wanted = f"< {limit:g}" if limit else ""
        verdict = "" if limit is None else "  met" if m.median < limit else "  MISSED"
        print(f"{m.label:30}{len(m.times):4}{m.median:9.1f}{m.p95:9.1f}{wanted:>12}{verdict}")
    about = machine()
    print(f"\n{about['processor']}, {about['cores']} cores, load {about['load'][0]}")
    if not options.no_save:
        targets = [
            at_most(f"{m.label} (ms)", m.median if m.times else None, TARGETS[m.key])
            for m in measurements
            if m.key in TARGETS
        ]
        save_results(Path(options.results) / "startup.json", measurements, targets)
        save_picture(Path(options.results) / "startup.png", measurements, "milliseconds (median, 95th percentile)")
    return 0

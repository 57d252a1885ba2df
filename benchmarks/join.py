"""A class that joins: guests with a share link come within seconds while the device pushes at 20 Hz.

In turn through the Jupyter server with its extension, directly to the kernel, and, as the limit, to a program that
sends the same bytes and does nothing else. Each with the page's scripts and styles in the browser already, and with
all of them to load.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import psutil

from benchmarks.extension import served
from benchmarks.harness import free_port, load_now, print_table, quantiles, running, save
from tests.support.kernels import running_kernel

WANTED_RATIO = 2.0
"""How much longer the way through the Jupyter server may take than the direct one, at the median."""
SETTLE_SECONDS = 2

APP = """
import os, threading, time
from dash_devices_nb import Dash, Input, Output, dcc, html

app = Dash("join")
rows = [html.Div(f"row {n}", id=f"row{n}") for n in range(50)]
knob = dcc.Slider(0, 9, id="knob")
app.layout = html.Div([app.presence(), html.Div(0, id="device"), knob, html.Div(id="shown"), *rows])

@app.callback_shared(Output("shown", "children"), Input("knob", "value"))
def show(value):
    return f"at {value}"

app.run(jupyter_mode="external")
count = 0
ended = threading.Event()

def push():
    global count
    due = time.monotonic()
    while not ended.wait(max(0.0, due - time.monotonic())):
        count += 1
        app.push_mods({"device": {"children": count}})
        due += 1 / 20

device = threading.Thread(target=push, daemon=True)
device.start()
"""
LINK = "print(app.share(role='view', hours=1).url)"
WHO = "print(os.getpid())"
END = (
    "ended.set(); device.join(); print(count, app._parts.runtime.dispatcher.value(('device', 'children')).fresh(), "
    "len(app.clients), len({client.name for client in app.clients}))"
)

Run = Callable[[str], Awaitable[str]]


@asynccontextmanager
async def through_jupyter() -> AsyncIterator[tuple[Run, str, int | None]]:
    """The app behind a Jupyter server: how to run cells, the link, and the server's process."""
    async with served(APP) as (jupyter, kernel):
        link = (await kernel.run(LINK)).strip().split()[-1]
        url = link if link.startswith("http") else f"{jupyter.url.rstrip('/')}{link}"
        yield kernel.run, url, jupyter.pid


@asynccontextmanager
async def directly() -> AsyncIterator[tuple[Run, str, int | None]]:
    """The same in a kernel that no server started."""
    async with running_kernel() as kernel:

        async def run_cell(code: str) -> str:
            return (await kernel.run(code)).text

        await run_cell(APP)
        yield run_cell, (await run_cell(LINK)).split()[-1], None


def cpu_of(pid: int) -> float:
    """CPU seconds so far."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


async def joined(way: Any, record: Path | None, *, files: bool, options: Any, directory: Path) -> dict[str, Any]:
    """A class joins an app; a row of the table."""
    async with AsyncExitStack() as stack:
        run_cell, url, server = await stack.enter_async_context(way())
        pids = {"kernel": int((await run_cell(WHO)).strip()), **({"server": server} if server else {})}
        before = {name: cpu_of(pid) for name, pid in pids.items()}
        arguments = [url, options.guests, options.seconds, int(files), *([record] if record else [])]
        guests = await stack.enter_async_context(running("join_guests", *arguments, directory=directory))
        came = await guests.says(options.seconds + 120)
        cpu = {name: (cpu_of(pid) - before[name]) / came["seconds"] * 100 for name, pid in pids.items()}
        await asyncio.sleep(SETTLE_SECONDS)
        count, state, here, names = map(int, (await run_cell(END)).split())
        saw = await guests.says(60)
    if (here, names) != (options.guests, options.guests):
        raise RuntimeError(f"the app had {here} clients of {names} names, not {options.guests}")
    return {
        **quantiles(came["live"]),
        "worst": max(came["live"]),
        "kb_a_guest": saw["kilobytes"],
        "kernel_cpu_percent": cpu["kernel"],
        "server_cpu_percent": cpu.get("server"),
        "values": saw["values"],
        "missed": saw["gaps"] + saw["lost"],
        "ends_right": saw["ends"] == [count] == [state],
    }


async def bare(record: Path, *, files: bool, options: Any, directory: Path) -> dict[str, Any]:
    """The same guests at a program that only writes the same bytes."""
    port = free_port()
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(running("join_bare", port, record, directory=directory))
        await server.says()
        entry = re.search(r'"entry": "([^"]*)", "path": "([^"]*)"', record.read_text())
        assert entry is not None
        before, _ = server.usage()
        arguments = [f"http://127.0.0.1:{port}{entry[2]}?{entry[1]}", options.guests, options.seconds, int(files)]
        guests = await stack.enter_async_context(running("join_guests", *arguments, directory=directory))
        came = await guests.says(options.seconds + 120)
        after, _ = server.usage()
    return {
        **quantiles(came["live"]),
        "worst": max(came["live"]),
        "kernel_cpu_percent": (after - before) / came["seconds"] * 100,
    }


async def measure(options: Any) -> list[dict[str, Any]]:
    """All ways."""
    rows = []
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place)
        for files in (False, True):
            record = directory / f"recorded-{files}.json"
            common = {"files": files, "options": options, "directory": directory}
            through = await joined(through_jupyter, record, **common)
            direct = await joined(directly, None, **common)
            limit = await bare(record, **common)
            loaded = "all files" if files else "cached files"
            for name, row in (("extension", through), ("direct", direct), ("same bytes", limit)):
                rows.append({"to a live page, ms": f"{name}, {loaded}", **row, "to_direct": row["p50"] / direct["p50"]})
                rows[-1]["to_limit"] = row["p50"] / limit["p50"]
    return rows


def run(options: Any) -> int:
    """The command ``join``."""
    loads = load_now()
    rows = asyncio.run(measure(options))
    print_table(f"{options.guests} guests join within {options.seconds:g} s, the device at 20 Hz", rows)
    apps = [row for row in rows if "missed" in row]
    good = all(row["missed"] == 0 and row["ends_right"] for row in apps)
    print(f"no shared value missed, and all ends equal the server's state: {'met' if good else 'MISSED'}")
    ratio = rows[0]["to_direct"]
    print(f"extension to direct, cached files: {ratio:.2f}, at most {WANTED_RATIO:g}: {_met(ratio <= WANTED_RATIO)}")
    if not options.no_save:
        save(options.results, "join", rows, loads, guests=options.guests, seconds=options.seconds)
    return 0 if good else 1


def _met(met: bool) -> str:
    return "met" if met else "MISSED"

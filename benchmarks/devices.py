"""Devices: many signals on many pages, a set among polls, and graphs of a long history.

- CPU of the program that polls 200 signals 10 times a second, with 20 pages that show them and with none; the bytes
  to a page that shows all, and to one that shows a tenth
- the same signals as ipywidgets: a kernel that polls them as often, `observe`, and one page
- how long a set waits for a bus on which 100 signals are polled, in units of one read alone
- opening and zooming a graph, beside DuckDB reading the same stretch of the same file; the bytes to the page
"""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import httpx
import orjson
import psutil
from websockets.asyncio.client import connect

from benchmarks.harness import ProgramFailed, free_port, listens, load_now, print_table, quantiles, running, save
from benchmarks.report import at_most, print_targets
from dash_devices_nb import Dash, devices
from dash_devices_nb.devices.history.graph import POINTS, Graphs, _stamp, utc_offset
from dash_devices_nb.devices.history.store import Store
from tests.support.jupyter import running_jupyter
from tests.support.rawpage import RawPage

READ_SECONDS = 0.005
RECORDED, HZ = 10, 1.0
MOST_BYTES = 60.0
"""What a point of a figure may need as JSON: a time of 23 characters and a number."""


async def pages(options: Any) -> dict[str, Any]:
    """CPU seconds for each second, with pages and without."""
    port = free_port()
    async with contextlib.AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = await stack.enter_async_context(
            running("device_pages", port, options.signals, options.rate, directory=directory)
        )
        await listens(port, server)

        async def used() -> float:
            before, began = server.usage()[0], time.monotonic()
            await asyncio.sleep(options.seconds)
            return (server.usage()[0] - before) / (time.monotonic() - began)

        await asyncio.sleep(2)
        alone = await used()
        url = f"http://127.0.0.1:{port}/"
        looking = [await stack.enter_async_context(RawPage(url)) for _ in range(options.pages)]
        await asyncio.sleep(2)

        async def seen() -> tuple[float, float, float]:
            """CPU, reads a second on the slowest page, and bytes a second to the page that gets most."""
            first, bytes_, began = counts(), [page.bytes for page in looking], time.monotonic()
            cpu = await used()
            took = time.monotonic() - began
            reads = min(now - at for now, at in zip(counts(), first, strict=True)) / took
            return cpu, reads, max(page.bytes - at for page, at in zip(looking, bytes_, strict=True)) / took

        def counts() -> list[int]:
            return [page.values["bench/s0.value"] for page in looking]

        shown, reads, bytes_ = await seen()
        tenth = {f"bench/s{number}": None for number in range(options.signals // 10)}
        for page in looking:
            await page.send(t="watch", ids=tenth)
        await asyncio.sleep(1)
        fewer, _, fewer_bytes = await seen()
        for page in looking[1:]:
            await page.stall()
        one = [looking.pop(0)]
        for page in looking:
            await page.send(t="bye")
        looking = one
        await one[0].send(t="watch", ids={f"bench/s{number}": 0 for number in range(options.signals)})
        await asyncio.sleep(4)  # the others' grace is over
        single, _, _ = await seen()
    return {
        "polling_percent": alone * 100,
        "with_pages_percent": shown * 100,
        "ratio": shown / alone,
        "reads_per_s_on_slowest_page": reads,
        "bytes_per_s_and_page": bytes_,
        "showing_a_tenth_percent": fewer * 100,
        "bytes_per_s_showing_a_tenth": fewer_bytes,
        "one_page_percent": single * 100,
    }


WIDGETS = """
import itertools, os, threading, time
import ipywidgets, traitlets

class Device(traitlets.HasTraits):
    pass

device = Device()
device.add_traits(**{{f"s{{n}}": traitlets.Int() for n in range({signals})}})
labels = [ipywidgets.Label() for _ in range({signals})]
for number, label in enumerate(labels):
    device.observe(lambda change, label=label: setattr(label, "value", str(change["new"])), f"s{{number}}")
counters = [itertools.count(1) for _ in labels]

def poll():
    due = time.monotonic()
    while True:
        for number, counter in enumerate(counters):
            setattr(device, f"s{{number}}", next(counter))
        due = max(due + 1 / {rate}, time.monotonic())
        time.sleep(max(0, due - time.monotonic()))

threading.Thread(target=poll, daemon=True).start()
display(ipywidgets.VBox(labels))
print("PID", os.getpid())
"""


async def widgets(options: Any) -> dict[str, Any]:
    """CPU of a kernel that polls as many signals into ipywidgets, and of its Jupyter server, with one page."""
    # Else Jupyter drops most of 2,000 messages a second.
    arguments = ["--ZMQChannelsWebsocketConnection.limit_rate=False"]
    async with (
        running_jupyter("server", arguments=arguments) as jupyter,
        httpx.AsyncClient(headers=jupyter.headers, timeout=60) as http,
    ):
        kernel = (await http.post(f"{jupyter.url}api/kernels", json={"name": "python3"})).raise_for_status().json()
        address = f"{jupyter.url.replace('http', 'ws', 1)}api/kernels/{kernel['id']}/channels?session_id=page"
        async with connect(address, additional_headers=jupyter.headers, max_size=None, compression=None) as socket:
            code = WIDGETS.format(signals=options.signals, rate=options.rate)
            content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False}
            header = {
                "msg_id": "run",
                "msg_type": "execute_request",
                "session": "page",
                "username": "",
                "version": "5.3",
            }
            request = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
            await socket.send(orjson.dumps(request).decode())
            pid, model = 0, ""
            while not pid:
                said = orjson.loads(await socket.recv())
                if said["msg_type"] == "error":
                    raise ProgramFailed("\n".join(said["content"]["traceback"]))
                if (
                    said["msg_type"] == "comm_open"
                    and said["content"]["data"]["state"].get("_model_name") == "LabelModel"
                ):
                    model = model or said["content"]["comm_id"]
                if said["msg_type"] == "stream" and "PID" in said["content"]["text"]:
                    pid = int(said["content"]["text"].split("PID")[1].split()[0])
            processes = [psutil.Process(pid), psutil.Process(jupyter.pid)]

            def used() -> list[float]:
                return [sum(each.cpu_times()[:2]) for each in processes]

            async def read(seconds: float) -> tuple[int, int]:
                """How many messages of the first label came, and how many bytes of all."""
                count = size = 0
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        while True:
                            message = await socket.recv()
                            size += len(message)
                            count += f'"comm_id": "{model}"' in str(message) or f'"comm_id":"{model}"' in str(message)
                return count, size

            await read(2)
            before, began = used(), time.monotonic()
            count, size = await read(options.seconds)
            took = time.monotonic() - began
            kernel_cpu, server_cpu = ((now - at) / took for now, at in zip(used(), before, strict=True))
    return {
        "kernel_percent": kernel_cpu * 100,
        "jupyter_server_percent": server_cpu * 100,
        "updates_per_s_of_a_label": count / took,
        "bytes_per_s": size / took,
    }


class Slow(devices.Driver):
    """One bus on which each read and write takes some milliseconds."""

    name = "slow"

    def __init__(self, signals: int) -> None:
        self._signals, self.written = signals, 0.0

    def signals(self) -> Iterator[devices.DriverSignal]:
        for number in range(self._signals):
            info = devices.SignalInfo((f"s{number}",), dtype=devices.Dtype.NUMBER, settable=True)
            yield devices.DriverSignal(info=info, read=self._read, write=self._write)

    def _read(self) -> float:
        time.sleep(READ_SECONDS)
        return 1.0

    def _write(self, value: float) -> None:
        self.written = time.perf_counter()


def sets(options: Any) -> dict[str, Any]:
    """How long it takes from a set to the driver's write, beside a read alone."""
    driver = Slow(100)
    with devices.connect(driver, period=0.1) as device:
        alone = []
        for _ in range(options.sets):
            began = time.perf_counter()
            device.s0.read()
            alone.append(time.perf_counter() - began)
        device.want("the benchmark", frozenset(device))
        waits, whole = [], []
        for number in range(options.sets):
            time.sleep(0.003 * (number % 5))
            began = time.perf_counter()
            device.s0.set(1.0)
            waits.append(driver.written - began)
            whole.append(time.perf_counter() - began)
    read = statistics.median(alone)
    return {
        "read_ms": read * 1e3,
        "wait_p50_reads": quantiles(waits)["p50"] / read,
        "wait_p95_reads": quantiles(waits)["p95"] / read,
        "with_read_back_p50_reads": quantiles(whole)["p50"] / read,
    }


def fill(path: Path, points: int) -> tuple[float, float]:
    """A file of readings of 10 signals, once a second each, up to now. Returns the first time and the last."""
    Store(path).close()
    each = points // RECORDED
    last = float(int(time.time()))
    first = last - each / HZ
    with duckdb.connect(str(path)) as base:
        base.executemany("INSERT INTO signals VALUES (?, ?, '')", [[n + 1, f"bench/s{n}"] for n in range(RECORDED)])
        base.execute(
            "INSERT INTO readings SELECT n, ? + t / ?, sin(t / 700.0) + random() / 10, NULL, 'ok', NULL "
            "FROM range(?) r(t), range(1, ?) s(n)",
            [first, HZ, each, RECORDED + 1],
        )
    return first, last


def history(options: Any) -> list[dict[str, Any]]:
    """Opening and zooming a graph, beside reading the same stretch directly."""
    from benchmarks.programs.device_pages import Counting

    rows = []
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "history.duckdb"
        began = time.perf_counter()
        first, last = fill(path, options.points)
        built = time.perf_counter() - began
        with devices.connect(Counting(RECORDED), period=3600) as device:
            app = Dash("bench", devices=[device])
            with app.record(device, file=path) as recorded:
                graphs, store = Graphs(Dash("plots"), [device], lambda: [recorded]), recorded._store
                stretches = {
                    "the last hour": 1.0,
                    "a day": 24.0,
                    "all": (last - first) / 3600 + 1,
                    "a zoom on 10 minutes": (first + (last - first) / 2, 600.0),
                }
                for name, stretch in stretches.items():
                    if isinstance(stretch, tuple):
                        start, end, shown = stretch[0], sum(stretch), {}
                        offset = utc_offset()
                        shown = {"xaxis.range": [_stamp(start, offset), _stamp(end, offset)]}
                    else:
                        start, end, shown = last - stretch * 3600, last + 60, None
                    hours = (end - start) / 3600

                    def ours(shown: Any = shown, hours: float = hours) -> bytes:
                        return orjson.dumps(graphs.figure(shown, ["bench/s0"], hours))

                    def directly(start: float = start, end: float = end) -> int:
                        query = (
                            "SELECT time, value FROM readings WHERE signal = 1 AND time BETWEEN ? AND ? ORDER BY time"
                        )
                        found = store._base.cursor().execute(query, [start, end]).fetchnumpy()
                        return len(found["time"])

                    rows.append({"graph": name, **compared(ours, directly, options.rounds)})
        rows[0] |= {"build_s": built, "file_mb": path.stat().st_size / 1e6}
    return rows


def compared(ours: Callable[[], bytes], directly: Callable[[], int], rounds: int) -> dict[str, Any]:
    """Both in turns."""
    times: dict[str, list[float]] = {"ours": [], "directly": []}
    sent, read = ours(), directly()
    for _ in range(rounds):
        for name, function in (("ours", ours), ("directly", directly)):
            began = time.perf_counter()
            function()
            times[name].append(time.perf_counter() - began)
    mine, theirs = (statistics.median(times[name]) * 1e3 for name in ("ours", "directly"))
    return {"points": read, "ours_ms": mine, "directly_ms": theirs, "ratio": mine / theirs, "bytes": len(sent)}


def run(options: Any) -> int:
    """The command ``devices``."""
    loads = load_now()
    graphs = history(options)
    setting = sets(options)
    shown = asyncio.run(pages(options))
    as_widgets = asyncio.run(widgets(options))
    whole = as_widgets["kernel_percent"] + as_widgets["jupyter_server_percent"]
    targets = [
        at_most("a set among polls, wait p95 (reads)", setting["wait_p95_reads"], 2),
        at_most("CPU for one page / that of ipywidgets, kernel and server", shown["one_page_percent"] / whole, 1),
        *(at_most(f"graph of {row['graph']} / DuckDB directly", row["ratio"], 1.5) for row in graphs),
        at_most("bytes of a figure / point of its width", max(row["bytes"] for row in graphs) / POINTS, MOST_BYTES),
    ]
    print_table(
        f"{options.signals} signals at {options.rate:g} Hz on {options.pages} pages: CPU of the server", [shown]
    )
    print_table("the same signals as ipywidgets, one page", [as_widgets])
    print_table("a set while 100 signals are polled on one bus", [setting])
    print_table(f"a graph of one of {RECORDED} signals, {options.points:,} points in the file", graphs)
    print_targets(targets)
    if not options.no_save:
        save(
            options.results,
            "devices",
            [shown, as_widgets, setting, *graphs],
            loads,
            targets=targets,
            points=options.points,
        )
    return 0

"""Pages at a relay: what the kernel pays for one and for many, and what the relay pays."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
from websockets.asyncio.client import connect

from benchmarks.harness import load_now, print_table, quantiles, running, save
from tests.support.processes import Process, spawn

COMMAND = "from dash_devices_nb.cli import main; raise SystemExit(main())"


@contextlib.asynccontextmanager
async def relay_of(owner: str, directory: Path) -> AsyncIterator[tuple[Process, str]]:
    log = directory / "relay.log"
    command = [sys.executable, "-c", COMMAND, "relay", owner, "--port", "0"]
    process = Process(spawn(command, log, cwd=Path.cwd()), log)
    try:
        yield process, (await process.printed(r"is at (\S+)")).group(1)
    finally:
        await process.stop()


class Pages:
    """Pages without a browser."""

    def __init__(self, address: str, token: str) -> None:
        parts = urlsplit(address)
        self._url = f"ws://{parts.netloc}/_dash-devices/ws"
        self._cookie = {"Cookie": f"dash-devices-share-{parts.port}={token}"}
        self.times: list[float] = []
        self.came = 0
        self._tasks: list[asyncio.Task[None]] = []

    async def _page(self, joined: asyncio.Semaphore) -> None:
        async with joined:
            socket = await connect(self._url, additional_headers=self._cookie, compression=None, max_size=None)
            await socket.send('{"t":"hello","v":1}')
            await socket.recv()
        self.came += 1
        applied = 0
        async with socket:
            async for message in socket:
                if isinstance(message, str) and message.startswith('{"t":"mods","r"'):
                    applied += 1
                    self.times.append((time.time() - float(json.loads(message)["m"]["now"]["children"])) * 1e3)
                    if applied % 20 == 0:
                        await socket.send(f'{{"t":"ok","k":{applied}}}')

    async def join(self, count: int) -> None:
        joined = asyncio.Semaphore(20)
        self._tasks = [asyncio.create_task(self._page(joined)) for _ in range(count)]
        while self.came < count:
            await asyncio.sleep(0.05)

    async def leave(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def measure(options: Any) -> list[dict[str, Any]]:
    rows = []
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        async with running("relay_app", options.rate, directory=directory) as app:
            links = await app.says()
            for count, through in [(1, False), *((count, True) for count in options.clients)]:
                async with contextlib.AsyncExitStack() as stack:
                    process, address = None, links["view"]
                    if through:
                        process, address = await stack.enter_async_context(relay_of(links["owner"], directory))
                    pages = Pages(address, links["view"].rpartition("share=")[2])
                    await pages.join(count)
                    await asyncio.sleep(2)
                    pages.times.clear()
                    kernel = psutil.Process(app.process.pid)
                    before = sum(kernel.cpu_times()[:2])
                    mine = sum(psutil.Process(process.pid).cpu_times()[:2]) if process else 0.0
                    await asyncio.sleep(options.seconds)
                    used = sum(kernel.cpu_times()[:2]) - before
                    relayed = sum(psutil.Process(process.pid).cpu_times()[:2]) - mine if process else 0.0
                    spread = quantiles(pages.times)
                    rows.append(
                        {
                            "by": "a relay" if through else "the app",
                            "pages": count,
                            "kernel_cpu": 100 * used / options.seconds,
                            "relay_cpu": 100 * relayed / options.seconds,
                            "arrived": len(pages.times) / (options.rate * options.seconds * count),
                            "p50": spread["p50"],
                            "p95": spread["p95"],
                        }
                    )
                    await pages.leave()
    return rows


def run(options: Any) -> int:
    """The command ``relay``."""
    loads = load_now()
    rows = asyncio.run(measure(options))
    print_table(f"pages at a relay, {options.rate:g} changes a second; CPU in percent of a core, times in ms", rows)
    relayed = [row for row in rows if row["by"] == "a relay"]
    grown = relayed[-1]["kernel_cpu"] / max(relayed[0]["kernel_cpu"], 0.1)
    print(f"the kernel's CPU, {relayed[-1]['pages']} pages to {relayed[0]['pages']}: {grown:.2f} times, at most 1.2")
    if not options.no_save:
        save(options.results, "relay", rows, loads, rate=options.rate, seconds=options.seconds)
    return 0

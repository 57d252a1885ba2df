"""What a shared trip costs the program's process in CPU, beside a bare `websockets` echo. There is no browser.

A page sends a change of an input, and has the answer of a shared callback back before it sends the next. CPU time
depends less on other work on the machine than the time of the trip does, which is printed beside it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from benchmarks.harness import Program, free_port, listens, load_now, print_table, running, save
from benchmarks.report import at_most, print_targets

KINDS = {"echo": ("cpu_echo",), "plain": ("cpu_ours", "plain"), "coroutine": ("cpu_ours", "coroutine")}
WANTED = 2.5
"""Times the echo. An echo reads no JSON and knows no state."""
WARM_UP = 100


class Asking:
    """A connection that makes trips.

    Args:
        socket: of the server.
        page: whether it is an app's.
    """

    def __init__(self, socket: ClientConnection, page: bool) -> None:
        self._socket = socket
        self._page = page
        self._number = self._applied = 0

    async def greet(self) -> None:
        """Say hello, as a page does."""
        if self._page:
            await self._socket.send('{"t":"hello","rev":0}')
            await self._socket.recv()

    async def trip(self) -> None:
        """Send a change, and wait for its answer."""
        self._number += 1
        text = f"v{self._number}."
        change = {"t": "set", "s": self._number, "m": {"question": {"value": text}}, "k": self._applied}
        await self._socket.send(json.dumps(change))
        while True:
            message = await self._socket.recv(decode=True)
            if self._page and message.startswith('{"t":"mods"'):
                self._applied += 1
            if text in message and (not self._page or '"answer"' in message):
                return


async def measure(trips: int, rounds: int) -> list[dict[str, Any]]:
    """Rounds of trips, the servers in turns; CPU and time of a trip in microseconds."""
    got: dict[str, list[tuple[float, float]]] = {kind: [] for kind in KINDS}
    async with contextlib.AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        servers: dict[str, tuple[Program, Asking]] = {}
        for kind, (program, *more) in KINDS.items():
            port = free_port()
            server = await stack.enter_async_context(running(program, port, *more, directory=directory))
            await listens(port, server)
            address = f"ws://127.0.0.1:{port}/" + ("" if kind == "echo" else "_dash-devices/ws")
            socket = await stack.enter_async_context(connect(address, compression=None, ping_interval=None))
            asking = Asking(socket, kind != "echo")
            await asking.greet()
            for _ in range(WARM_UP):
                await asking.trip()
            servers[kind] = server, asking
        for _ in range(rounds):
            for kind, (server, asking) in servers.items():
                times = []
                before = server.usage()[0]
                for _ in range(trips):
                    start = time.perf_counter()
                    await asking.trip()
                    times.append(time.perf_counter() - start)
                cpu = (server.usage()[0] - before) / trips
                got[kind].append((cpu * 1e6, statistics.median(times) * 1e6))
    rows = []
    for kind, each in got.items():
        cpu, took = (statistics.median(values) for values in zip(*each, strict=True))
        rows.append({"server": kind, "trips": trips * rounds, "cpu_us": cpu, "trip_us": took})
    for row in rows:
        row["to_echo"] = row["cpu_us"] / rows[0]["cpu_us"]
    return rows


def run(options: Any) -> int:
    """The command ``cpu``."""
    loads = load_now()
    rows = asyncio.run(measure(options.trips, options.rounds))
    print_table("one shared trip: CPU of the program's process, and the time of the trip (microseconds)", rows)
    targets = [at_most(f"CPU, {row['server']} callback / echo", row["to_echo"], WANTED) for row in rows[1:]]
    print_targets(targets)
    if not options.no_save:
        save(options.results, "cpu", rows, loads, targets)
    return 0

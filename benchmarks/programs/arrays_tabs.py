"""Pages without a browser that take lines: PORT KIND TABS SECONDS. Says what came to each, and how old it was.

KIND is that of `arrays_server`, or "bokeh".
"""

from __future__ import annotations

import asyncio
import re
import sys
import time

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from benchmarks.harness import say

STAMP = re.compile(rb'"stamp":\{"children":"([0-9.]+)"')


class Count:
    """What came since the counting began."""

    def __init__(self, tabs: int) -> None:
        self.lines = [0] * tabs
        self.bytes = [0] * tabs
        self.ages: list[float] = []
        self.counting = False


async def ours(socket: ClientConnection, number: int, count: Count, *, arrays: bool) -> None:
    hello = '{"t":"hello","rev":0,"arrays":true}' if arrays else '{"t":"hello","rev":0}'
    await socket.send(hello)
    applied = 0
    while True:
        message = await socket.recv(decode=False)
        ends = message[-80:] if message[:1] == b"{" else message[: 8 + int.from_bytes(message[4:8], "big")]
        found = STAMP.search(ends)
        if found is None:
            continue
        applied += 1
        await socket.send(f'{{"t":"ok","k":{applied}}}')  # a page says so after 128 kB
        if count.counting:
            count.lines[number] += 1
            count.bytes[number] += len(message)
            count.ages.append((time.time() - float(found[1])) * 1e3)


async def bokeh(socket: ClientConnection, number: int, count: Count) -> None:
    while True:
        message = await socket.recv(decode=False)
        if count.counting:
            count.bytes[number] += len(message)
            count.lines[number] += len(message) > 10_000


async def tab(port: int, kind: str, number: int, count: Count) -> None:
    options = {"max_size": None, "compression": None, "ping_interval": None, "proxy": None}
    if kind != "bokeh":
        async with connect(f"ws://127.0.0.1:{port}/_dash-devices/ws", **options) as socket:
            await ours(socket, number, count, arrays=kind == "bytes")
        return
    async with httpx.AsyncClient() as client:
        text = (await client.get(f"http://127.0.0.1:{port}/")).text
    token = re.search(r'"token":"([^"]+)"', text)
    assert token is not None
    protocols = [Subprotocol("bokeh"), Subprotocol(token[1])]
    async with connect(f"ws://127.0.0.1:{port}/ws", subprotocols=protocols, **options) as socket:
        await bokeh(socket, number, count)


async def main(port: int, kind: str, tabs: int, seconds: float) -> None:
    count = Count(tabs)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(tab(port, kind, number, count)) for number in range(tabs)]
        await asyncio.sleep(3)
        say(ready=True)
        count.counting = True
        await asyncio.sleep(seconds)
        count.counting = False
        say(lines=count.lines, bytes=count.bytes, ages=count.ages)
        for task in tasks:
            task.cancel()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))

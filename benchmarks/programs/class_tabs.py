"""Raw tabs: PORT TABS DRAGGERS STALLED SECONDS. Says how long each change took to each tab, in milliseconds.

STALLED is a list of phases, such as "0,20,0,20": how many more tabs there are in each, which never read.

A dragger moves its slider five times a second; the value is the time, so that every tab knows when it was made. A tab
is a bare protocol on a socket, which reads the heads of the frames and looks into one of seven: a WebSocket library
would cost more than the server that is measured.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
import time

from benchmarks.harness import say

SAY_FRAMES = 25
DRAG_SECONDS = 0.2
LOOK_AT = 7
SETTLE_SECONDS = 4.0
"""Between two phases: the tabs of the one before have left for good after three."""


class Seen:
    """What all tabs of this process have seen."""

    def __init__(self) -> None:
        self.pushes: list[float] = []
        self.drags: list[float] = []
        self.received = self.lost = 0
        self.counting = False

    def note(self, payload: bytes, now: float) -> None:
        for component_id, props in json.loads(payload)["m"].items():
            text = str(props.get("children", ""))
            if component_id == "device":
                self.pushes.append((now - float(text.split()[0])) * 1e3)
            elif component_id.startswith("shown") and text != "at 0":
                self.drags.append((now - float(text[3:])) * 1e3)


class Tab(asyncio.Protocol):
    """One tab."""

    def __init__(self, port: int, seen: Seen, number: int) -> None:
        self._port = port
        self._seen = seen
        self._buffer = b""
        self._greeted = False
        self._applied = self._own = 0
        self._number = number

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(
            f"GET /_dash-devices/ws HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def connection_lost(self, exc: Exception | None) -> None:
        self._seen.lost += self._seen.counting

    def send(self, **frame: object) -> None:
        """Send a frame, masked with zeros, which is allowed and costs nothing."""
        payload = json.dumps(frame).encode()
        size = len(payload)
        head = bytes([0x81, 0x80 | size]) if size < 126 else bytes([0x81, 0x80 | 126]) + size.to_bytes(2, "big")
        self.transport.write(head + bytes(4) + payload)

    def data_received(self, data: bytes) -> None:
        now = time.time()
        buffer = self._buffer + data if self._buffer else data
        at = 0
        if not self._greeted:
            at = buffer.find(b"\r\n\r\n") + 4
            if at < 4:
                self._buffer = buffer
                return
            self._greeted = True
            self.send(t="hello", rev=0)
        while len(buffer) >= at + 2:
            size, start = buffer[at + 1], at + 2
            if size > 125:
                wide = 2 if size == 126 else 8
                size, start = int.from_bytes(buffer[start : start + wide], "big"), start + wide
            if len(buffer) < start + size:
                break
            self._took(buffer[start : start + size], now)
            at = start + size
        self._buffer = buffer[at:]

    def _took(self, payload: bytes, now: float) -> None:
        if payload[:16] != b'{"t":"mods","r":':
            return
        self._applied += 1
        if self._applied % SAY_FRAMES == 0:
            self.send(t="ok", k=self._applied)
        if self._seen.counting:
            self._seen.received += 1
            if (self._applied + self._number) % LOOK_AT == 0:
                self._seen.note(payload, now)


async def drag(tab: Tab, number: int) -> None:
    sequence = 0
    while True:
        await asyncio.sleep(DRAG_SECONDS)
        sequence += 1
        tab.send(t="set", s=sequence, m={f"slider{number}": {"value": time.time()}})


async def opened(port: int, seen: Seen, count: int) -> list[Tab]:
    """So many tabs, connected one after the other."""
    loop = asyncio.get_running_loop()
    tabs = []
    for number in range(count):
        _, tab = await loop.create_connection(lambda n=number: Tab(port, seen, n), "127.0.0.1", port)  # type: ignore[misc]
        tabs.append(tab)
        await asyncio.sleep(0.01)
    return tabs


async def main(port: int, tabs: int, draggers: int, phases: list[int], seconds: float) -> None:
    seen = Seen()
    opened_tabs = await opened(port, seen, tabs)
    tasks = [asyncio.create_task(drag(tab, number)) for number, tab in enumerate(opened_tabs[:draggers])]
    stalled: list[Tab] = []
    for count in phases:
        for tab in stalled:
            tab.transport.abort()
        stalled = await opened(port, Seen(), count)
        await asyncio.sleep(1)
        for tab in stalled:
            tab.transport.pause_reading()
        await asyncio.sleep(SETTLE_SECONDS)
        seen.pushes, seen.drags, seen.received = [], [], 0
        say(ready=True)
        cpu, seen.counting = time.process_time(), True
        await asyncio.sleep(seconds)
        seen.counting = False
        cpu = time.process_time() - cpu
        say(stalled=count, pushes=seen.pushes, drags=seen.drags, received=seen.received, cpu=cpu)
    say(lost=seen.lost)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for tab in opened_tabs + stalled:
        tab.transport.abort()


if __name__ == "__main__":
    port, tabs, draggers = map(int, sys.argv[1:4])
    asyncio.run(main(port, tabs, draggers, [int(count) for count in sys.argv[4].split(",")], float(sys.argv[5])))

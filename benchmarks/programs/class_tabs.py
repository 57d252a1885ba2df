"""Raw tabs: PORT TABS DRAGGERS STALLED SECONDS. Says how long each change took to each tab, in milliseconds.

STALLED is a list of phases, such as "0,20,0,20": how many more tabs there are in each, which never read.

A dragger moves its slider five times a second; the value is the time, so that every tab knows when it was made. A tab
is a bare protocol on a socket, which reads the heads of the frames and looks into one of seven: a WebSocket library
would cost more than the server that is measured.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

from benchmarks.harness import say
from benchmarks.programs.raw import RawSocket

SAY_FRAMES = 40
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


class Tab(RawSocket):
    """One tab."""

    def __init__(self, port: int, seen: Seen, number: int) -> None:
        super().__init__(f"127.0.0.1:{port}")
        self._seen = seen
        self._applied = 0
        self._number = number

    def connection_lost(self, exc: Exception | None) -> None:
        self._seen.lost += self._seen.counting

    def opened(self) -> None:
        self.send(t="hello", rev=0)

    def took(self, payload: bytes) -> None:
        if payload[:16] != b'{"t":"mods","r":':
            return
        self._applied += 1
        if self._applied % SAY_FRAMES == 0:
            self.send(t="ok", k=self._applied)
        if self._seen.counting:
            self._seen.received += 1
            if (self._applied + self._number) % LOOK_AT == 0:
                self._seen.note(payload, time.time())


async def drag(tab: Tab, number: int) -> None:
    sequence = 0
    while True:
        await asyncio.sleep(DRAG_SECONDS)
        sequence += 1
        tab.send(t="set", s=sequence, m={f"slider{number}": {"value": time.time()}})


async def opened(port: int, seen: Seen, count: int) -> list[Tab]:
    """Open this number of tabs, one after the other."""
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

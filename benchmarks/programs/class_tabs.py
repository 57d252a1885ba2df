"""Raw tabs: PORT TABS DRAGGERS STALLED SECONDS. Says how long each change took to each tab, in milliseconds.

A dragger moves its slider 20 times a second; the value is the time, so that every tab knows when it was made.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

from websockets.asyncio.client import ClientConnection, connect

from benchmarks.harness import say

SAY_BYTES = 64 * 1024
DRAG_SECONDS = 0.05


class Tabs:
    """All tabs of this process, and what they have seen."""

    def __init__(self, port: int) -> None:
        self.url = f"ws://127.0.0.1:{port}/_dash-devices/ws"
        self.pushes: list[float] = []
        self.drags: list[float] = []
        self.counting = False

    async def tab(self, dragger: int | None) -> None:
        async with self.connection() as socket:
            await socket.send('{"t":"hello","rev":0}')
            task = asyncio.create_task(self.drag(socket, dragger)) if dragger is not None else None
            applied = unsaid = own = 0
            async for message in socket:
                now = time.time()
                if not isinstance(message, str) or message[:16] != '{"t":"mods","r":':
                    continue
                applied += 1
                unsaid += len(message)
                if self.counting:
                    self.note(json.loads(message)["m"], now)
                if unsaid > SAY_BYTES:
                    unsaid = 0
                    await socket.send(json.dumps({"t": "ok", "k": applied, "q": own}))
            if task is not None:
                task.cancel()

    async def stalled(self) -> None:
        async with self.connection() as socket:
            await socket.send('{"t":"hello","rev":0}')
            await asyncio.sleep(3600)

    def connection(self) -> connect:
        return connect(self.url, max_size=None, max_queue=1, compression=None, ping_interval=None, open_timeout=60)

    async def drag(self, socket: ClientConnection, number: int) -> None:
        sequence = 0
        while True:
            await asyncio.sleep(DRAG_SECONDS)
            sequence += 1
            change = {"t": "set", "s": sequence, "m": {f"slider{number}": {"value": time.time()}}}
            await socket.send(json.dumps(change))

    def note(self, mods: dict[str, dict[str, object]], now: float) -> None:
        for component_id, props in mods.items():
            if component_id == "device":
                self.pushes.append((now - float(str(props["children"]).split()[0])) * 1e3)
            elif component_id.startswith("shown") and str(props["children"]) != "at 0":
                self.drags.append((now - float(str(props["children"])[3:])) * 1e3)


async def main(port: int, tabs: int, draggers: int, stalled: int, seconds: float) -> None:
    everyone = Tabs(port)
    tasks = []
    for number in range(tabs):
        tasks.append(asyncio.create_task(everyone.tab(number if number < draggers else None)))
        await asyncio.sleep(0.01)
    tasks += [asyncio.create_task(everyone.stalled()) for _ in range(stalled)]
    await asyncio.sleep(2)
    say(ready=True)
    everyone.counting = True
    await asyncio.sleep(seconds)
    everyone.counting = False
    say(pushes=everyone.pushes[::7], drags=everyone.drags[::7], received=len(everyone.pushes) + len(everyone.drags))
    ended = [task for task in tasks if task.done()]
    say(lost=len(ended))
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


if __name__ == "__main__":
    port, tabs, draggers, stalled = map(int, sys.argv[1:5])
    asyncio.run(main(port, tabs, draggers, stalled, float(sys.argv[5])))

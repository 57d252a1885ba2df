"""Pages without a browser that take images: PORT TABS SECONDS. Says what came to each, and how old it was."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import time

from websockets.asyncio.client import connect

from benchmarks.harness import say

SHOWN = '{"t":"shown","id":"camera","prop":"src"}'
URL = b"base64,"


class Count:
    """What came since the counting began."""

    def __init__(self, tabs: int) -> None:
        self.frames = [0] * tabs
        self.ages: list[float] = []
        self.counting = False

    def note(self, tab: int, image: bytes) -> None:
        """An image has come whole."""
        if not self.counting:
            return
        self.frames[tab] += 1
        if image[2:4] == b"\xff\xfe":
            size = int.from_bytes(image[4:6], "big") - 2
            self.ages.append((time.time() - float(image[6 : 6 + size])) * 1e3)


async def tab(port: int, number: int, count: Count) -> None:
    address = f"ws://127.0.0.1:{port}/_dash-devices/ws"
    async with connect(address, max_size=None, compression=None, ping_interval=None, proxy=None) as socket:
        await socket.send('{"t":"hello","rev":0}')
        applied = 0
        while True:
            message = await socket.recv(decode=False)
            if message[:1] != b"{":
                end = 2 + int.from_bytes(message[:2], "big")
                await socket.send(SHOWN)
                count.note(number, message[end:])
            elif message[:16] == b'{"t":"mods","r":':
                applied += 1
                await socket.send(json.dumps({"t": "ok", "k": applied}))
                at = message.find(URL)
                if at > 0:
                    count.note(number, base64.b64decode(message[at + len(URL) : at + len(URL) + 64]))


async def main(port: int, tabs: int, seconds: float) -> None:
    count = Count(tabs)
    tasks = [asyncio.create_task(tab(port, number, count)) for number in range(tabs)]
    await asyncio.sleep(2)
    say(ready=True)
    count.counting = True
    await asyncio.sleep(seconds)
    say(frames=count.frames, ages=count.ages)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))

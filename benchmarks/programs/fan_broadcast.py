"""The limit: `websockets.broadcast` of the same messages, in the same rhythm."""

from __future__ import annotations

import asyncio
import sys
import time

from websockets.asyncio.server import ServerConnection, broadcast, serve

from benchmarks.harness import PAUSE, say


async def main(port: int, clients: int, size: int, messages: int) -> None:
    connections: set[ServerConnection] = set()

    async def handler(connection: ServerConnection) -> None:
        connections.add(connection)
        async for _ in connection:
            pass

    async with serve(handler, "127.0.0.1", port, compression=None, ping_interval=None):
        while len(connections) < clients:
            await asyncio.sleep(0.05)
        await asyncio.sleep(1.0)
        value = "a" * size
        cpu, start = time.process_time(), time.perf_counter()
        for number in range(messages):
            broadcast(connections, f'{{"t":"mods","r":{number + 1},"m":{{"x":{{"children":"{number:06d}{value}"}}}}}}')
            await asyncio.sleep(PAUSE)
        while any(connection.transport.get_write_buffer_size() for connection in connections):
            await asyncio.sleep(0.01)
        elapsed = time.perf_counter() - start
        say(cpu=time.process_time() - cpu, seconds=elapsed, delivered=messages * len(connections), skipped=0)
        await asyncio.sleep(3600)


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:])))

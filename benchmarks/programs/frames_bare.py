"""The least that a page with a camera can do: a bare WebSocket, one image at a time, an `img`. PORT RATE KIND PAGES."""

from __future__ import annotations

import asyncio
import sys

from websockets.asyncio.server import ServerConnection, serve

from benchmarks.harness import say
from benchmarks.programs.bare import serving
from benchmarks.programs.frames_server import PICTURES, dated, jpeg, pictures

PAGE = b"""<!DOCTYPE html>
<html><head><title>camera</title></head><body><img id="camera">
<script>
const socket = new WebSocket(`ws://${location.host}/ws`);
socket.binaryType = "blob";
socket.onmessage = (event) => {
  const camera = document.getElementById("camera");
  const before = camera.src;
  camera.onload = () => { socket.send("shown"); URL.revokeObjectURL(before); };
  camera.src = URL.createObjectURL(new Blob([event.data], {type: "image/jpeg"}));
};
</script>
</body></html>"""


async def main(port: int, rate: float, pages: int) -> None:
    encoded = [jpeg(array) for array in pictures()]
    newest = asyncio.Condition()
    number, there = -1, 0

    async def handler(connection: ServerConnection) -> None:
        nonlocal there
        there += 1
        seen = -1
        while True:
            async with newest:
                await newest.wait_for(lambda last=seen: number > last)  # type: ignore[misc]
            seen = number
            await connection.send(dated(encoded[seen % PICTURES]))
            await connection.recv()

    async with serve(handler, "127.0.0.1", port, process_request=serving(PAGE), compression=None):
        say(bytes=sum(map(len, encoded)) // PICTURES)
        while there < pages:
            await asyncio.sleep(0.05)
        while True:
            number += 1
            async with newest:
                newest.notify_all()
            await asyncio.sleep(1 / rate)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[4])))

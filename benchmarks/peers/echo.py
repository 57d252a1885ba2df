"""The least that a page with a server can do: one WebSocket, one `textContent`."""

from __future__ import annotations

import asyncio
import sys

from websockets.asyncio.server import ServerConnection, serve

from benchmarks.programs.bare import serving

PAGE = b"""<!DOCTYPE html>
<html><head><title>echo</title></head><body>
<input id="question"><div id="answer"></div>
<script>
const socket = new WebSocket(`ws://${location.host}/ws`);
const answer = document.getElementById("answer");
document.getElementById("question").addEventListener("input", (event) => {
  socket.send(event.target.value);
});
socket.onmessage = (event) => { answer.textContent = event.data; };
</script>
</body></html>"""


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


async def main(port: int) -> None:
    async with serve(echo, "127.0.0.1", port, process_request=serving(PAGE), compression=None) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))

"""The least that a page with a server can do: one WebSocket, one `textContent`."""

from __future__ import annotations

import asyncio
import sys
from http import HTTPStatus

from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

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


def page(connection: ServerConnection, request: Request) -> Response | None:
    if request.path == "/ws":
        return None
    headers = Headers({"Content-Type": "text/html", "Content-Length": str(len(PAGE))})
    return Response(HTTPStatus.OK, "OK", headers, PAGE)


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


async def main(port: int) -> None:
    async with serve(echo, "127.0.0.1", port, process_request=page, compression=None) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))

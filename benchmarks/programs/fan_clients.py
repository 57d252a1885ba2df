"""Clients that read as fast as they can: KIND PORT CLIENTS MESSAGES. Ours say what they have, as pages do."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from urllib.request import urlopen

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

SAY_BYTES, SAY_FRAMES = 128 * 1024, 40


async def ours(port: int) -> None:
    url = f"ws://127.0.0.1:{port}/_dash-devices/ws"
    async with connect(url, max_size=None, compression=None, ping_interval=None, open_timeout=60) as socket:
        await socket.send('{"t":"hello","rev":0}')
        applied = unsaid = 0
        async for message in socket:
            if message[:16] == '{"t":"mods","r":':
                applied += 1
                unsaid += max(len(message), SAY_BYTES // SAY_FRAMES)
                if unsaid > SAY_BYTES:
                    unsaid = 0
                    await socket.send(json.dumps({"t": "ok", "k": applied}))


async def broadcast(port: int) -> None:
    url = f"ws://127.0.0.1:{port}/"
    async with connect(url, max_size=None, compression=None, ping_interval=None, open_timeout=60) as socket:
        async for _ in socket:
            pass


async def nicegui(port: int) -> None:
    """Socket.IO over a WebSocket, as NiceGUI's page does it."""
    text = await asyncio.to_thread(lambda: urlopen(f"http://127.0.0.1:{port}/").read().decode())
    found = re.search(r"query: \{'client_id': '([^']+)'", text)
    if found is None:
        raise SystemExit("NiceGUI's page says no client_id where it is known to")
    client = found.group(1)
    prefix = "_nicegui_ws/socket.io/?EIO=4&transport=websocket"
    handshake = f"client_id={client}&next_message_id=0&implicit_handshake=true&tab_id={client}&document_id={client}"
    url = f"ws://127.0.0.1:{port}/{prefix}&{handshake}"
    async with connect(url, max_size=None, compression=None, ping_interval=None, open_timeout=60) as socket:
        await socket.recv()
        await socket.send("40")
        async for message in socket:
            if message == "2":
                await socket.send("3")


async def dash(port: int, messages: int) -> None:
    """What the page's `dcc.Interval` makes of it: one request for each."""
    for number in range(messages):
        body = {
            "output": "x.children",
            "outputs": {"id": "x", "property": "children"},
            "inputs": [{"id": "every", "property": "n_intervals", "value": number}],
            "changedPropIds": ["every.n_intervals"],
        }
        text = json.dumps(body).encode()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            f"POST /_dash-update-component HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(text)}\r\nConnection: close\r\n\r\n".encode()
            + text
        )
        answer = await reader.read()
        if b" 200 " not in answer[:20]:
            raise SystemExit(f"Dash answers {answer[:200]!r}")
        writer.close()


async def main(kind: str, port: int, clients: int, messages: int) -> None:
    one = {"ours": ours, "broadcast": broadcast, "nicegui": nicegui, "dash": lambda port: dash(port, messages)}[kind]

    async def begin(number: int) -> None:
        await asyncio.sleep(number * 0.01)
        try:
            await one(port)
        except ConnectionClosed:
            return

    await asyncio.gather(*(begin(number) for number in range(clients)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], *map(int, sys.argv[2:])))

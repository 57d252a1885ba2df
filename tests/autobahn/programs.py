"""The servers under test, in processes of their own: `programs.py ours|bare [CERTIFICATE KEY]`."""

from __future__ import annotations

import asyncio
import logging
import ssl
import sys

from websockets.asyncio.server import ServerConnection, serve

from tests.autobahn.echoes import LONGEST, echo_app


async def _bare(tls: ssl.SSLContext | None) -> None:
    logging.getLogger("websockets").addHandler(logging.NullHandler())  # cases that break the rules are no news

    async def echo(socket: ServerConnection) -> None:
        async for message in socket:
            await socket.send(message)

    async with serve(echo, "127.0.0.1", 0, max_size=LONGEST, compression=None, ssl=tls) as server:
        port = server.sockets[0].getsockname()[1]
        print(f"http://127.0.0.1:{port}/", flush=True)
        await server.serve_forever()


def main() -> None:
    kind, *files = sys.argv[1:]
    tls = None
    if files:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(*files)
    if kind == "bare":
        asyncio.run(_bare(tls))
    else:
        asyncio.run(echo_app().serve(port=0, auth=None, ssl_context=tls))


if __name__ == "__main__":
    main()

"""Ours, in a kernel of a Jupyter server, its page through the server's extension."""

from __future__ import annotations

import asyncio
import sys

from benchmarks.extension import served
from benchmarks.peers.served import announce, until_ended


async def main() -> None:
    async with served() as (jupyter, _):
        announce(jupyter.address("dash-devices/busy/"))
        await until_ended()


if __name__ == "__main__":
    assert sys.argv[1:], "a port, as all peers have; Jupyter finds its own"
    asyncio.run(main())

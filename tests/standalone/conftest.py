"""`dash-devices-nb serve` with Jupyter's directories of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.jupyter import jupyter_environment
from tests.support.processes import URL, Script, ScriptRunner
from tests.support.served import Serve

COMMAND = "import sys; from dash_devices_nb.cli import main; sys.exit(main())"


@pytest.fixture
def served(script: ScriptRunner, tmp_path: Path) -> Serve:
    """Run `dash-devices-nb serve` with these arguments, on any free port, and wait for its address."""
    home = tmp_path / "home"
    (home / "runtime").mkdir(mode=0o700, parents=True)

    async def serve(*arguments: str | Path, url: object = URL, env: dict[str, str] | None = None) -> Script:
        texts = [str(each) for each in arguments]
        environment = {**jupyter_environment(home), **(env or {})}
        return await script(COMMAND, "serve", *texts, "--port", "0", env=environment, url=url, within=90)

    return serve

"""What docs/service.md shows: its program runs, and its commands are understood."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from dash_devices_nb.cli import _parser
from dash_devices_nb.testing import AppServer, Tab

TEXT = (Path(__file__).parents[2] / "docs" / "service.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^dash-devices-nb (.*)$", TEXT, re.MULTILINE)


async def test_its_program_is_a_module_that_can_be_served(app_server: AppServer, capsys: pytest.CaptureFixture[str]):
    """And its hook runs when it stops."""
    (program,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    names: dict[str, object] = {"__name__": "bench"}
    exec(compile(program, "bench.py", "exec"), names)
    async with Tab(app_server.run(names["app"])) as tab:
        await tab.expect("shown", "children", "The target is 20 degrees")
    app_server.stop(names["app"])
    assert "the heater is off" in capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS)
def test_its_commands_are_understood(command: str):
    """Each option is one."""
    given = _parser().parse_args(shlex.split(command))
    assert callable(given.command)

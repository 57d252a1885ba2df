"""The command line."""

from __future__ import annotations

import re
import socket
import subprocess
import sys

import httpx
import pytest
from playwright.async_api import expect

from dash_devices_nb import __version__
from tests.support.browser import Tabs
from tests.support.processes import ScriptRunner

COMMAND = "import sys; from dash_devices_nb.cli import main; sys.exit(main())"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m dash_devices_nb` to its end."""
    command = [sys.executable, "-m", "dash_devices_nb", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_version_and_help_answer():
    """The version is the package's, and the help names the commands and their options."""
    assert run("--version").stdout == f"dash-devices-nb {__version__}\n"
    assert "serve the simulated thermostat" in run("--help").stdout
    shown = run("demo", "--help").stdout
    assert all(option in shown for option in ("--port", "--host", "--no-auth", "--open"))


def test_help_loads_no_dash():
    """The command line is read before Dash is imported, so that it answers at once."""
    code = "import sys; from dash_devices_nb import cli; sys.exit('dash' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["dance"], "invalid choice: 'dance'"),
        (["demo", "--port", "70000"], "'70000' is not a port; a port is a number from 0 to 65535"),
    ],
)
def test_wrong_arguments_are_named(arguments: list[str], message: str):
    """A wrong command line ends with exit code 2 and says what is wrong with it."""
    ended = run(*arguments)
    assert ended.returncode == 2
    assert message in ended.stderr


def test_a_taken_port_is_named():
    """A port that is taken ends the demo with exit code 1, one line that names it, and no traceback."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run("demo", "--port", str(port))
    assert ended.returncode == 1
    assert str(port) in ended.stderr
    assert "Traceback" not in ended.stderr


async def test_demo_shows_the_thermostat_to_two_tabs(script: ScriptRunner, browser: Tabs):
    """The demo prints its address, the page is live, a second tab follows, and Ctrl-C ends it."""
    program = await script(COMMAND, "demo", "--port", "0")
    assert "?token=" in program.url
    first, second = await browser.open(program.url), await browser.open(program.url)
    for page in (first, second):
        await expect(page.locator("#temperature")).to_have_text(re.compile(r"\d+\.\d °C"))
        await expect(page.locator("#viewers")).to_have_text("2")
    await first.locator(".dash-slider-thumb").press("ArrowRight")
    for page in (first, second):
        await expect(page.locator("#target-shown")).to_have_text("21.5 °C")
    await second.locator("#switch input").click()
    await program.printed("heating locked")
    await expect(first.locator("#switch input")).not_to_be_checked()
    browser.allow_errors("WebSocket connection to", "ERR_CONNECTION")
    program.interrupt()
    assert await program.wait(10) == 0
    assert "stopped" in program.output
    assert "Traceback" not in program.output


async def test_demo_without_auth_and_strangers(script: ScriptRunner, browser: Tabs):
    """With --no-auth the address has no secret; without it a stranger to the secret is refused."""
    program = await script(COMMAND, "demo", "--port", "0", "--no-auth")
    assert "token" not in program.output
    page = await browser.open(program.url)
    await expect(page.locator("h1")).to_have_text("Thermostat")
    guarded = await script(COMMAND, "demo", "--port", "0")
    browser.allow_errors("403")
    response = await page.goto(guarded.url.split("?")[0])
    assert response.status == 403


async def test_the_demo_heeds_the_sites_default(script: ScriptRunner, monkeypatch: pytest.MonkeyPatch):
    """`DASH_DEVICES_AUTH=none`: no secret is asked for."""
    monkeypatch.setenv("DASH_DEVICES_AUTH", "none")
    program = await script(COMMAND, "demo", "--port", "0")
    assert "token" not in program.url
    async with httpx.AsyncClient() as http:
        assert (await http.get(program.url)).status_code == 200

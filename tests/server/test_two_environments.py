"""The extension by itself, in an environment without Dash, carries an app of another environment's kernel.

Needs the index of packages and takes minutes: `make dist-test`.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import httpx
import pytest
from playwright.async_api import expect

from tests.server.conftest import REPOSITORY, Visit
from tests.server.test_routes_through_jupyter import Cells
from tests.support.browser import Tabs
from tests.support.jupyter import Jupyter, running_jupyter

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

FULL = "dash-devices-nb"
ALONE = "dash-devices-nb-server"
APP = f"""
import sys
sys.path.insert(0, {str(REPOSITORY)!r})
from dash_devices_nb import Dash, Input, Output, dcc, html
app = Dash("bench")
app.layout = html.Div([dcc.Input(id="target", value="20"), html.Div(id="shown")])
@app.callback_shared(Output("shown", "children"), Input("target", "value"))
def show(target):
    return f"the target is {{target}}"
app.run(jupyter_mode="_none")
"""
WHERE = "import dash_devices_nb.server as s; print(s.__file__)"


class Environment:
    """An empty virtual environment.

    Args:
        folder: where it is made.
    """

    def __init__(self, folder: Path) -> None:
        venv.create(folder, with_pip=True)
        self.folder = folder
        self.python = folder / "bin/python"

    def run(self, *arguments: str | Path, fails: bool = False) -> str:
        """Run its Python to its end, without this repository on the path, and return what it says."""
        env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        command = [self.python, *arguments]
        ran = subprocess.run(command, cwd=self.folder, env=env, capture_output=True, text=True, timeout=600)
        assert (ran.returncode != 0) == fails, ran.stdout + ran.stderr
        return ran.stdout + ran.stderr

    def pip(self, *arguments: str | Path) -> None:
        """Let pip do something."""
        self.run("-m", "pip", "--quiet", "--disable-pip-version-check", *arguments)

    def extension(self) -> list[str]:
        """What Jupyter says of the extension, for each time that it names it."""
        said = re.sub(r"\x1b\[\d*m", "", self.run("-m", "jupyter_server", "extension", "list"))
        return re.findall(r"^ *dash_devices_nb\.server .*?(\S+)$", said, re.MULTILINE)


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Both distributions, built from this tree."""
    built = {}
    for name, source in ((FULL, REPOSITORY), (ALONE, REPOSITORY / "jupyter-config/server-only")):
        folder = tmp_path_factory.mktemp(name)
        command = [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "--quiet",
            "--no-deps",
            "--wheel-dir",
            str(folder),
            str(source),
        ]
        subprocess.run(command, check=True, timeout=300)
        (built[name],) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def alone(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with the extension and what it requires."""
    environment = Environment(tmp_path_factory.mktemp("alone") / "env")
    environment.pip("install", wheels[ALONE])
    return environment


def files(wheel: Path) -> set[str]:
    """What a wheel installs, below the environment's folders."""
    with zipfile.ZipFile(wheel) as opened:
        return {name.partition(".data/data/")[2] or name for name in opened.namelist()}


def test_no_file_is_of_both(wheels: dict[str, Path]) -> None:
    """So neither overwrites the other, and removing one leaves the other whole. They are of one version."""
    assert files(wheels[FULL]) & files(wheels[ALONE]) == set()
    assert wheels[FULL].name.split("-")[1] == wheels[ALONE].name.split("-")[1]
    assert any(name.startswith("etc/jupyter/jupyter_server_config.d/") for name in files(wheels[ALONE]))
    assert not any(name.endswith("pyproject.toml") for wheel in wheels.values() for name in files(wheel))


async def test_it_carries_an_app_of_another_environment(
    alone: Environment, browser: Tabs, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Two pages, through a Jupyter server that has neither Dash nor Quart nor a kernel of its own."""
    there = {each["name"].lower() for each in json.loads(alone.run("-m", "pip", "list", "--format=json"))}
    assert ALONE in there
    assert there & {FULL, "dash", "quart", "flask", "plotly", "uvicorn", "ipykernel", "orjson"} == set()
    share = tmp_path_factory.mktemp("share")
    kernel = share / "kernels/bench"
    kernel.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (kernel / "kernel.json").write_text(
        json.dumps({"argv": command, "display_name": "the bench's environment", "language": "python"})
    )
    env = {"PYTHONPATH": "", "JUPYTER_PATH": str(share)}
    async with (
        running_jupyter("server", python=str(alone.python), env=env, base_url="/lab%20x/") as jupyter,
        httpx.AsyncClient(timeout=60) as http,
    ):
        visit = await _kernel_of(jupyter, http)
        await Cells(visit).run(APP)
        first = await browser.open(jupyter.address("dash-devices/bench/"))
        await expect(first.locator("#shown")).to_have_text("the target is 20")
        second = await browser.open(jupyter.address("dash-devices/bench/"))
        await expect(second.locator("#shown")).to_have_text("the target is 20")
        await second.locator("#target").fill("25")
        await second.locator("#target").press("Enter")
        await expect(first.locator("#shown")).to_have_text("the target is 25")
        guest = await Cells(visit).run("", "app.share('control').url")
        third = await browser.open(guest)
        await expect(third.locator("#target")).to_have_value("25")
        for each in browser.pages:
            await each.close()
        await Cells(visit).run("app.stop()")


async def _kernel_of(jupyter: Jupyter, http: httpx.AsyncClient) -> Visit:
    """Start a kernel of the other environment."""
    made = await http.post(f"{jupyter.url}api/kernels", headers=jupyter.headers, json={"name": "bench"})
    assert made.status_code == 201, made.text
    return Visit(jupyter, http, made.json()["id"])


def test_dash_in_its_environment_is_told_what_to_install(alone: Environment) -> None:
    """Who imports the library where only the extension is."""
    said = alone.run("-c", "from dash_devices_nb import Dash", fails=True)
    assert (
        "Dash is not in dash-devices-nb-server, which only carries the pages of kernels in other environments" in said
    )
    assert f"{alone.python} -m pip install dash-devices-nb" in said


@pytest.mark.parametrize("order", [(FULL, ALONE), (ALONE, FULL)], ids=" first, then ".join)
def test_both_in_one_environment(
    wheels: dict[str, Path], order: tuple[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The larger one is used, the extension is loaded once, and each can go without harm to the other."""
    environment = Environment(tmp_path_factory.mktemp("both") / "env")
    environment.pip("install", "jupyter_server", "websockets", "orjson")
    for name in order:
        environment.pip("install", "--no-deps", wheels[name])
    assert "dash_devices_nb_server" not in environment.run("-c", WHERE)
    assert environment.extension() == ["enabled", "OK"]
    environment.pip("uninstall", "--yes", order[0])
    left = environment.run("-c", WHERE)
    assert ("dash_devices_nb_server" in left) == (order[1] == ALONE)
    assert environment.extension() == ["enabled", "OK"]
    environment.pip("uninstall", "--yes", order[1])
    environment.run("-c", WHERE, fails=True)
    assert environment.extension() == []

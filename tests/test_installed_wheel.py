"""The wheel in an empty environment: a page in a JupyterLab that has nothing but what pip has brought."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.support.browser import Tabs
from tests.support.jupyter import running_jupyter
from tests.support.lab import LabNotebook

ROOT = Path(__file__).parents[1]
PROGRAM = """import dash_devices_nb, pathlib
from dash_devices_nb import Dash, Input, Output, dcc, html
pathlib.Path("where.txt").write_text(dash_devices_nb.__file__)
app = Dash("bench")
app.layout = html.Div([dcc.Input(id="target", value="20"), html.Div(id="shown")])
@app.callback_shared(Output("shown", "children"), Input("target", "value"))
def show(target):
    return f"the target is {target}"
app.run()"""


def run(*command: str | Path) -> str:
    """Run a command to its end, without this repository on the path."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    ran = subprocess.run(command, cwd="/", env=env, capture_output=True, text=True, timeout=600)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.mark.long
@pytest.mark.timeout(1200)
async def test_a_page_of_the_wheel_opens_in_jupyterlab(browser: Tabs, short_directory: Path) -> None:
    """Built, installed with JupyterLab alone, found sound by `doctor`, and shown below a cell, through Jupyter."""
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", short_directory, ROOT)
    (wheel,) = short_directory.glob("*.whl")
    venv.create(short_directory / "env", with_pip=True)
    python = short_directory / "env/bin/python"
    run(python, "-m", "pip", "install", "--quiet", wheel, "jupyterlab>=4.2")
    assert "Nothing is wrong." in run(python, "-m", "dash_devices_nb", "doctor")
    browser.allow_errors("Exception opening new comm", "Failed to load resource")
    async with running_jupyter("lab", python=str(python), env={"PYTHONPATH": ""}) as jupyter:
        jupyter.write_notebook("bench.ipynb", PROGRAM)
        notebook = await LabNotebook.open(browser, jupyter, "bench.ipynb")
        await notebook.run_all()
        await expect(notebook.frame(0).locator("#shown")).to_have_text("the target is 20", timeout=60_000)
        assert (jupyter.root / "where.txt").read_text().startswith(str(short_directory / "env"))
        page = await browser.open(jupyter.address("dash-devices/bench/"))
        await page.locator("#target").fill("25")
        await page.locator("#target").press("Enter")
        await expect(notebook.frame(0).locator("#shown")).to_have_text("the target is 25", timeout=30_000)
        for each in browser.pages:
            await each.close()

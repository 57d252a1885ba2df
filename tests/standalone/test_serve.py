"""`dash-devices-nb serve`: a notebook or a module as a device's own page, with real kernels and Chromium."""

from __future__ import annotations

import os
import signal
import stat
import sys
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.async_api import expect

from dash_devices_nb.standalone.kernel import ServedKernel
from dash_devices_nb.standalone.program import Cell
from dash_devices_nb.testing import Tab
from tests.support.browser import Tabs
from tests.support.eventually import eventually
from tests.support.served import BENCH, Serve, kernel_of, save, terminated

SLOW = 60_000


async def test_a_notebook_is_served_followed_and_started_again(served: Serve, browser: Tabs, tmp_path: Path):
    """Its page follows a changed cell, is told when the kernel is killed, and comes back; SIGTERM stops in order."""
    notebook = save(tmp_path / "bench.ipynb", BENCH)
    log = tmp_path / "bench.log"
    program = await served(notebook, "--watch", "--log", log)
    async with httpx.AsyncClient() as http:
        assert (await http.get(program.url.split("?")[0])).status_code == 403
    assert urlsplit(program.url).path == "/"
    page = await browser.open(program.url)
    await expect(page.locator("#shown")).to_have_text("at 20", timeout=SLOW)
    save(notebook, [BENCH[0], BENCH[1].replace("at {", "now {"), *BENCH[2:]])
    await expect(page.locator("#shown")).to_have_text("now 20", timeout=SLOW)
    assert "Cell 2 has changed" in (await program.printed("Cell .* was run", 60)).string
    browser.allow_errors("WebSocket connection to", "ERR_")
    killed = kernel_of(program)
    os.kill(killed, signal.SIGKILL)
    await expect(page.locator(".bar")).to_contain_text("Offline: reconnecting", timeout=SLOW)
    await program.printed(r"kernel has ended \(SIGKILL\)", 60)
    await eventually(lambda: program.output.count(program.url) == 2, 90)
    await page.locator("#target").fill("21", timeout=SLOW)
    await page.locator("#target").press("Enter")
    await expect(page.locator("#shown")).to_have_text("now 21", timeout=SLOW)
    assert kernel_of(program) != killed
    said = await terminated(program)
    assert said.index("The program stops.") < said.index("device off")
    assert (tmp_path / "over").read_text() == "over"  # what `atexit` has was run
    written = log.read_text()
    assert "device off" in written
    assert "?token=..." in written
    assert program.url not in written


async def test_the_kernels_threads_share_few_arenas(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """A served program runs for months; resident memory grew with the holes in each thread's arena."""
    monkeypatch.delenv("MALLOC_ARENA_MAX", raising=False)
    printed: list[str] = []
    kernel = ServedKernel({"MORE": "more"}, tmp_path, printed.append, printed.append)
    try:
        await kernel.start()
        await kernel.run(Cell("", 1, "import os; print(os.environ['MALLOC_ARENA_MAX'], os.environ['MORE'])"))
        await eventually(lambda: "2 more" in "".join(printed))
    finally:
        await kernel.stop()


async def test_an_error_names_its_cell_and_line(served: Serve, tmp_path: Path):
    """The program ends with exit code 1, and the cells after it do not run. A cell that may raise does not end it."""
    notebook = save(tmp_path / "bad.ipynb", ["x = 1", "y = 2\n\n1 / (x - 1)", "print('never')"])
    program = await served(notebook, url=None)
    assert await program.wait(60) == 1
    assert "Error in cell 2, line 3: ZeroDivisionError: division by zero" in program.output
    assert "never" not in program.output
    save(notebook, ["x = 1"])
    program = await served(notebook, url=None)
    assert await program.wait(60) == 1
    assert "serves no page: app.run() is missing" in program.output


async def test_an_app_of_a_module_is_served_in_a_kiosk(served: Serve, tmp_path: Path):
    """`module:app`, with the site's address before the program's, and a browser that has its address."""
    (tmp_path / "bin").mkdir()
    browser = tmp_path / "bin" / "chromium"
    browser.write_text(
        f"#!{sys.executable}\nimport pathlib, signal, sys\n"
        f"pathlib.Path({str(tmp_path / 'shown')!r}).write_text(' '.join(sys.argv[1:]))\nsignal.pause()\n"
    )
    browser.chmod(browser.stat().st_mode | stat.S_IXUSR)
    (tmp_path / "bench_module.py").write_text(
        "from dash_devices_nb import Dash, html\n"
        "app = Dash(__name__)\napp.layout = html.P('hello', id='text')\napp.run(port=1, auth=None)\n"
    )
    env = {"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path[1:]]), "PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"}
    program = await served("bench_module:app", "--kiosk", env=env)
    async with Tab(program.url) as tab:
        assert tab.prop("text", "children") == "hello"
    await eventually((tmp_path / "shown").exists, 30)
    await eventually(lambda: program.url in (tmp_path / "shown").read_text(), 30)
    assert "--kiosk" in (tmp_path / "shown").read_text()
    await terminated(program)

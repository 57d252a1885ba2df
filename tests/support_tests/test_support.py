"""The test harness itself: a leak check that sees nothing would make every test worthless."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from playwright.async_api import expect

from tests.support import eventually, eventually_sync
from tests.support.browser import Tabs
from tests.support.jupyter import Jupyter, running_jupyter
from tests.support.kernels import CellError, Kernel
from tests.support.lab import LabNotebook
from tests.support.leaks import Snapshot, leaks
from tests.support.processes import ScriptRunner
from tests.support.tcp import network

HELLO = """
import http.server, sys
server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
print("serving at http://127.0.0.1:%d/ now" % server.server_port)
server.serve_forever()
"""


async def test_a_pending_task_is_a_leak() -> None:
    """A task that still runs is named until it is cancelled."""
    before = Snapshot.take()
    task = asyncio.create_task(asyncio.Event().wait(), name="forgotten")
    assert "forgotten" in "".join(leaks(before))
    task.cancel()
    await eventually(lambda: not leaks(before))


def test_a_live_thread_is_a_leak() -> None:
    """A thread is named until it ends, a worker of an executor of one's own included."""
    before = Snapshot.take()
    with ThreadPoolExecutor(thread_name_prefix="forgotten") as pool:
        pool.submit(threading.get_ident).result()
        assert "forgotten" in "".join(leaks(before))
    eventually_sync(lambda: not leaks(before))


async def test_a_resting_worker_of_the_loop_is_no_leak() -> None:
    """The loop keeps the threads of its default executor; only a busy one is a leak."""
    before = Snapshot.take()
    go = threading.Event()
    work = asyncio.get_running_loop().run_in_executor(None, go.wait)
    try:
        await eventually(lambda: "asyncio_" in "".join(leaks(before)))
    finally:
        go.set()
        await work
    await eventually(lambda: not leaks(before))


def test_a_child_process_is_a_leak() -> None:
    """A child process is named until it ends."""
    before = Snapshot.take()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert f"process still running: {child.pid}" in "".join(leaks(before))
    eventually_sync(lambda: not leaks(before))


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_UNIX])
def test_a_listening_socket_is_a_leak(family: int, short_directory: Path) -> None:
    """A listening socket of any family is named until it is closed; a bound one is not yet."""
    before = Snapshot.take()
    with socket.socket(family) as listener:
        listener.bind(str(short_directory / "x") if family == socket.AF_UNIX else ("localhost", 0))
        assert leaks(before) == []
        listener.listen()
        assert "socket still listening" in "".join(leaks(before))
    assert leaks(before) == []


async def test_eventually_shows_the_last_value() -> None:
    """A condition that stays false fails with its source and what it last said."""
    with pytest.raises(AssertionError, match=r"within 0\.05 s: (.|\n)*last value: \[\]"):
        await eventually(list, within=0.05)


async def test_script_gives_the_printed_url(script: ScriptRunner) -> None:
    """A script's URL is the one that it printed, and its page answers."""
    program = await script(HELLO)
    async with httpx.AsyncClient() as client:
        assert (await client.get(program.url)).status_code == 200


async def test_script_that_ends_early_shows_its_output(script: ScriptRunner) -> None:
    """A program that dies before it serves fails the wait at once, with its output."""
    with pytest.raises(RuntimeError, match=r"exit code 3(.|\n)*oh dear"):
        await script("import sys; print('oh dear'); sys.exit(3)")


async def test_browser_collects_console_errors(browser: Tabs) -> None:
    """Console errors and uncaught exceptions of a page are collected, and may be allowed."""
    page = await browser.open("about:blank")
    await page.evaluate("console.error('first'); setTimeout(() => { throw Error('second') })")
    await eventually(lambda: len(browser.unexpected_errors) == 2)
    browser.allow_errors("first", "second")
    assert browser.unexpected_errors == []


async def test_kernel_files_outputs_under_their_cell(kernel: Kernel) -> None:
    """What a thread of an earlier cell displays is found under that cell or as an orphan."""
    cell = await kernel.run("print('hello'); 6 * 7")
    assert (cell.text, cell.result, cell.errors) == ("hello\n", "42", [])
    failed = await kernel.run("1 / 0", may_fail=True)
    assert failed.errors == ["ZeroDivisionError: division by zero"]
    with pytest.raises(CellError, match="NameError"):
        await kernel.run("nowhere")


async def test_kernel_interrupt_and_restart(kernel: Kernel) -> None:
    """The stop button ends a running cell, and a restart forgets its variables."""
    cell = kernel.start("x = 1; print('on'); import time; time.sleep(60)")
    await eventually(lambda: "on" in cell.text)
    await kernel.interrupt()
    await eventually(lambda: cell.finished)
    assert cell.errors == ["KeyboardInterrupt: "]
    await kernel.restart()
    assert (await kernel.run("'x' in globals()")).result == "False"


async def test_jupyter_lab_lets_in_with_its_token(jupyter_lab: Jupyter, browser: Tabs) -> None:
    """JupyterLab opens with its token, and refuses a stranger."""
    async with httpx.AsyncClient() as client:
        assert (await client.get(f"{jupyter_lab.url}api/kernels")).status_code == 403
        answer = await client.get(f"{jupyter_lab.url}api/kernels", headers=jupyter_lab.headers)
        assert answer.json() == []
    page = await browser.open(jupyter_lab.address("lab"))
    await page.locator("#jp-main-dock-panel").wait_for()


async def test_lab_runs_a_notebook_and_reaches_into_its_iframe(jupyter_lab: Jupyter, browser: Tabs) -> None:
    """Cells run, can be edited and run again, and a page in an IFrame can be clicked."""
    jupyter_lab.write_notebook(
        "first.ipynb",
        "print('hello')",
        """
        from IPython.display import HTML
        HTML('<iframe srcdoc="<button onclick=this.textContent=1>0</button>"></iframe>')
        """,
    )
    notebook = await LabNotebook.open(browser, jupyter_lab, "first.ipynb")
    await notebook.run_all()
    await expect(notebook.output(0)).to_have_text("hello")
    button = notebook.frame(1).locator("button")
    await button.click()
    await expect(button).to_have_text("1")
    await notebook.edit(0, "print('again')")
    await notebook.run(0)
    await expect(notebook.output(0)).to_have_text("again")


async def test_jupyter_server_answers_below_its_base_url() -> None:
    """The bare server starts with a base URL of its own, as on a Hub."""
    async with running_jupyter("server", base_url="/user/x/") as jupyter:
        assert jupyter.url.endswith("/user/x/")
        async with httpx.AsyncClient() as client:
            answer = await client.get(f"{jupyter.url}api/status", headers=jupyter.headers)
        assert answer.status_code == 200


async def test_a_network_is_told_in_its_own_thread() -> None:
    """Another thread would not wake its loop, or set an event that is overlooked."""
    async with network("http://127.0.0.1:9/") as net:
        for change in (net.silence, net.speak, net.forget, net.cut, net.mend):
            with pytest.raises(RuntimeError, match="used in another thread"):
                await asyncio.to_thread(change)

"""Fixtures for all tests: the leak check, real browsers, kernels, Jupyter servers and scripts.

One event loop serves the whole session (see `pyproject.toml`), so that a fixture of any scope and
the test that uses it share it.
"""

from __future__ import annotations

import re
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from playwright.async_api import Browser

from tests.support.browser import Tabs, launched_chromium
from tests.support.eventually import eventually
from tests.support.jupyter import Jupyter, running_jupyter
from tests.support.kernels import Kernel, running_kernel
from tests.support.leaks import WITHIN, Snapshot, end_leaked_processes, leaks
from tests.support.processes import ScriptRunner
from tests.support.serving import Serving

ARTIFACTS = Path(__file__).parent / "artifacts"

FAILED = pytest.StashKey[bool]()


# On a machine that does other things besides a single example may take any time.
settings.register_profile("without a deadline", deadline=None)
settings.load_profile("without a deadline")


def pytest_configure() -> None:
    """Let interrupts reach the programs under test: a shell's background job hands on that they are ignored."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Remember that a test failed, for fixtures that then keep a picture."""
    report = yield
    if report.failed:  # type: ignore[attr-defined]
        item.stash[FAILED] = True
    return report


@pytest.fixture(autouse=True)
async def no_leaks(request: pytest.FixtureRequest) -> AsyncIterator[None]:
    """Fail a test that leaves a task, a thread, a child process or a listening socket behind."""
    before = Snapshot.take()
    yield
    if request.node.get_closest_marker("allow_leaks"):
        return
    try:
        await eventually(lambda: not leaks(before), WITHIN)
    except AssertionError:
        left = leaks(before)
        end_leaked_processes(before)
        if left:
            pytest.fail("the test left behind:\n  " + "\n  ".join(left), pytrace=False)


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """The one Chromium of the session (Playwright's `Browser`)."""
    async with launched_chromium() as browser:
        yield browser


@pytest.fixture
async def browser(chromium: Browser, request: pytest.FixtureRequest) -> AsyncIterator[Tabs]:
    """Real pages: ``page = await browser.open(url)``; errors in their consoles fail the test."""
    tabs = Tabs(chromium)
    yield tabs
    if request.node.stash.get(FAILED, False):
        name = re.sub(r"[^\w.-]+", "_", request.node.nodeid)
        await tabs.screenshots(ARTIFACTS, name)
    await tabs.close()
    if not request.node.get_closest_marker("allow_console_errors"):
        assert not tabs.unexpected_errors, "the pages reported errors: " + "\n".join(tabs.unexpected_errors)


@pytest.fixture(scope="session")
async def jupyter_lab_of_all() -> AsyncIterator[Jupyter]:
    """The one JupyterLab of the session with its settings as they come."""
    async with running_jupyter("lab") as jupyter:
        yield jupyter


@pytest.fixture(scope="module")
async def jupyter_lab(jupyter_lab_of_all: Jupyter) -> AsyncIterator[Jupyter]:
    """A real JupyterLab in a directory of its own, without kernels and open notebooks of other modules."""
    yield jupyter_lab_of_all
    await jupyter_lab_of_all.clear()


@pytest.fixture(scope="module")
async def jupyter_server() -> AsyncIterator[Jupyter]:
    """A real Jupyter server without a front end (starts faster), one per test module."""
    async with running_jupyter("server") as jupyter:
        yield jupyter


@pytest.fixture
async def kernel() -> AsyncIterator[Kernel]:
    """A real IPython kernel: ``cell = await kernel.run(code)``, then `cell.text`, `cell.errors`."""
    async with running_kernel() as kernel:
        yield kernel


@pytest.fixture
async def script() -> AsyncIterator[ScriptRunner]:
    """Programs in processes of their own: ``program = await script(source)``; `program.url`."""
    directory = Path(tempfile.mkdtemp(prefix="ddnb-"))
    runner = ScriptRunner(directory)
    try:
        yield runner
    finally:
        await runner.stop()
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
async def serve(browser: Tabs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[Serving]:
    """Apps of this process: ``url = await serve(app)``. Their pages close before they stop."""
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))
    serving = Serving()
    yield serving
    for page in browser.pages:
        if not page.is_closed():
            await page.close()
    await serving.stop_all()


@pytest.fixture
def short_directory() -> Iterator[Path]:
    """A temporary directory whose path is short enough for a Unix socket (108 bytes)."""
    directory = Path(tempfile.mkdtemp(prefix="ddnb-"))
    yield directory
    shutil.rmtree(directory, ignore_errors=True)

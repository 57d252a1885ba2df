"""The ancestor's six examples, unchanged, on our package, each driven in two pages of Chromium."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
from playwright.async_api import Browser, Error, Page, expect

from tests.support.browser import Tabs, launched_chromium
from tests.support.eventually import eventually

PROGRAM = Path(__file__).parent / "inside/as_ancestor.py"
STARTS_WITHIN, WITHIN, ENDS_WITHIN = 60, 45, 15
Act = Callable[[Page, Page, Path], Awaitable[None]]


async def _both(pages: tuple[Page, Page], selector: str, text: str) -> None:
    for page in pages:
        await expect(page.locator(selector)).to_have_text(text)


async def _shared_and_regular(one: Page, two: Page, printed: Path) -> None:
    """What is shared shows in both pages, what is regular in the one that acts."""
    await one.locator("#shared_slider [role=slider]").press("ArrowRight")
    await _both((one, two), "#shared_slider_output", "6")
    await one.locator("#shared_input").press_sequentially("abc")
    await _both((one, two), "#shared_input_output", "abc")
    await expect(two.locator("#shared_input")).to_have_value("abc")
    await one.locator("#regular_input").press_sequentially("own")
    await expect(one.locator("#regular_input_output")).to_have_text("own")
    await expect(two.locator("#regular_input_output")).to_have_text("")


async def _without_output(one: Page, two: Page, printed: Path) -> None:
    """A shared callback without output acts once, and its input is shared."""
    await one.locator("#shared_input_no_output").press_sequentially("abc")
    await expect(two.locator("#shared_input_no_output")).to_have_value("abc")
    await eventually(lambda: printed.read_text().count("Shared input no output abc\n") == 1)
    await one.locator("#shared_slider_output [role=slider]").press("ArrowRight")
    await _both((one, two), "#shared_slider_output_output", "6")


async def _thermostat(one: Page, two: Page, printed: Path) -> None:
    """The target shows in both pages; a timer's pushes draw the graph and move the bar."""
    await one.locator("#thermostat [role=slider]").press("ArrowRight")
    await _both((one, two), "#temp", "71 °F")
    for page in (one, two):
        await expect(page.locator("#temp_graph .js-line")).to_have_count(1)
        before = await page.locator("#progress").get_attribute("value")
        await expect(page.locator("#progress")).not_to_have_attribute("value", before or "")


async def _log_in(page: Page, name: str) -> None:
    await page.locator("#username").press_sequentially(name)
    await page.locator("#password").press_sequentially(name if name == "admin" else "password")
    await page.locator("#submit").click()


async def _login(one: Page, two: Page, printed: Path) -> None:
    """A wrong password is told and the fields are emptied; the right one shows the page, to this client only."""
    await _log_in(one, "wrong")
    await expect(one.locator("#message")).to_contain_text("hint")
    await expect(one.locator("#username")).to_have_value("")
    await _log_in(one, "username")
    await expect(one.locator("#content")).to_contain_text("successfully logged in")
    await expect(two.locator("#submit")).to_be_visible()
    await one.locator("#logout").click()
    await expect(one.locator("#submit")).to_be_visible()


async def _administrator(one: Page, two: Page, printed: Path) -> None:
    """The administrator sees who logs in, and who leaves."""
    await _log_in(one, "admin")
    await expect(one.locator("#admin_content")).to_contain_text("admin: 127.0.0.1")
    await _log_in(two, "username")
    await expect(one.locator("#admin_content")).to_contain_text("user: 127.0.0.1")
    await two.locator("#logout").click()
    await expect(one.locator("#admin_content")).not_to_contain_text("user: 127.0.0.1")


EXAMPLES: dict[str, Act] = {
    "example1.py": _shared_and_regular,
    "example1a.py": _without_output,
    "example2.py": _thermostat,
    "example2a.py": _thermostat,
    "example3.py": _login,
    "example3a.py": _administrator,
}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


async def _drive(program: Path, act: Act, chromium: Browser, printed: Path) -> None:
    url = f"http://127.0.0.1:{(port := free_port())}/"
    with printed.open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-u", str(PROGRAM), str(program), str(port)],
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            cwd=program.parent,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
    tabs = Tabs(chromium)
    try:

        def answers() -> bool:
            assert process.poll() is None, printed.read_text()
            try:
                return httpx.get(url).status_code == 200
            except httpx.TransportError:
                return False

        await eventually(answers, STARTS_WITHIN)
        pages = []
        for _ in range(2):
            context = await tabs.context()
            context.set_default_timeout(WITHIN * 1000)
            pages.append(await tabs.open(url, context=context))
        await act(*pages, printed)
        assert not tabs.errors, tabs.errors
        assert "Traceback" not in printed.read_text(), printed.read_text()
    finally:
        await tabs.close()
        process.send_signal(signal.SIGINT)
        try:
            await asyncio.to_thread(process.wait, ENDS_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


async def drive_examples(source: Path) -> int:
    """Drive all six; print a line for each, and return how many fail."""
    failed = 0
    expect.set_options(timeout=WITHIN * 1000)
    kept = Path(tempfile.mkdtemp(prefix="others-ancestor-"))
    async with launched_chromium() as chromium:
        for name, act in EXAMPLES.items():
            try:
                await _drive(source / name, act, chromium, kept / f"{name}.log")
            except (AssertionError, Error) as error:
                failed += 1
                print(f"ancestor    {name:14} fails: {error}", flush=True)
            else:
                print(f"ancestor    {name:14} works", flush=True)
    return failed


def drive(source: Path) -> int:
    """Drive the examples of a checkout; 1 if one fails."""
    if missing := [name for name in EXAMPLES if not (source / name).is_file()]:
        sys.exit(f"ANCESTOR_SOURCE={str(source)!r} is no checkout of dash_devices: it has no {', '.join(missing)}")
    return int(bool(asyncio.run(drive_examples(source))))

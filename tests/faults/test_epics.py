"""An EPICS IOC that is killed and started again, while pages in Chromium look."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import expect

from dash_devices_nb import Dash, devices
from tests.support.browser import Tabs
from tests.support.serving import Serving


class Ioc:
    """The example of caproto, in a process of its own on loopback."""

    def __init__(self, log: Path) -> None:
        self.prefix = f"f{os.getpid()}:"
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "caproto.ioc_examples.simple", "--prefix", self.prefix]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen([*command, "--interfaces", "127.0.0.1"], stdout=log, stderr=log)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@pytest.fixture
def ioc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Ioc]:
    """An IOC that is not started yet."""
    pytest.importorskip("caproto")
    pytest.importorskip("aioca")
    monkeypatch.setenv("EPICS_CA_ADDR_LIST", "127.0.0.1")
    monkeypatch.setenv("EPICS_CA_AUTO_ADDR_LIST", "NO")
    made = Ioc(tmp_path / "ioc.log")
    yield made
    made.kill()


@pytest.mark.long
async def test_pages_while_an_ioc_dies_and_comes_back(ioc: Ioc, serve: Serving, browser: Tabs):
    """They say that it is away, with the last value; the new one's value comes by itself, and can be set."""
    ioc.start()
    pvs = {"A": f"{ioc.prefix}A", "B": f"{ioc.prefix}B"}
    with devices.connect(devices.epics("ioc", pvs, timeout=10)) as device:
        app = Dash(__name__, devices=[device])
        app.layout = devices.panel(device)
        url = await serve(app)
        pages = [await browser.open(url), await browser.open(url)]
        rows = [page.get_by_role("group", name="A", exact=True) for page in pages]
        field = pages[0].get_by_label("set A")
        await field.fill("7")
        await field.press("Enter")
        for row in rows:
            await expect(row.locator(".ddn-value")).to_have_text("7")
        ioc.kill()
        for row in rows:
            await expect(row.locator(".ddn-state")).to_contain_text("disconnected", timeout=30_000)
            await expect(row.locator(".ddn-value")).to_have_text("7")
        ioc.start()
        for row in rows:
            await expect(row.locator(".ddn-state")).to_have_count(0, timeout=60_000)
            await expect(row.locator(".ddn-value")).to_have_text("1")
        await field.fill("8")
        await field.press("Enter")
        for row in rows:
            await expect(row.locator(".ddn-value")).to_have_text("8")

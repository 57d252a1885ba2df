"""Pages of a relay behind a proxy that lets no WebSocket pass."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.acceptance.test_over_http import REFUSED, SAYS, bar
from tests.relay.conftest import StartRelay
from tests.relay.test_killed import BENCH, all_equal, more
from tests.support.browser import Tabs
from tests.support.processes import ScriptRunner
from tests.support.tcp import free_port, network


async def test_pages_look_on_and_act(
    script: ScriptRunner, browser: Tabs, relay: StartRelay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Over HTTP, one by a view link and one by a control link; no point is missing or doubled."""
    browser.allow_errors(REFUSED)
    for name in ("DATA", "RUNTIME"):
        (tmp_path / name).mkdir(mode=0o700)
        monkeypatch.setenv(f"JUPYTER_{name}_DIR", str(tmp_path / name))
    app = await script(BENCH, str(free_port()), url=None)
    view, control, owner = (await app.printed(r"links (\S+) (\S+) (\S+) end")).groups()
    program = await relay(owner)
    async with network(program.url) as net:
        net.refuses = 400
        links = (f"{net.url}?share={each.rpartition('share=')[2]}" for each in (view, control))
        onlooker, pilot = [await browser.open(each) for each in links]
        for page in (onlooker, pilot):
            await more(page)
            await expect(bar(page)).to_contain_text(SAYS)
        await pilot.fill("#target", "21")
        await expect(onlooker.locator("#shown")).to_have_text("at 21")
        net.cut()
        await expect(bar(onlooker)).to_contain_text("Offline")
        net.mend()
        for page in (onlooker, pilot):
            await more(page)
        await all_equal([onlooker, pilot], pilot)
        for page in (onlooker, pilot):
            await page.close()

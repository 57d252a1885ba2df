"""`module:app.server` under other servers, without `app.run()`: page, socket, and the program's own routes."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import httpx
import pytest
from playwright.async_api import expect

from tests.support.browser import Tabs
from tests.support.polled import PolledPage
from tests.support.processes import ScriptRunner

PROGRAMS = Path(__file__).parents[1] / "programs"
SERVE = """
    import asyncio, sys
    sys.path.insert(0, {programs!r})
    if __name__ == "__main__":
        {start}
"""
UVICORN = "import uvicorn; uvicorn.main(['camera:app.server', '--port', '0'])"
HYPERCORN = "from hypercorn.__main__ import main; sys.exit(main(['camera:app.server', '--bind', '127.0.0.1:0']))"


@pytest.mark.parametrize("start", [UVICORN, HYPERCORN], ids=["uvicorn", "hypercorn"])
async def test_a_server_of_the_users_own(start: str, script: ScriptRunner, browser: Tabs):
    """It serves the whole: two pages move together, a multipart stream runs, and a route pushes."""
    source = SERVE.format(programs=str(PROGRAMS), start=start)
    program = await script(source, url=re.compile(r"http://127\.0\.0\.1:\d+"))
    first, second = await asyncio.gather(browser.open(program.url), browser.open(program.url))
    for page in (first, second):
        await expect(page.locator("#taken")).to_have_text("0 pictures")
        await page.wait_for_function("document.getElementById('video').naturalWidth === 1")
    await first.locator("#snap").click()
    async with httpx.AsyncClient() as client:
        answer = await client.post(f"{program.url}/gain/7")
        assert answer.json() == {"gains": [7]}
        async with client.stream("GET", f"{program.url}/video") as stream:
            assert stream.headers["content-type"] == "multipart/x-mixed-replace; boundary=frame"
            parts = b""
            async for chunk in stream.aiter_raw():
                parts += chunk
                if parts.count(b"--frame") >= 3:
                    break
    for page in (first, second):
        await expect(page.locator("#taken")).to_have_text("1 pictures")
        await expect(page.locator("#pushed")).to_have_text("gain 7")


@pytest.mark.parametrize("start", [UVICORN, HYPERCORN], ids=["uvicorn", "hypercorn"])
async def test_a_page_over_http_on_a_server_of_the_users_own(start: str, script: ScriptRunner):
    """Where no WebSocket passes, the page goes on over HTTP there, too."""
    source = SERVE.format(programs=str(PROGRAMS), start=start)
    program = await script(source, url=re.compile(r"http://127\.0\.0\.1:\d+"))
    async with PolledPage(f"{program.url}/") as one, PolledPage(f"{program.url}/") as other:
        for page in (one, other):
            await page.open()
        async with httpx.AsyncClient() as client:
            await client.post(f"{program.url}/gain/7")
        for page in (one, other):
            await page.got(lambda page=page: page.values.get("pushed.children") == "gain 7")
            await page.say(t="bye")
            assert await page.end() == "1001 goodbye"

"""Through Jupyter: the trip against the direct URL, the server's CPU for each message, and how soon a page knows.

A bare Jupyter server with the extension and a kernel of its own; the direct URL is that of the same app in a kernel
that no server started. Chromium's pages and the pages without a browser are the same as in the other benchmarks.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
from jupyter_client.asynchronous.client import AsyncKernelClient
from playwright.async_api import Browser, Page
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from benchmarks.busy import APP, trips
from benchmarks.harness import figure, load_now, print_table, quantiles, save
from benchmarks.report import at_most, print_targets
from tests.support.browser import launched_chromium
from tests.support.eventually import eventually
from tests.support.jupyter import Jupyter, running_jupyter
from tests.support.kernels import running_kernel

CONFIGURED = {"JUPYTER_CONFIG_PATH": str(Path(__file__).parents[1] / "jupyter-config")}
WANTED_TRIP, WANTED_CPU_US, WANTED_BANNER, WANTED_BACK = 1.5, 15.0, 0.3, 1.0
WATCH = """() => {
    window.said = [];
    let last = '';
    const look = () => {
        const host = document.querySelector('#_dash-devices-notices');
        const bar = host && host.shadowRoot.querySelector('.bar.shown');
        const text = bar ? bar.textContent : '';
        if (text !== last) window.said.push([Date.now() / 1000, (last = text)]);
        const answer = document.querySelector('#answer')?.textContent;
        if (answer !== window.shown) window.since = [Date.now() / 1000, (window.shown = answer)];
        setTimeout(look, 5);
    };
    look();
}"""


class JupyterKernel:
    """A kernel of a Jupyter server; it runs cells."""

    def __init__(self, jupyter: Jupyter) -> None:
        self._jupyter = jupyter
        self.id = ""
        self._client: AsyncKernelClient | None = None

    async def start(self) -> None:
        """Have the server start it."""
        async with httpx.AsyncClient(headers=self._jupyter.headers) as http:
            answer = await http.post(f"{self._jupyter.url}api/kernels", json={"name": "python3"})
            answer.raise_for_status()
            self.id = answer.json()["id"]
        await self.connect()

    async def connect(self) -> None:
        """Connect with it, after a restart too."""
        self.close()
        client = self._client = AsyncKernelClient()
        client.load_connection_file(str(self._jupyter.runtime_dir / f"kernel-{self.id}.json"))
        client.start_channels(hb=False)

        async def answers() -> bool:
            try:
                await client.kernel_info(reply=True, timeout=1)
            except TimeoutError:
                return False
            return True

        await eventually(answers, within=60)

    async def run(self, code: str) -> str:
        """Run a cell and return what it prints."""
        assert self._client is not None
        printed: list[str] = []

        def heard(message: dict[str, Any]) -> None:
            if message["msg_type"] == "stream":
                printed.append(message["content"]["text"])

        reply = await self._client.execute_interactive(code, timeout=60, output_hook=heard)
        if reply["content"]["status"] != "ok":
            raise RuntimeError(f"the cell failed: {reply['content'].get('evalue')}")
        return "".join(printed)

    def close(self) -> None:
        """Leave it."""
        if self._client is not None:
            self._client.stop_channels()
            self._client = None


@asynccontextmanager
async def served(code: str = APP.format(loop="thread")) -> AsyncIterator[tuple[Jupyter, JupyterKernel]]:
    """The app of a cell in a kernel of a Jupyter server."""
    async with running_jupyter("server", env=CONFIGURED) as jupyter:
        kernel = JupyterKernel(jupyter)
        try:
            await kernel.start()
            await kernel.run(code)
            yield jupyter, kernel
        finally:
            kernel.close()


async def opened(browser: Browser, url: str) -> Page:
    page = await browser.new_page()
    await page.goto(url)
    await page.wait_for_selector("#question")
    await trips(page, "warm", 30, 10_000)
    return page


async def measure_trips(browser: Browser, url: str, count: int, rounds: int) -> list[dict[str, Any]]:
    """The same trip directly and through the extension, in turn."""
    async with running_kernel() as kernel:
        await kernel.run(APP.format(loop="thread"))
        direct = str((await kernel.run("app.url")).result).strip("'")
        pages = {"direct": await opened(browser, direct), "extension": await opened(browser, url)}
        times: dict[str, list[float]] = {name: [] for name in pages}
        for number in range(rounds):
            for name, page in random.sample(list(pages.items()), len(pages)):
                await page.bring_to_front()
                await trips(page, f"w{number}", 5, 10_000)
                times[name] += await trips(page, f"r{number}", max(1, count // rounds), 10_000)
        for page in pages.values():
            await page.close()
    base = quantiles(times["direct"])["p50"]
    return [
        {"what": f"trip, {name} (ms)", "n": len(values), **quantiles(values), "ratio": quantiles(values)["p50"] / base}
        for name, values in times.items()
    ]


async def measure_cpu(jupyter: Jupyter, kernel: JupyterKernel, clients: int, messages: int) -> dict[str, Any]:
    """CPU of the server's process for each message that a page gets."""
    url = f"{jupyter.url.replace('http', 'ws', 1)}dash-devices/busy/_dash-devices/ws"
    got = [0] * clients

    async def page(number: int) -> None:
        async with connect(url, additional_headers=jupyter.headers, proxy=None, compression=None) as socket:
            await socket.send('{"t":"hello","rev":0}')
            try:
                async for message in socket:
                    if message[:16] == '{"t":"mods","r":':
                        got[number] += 1
                        if got[number] % 20 == 0:
                            await socket.send(json.dumps({"t": "ok", "k": got[number]}))
            except ConnectionClosed:
                return

    pages = [asyncio.create_task(page(number)) for number in range(clients)]
    try:
        await kernel.run(
            f"import asyncio\nwhile len(app.clients) < {clients}: await asyncio.sleep(0.05)\n"
            "app.push_mods({'answer': {'title': 'x' * 200}})"
        )
        await eventually(lambda: min(got) >= 1, within=30)
        process = psutil.Process(jupyter.pid)
        before, start = process.cpu_times(), sum(got)
        await kernel.run(
            f"for n in range({messages}):\n"
            "    app.push_mods({'answer': {'title': str(n) * 50 + 'x' * 100}})\n    await asyncio.sleep(0.02)"
        )
        await eventually(lambda: min(got) >= messages + 1, within=30)
        after = process.cpu_times()
    finally:
        for task in pages:
            task.cancel()
        await asyncio.gather(*pages, return_exceptions=True)
    delivered = sum(got) - start
    used = (after.user + after.system - before.user - before.system) / delivered * 1e6
    return {"what": f"CPU of the server, {clients} pages (µs a message)", "n": delivered, "p50": used}


async def measure_deaths(
    browser: Browser, jupyter: Jupyter, kernel: JupyterKernel, url: str, rounds: int
) -> list[dict[str, Any]]:
    """From the kernel's death to the banner, and from the end of the notebook's next run to a page with its value."""
    page = await opened(browser, url)
    await page.evaluate(WATCH)
    banners, backs = [], []
    for number in range(rounds):
        pid = int(await kernel.run("import os; print(os.getpid())"))
        await page.evaluate("window.said.length = 0")
        killed = time.time()
        os.kill(pid, signal.SIGKILL)

        async def told() -> float | None:
            said = await page.evaluate("window.said")
            return next((when for when, text in said if "restarting" in text), None)

        banners.append(float(await eventually(told, within=10) or 0) - killed)

        await eventually(lambda old=pid: not psutil.pid_exists(old), within=60)
        await kernel.connect()
        again = f"push_again = 'run {number}'\napp.push_mods({{'answer': {{'children': push_again}}}})\n"
        code = APP.format(loop="thread") + again
        await kernel.run(code)
        ended = time.time()

        async def shows(expected: str = f"run {number}") -> float | None:
            since, shown = await page.evaluate("window.since")
            return float(since) if shown == expected else None

        backs.append(max(0.0, float(await eventually(shows, within=30) or 0) - ended))
    await page.close()
    return [
        {"what": "from death to the banner (s)", "n": rounds, **quantiles(banners)},
        {"what": "from the next run's end to its value (s)", "n": rounds, **quantiles(backs)},
    ]


async def measure(options: Any) -> list[dict[str, Any]]:
    async with AsyncExitStack() as stack:
        browser = await stack.enter_async_context(launched_chromium())
        jupyter, kernel = await stack.enter_async_context(served())
        url = jupyter.address("dash-devices/busy/")
        rows = await measure_trips(browser, url, options.trips, options.rounds)
        rows.append(await measure_cpu(jupyter, kernel, options.clients, options.messages))
        return rows + await measure_deaths(browser, jupyter, kernel, url, options.deaths)


def run(options: Any) -> int:
    """The command ``extension``."""
    loads = load_now()
    rows = asyncio.run(measure(options))
    targets = [
        at_most("trip, through the extension / direct", rows[1]["ratio"], WANTED_TRIP),
        at_most("CPU of the server a message (µs)", rows[2]["p50"], WANTED_CPU_US),
        at_most("from death to the banner (s)", rows[3]["p50"], WANTED_BANNER),
        at_most("from the next run's end to its value (s)", rows[4]["p50"], WANTED_BACK),
    ]
    print_table("through the Jupyter extension", rows)
    print_targets(targets)
    if options.no_save:
        return 0
    path = save(options.results, "extension", rows, loads, targets)
    picture, axis = figure(7, 2)
    if picture is not None:
        labels = ["direct", "through the extension"]
        axis.barh(labels, [row["p50"] for row in rows[:2]], color=["#b8c4cc", "#1f6f8b"])
        axis.barh(labels, [row["p95"] for row in rows[:2]], color="#1f6f8b", alpha=0.25)
        axis.set_xlabel("milliseconds of a shared trip (median, p95)")
        axis.invert_yaxis()
        picture.savefig(path, dpi=130)
    return 0

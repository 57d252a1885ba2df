"""Guests of one view link who attack: LINK KIND PAGES SECONDS. Says when they are there, and what they did.

Each kind is a coroutine that drives one page until it is ended. What a page may not send it sends all the same, as far
as its connection takes it: who does not read, or is slowed, keeps nothing of it here. The rates are bounded, far beyond
what a link may do, so that the attackers do not simply take the processor from the device.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any
from urllib.parse import urljoin, urlsplit

from benchmarks.harness import say
from benchmarks.programs.join_guests import SETTINGS, Browser
from benchmarks.programs.raw import RawSocket

ALLOWED = 3.0
"""Requests a second of each of 100 pages: 300 a second are a link's."""
BEYOND = 60.0
"""The same, for a client that does not care."""
LARGE = 900 * 1024
UNFINISHED = 16 * 1024 * 1024
BODY = 4 * 1024 * 1024
PROFILES = 10
done: Counter[str] = Counter()


class Page(RawSocket):
    """A guest's page: it greets, and confirms what it applies, as a page does."""

    def __init__(self, host: str, path: str, headers: dict[str, str]) -> None:
        super().__init__(host, path, headers)
        self.ready = asyncio.get_running_loop().create_future()
        self.writable = asyncio.Event()
        self.writable.set()
        self.closed = asyncio.Event()
        self._applied = self._own = 0
        self.number = 0

    def opened(self) -> None:
        self.send(t="hello", rev=0, q=0)

    def refused(self, head: bytes) -> None:
        done["refused"] += 1
        self.transport.abort()

    def pause_writing(self) -> None:
        self.writable.clear()

    def resume_writing(self) -> None:
        self.writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set()
        self.writable.set()
        if not self.ready.done():
            self.ready.set_result(False)

    def took(self, payload: bytes) -> None:
        frame = json.loads(payload)
        self._own = max(self._own, frame.get("q", 0))
        match frame["t"]:
            case "welcome":
                if not self.ready.done():
                    self.ready.set_result(True)
            case "res":
                done["answers"] += 1
                self.send(t="ok", k=self._applied, q=self._own)
            case "mods" if "r" in frame:
                self._applied += 1
                if self._applied % 10 == 0:
                    self.send(t="ok", k=self._applied, q=self._own)

    def send_bytes(self, payload: bytes, announced: int | None = None) -> None:
        """Nothing, once the app has closed it."""
        if not self.transport.is_closing():
            super().send_bytes(payload, announced)

    def request(self, path: str = "_dash-update-component", **more: Any) -> dict[str, Any]:
        """A request for the page's own callback, or another of Dash's routes."""
        self.number += 1
        inputs = [{"id": "mine", "property": "value", "value": str(self.number)}]
        body = {
            "output": "own.children",
            "outputs": {"id": "own", "property": "children"},
            "inputs": inputs,
            "state": [{"id": "knob", "property": "value", "value": 0}],
            "changedPropIds": ["mine.value"],
            **more,
        }
        return {"t": "req", "n": self.number, "path": path, "query": "", "body": body}


class Guests:
    """All pages of the link.

    Args:
        browsers: some profiles that have followed the link.
        path: of the WebSocket.
    """

    def __init__(self, browsers: list[Browser], path: str) -> None:
        self.browsers = browsers
        self._path = path
        self.pages: list[Page] = []

    async def open(self) -> Page | None:
        """One more page; None: it is not let in."""
        browser = random.choice(self.browsers)
        headers = {"Origin": f"http://{browser.host}", "Cookie": browser.cookie}
        page = Page(browser.host, self._path, headers)
        with suppress(OSError):
            await asyncio.get_running_loop().create_connection(lambda: page, *browser.address)
            # Not `wait_for`: before Python 3.12 it may swallow that it is cancelled, and the attack has no end.
            async with asyncio.timeout(30):
                ready = await page.ready
            if ready:
                done["pages"] += 1
                self.pages.append(page)
                return page
        done["refused"] += 1
        return None


async def _paced(guests: Guests, rate: float, send: Callable[[Page], None]) -> None:
    """A page that sends at a rate, and comes again when it is sent away."""
    while True:
        page = await guests.open()
        if page is None:
            await asyncio.sleep(1)
            continue
        await asyncio.sleep(random.random() / rate)
        while not page.closed.is_set():
            if page.writable.is_set():
                send(page)
                done["frames"] += 1
            await asyncio.sleep(1 / rate)
        done["sent away"] += 1


async def looking(guests: Guests) -> None:
    """Pages that look on, and ask for nothing."""
    page = await guests.open()
    if page is not None:
        await page.closed.wait()


async def allowed(guests: Guests) -> None:
    """As fast as a link may."""
    await _paced(guests, ALLOWED, lambda page: page.send(**page.request()))


async def requests(guests: Guests) -> None:
    """Requests beyond it."""
    await _paced(guests, BEYOND, lambda page: page.send(**page.request()))


async def forged(guests: Guests) -> None:
    """Changes that a viewer may not make, components that are not there."""

    def send(page: Page) -> None:
        page.number += 1
        page.send(t="set", s=page.number, m={"knob": {"value": page.number}})
        page.send(t="here", ids=[f"mine{page.number}-{number}" for number in range(20)])
        page.send(t="want", ids={f"row{page.number % 50}": 1})

    await _paced(guests, BEYOND / 3, send)


async def large(guests: Guests) -> None:
    """Messages of nearly a megabyte, deep and wide."""
    filler = json.dumps([[[{"a": [1, 2, "x"]}] * 10] * 10] * 200)[: LARGE - 1000]
    cut = filler.rfind("}")

    def send(page: Page) -> None:
        request = json.dumps(page.request(extra=0))
        page.send_bytes((request[:-2] + ', "more": ' + json.dumps(filler[:cut]) + "}}").encode())

    await _paced(guests, 2, send)


async def unfinished(guests: Guests) -> None:
    """Messages that never end."""
    while True:
        page = await guests.open()
        if page is None:
            await asyncio.sleep(1)
            continue
        page.send_bytes(b" " * 64 * 1024, announced=UNFINISHED)
        while not page.closed.is_set():
            if page.writable.is_set() and not page.transport.is_closing():
                page.transport.write(b" " * 64 * 1024)
                done["frames"] += 1
            await asyncio.sleep(0.1)
        done["sent away"] += 1


async def unread(guests: Guests) -> None:
    """Pages that ask, and never read."""

    def send(page: Page) -> None:
        if not page.transport.is_closing():
            page.transport.pause_reading()
        page.send(t="ping", rtt=1)
        page.send(**page.request("_dash-layout"))

    await _paced(guests, BEYOND / 2, send)


async def bodies(guests: Guests) -> None:
    """Requests over HTTP with megabytes in them."""
    browser = random.choice(guests.browsers)
    inner = json.dumps({"output": "own.children", "inputs": [], "more": "x" * BODY}).encode()
    prefix = urlsplit(browser.url).path
    while True:
        with suppress(OSError, asyncio.IncompleteReadError):
            reader, writer = await asyncio.open_connection(*browser.address)
            try:
                head = (
                    f"POST {prefix}_dash-update-component HTTP/1.1\r\nHost: {browser.host}\r\nCookie: {browser.cookie}"
                    f"\r\nContent-Type: application/json\r\nContent-Length: {len(inner)}\r\nConnection: close\r\n\r\n"
                )
                writer.write(head.encode() + inner)
                await writer.drain()
                answer = await reader.readline()
                done[f"HTTP {answer.decode(errors='replace')[9:12]}"] += 1
            finally:
                writer.transport.abort()
        await asyncio.sleep(0.5)


async def reconnects(guests: Guests) -> None:
    """Pages that load, and come again."""
    while True:
        page = await guests.open()
        if page is not None:
            page.send(**page.request("_dash-layout"))
            page.send(**page.request("_dash-dependencies"))
            await asyncio.sleep(0.5)
            if not page.closed.is_set():
                page.transport.abort()
            guests.pages.remove(page)
        await asyncio.sleep(0.5)


KINDS: dict[str, Callable[[Guests], Awaitable[None]]] = {
    each.__name__: each for each in (looking, allowed, requests, forged, large, unfinished, unread, bodies, reconnects)
}


async def main(link: str, kind: str, count: int, seconds: float) -> None:
    browsers = [Browser(link) for _ in range(PROFILES)]
    text = b""
    for browser in browsers:
        status, text = await browser.fetch(link)
        if status != 200:
            raise ConnectionError(f"{link} answers {status}: {text[:300]!r}")
    settings = SETTINGS.search(text)
    assert settings is not None
    path = urljoin(urlsplit(browsers[0].url).path, json.loads(settings[1])["prefix"] + "_dash-devices/ws")
    guests = Guests(browsers, path)
    say(ready=True)
    start = time.monotonic()
    attackers = [asyncio.ensure_future(KINDS[kind](guests)) for _ in range(count)]
    await asyncio.sleep(seconds)
    took = time.monotonic() - start
    for attacker in attackers:
        attacker.cancel()
    failed = [r for r in await asyncio.gather(*attackers, return_exceptions=True) if isinstance(r, Exception)]
    for page in guests.pages:
        if not page.closed.is_set():
            page.transport.abort()
    say(seconds=took, did=dict(done), failed=[repr(error) for error in failed[:3]])


if __name__ == "__main__":
    link, kind, count, seconds = sys.argv[1:]
    asyncio.run(main(link, kind, int(count), float(seconds)))

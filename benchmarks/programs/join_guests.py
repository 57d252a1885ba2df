"""Guests who open a share link: URL COUNT SECONDS FILES [RECORD]. Prints how long each took, and what it saw.

A guest does what a browser does, without one: it follows the link, takes the cookie, loads the page and (FILES 1) its
scripts and styles, connects, reads layout and callbacks, gives a name, and takes every change of the shared state from
then on. It is live when the first change that is newer than its layout has come.

With RECORD it writes all answers to that file, for `join_bare`.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from benchmarks.harness import say
from benchmarks.programs.raw import RawSocket

SAY_FRAMES = 40
LANES = 6
"""Connections that a browser opens for files."""
QUIET_SECONDS = 1.5
FILE = re.compile(rb"""<(?:script[^>]* src|link[^>]* rel="stylesheet"[^>]* href)=["']([^"']+)["']""")
SETTINGS = re.compile(rb'<script id="_dash-devices-config" type="application/json">(.*?)</script>', re.DOTALL)


class Page(RawSocket):
    """A guest's WebSocket, and what the page shows of the device."""

    def __init__(self, host: str, path: str, headers: dict[str, str], number: int) -> None:
        super().__init__(host, path, headers)
        self.name = f"Guest {number}"
        self.live: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self.frames: list[str] = []
        self.values: list[int] = []
        self.first = -1
        self.closed = False
        self.last = time.monotonic()
        self._applied = self._own = 0
        self._answers: dict[int, dict[str, Any]] = {}
        self._early: list[dict[str, Any]] = []
        self._revision = 0

    def opened(self) -> None:
        self.send(t="hello", rev=0, q=0)

    def refused(self, head: bytes) -> None:
        self.live.set_exception(ConnectionError(head.decode(errors="replace")))

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        if not self.live.done():
            self.live.set_exception(ConnectionError(f"{self.name} was sent away: {self.frames[-1:]}"))

    def took(self, payload: bytes) -> None:
        if not self.live.done():
            self.frames.append(payload.decode())
        frame = json.loads(payload)
        self._own = max(self._own, frame.get("q", 0))
        match frame["t"]:
            case "welcome":
                self.send(t="req", n=1, path="_dash-layout", query="", body=None)
                self.send(t="req", n=2, path="_dash-dependencies", query="", body=None)
                self.send(t="name", name=self.name)
            case "res":
                self._answers[frame["n"]] = frame
                if len(self._answers) == 2:
                    self._loaded()
            case "mods" if "r" in frame:
                self._applied += 1
                if self._applied % SAY_FRAMES == 0:
                    self.send(t="ok", k=self._applied, q=self._own)
                if len(self._answers) == 2:
                    self._mods(frame)
                else:
                    self._early.append(frame)

    def _loaded(self) -> None:
        self._revision = self._answers[1]["r"]
        self.first = device_in(self._answers[1]["b"])
        self.values.append(self.first)
        for frame in self._early:
            self._mods(frame)

    def _mods(self, frame: dict[str, Any]) -> None:
        if frame["r"] <= self._revision or "device" not in frame["m"]:
            return
        self.values.append(frame["m"]["device"]["children"])
        self.last = time.monotonic()
        if not self.live.done():
            self.live.set_result(time.perf_counter())


def device_in(layout: Any) -> int:
    """The value that the layout has for the device."""
    if isinstance(layout, dict):
        props = layout.get("props", {})
        if props.get("id") == "device":
            return int(props.get("children") or 0)
        return device_in(props.get("children"))
    if isinstance(layout, list):
        return max(map(device_in, layout), default=-1)
    return -1


class Browser:
    """The cookies of a guest's browser, and the recorded answers."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.url = url
        self.host = parts.netloc
        self.address = (parts.hostname or "", parts.port or 80)
        self.cookie = ""
        self.got = 0
        self.answers: dict[str, list[str]] = {}

    async def fetch(self, url: str) -> tuple[int, bytes]:
        """An answer, its redirects followed."""
        while True:
            reader, writer = await asyncio.open_connection(*self.address, limit=2**20)
            status, headers, body = await self._ask(reader, writer, url)
            writer.close()
            for line in headers.get("set-cookie", "").split("\n"):
                for name, morsel in SimpleCookie(line).items():
                    self.cookie = f"{self.cookie}; {name}={morsel.value}".lstrip("; ")
            if status not in (302, 303, 307):
                return status, body
            url = urljoin(url, headers["location"])
            self.url = url

    async def files(self, urls: list[str]) -> None:
        """Fetch them all, over as many connections as a browser has."""
        waiting = list(urls)

        async def queue_key() -> None:
            reader, writer = await asyncio.open_connection(*self.address, limit=2**20)
            while waiting:
                _, headers, _ = await self._ask(reader, writer, waiting.pop(0))
                if headers.get("connection") == "close" and waiting:
                    writer.close()
                    reader, writer = await asyncio.open_connection(*self.address, limit=2**20)
            writer.close()

        await asyncio.gather(*(queue_key() for _ in range(min(LANES, len(urls)))))

    async def _ask(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, url: str
    ) -> tuple[int, dict[str, str], bytes]:
        parts = urlsplit(url)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        cookie = f"Cookie: {self.cookie}\r\n" if self.cookie else ""
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: {self.host}\r\nAccept: */*\r\nAccept-Encoding: gzip\r\n"
            f"Sec-Fetch-Site: same-origin\r\n{cookie}\r\n".encode()
        )
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers: dict[str, str] = {}
        for line in filter(None, lines):
            name, _, value = line.partition(": ")
            key = name.lower()
            headers[key] = f"{headers[key]}\n{value}" if key in headers else value
        body = b""
        if headers.get("transfer-encoding") == "chunked":
            while size := int(await reader.readline(), 16):
                body += await reader.readexactly(size)
                await reader.readexactly(2)
            await reader.readexactly(2)
        else:
            body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.got += len(head) + len(body)
        self.answers[path] = [
            "\r\n".join([first, *(line for line in lines if line and not line.lower().startswith("transfer-"))]),
            body.decode("latin-1"),
        ]
        return int(first.split()[1]), headers, body


async def join(url: str, number: int, *, files: bool) -> tuple[Browser, Page, float]:
    """One guest comes. Returns its browser, its page, and the milliseconds until that was live."""
    start = time.perf_counter()
    browser = Browser(url)
    status, text = await browser.fetch(url)
    settings = SETTINGS.search(text)
    if status != 200 or settings is None:
        raise ConnectionError(f"{url} answers {status}: {text[:300]!r}")
    if files:
        await browser.files([urljoin(browser.url, match.decode()) for match in FILE.findall(text)])
    path = urljoin(urlsplit(browser.url).path, json.loads(settings[1])["prefix"] + "_dash-devices/ws")
    headers = {"Origin": f"http://{browser.host}", **({"Cookie": browser.cookie} if browser.cookie else {})}
    page = Page(browser.host, path, headers, number)
    await asyncio.get_running_loop().create_connection(lambda: page, *browser.address)
    async with asyncio.timeout(60):
        live = await page.live
    return browser, page, (live - start) * 1e3


async def main(url: str, count: int, seconds: float, files: bool, record: str | None) -> None:
    async def guest(number: int) -> tuple[Browser, Page, float]:
        await asyncio.sleep(number * seconds / count)
        return await join(url, number, files=files)

    start = time.monotonic()
    guests = await asyncio.gather(*map(guest, range(count)))
    pages = [page for _, page, _ in guests]
    say(live=[took for *_, took in guests], seconds=time.monotonic() - start)
    while time.monotonic() - max(page.last for page in pages) < QUIET_SECONDS:
        await asyncio.sleep(0.1)
    say(
        ends=sorted({page.values[-1] for page in pages}),
        gaps=sum(b != a + 1 for page in pages for a, b in zip(page.values, page.values[1:], strict=False)),
        values=sum(len(page.values) for page in pages),
        lost=sum(page.closed for page in pages),
        kilobytes=sum(browser.got + page.got for browser, page, _ in guests) / count / 1e3,
    )
    if record:
        browser, page, _ = guests[0]
        recorded = {"http": browser.answers, "socket": page.path, "frames": page.frames}
        Path(record).write_text(json.dumps({"entry": urlsplit(url).query, "path": urlsplit(url).path, **recorded}))
    for page in pages:
        page.transport.abort()


if __name__ == "__main__":
    url, count, seconds, files, *record = sys.argv[1:]
    asyncio.run(main(url, int(count), float(seconds), files == "1", record[0] if record else None))

"""A class in motion: OWNER_URL LINKS PAGES TABS. Says once a second what the pages did and saw.

LINKS is a file with the newest share links, {"view": URL, "control": URL}, which is replaced when there are others.
The number of pages is constant: when one leaves, another joins. A page is a bare protocol that does what the
page's script does: it loads over HTTP, greets, loads layout and callbacks, confirms what it took, shows images. What it
does beside is drawn from a generator with a fixed seed, at a fixed rate. Some are `Tab`s of the testing package, which
apply everything and call their callbacks.
"""

from __future__ import annotations

import asyncio
import base64
import json
import random
import sys
import time
from collections import Counter
from contextlib import suppress
from typing import Any
from urllib.parse import urljoin, urlsplit

from benchmarks.harness import say
from benchmarks.programs.join_guests import SETTINGS, Browser
from benchmarks.programs.raw import RawSocket
from dash_devices_nb.testing import Tab

SAY_FRAMES = 40
STAY_SECONDS = (30.0, 120.0)
ACT_SECONDS = 12.0
"""How often a page does something, in the mean."""
SLOW_SECONDS = 8.0
KNOBS = 8
LARGE = base64.b64encode(bytes(range(256)) * 120).decode()
RESTING_BROWSERS = 100
TEXT_START = b'{"t":"mods","r":'
done: Counter[str] = Counter()
dice = random.Random(12)


class Page(RawSocket):
    """One connection of a page.

    Attributes:
        known: the page's identity, for its next connection.
    """

    def __init__(self, host: str, path: str, headers: dict[str, str], known: dict[str, Any]) -> None:
        super().__init__(host, path, headers)
        self.known = known
        self.ready = asyncio.get_running_loop().create_future()
        self.closed = asyncio.Event()
        self.role: dict[str, Any] = {}
        self.number = 0
        self.sequence = 0
        self._applied = self._own = 0
        self._answers = 0

    def opened(self) -> None:
        self.send(t="hello", rev=self.known.get("rev", 0), q=0, **self.known.get("who", {}))

    def refused(self, head: bytes) -> None:
        done["not let in"] += 1
        self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set()
        if not self.ready.done():
            self.ready.set_result(False)

    def took_image(self, payload: bytes) -> None:
        header = json.loads(payload[2 : 2 + int.from_bytes(payload[:2], "big")])
        self.send(t="shown", id=header["id"], prop=header["prop"])
        done["images"] += 1

    def took(self, payload: bytes) -> None:
        done["frames"] += 1
        if payload.startswith(TEXT_START):
            self._applied += 1
            self.known["rev"] = int(payload[len(TEXT_START) : payload.index(b",", len(TEXT_START))])
            if self._applied % SAY_FRAMES == 0:
                self._confirm()
            return
        frame = json.loads(payload)
        self._own = max(self._own, frame.get("q", 0))
        match frame["t"]:
            case "welcome":
                self.known["who"] = {name: frame[name] for name in ("client", "key", "epoch")}
                self.sequence = frame["s"] if frame["resumed"] else 0
                self.number = frame["n"] if frame["resumed"] else 0
                done["came back"] += frame["resumed"]
                self._load()
            case "reload" | "dependencies":
                done[frame["t"]] += 1
                if frame["t"] == "reload":
                    self._load()
            case "res":
                done["answers"] += frame["s"] in (200, 204)
                done[f"answers {frame['s']}"] += frame["s"] not in (200, 204)
                self._answers += 1
                if self._answers >= 2 and not self.ready.done():
                    self.ready.set_result(True)
                self._confirm()
            case "role":
                self.role = frame
            case "notice" | "mods":
                done[frame["t"]] += 1
                self._confirm()

    def _confirm(self) -> None:
        self.send(t="ok", k=self._applied, q=self._own)

    def _load(self) -> None:
        for path in ("_dash-layout", "_dash-dependencies"):
            self.ask(path, None)

    def ask(self, path: str, body: Any) -> None:
        """Ask for one of Dash's routes."""
        self.number += 1
        self.send(t="req", n=self.number, path=path, query="", body=body)

    def change(self, component: str, prop: str, value: Any) -> None:
        """Change what is shared."""
        self.sequence += 1
        self.send(t="set", s=self.sequence, m={component: {prop: value}})


def request(output: str, component: str, prop: str, value: Any) -> dict[str, Any]:
    """What a renderer asks for a regular callback with one input."""
    return {
        "output": f"{output}.children",
        "outputs": {"id": output, "property": "children"},
        "inputs": [{"id": component, "property": prop, "value": value}],
        "state": [{"id": "knob0", "property": "value", "value": 0}],
        "changedPropIds": [f"{component}.{prop}"],
    }


class School:
    """Where the pages come from.

    Attributes:
        links: the newest URL of each kind.
    """

    def __init__(self, owner: str) -> None:
        self.links = {"owner": owner}
        self.browsers: list[tuple[str, Browser, str]] = []
        self._names = 0

    async def browser(self) -> tuple[Browser, str]:
        """A browser that has loaded the page, and the path of its WebSocket: a new one, or one that was here before."""
        kind = dice.choices(("owner", "control", "view"), (1, 6, 13))[0]
        url = self.links[kind]
        again = [each for each in self.browsers if each[0] == url]
        if again and dice.random() < 0.3:
            browser = dice.choice(again)[1]
            browser.answers.clear()
            status, text = await browser.fetch(browser.url)
        else:
            browser = Browser(url)
            status, text = await browser.fetch(url)
        found = SETTINGS.search(text)
        if status != 200 or found is None:
            done[f"page {status}"] += 1
            raise ConnectionError(f"the page answers {status}")
        path = urljoin(urlsplit(browser.url).path, json.loads(found[1])["prefix"] + "_dash-devices/ws")
        self.browsers.append((url, browser, path))
        del self.browsers[:-RESTING_BROWSERS]
        return browser, path

    def name(self) -> str:
        """A guest's name; they come round again."""
        self._names += 1
        return f"Guest {self._names % 300}"


async def connected(browser: Browser, path: str, known: dict[str, Any]) -> Page:
    """A connection that has its layout. Raises OSError."""
    headers = {"Origin": f"http://{browser.host}", "Cookie": browser.cookie}
    page = Page(browser.host, path, headers, known)
    await asyncio.get_running_loop().create_connection(lambda: page, *browser.address)
    async with asyncio.timeout(30):
        if not await page.ready:
            raise ConnectionError("sent away")
    return page


async def act(page: Page, school: School) -> str:
    """A page does something. Returns "lost" where that ends its connection."""
    what = dice.choices(
        ("knob", "callback", "upload", "name", "floor", "slow", "lost", "forged", "unread", "declare"),
        (40, 25, 3, 5, 8, 4, 6, 2, 1, 6),
    )[0]
    done[what] += 1
    may = page.role.get("rights") in ("control", "owner")
    match what:
        case "knob" if may:
            for _ in range(5):  # a drag
                page.change(f"knob{dice.randrange(KNOBS)}", "value", dice.randrange(100))
                await asyncio.sleep(0.1)
        case "callback":
            page.ask("_dash-update-component", request("own", "mine", "value", f"text {dice.randrange(1000)}"))
        case "upload" if may:
            page.ask("_dash-update-component", request("size", "up", "contents", f"data:;base64,{LARGE}"))
        case "name":
            page.send(t="name", name=school.name())
        case "floor":
            page.send(t="floor", want=dice.random() < 0.7)
        case "slow":
            page.transport.pause_reading()
            await asyncio.sleep(SLOW_SECONDS)
            if not page.closed.is_set():
                page.transport.resume_reading()
        case "lost":
            page.transport.abort()
            await page.closed.wait()
        case "forged":
            page.change("knob0", "value", "x" * 100)
            page.change("nothing", "value", 1)
        case "unread":
            page.send_bytes(b'{"t":"set","s":')
        case "declare":
            page.send(t="here", ids=[f'{{"row":{dice.randrange(50)},"type":"mine"}}'], gone=[])
    return what


async def place(school: School) -> None:
    """One place in the class: page after page."""
    while True:
        try:
            browser, path = await school.browser()
            page = await connected(browser, path, {})
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            done["failed"] += 1
            await asyncio.sleep(0.5)
            continue
        done["pages"] += 1
        end = time.monotonic() + dice.uniform(*STAY_SECONDS)
        while time.monotonic() < end:
            with suppress(TimeoutError):
                async with asyncio.timeout(dice.uniform(0, 2 * ACT_SECONDS)):
                    await page.closed.wait()
            if not page.closed.is_set():
                await act(page, school)
            if page.closed.is_set():
                done["connections lost"] += 1
                # Within the grace it is the same client, else a new one.
                await asyncio.sleep(dice.choice((0.3, 1.5, 4.0)))
                try:
                    page = await connected(browser, path, page.known)
                except (OSError, TimeoutError):
                    done["not back"] += 1
                    break
        if not page.closed.is_set():
            if dice.random() < 0.5:
                page.send(t="bye")
            page.transport.close() if dice.random() < 0.5 else page.transport.abort()
        with suppress(TimeoutError):
            await asyncio.wait_for(page.closed.wait(), 5)


async def tab_place(school: School) -> None:
    """One place of the class, for a page that applies everything."""
    while True:
        try:
            async with Tab(school.links[dice.choice(("view", "control"))]) as tab:
                done["tabs"] += 1
                end = time.monotonic() + dice.uniform(*STAY_SECONDS)
                while time.monotonic() < end:
                    await asyncio.sleep(dice.uniform(0, ACT_SECONDS))
                    if tab.role.get("rights") in ("control", "owner"):
                        await tab.act(f"knob{dice.randrange(KNOBS)}", "value", dice.randrange(100))
                    await tab.act("mine", "value", f"text {dice.randrange(1000)}")
                    if dice.random() < 0.2:
                        await tab.drop()
                        await asyncio.sleep(dice.choice((0.5, 4)))
                        await tab.reconnect()
        except (ConnectionError, OSError, TimeoutError):
            done["tabs failed"] += 1
            await asyncio.sleep(1)


async def main(owner: str, links: str, pages: int, tabs: int) -> None:
    school = School(owner)
    async with asyncio.TaskGroup() as group:
        group.create_task(follow(school, links))
        for number in range(pages):
            group.create_task(tab_place(school) if number < tabs else place(school))
            await asyncio.sleep(0.03)
        while True:
            await asyncio.sleep(1)
            say(cpu=time.process_time(), **done)


async def follow(school: School, path: str) -> None:
    """Read the newest links from a file, which is replaced when there are others."""
    while True:
        with open(path, encoding="utf-8") as file:
            school.links |= json.load(file)
        await asyncio.sleep(0.5)


if __name__ == "__main__":
    owner, links, pages, tabs = sys.argv[1:]
    asyncio.run(main(owner, links, int(pages), int(tabs)))

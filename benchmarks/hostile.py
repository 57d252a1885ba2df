"""Guests of one link attack a device in several ways, in turn. Measure what its owner and its process notice.

The owner's trip, from a change to the output of its shared callback, is measured without a browser: before each attack
while as many pages of the link look on, which is what is called rest here, and during it. Everything is on one machine:
the attackers send as fast as a machine of the same size lets them beside the device, and far more than a link may. Each
attack meets an app of its own; what memory is left of one is what the allocator keeps, and the journal's share.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from benchmarks.harness import Program, figure, free_port, load_now, print_table, quantiles, running, save
from benchmarks.programs.hostile_guests import KINDS
from benchmarks.programs.join_guests import SETTINGS, Browser
from benchmarks.programs.raw import RawSocket
from benchmarks.report import Target, at_most, print_targets
from dash_devices_nb.app.execution.runtime import ERRANDS
from dash_devices_nb.app.sessions.manager import GRACE_SECONDS, PAGES_LOADING
from dash_devices_nb.core.access.fair_queue import CALLS

PAUSE = 0.03
"""Seconds between the owner's changes."""
ALONE_SECONDS = 3.0
BACK_SECONDS = 10.0
WANTED_P95, WANTED_MB = 2.0, 100.0
BOUND = CALLS // 2 + PAGES_LOADING // 2 + ERRANDS // 2
"""Threads that guests may take."""


class Owner(RawSocket):
    """The owner's page."""

    def __init__(self, host: str, path: str, headers: dict[str, str]) -> None:
        super().__init__(host, path, headers)
        self.ready = asyncio.get_running_loop().create_future()
        self._shown: dict[str, asyncio.Future[float]] = {}
        self._number = self._applied = self._own = 0

    def opened(self) -> None:
        self.send(t="hello", rev=0, q=0)

    def connection_lost(self, exc: Exception | None) -> None:
        for each in (self.ready, *self._shown.values()):
            if not each.done():
                each.set_exception(ConnectionError("the owner was sent away"))

    def took(self, payload: bytes) -> None:
        frame = json.loads(payload)
        self._own = max(self._own, frame.get("q", 0))
        if frame["t"] == "welcome":
            self.ready.set_result(True)
        elif frame["t"] == "mods" and "r" in frame:
            self._applied += 1
            if self._applied % 10 == 0:
                self.send(t="ok", k=self._applied, q=self._own)
            waits = self._shown.pop(frame["m"].get("shown", {}).get("children", ""), None)
            if waits is not None:
                waits.set_result(time.perf_counter())

    async def trip(self) -> float:
        """Change the knob. Returns the milliseconds until its callback's output is here."""
        self._number += 1
        ends = self._shown[f"at {self._number}"] = asyncio.get_running_loop().create_future()
        start = time.perf_counter()
        self.send(t="set", s=self._number, m={"knob": {"value": self._number}})
        return (await asyncio.wait_for(ends, 60) - start) * 1e3

    async def trips(self, seconds: float) -> list[float]:
        """Change it again and again."""
        end, times = time.monotonic() + seconds, []
        while time.monotonic() < end:
            times.append(await self.trip())
            await asyncio.sleep(PAUSE)
        return times


async def owner_of(url: str) -> Owner:
    """The owner's page, connected."""
    browser = Browser(url)
    status, text = await browser.fetch(url)
    settings = SETTINGS.search(text)
    if status != 200 or settings is None:
        raise ConnectionError(f"{url} answers {status}: {text[:300]!r}")
    path = urljoin(urlsplit(browser.url).path, json.loads(settings[1])["prefix"] + "_dash-devices/ws")
    owner = Owner(browser.host, path, {"Origin": f"http://{browser.host}", "Cookie": browser.cookie})
    await asyncio.get_running_loop().create_connection(lambda: owner, *browser.address)
    await owner.ready
    return owner


class Watch:
    """The resources and the memory of the app's process."""

    def __init__(self, server: Program) -> None:
        self._server = server
        self._seen: list[dict[str, Any]] = []
        self._task = asyncio.ensure_future(self._look())

    async def _look(self) -> None:
        while True:
            said = await self._server.says(60)
            self._seen.append({**said, "mb": self._server.usage()[1]})

    def now(self) -> dict[str, float]:
        """The last that it said."""
        return self._seen[-1]

    def start(self) -> None:
        """Forget what was."""
        del self._seen[:-1]

    def most(self, name: str) -> float:
        """The most since `start`."""
        return float(max(each[name] for each in self._seen))

    async def close(self) -> None:
        """End it."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


async def with_guests(
    kind: str, seconds: float, owner: Owner, link: str, options: Any, directory: Path
) -> tuple[list[float], dict[str, Any]]:
    """The owner's trips while guests do something, and what they did."""
    async with running("hostile_guests", link, kind, options.pages, seconds, directory=directory) as guests:
        await guests.says()
        trips = await owner.trips(seconds)
        did = await guests.says(60)
    if did["failed"]:
        raise RuntimeError(f"the attackers failed: {did['failed']}")
    return trips, did["did"]


async def attack(
    kind: str, owner: Owner, watch: Watch, server: Program, link: str, options: Any, directory: Path
) -> dict[str, Any]:
    """A row of the table."""
    watch.start()
    rest = watch.now()
    alone = await owner.trips(ALONE_SECONDS)
    at_rest, _ = await with_guests("looking", options.seconds, owner, link, options, directory)
    await asyncio.sleep(GRACE_SECONDS)
    watch.start()
    cpu = server.usage()[0]
    under, did = await with_guests(kind, options.seconds, owner, link, options, directory)
    cpu = (server.usage()[0] - cpu) / options.seconds * 100
    most = {name: watch.most(name) for name in ("mb", "threads", "tasks", "descriptors", "pages")}
    end = time.monotonic() + BACK_SECONDS + 5
    back: float | None = None
    left = time.monotonic()
    while time.monotonic() < end and back is None:
        await asyncio.sleep(0.25)
        now = watch.now()
        # Idle threads end after ten seconds of their own.
        if now["pages"] <= rest["pages"] and all(now[n] <= rest[n] + 3 for n in ("tasks", "descriptors", "threads")):
            back = time.monotonic() - left
    now = watch.now()
    quiet, loud = quantiles(at_rest), quantiles(under)
    return {
        "what": kind,
        "alone_p95": quantiles(alone)["p95"],
        "rest_p50": quiet["p50"],
        "rest_p95": quiet["p95"],
        "p50": loud["p50"],
        "p95": loud["p95"],
        "p95 / rest": loud["p95"] / quiet["p95"],
        "cpu_percent": cpu,
        "mb_above": most["mb"] - rest["mb"],
        "mb_left": now["mb"] - rest["mb"],
        "threads_above": most["threads"] - rest["threads"],
        "tasks": most["tasks"],
        "descriptors": most["descriptors"],
        "pages": most["pages"],
        "back_s": back,
        "left": ", ".join(f"{n} {now[n] - rest[n]:+g}" for n in ("pages", "threads", "tasks", "descriptors")),
        "did": json.dumps(did),
    }


async def measure_once(kind: str, options: Any) -> dict[str, Any]:
    """A row of the table, of an app of its own."""
    with tempfile.TemporaryDirectory() as directory:
        async with running("hostile_server", free_port(), directory=Path(directory)) as server:
            where = await server.says()
            owner = await owner_of(where["url"])
            watch = Watch(server)
            await owner.trips(ALONE_SECONDS)
            try:
                row = await attack(kind, owner, watch, server, where["link"], options, Path(directory))
            finally:
                await watch.close()
                owner.transport.abort()
    print(f"{kind}: p95 / rest {row['p95 / rest']:.2f}; {row['did']}; {row['left']} left", flush=True)
    return row


async def measure(options: Any) -> list[dict[str, Any]]:
    """A row for each kind: the round with the median ratio, and the worst of all rounds where others are wanted."""
    rows = []
    for kind in options.kinds or [each for each in KINDS if each != "looking"]:
        rounds = [await measure_once(kind, options) for _ in range(options.rounds)]
        rounds.sort(key=lambda each: float(each["p95 / rest"]))
        row = dict(rounds[len(rounds) // 2])
        row["ratios"] = ", ".join(f"{each['p95 / rest']:.2f}" for each in rounds)
        for name in ("mb_above", "threads_above"):
            row[name] = max(each[name] for each in rounds)
        late = [each["back_s"] for each in rounds]
        row["back_s"] = None if None in late else max(late)
        rows.append(row)
    return rows


def targets_of(rows: list[dict[str, Any]]) -> list[Target]:
    """What is wanted of each attack."""
    late = max(BACK_SECONDS + 5 if row["back_s"] is None else row["back_s"] for row in rows)
    return [
        *(at_most(f"owner's trip, p95, {row['what']} / rest", row["p95 / rest"], WANTED_P95) for row in rows),
        at_most("most memory above rest (MB)", max(row["mb_above"] for row in rows), WANTED_MB),
        at_most("most threads above rest / the bound", max(row["threads_above"] for row in rows) / BOUND, 1.0),
        at_most("everything else back after (s)", late, BACK_SECONDS),
    ]


def run(options: Any) -> int:
    """The command ``hostile``."""
    loads = load_now()
    rows = asyncio.run(measure(options))
    shown = [{name: value for name, value in row.items() if name not in ("did", "left", "ratios")} for row in rows]
    turned = [{"": column, **{row["what"]: row[column] for row in shown}} for column in shown[0]]
    print_table(
        f"hostile: {options.pages} pages of one view link, {options.seconds:g} s each; milliseconds", turned[1:]
    )
    targets = targets_of(rows)
    print_targets(targets)
    if options.no_save:
        return 0
    path = save(
        options.results,
        "hostile",
        rows,
        loads,
        targets=targets,
        seconds=options.seconds,
        pages=options.pages,
        rounds=options.rounds,
    )
    picture, axis = figure(7, 3.6)
    if picture is not None:
        axis.bar([row["what"] for row in rows], [row["p95 / rest"] for row in rows])
        axis.axhline(WANTED_P95, linestyle="--")
        axis.tick_params(axis="x", rotation=45)
        axis.set_ylabel("owner's trip, p95, times rest")
        picture.savefig(path, dpi=130)
    return 0

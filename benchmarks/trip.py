"""The trip of a text from an input to its output, in Chromium, against other frameworks.

Every peer runs in a process of its own and has a page of its own in one browser. The rounds are
interleaved and their order is drawn anew each time, so that what else the machine does hits all
alike.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import re
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import httpx
from playwright.async_api import Browser, Page
from playwright.async_api import Error as PlaywrightError

from benchmarks.peers import PEERS, Peer
from benchmarks.report import Measurement, last_line, print_trips, save_picture, save_results
from tests.support.browser import launched_chromium
from tests.support.eventually import eventually
from tests.support.processes import Process, spawn

TRIPS = Path(__file__).with_name("trips.js").read_text(encoding="utf-8")

WARM_UP = 40
"""Trips of each page before the first round: servers import lazily, the browser compiles."""

WARM_UP_OF_ROUND = 5
"""Trips before each round that are not counted: the page comes to the front, caches fill."""


CLOCK_STEP = 0.1
"""Milliseconds between two values of Chromium's `performance.now()` on an ordinary page.

The finer clock of an isolated page is no choice: isolating a page from outside cuts it off from its
WebSocket.
"""


class PeerFailed(RuntimeError):
    """A peer did not start, or did not answer; it is left out and the report says so."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.asynccontextmanager
async def running_peer(peer: Peer, directory: Path) -> AsyncIterator[tuple[Process, str]]:
    """Start a peer's server and yield it, and its URL, once it answers.

    Raises:
        PeerFailed: It ended, or did not answer within its patience.
    """
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    log = directory / f"{peer.key}.log"
    process = Process(spawn([sys.executable, "-m", f"benchmarks.peers.{peer.key}", str(port)], log), log)

    last = "no connection"

    def address() -> str:
        """The page's URL as the peer prints it. Ours contains a token, Jupyter chooses its port."""
        output = process.output
        printed = re.search(r"^page: (\S+)", output, re.MULTILINE) or re.search(
            "(" + re.escape(url) + r"[^\s'\"]*)", output
        )
        return printed.group(1) if printed else url

    async def answers() -> bool:
        nonlocal last
        if process.returncode is not None:
            reason = last_line(process.output)
            raise PeerFailed(f"ended with exit code {process.returncode}: {reason}")
        try:
            async with httpx.AsyncClient(follow_redirects=True) as client:
                status = (await client.get(address(), timeout=5)).status_code
        except httpx.HTTPError as error:
            last = f"{type(error).__name__} {error}".strip()
            return False
        last = f"status {status}"
        return status == 200

    try:
        try:
            await eventually(answers, within=peer.patience)
        except AssertionError as error:
            raise PeerFailed(f"did not answer within {peer.patience:g} s: {last}") from error
        yield process, address()
    finally:
        await process.stop()


async def opened(browser: Browser, peer: Peer, url: str) -> Page:
    """A page of the peer, warmed up."""
    page = await browser.new_page()
    try:
        await page.goto(url)
        if peer.start:
            await page.evaluate(peer.start)
        await page.wait_for_selector(peer.question.replace(" >>> ", " "), timeout=peer.patience * 1000)
        # A page that shows its input need not be connected yet: type until there is an answer.
        tries = itertools.count()

        async def answers() -> bool:
            try:
                return bool(await make_trips(page, peer, f"try{next(tries)}", 1, patience=1000))
            except PlaywrightError:
                return False

        await eventually(answers, within=30)
        await make_trips(page, peer, "warm", WARM_UP)
    except (PlaywrightError, AssertionError) as error:
        raise PeerFailed(str(error).splitlines()[0]) from error
    return page


async def make_trips(page: Page, peer: Peer, name: str, count: int, *, patience: int = 10_000) -> list[float]:
    """Make trips and return their times in milliseconds; give up on one after ``patience``."""
    options = {
        "question": peer.question,
        "answer": peer.answer,
        "name": name,
        "count": count,
        "patience": patience,
    }
    times: list[float] = await page.evaluate(TRIPS, options)
    return times


async def measure(peers: Sequence[Peer], trips: int, rounds: int) -> tuple[list[Measurement], str]:
    """Measure the peers; those that fail carry the reason instead of times."""
    measurements = {peer.key: Measurement(peer.key, peer.label, resolution=CLOCK_STEP) for peer in peers}
    async with contextlib.AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        browser = await stack.enter_async_context(launched_chromium())
        pages: list[tuple[Peer, Page]] = []
        for peer in peers:
            try:
                _, url = await stack.enter_async_context(running_peer(peer, directory))
                pages.append((peer, await opened(browser, peer, url)))
                print(f"ready: {peer.label}", flush=True)
            except PeerFailed as error:
                measurements[peer.key].failure = str(error)
                print(f"SKIPPED: {peer.label}: {error}", flush=True)
        for number in range(rounds):
            print(f"round {number + 1} of {rounds}", flush=True)
            for peer, page in random.sample(pages, len(pages)):
                await page.bring_to_front()
                await make_trips(page, peer, f"w{number}", WARM_UP_OF_ROUND)
                count = trips // rounds + (number < trips % rounds)
                measurements[peer.key].times += await make_trips(page, peer, f"r{number}", count)
        return list(measurements.values()), browser.version


def run(options: Any) -> int:
    """The command ``trip``; the exit code is 1 when no peer could be measured."""
    wanted = options.peers.split(",") if options.peers else [peer.key for peer in PEERS]
    if unknown := set(wanted) - {peer.key for peer in PEERS}:
        raise SystemExit(
            f"no such peer: {', '.join(sorted(unknown))}; there are {', '.join(peer.key for peer in PEERS)}"
        )
    peers = [peer for peer in PEERS if peer.key in wanted]
    measurements, chromium = asyncio.run(measure(peers, options.trips, options.rounds))
    targets = print_trips(measurements)
    if not options.no_save:
        directory = Path(options.results)
        save_results(directory / "trip.json", measurements, targets, {"chromium": chromium})
        save_picture(directory / "trip.png", measurements)
        print(f"saved in {directory}")
    return 0 if any(m.times for m in measurements) else 1

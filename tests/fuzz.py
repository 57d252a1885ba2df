"""Random frames and requests for as long as one likes: `make fuzz`, or `python -m tests.fuzz --frames 1000000`.

The app runs in a process of its own, whose memory and threads are looked at; a person acts now and then, in each way,
and has to be answered. A failure prints the seed of what was sent, and `--seed` sends it again. No request is at fault
for an answer of 500: each is shown with its way, and what was raised in the app's process with its traceback.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import faulthandler
import logging
import multiprocessing
import os
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from random import Random
from typing import Any

import psutil

from dash_devices_nb.app.execution.error_reports import ErrorReports
from dash_devices_nb.app.execution.event_stream import Raised as Failure
from dash_devices_nb.core.protocol import page_frames
from dash_devices_nb.testing.serving import AppServer, visitor
from dash_devices_nb.testing.tab import Tab
from tests.support.attack import calls_end, send_frames, send_requests, target
from tests.support.malformed import frame, request

ROUND_FRAMES, ROUND_REQUESTS = 100, 10
"""What one page, and one connection, sends in a round."""
AT_ONCE = 8
LOOK_ROUNDS = 25
"""A person acts after so many rounds."""
MOST_MB = 200
"""So much may the memory grow, from when the journal has had its share: 64 MB of JSON, and what hangs on it."""
MOST_THREADS = 200
SHOWN = 5
"""So many requests of one way that got a 500 are shown."""


ENDS_WITHIN = 20.0
"""Seconds in which the app's process has to end, when it is told so."""
INTERNAL_ERROR = 500

Serve = Callable[[Connection, int, Any], None]
Request = tuple[str, str, dict[str, str], bytes]


class Raised(logging.Handler):
    """Counts what was raised in the app's process, by its traceback."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.tracebacks: Counter[str] = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        """Count the exception of a record."""
        if record.exc_info and record.exc_info[1] is not None:
            self.note(record.exc_info[1])

    def note(self, error: BaseException) -> None:
        """Count an exception; those from the same lines are one."""
        places = [f"{line.filename}:{line.lineno} {line.name}" for line in traceback.extract_tb(error.__traceback__)]
        self.tracebacks["\n    ".join((*places, f"{type(error).__name__}: {str(error)[:300]!r}"))] += 1


def serve(pipe: Connection, guests: int, read: Any) -> None:
    """The app's process: tells its address and headers for guests, and ends when told so. `read` counts frames.

    When it ends it tells the tracebacks of what was raised in it.
    """
    parse = page_frames.parse

    def counting(data: Any, *, counts: bool = False) -> Any:
        read.value += 1
        return parse(data, counts=counts)

    page_frames.parse = counting
    raised, report = Raised(), ErrorReports.report

    def noting(self: ErrorReports, event: Failure) -> None:
        raised.note(event.error)
        report(self, event)

    ErrorReports.report = noting  # type: ignore[method-assign]
    logging.basicConfig(handlers=[raised], level=logging.ERROR, force=True)
    with open(os.devnull, "w") as nothing, contextlib.redirect_stderr(nothing):  # what is refused is no news here
        app = target()
        with AppServer() as server:
            url = server.run(app)
            pipe.send((url, [visitor(app, role, guest=True) for role in ("view", "control") for _ in range(guests)]))
            pipe.recv()
    pipe.send(raised.tracebacks)


async def attack(
    url: str, guests: list[dict[str, str]], read: Any, process: psutil.Process, options: argparse.Namespace
) -> None:
    """Send all of it. Raises TimeoutError, AssertionError: something hangs, or has grown."""
    frames = requests = rounds = 0  # those that were read, and answered
    statuses: Counter[int] = Counter()
    failed: Counter[str] = Counter()
    slowest = 0.0
    settled = None
    began = said = time.monotonic()
    async with Tab(url) as person:
        while frames < options.frames or requests < options.requests:
            seeds = [f"{options.seed}-{rounds}-{number}" for number in range(AT_ONCE)]

            more = frames < options.frames, requests < options.requests
            try:
                results = await asyncio.gather(*(one(url, guests, seed, *more) for seed in seeds))
                if rounds % LOOK_ROUNDS == 0:
                    before = time.monotonic()
                    await calls_end(person, rounds + 1)
                    slowest = max(slowest, time.monotonic() - before)
            except BaseException:
                print(f"in round {rounds}; its seeds are {', '.join(seeds)}", flush=True)
                raise
            rounds += 1
            frames = read.value
            for answers in results:
                requests += len(answers)
                statuses.update(status for status, _ in answers)
                for method, path, headers, body in (sent for status, sent in answers if status == INTERNAL_ERROR):
                    way = f"{method} {path}"
                    failed[way] += 1
                    if failed[way] <= SHOWN:
                        print(f"500 for {way} {headers} {body[:300]!r}", flush=True)
            done = max(frames / max(1, options.frames), requests / max(1, options.requests))
            megabytes = process.memory_info().rss / 2**20
            if settled is None and done > 0.3:
                settled = megabytes
            assert process.num_threads() < MOST_THREADS, f"{process.num_threads()} threads"
            if time.monotonic() - said > 10:
                said = time.monotonic()
                print(f"{frames} frames, {requests} requests, {megabytes:.0f} MB", flush=True)
            if options.seconds and time.monotonic() - began > options.seconds:
                break
        await calls_end(person, rounds + 1)
    megabytes, seconds = process.memory_info().rss / 2**20, time.monotonic() - began
    print(
        f"{frames} frames and {requests} requests in {seconds:.0f} s (seed {options.seed}): none hangs. "
        f"A person's four calls took at most {slowest * 1000:.0f} ms. Memory: {settled or megabytes:.0f} MB after a "
        f"third, {megabytes:.0f} MB at the end; {process.num_threads()} threads. "
        f"Answers: {', '.join(f'{count} x {status}' for status, count in sorted(statuses.items()))}"
    )
    assert not failed, f"answers of 500: {', '.join(f'{count} x {way}' for way, count in failed.items())}"
    assert settled is None or megabytes - settled < MOST_MB, f"the memory grew from {settled:.0f} to {megabytes:.0f} MB"


async def one(
    url: str, guests: list[dict[str, str]], seed: str, frames: bool, requests: bool
) -> list[tuple[int, Request]]:
    """One page and one connection. Returns the requests and their statuses."""
    random = Random(seed)
    who = random.choice(guests) if random.random() < 0.2 else None
    # All of them are made first: what a seed makes does not depend on when the app closes.
    of_page = [frame(random) for _ in range(ROUND_FRAMES if frames else 0)]
    over_http = [request(random) for _ in range(ROUND_REQUESTS if requests else 0)]
    if of_page:
        await send_frames(url, of_page, who)
    return list(zip(await send_requests(url, over_http), over_http, strict=True))


def ended(process: SpawnProcess, pipe: Connection) -> bool:
    """Tell the app's process to end, and show what was raised in it. Returns whether it has ended; raises nothing.

    One that does not end shows where its threads are, and is killed.
    """
    with contextlib.suppress(OSError, EOFError):  # it may have died
        pipe.send("end")
        if pipe.poll(ENDS_WITHIN):
            for where, count in pipe.recv().most_common():
                print(f"raised {count} times in the app's process:\n    {where}", flush=True)
    process.join(ENDS_WITHIN)
    if not process.is_alive():
        return True
    os.kill(process.pid or 0, signal.SIGUSR1)
    process.join(1)
    process.kill()
    process.join()
    return False


def run(options: argparse.Namespace, serve: Serve = serve) -> None:
    """Serve the app and attack it.

    Raises:
        TimeoutError, AssertionError: something hangs, has failed, or has grown.
        SystemExit: the app's process does not end, and this is all that is wrong.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    read = context.Value("q", 0)
    process = context.Process(target=started, args=(serve, theirs, 3, read), daemon=True)
    process.start()
    theirs.close()  # so that `recv` ends when the process dies
    try:
        url, guests = ours.recv()
        asyncio.run(attack(url, guests, read, psutil.Process(process.pid), options))
    except BaseException:
        if not ended(process, ours):
            print("the app's process does not end either", file=sys.stderr)
        raise
    if not ended(process, ours):
        sys.exit("the app's process does not end")


def started(serve: Serve, pipe: Connection, guests: int, read: Any) -> None:
    """In the app's process: serve, and show on SIGUSR1 where each thread is."""
    faulthandler.register(signal.SIGUSR1, file=sys.__stderr__)
    serve(pipe, guests, read)


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=0, help="stop after so long, 0: when all is sent")
    parser.add_argument("--seed", default="1")
    run(parser.parse_args())


if __name__ == "__main__":
    main()

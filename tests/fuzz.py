"""Random frames and requests for as long as one likes: `make fuzz`, or `python -m tests.fuzz --frames 1000000`.

The app runs in a process of its own, whose memory and threads are looked at; a person acts now and then, in each way,
and has to be answered. A failure prints the seed of what was sent, and `--seed` sends it again.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import multiprocessing
import sys
import time
from collections import Counter
from multiprocessing.connection import Connection
from random import Random
from typing import Any

import psutil

from dash_devices_nb.core.protocol import messages
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


def serve(pipe: Connection, guests: int, read: Any) -> None:
    """The app's process: tells its address and headers for guests, and ends when told so. `read` counts frames."""
    parse = messages.parse

    def counting(data: Any) -> Any:
        read.value += 1
        return parse(data)

    messages.parse = counting
    logging.disable(logging.CRITICAL)
    sys.stderr = open("/dev/null", "w")  # noqa: SIM115 - what is refused is no news here
    app = target()
    with AppServer() as server:
        url = server.run(app)
        pipe.send((url, [visitor(app, role, guest=True) for role in ("view", "control") for _ in range(guests)]))
        pipe.recv()


async def attack(
    url: str, guests: list[dict[str, str]], read: Any, process: psutil.Process, options: argparse.Namespace
) -> None:
    """Send all of it. Raises TimeoutError, AssertionError: something hangs, or has grown."""
    frames = requests = rounds = 0  # those that were read, and answered
    statuses: Counter[int] = Counter()
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
                statuses.update(answers)
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
    assert settled is None or megabytes - settled < MOST_MB, f"the memory grew from {settled:.0f} to {megabytes:.0f} MB"


async def one(url: str, guests: list[dict[str, str]], seed: str, frames: bool, requests: bool) -> list[int]:
    """One page and one connection. Returns the statuses of the requests."""
    random = Random(seed)
    who = random.choice(guests) if random.random() < 0.2 else None
    if frames:
        await send_frames(url, (frame(random) for _ in range(ROUND_FRAMES)), who)
    return await send_requests(url, (request(random) for _ in range(ROUND_REQUESTS if requests else 0)))


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=0, help="stop after so long, 0: when all is sent")
    parser.add_argument("--seed", default="1")
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    read = context.Value("q", 0)
    process = context.Process(target=serve, args=(theirs, 3, read), daemon=True)
    process.start()
    try:
        url, guests = ours.recv()
        asyncio.run(attack(url, guests, read, psutil.Process(process.pid), options))
    finally:
        ours.send("end")
        process.join(20)
        if process.is_alive():
            process.kill()
            sys.exit("the app's process does not end")


if __name__ == "__main__":
    main()

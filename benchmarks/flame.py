"""Where a trip's time goes: a flame graph of the kernel, and the functions of the page, while trips are made.

The kernel is sampled by py-spy from outside, the page by Chromium's own profiler. Waiting is left out.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.harness import load_now, print_table, save
from benchmarks.peers import PEERS
from benchmarks.trip import make_trips, opened, running_peer
from tests.support.browser import launched_chromium

RATE = 500
"""Samples of the kernel a second."""
INTERVAL_US = 200
"""Microseconds between two samples of the page."""
LONGEST = 40
"""Functions of the page that are listed."""
WAITING = ("(idle)", "(program)")


async def record(key: str, trips: int, picture: Path) -> list[dict[str, Any]]:
    """Make trips on a peer's page; write the flame graph of its server, and return the functions of its page."""
    (peer,) = [each for each in PEERS if each.key == key]
    spy = shutil.which("py-spy", path=str(Path(sys.executable).parent)) or shutil.which("py-spy")
    if spy is None:
        raise SystemExit("py-spy is missing: pip install py-spy")
    async with contextlib.AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        process, url = await stack.enter_async_context(running_peer(peer, directory))
        browser = await stack.enter_async_context(launched_chromium())
        page = await opened(browser, peer, url)
        profiler = await page.context.new_cdp_session(page)
        await profiler.send("Profiler.enable")
        await profiler.send("Profiler.setSamplingInterval", {"interval": INTERVAL_US})
        spying = await asyncio.create_subprocess_exec(
            spy, "record", "--pid", str(process.pid), "--rate", str(RATE), "--duration", "100000", "--output", picture,
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            await profiler.send("Profiler.start")
            await make_trips(page, peer, "flame", trips)
            profile = (await profiler.send("Profiler.stop"))["profile"]
        finally:
            spying.send_signal(2)  # it writes its picture then
            await spying.wait()
    # Its title is the command, with the paths of this machine.
    text = picture.read_text(encoding="utf-8")
    titled = re.sub(r'(<text id="title"[^>]*>)[^<]*', rf"\g<1>the kernel, peer {key}, {trips} trips", text)
    picture.write_text(titled, encoding="utf-8")
    return functions(profile, trips)


def functions(profile: dict[str, Any], trips: int) -> list[dict[str, Any]]:
    """The scripts, and the functions, of a page by their own time, in microseconds a trip."""
    nodes = {node["id"]: node["callFrame"] for node in profile["nodes"]}
    times: collections.Counter[tuple[str, str]] = collections.Counter()
    for node, microseconds in zip(profile["samples"], profile["timeDeltas"], strict=True):
        frame = nodes[node]
        if frame["functionName"] not in WAITING:
            script = frame["url"].split("?")[0].rsplit("/", 1)[-1]
            name = frame["functionName"] or f"(line {frame['lineNumber'] + 1}:{frame['columnNumber'] + 1})"
            times[name, script] += microseconds
    total = sum(times.values())
    scripts: collections.Counter[tuple[str, str]] = collections.Counter({("all", ""): total})
    for (_, script), own in times.items():
        scripts["all of it", _kind(script)] += own
    return [
        {"function": name, "script": script, "us_trip": own / trips, "percent": 100 * own / total}
        for (name, script), own in scripts.most_common() + times.most_common(LONGEST)
    ]


def _kind(script: str) -> str:
    """The name of a script without its version."""
    if script.startswith("page-"):
        return "dash_devices_nb"
    return script.split("@")[0].split(".")[0] or "the browser"


def run(options: Any) -> int:
    """The command ``flame``."""
    loads = load_now()
    directory = Path(options.results)
    for key in options.peers.split(","):
        picture = directory / f"flame_{key}.svg"
        if options.no_save:
            picture = Path(tempfile.gettempdir()) / picture.name
        rows = asyncio.run(record(key, options.trips, picture))
        print_table(f"{key}: functions of the page by their own time", rows[:30])
        print(f"the kernel: {picture}")
        if not options.no_save:
            save(options.results, f"flame_{key}", rows, loads, trips=options.trips)
    return 0

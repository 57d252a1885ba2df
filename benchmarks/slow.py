"""A class in which some tabs never read: what the others notice of them.

Phases with stalled tabs and without alternate on one server, so that whatever else the machine does meets both alike;
how much the phases without differ among themselves says what the measure can tell. The load must leave the machine
idle time, else the times are those of the queue for its cores.
"""

from __future__ import annotations

import asyncio
import statistics
from typing import Any

from benchmarks.classroom import in_class, report, seen, waiting_target
from benchmarks.harness import load_now, quantiles
from benchmarks.report import at_least, at_most
from dash_devices_nb.core.protocol import outbox

SHARE = 1.10
"""How much the p95 of the others may grow by stalled tabs."""
LEAST_IDLE = 10.0
"""Percent of the machine that must be idle."""


def together(what: str, phases: list[dict[str, Any]]) -> dict[str, Any]:
    """One row of several phases."""
    lists = {name: [time for phase in phases for time in phase[name]] for name in ("pushes", "drags", "pages")}
    means = {
        name: sum(phase[name] for phase in phases) / len(phases)
        for name in ("received_per_s", "cpu_percent", "tabs_cpu_percent", "idle_percent")
    }
    memory = {"mb_start": phases[0]["mb_start"], "mb_end": max(phase["mb_end"] for phase in phases)}
    return {"what": what, **seen({**lists, **means, **memory})}


def p95_of_the_middle_phase(phases: list[dict[str, Any]], what: str) -> float:
    """One phase that something else disturbed does not count."""
    return statistics.median(quantiles(phase[what])["p95"] for phase in phases)


async def measure(options: Any) -> tuple[list[dict[str, Any]], dict[str, float]]:
    plan = [0, options.stalled] * options.rounds
    async with in_class(options.tabs, options.pages, options.draggers, plan, options.seconds) as session:
        phases = [await session.phase(options.seconds) for _ in plan]
        ended = await session.ended()
    quiet, loud = phases[::2], phases[1::2]
    rows = [together(f"{options.tabs} tabs", quiet), together(f"and {options.stalled} stalled", loud)]
    among = [quantiles(phase["pushes"])["p95"] for phase in quiet]
    ratios = {
        what: p95_of_the_middle_phase(loud, what) / p95_of_the_middle_phase(quiet, what) for what in ("pushes", "drags")
    }
    return [row | ended for row in rows], ratios | {"noise": max(among) / min(among)}


def run(options: Any) -> int:
    """The command ``slow``."""
    loads = load_now()
    (quiet, loud), ratios = asyncio.run(measure(options))
    print(f"\nthe p95 of the phases without stalled tabs differ by a factor of {ratios['noise']:.2f}")
    bound = options.stalled * (outbox.LIMIT + outbox.WINDOW) / 1e6
    targets = [
        at_most("push, p95, with stalled tabs / without", ratios["pushes"], SHARE),
        at_most("drag, p95, with stalled tabs / without", ratios["drags"], SHARE),
        at_most(
            f"growth of the server by {options.stalled} stalled tabs (MB)", loud["mb_end"] - quiet["mb_start"], bound
        ),
        waiting_target(loud),
        at_least("idle part of the machine (%)", min(quiet["idle_percent"], loud["idle_percent"]), LEAST_IDLE),
    ]
    report("slow", [quiet | ratios, loud | ratios], targets, loads, options)
    return 0

"""One message to many pages: delivered messages a second, and what each costs the server's process in CPU.

Against `websockets.broadcast`, which does nothing but write, NiceGUI, and stock Dash, which can't push: its pages ask.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.harness import ProgramFailed, figure, free_port, listens, load_now, print_table, running, save
from benchmarks.report import Target, at_least, at_most, print_targets

KINDS = ("broadcast", "ours", "nicegui", "dash")
NAMES = ("websockets.broadcast", "dash_devices_nb", "NiceGUI", "stock Dash, asked by its pages")
COLOURS = ("#555555", "#1f6f8b", "#d08c4a", "#b8c4cc")
WANTED, WANTED_FLAT = 1.5, 1.5
NEAR, ROUNDS = ("broadcast", "ours"), 3
"""Rounds for similar peers, in turns: single rounds differ by half."""
ASKED = 1500
"""Rounds for peers that need a millisecond or more for a delivery."""


async def one(kind: str, clients: int, size: int, messages: int) -> dict[str, Any]:
    """Run one server with its clients; return its report."""
    port = free_port()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        async with running(f"fan_{kind}", port, clients, size, messages, directory=directory) as server:
            await listens(port, server)
            async with running("fan_clients", kind, port, clients, messages, directory=directory):
                return await server.says(120)


def messages_for(clients: int, size: int, budget: float) -> int:
    """As many as move about `budget` MB, or 20,000 deliveries times the budget's tenth."""
    by_bytes = budget * 1e6 / (clients * size)
    by_count = budget * 1000 / clients
    return int(max(20, min(500, by_bytes, by_count)))


async def measure(clients: list[int], sizes: list[int], budget: float) -> list[dict[str, Any]]:
    rows = []
    for size in sizes:
        for count in clients:
            said: dict[str, list[dict[str, Any]]] = {kind: [] for kind in KINDS}
            failures: dict[str, str] = {}
            messages = messages_for(count, size, budget)
            for turn in range(ROUNDS):
                for kind in KINDS if turn == 0 else NEAR:
                    most = {"nicegui": 50, "dash": max(2, ASKED // count)}.get(kind, messages)
                    try:
                        said[kind].append(await one(kind, count, size, min(messages, most)))
                        print(".", end="", flush=True)
                    except ProgramFailed as error:
                        print(f"SKIPPED: {kind}, {count} clients, {size} B: {error}", flush=True)
                        failures[kind] = str(error)
            for kind in KINDS:
                row: dict[str, Any] = {"server": kind, "clients": count, "bytes": size, "messages": messages}
                rows.append(row | (summary(said[kind]) if said[kind] else {"failure": failures[kind]}))
            base = rows[-len(KINDS)].get("cpu_us")
            for row in rows[-len(KINDS) :]:
                row["to_broadcast"] = row["cpu_us"] / base if base and "cpu_us" in row else None
    return rows


def summary(said: list[dict[str, Any]]) -> dict[str, Any]:
    """The medians of what a server said in its rounds."""
    cpu = [one["cpu"] / max(1, one["delivered"]) * 1e6 for one in said]
    return {
        "delivered_per_s": statistics.median(one["delivered"] / one["seconds"] for one in said),
        "cpu_us": statistics.median(cpu),
        "cpu_us_rounds": [round(each, 1) for each in cpu],
        "skipped": max(one["skipped"] for one in said),
    }


def run(options: Any) -> int:
    """The command ``fanout``."""
    loads = load_now()
    rows = asyncio.run(measure(options.clients, options.sizes, options.budget))
    print_table("delivered messages a second, and CPU of the server's process for each (microseconds)", rows)
    targets = wanted(rows)
    print_targets(targets)
    if not options.no_save:
        draw(save(options.results, "fanout", rows, loads, targets), rows)
    return 0


def wanted(rows: list[dict[str, Any]]) -> list[Target]:
    """Close to writing the bytes, the same for each of many, and below the others."""
    cpu = {(row["server"], row["clients"], row["bytes"]): row["cpu_us"] for row in rows if "cpu_us" in row}
    targets = []
    for kind, clients, size in cpu:
        if kind != "ours":
            continue
        ours, where = cpu[kind, clients, size], f"{clients} clients, {size} B"
        if base := cpu.get(("broadcast", clients, size)):
            targets.append(at_most(f"CPU, ours / broadcast: {where}", ours / base, WANTED))
        for peer in KINDS[2:]:
            if other := cpu.get((peer, clients, size)):
                targets.append(at_least(f"CPU, {peer} / ours: {where}", other / ours, 1.0))
    for size in dict.fromkeys(size for _, _, size in cpu):
        few, many = cpu.get(("ours", 10, size)), cpu.get(("ours", 500, size))
        if few and many:
            targets.append(at_most(f"CPU, ours at 500 / ours at 10 clients: {size} B", many / few, WANTED_FLAT))
    return targets


def draw(path: Path, rows: list[dict[str, Any]]) -> None:
    sizes = list(dict.fromkeys(row["bytes"] for row in rows))
    picture, axes = figure(4 * len(sizes), 3.6, len(sizes))
    if picture is None:
        return
    for size, axis in zip(sizes, axes if len(sizes) > 1 else [axes], strict=True):
        for kind, name, colour in zip(KINDS, NAMES, COLOURS, strict=True):
            mine = [row for row in rows if row["server"] == kind and row["bytes"] == size and "cpu_us" in row]
            axis.plot([r["clients"] for r in mine], [r["cpu_us"] for r in mine], "o-", color=colour, label=name)
        axis.set(xscale="log", yscale="log", title=f"{size} bytes", xlabel="clients", ylabel="CPU µs a delivery")
        axis.set_xticks((counts := sorted({row["clients"] for row in rows})), [str(count) for count in counts])
    picture.legend(*picture.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    picture.savefig(path, dpi=130)

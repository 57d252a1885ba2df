"""One message to many pages: delivered messages a second, and what each costs the server's process in CPU.

Against `websockets.broadcast`, which does nothing but write, and NiceGUI.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.harness import ProgramFailed, figure, free_port, load_now, print_table, running, save
from benchmarks.report import last_line

KINDS = ("broadcast", "ours", "nicegui")
WANTED = 1.5


async def one(kind: str, clients: int, size: int, messages: int) -> dict[str, Any]:
    """Run one server with its clients; what it says."""
    port = free_port()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        async with running(f"fan_{kind}", port, clients, size, messages, directory=directory) as server:
            await _listens(port, server)
            async with running("fan_clients", kind, port, clients, directory=directory):
                return await server.says(120)


async def _listens(port: int, server: Any) -> None:
    for _ in range(600):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            if server.process.returncode is not None:
                raise ProgramFailed(last_line(server.process.output)) from None
            await asyncio.sleep(0.1)
        else:
            writer.close()
            return
    raise ProgramFailed(f"{server.name} does not listen")


def messages_for(clients: int, size: int, budget: float) -> int:
    """As many as move about `budget` MB, or 20,000 deliveries times the budget's tenth."""
    by_bytes = budget * 1e6 / (clients * size)
    by_count = budget * 1000 / clients
    return int(max(20, min(500, by_bytes, by_count)))


async def measure(clients: list[int], sizes: list[int], budget: float) -> list[dict[str, Any]]:
    rows = []
    for size in sizes:
        for count in clients:
            messages = messages_for(count, size, budget)
            base: dict[str, float] = {}
            for kind in KINDS:
                row: dict[str, Any] = {"server": kind, "clients": count, "bytes": size, "messages": messages}
                try:
                    said = await one(kind, count, size, messages if kind != "nicegui" else min(messages, 50))
                except ProgramFailed as error:
                    print(f"SKIPPED: {kind}, {count} clients, {size} B: {error}", flush=True)
                    rows.append({**row, "failure": str(error)})
                    continue
                row["delivered_per_s"] = said["delivered"] / said["seconds"]
                row["cpu_us"] = said["cpu"] / max(1, said["delivered"]) * 1e6
                row["skipped"] = said["skipped"]
                if kind == "broadcast":
                    base["cpu_us"] = row["cpu_us"]
                row["to_broadcast"] = row["cpu_us"] / base["cpu_us"] if base else None
                rows.append(row)
                print(".", end="", flush=True)
    return rows


def run(options: Any) -> int:
    """The command ``fanout``."""
    loads = load_now()
    rows = asyncio.run(measure(options.clients, options.sizes, options.budget))
    print_table("delivered messages a second, and CPU of the server's process for each (microseconds)", rows)
    for row in rows:
        if row["server"] == "ours" and row.get("to_broadcast"):
            verdict = "met" if row["to_broadcast"] <= WANTED else "MISSED"
            where = f"{row['clients']} clients, {row['bytes']} B"
            print(f"{where:24} at most {WANTED} x broadcast: {row['to_broadcast']:.2f}  {verdict}")
    if not options.no_save:
        draw(save(options.results, "fanout", rows, loads), rows)
    return 0


def draw(path: Path, rows: list[dict[str, Any]]) -> None:
    sizes = list(dict.fromkeys(row["bytes"] for row in rows))
    picture, axes = figure(4 * len(sizes), 3.6, len(sizes))
    if picture is None:
        return
    for size, axis in zip(sizes, axes if len(sizes) > 1 else [axes], strict=True):
        for kind, colour in zip(KINDS, ("#555555", "#1f6f8b", "#d08c4a"), strict=True):
            mine = [row for row in rows if row["server"] == kind and row["bytes"] == size and "cpu_us" in row]
            axis.plot([r["clients"] for r in mine], [r["cpu_us"] for r in mine], "o-", color=colour, label=kind)
        axis.set(xscale="log", yscale="log", title=f"{size} bytes", xlabel="clients", ylabel="CPU µs a delivery")
        axis.legend(frameon=False)
    picture.savefig(path, dpi=130)

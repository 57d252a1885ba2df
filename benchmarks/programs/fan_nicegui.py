"""NiceGUI: the text of one label on a page that all clients share, changed in the same rhythm."""

from __future__ import annotations

import asyncio
import sys
import time

from nicegui import Client, app, ui

from benchmarks.harness import PAUSE, say

PORT, CLIENTS, SIZE, MESSAGES = map(int, sys.argv[1:])
labels: list[ui.label] = []


@ui.page("/")
def page() -> None:
    labels.append(ui.label())


async def push() -> None:
    while sum(client.has_socket_connection for client in Client.instances.values()) < CLIENTS:
        await asyncio.sleep(0.05)
    await asyncio.sleep(1.0)
    value = "a" * SIZE
    cpu, start = time.process_time(), time.perf_counter()
    for number in range(MESSAGES):
        for label in labels:
            label.set_text(f"{number:06d}{value}")
        await asyncio.sleep(PAUSE)
        while any(client.outbox.updates for client in Client.instances.values()):
            await asyncio.sleep(PAUSE)
    elapsed = time.perf_counter() - start
    say(cpu=time.process_time() - cpu, seconds=elapsed, delivered=MESSAGES * CLIENTS, skipped=0)


app.on_startup(push)
ui.run(host="127.0.0.1", port=PORT, show=False, reload=False, storage_secret="benchmark")

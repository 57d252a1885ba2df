"""How the costs grow: with components and shared props, with callbacks, with clients."""

from __future__ import annotations

import asyncio
import contextlib
import json
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Browser
from websockets.asyncio.client import connect

from benchmarks.harness import figure, free_port, listens, load_now, print_table, quantiles, running, save
from benchmarks.report import Target, at_least, at_most, print_targets
from dash_devices_nb import Dash, Input, Output, dcc, html
from dash_devices_nb.testing import AppServer
from tests.support.browser import launched_chromium
from tests.support.eventually import eventually

TRIPS = 100


def page_app(components: int, shared: int) -> Dash:
    """A page with this number of components; the first ones are pushed to."""
    app = Dash("scale")
    app.layout = html.Div([html.Div(f"component {number}", id=f"c{number}") for number in range(components)])
    app.push_mods({f"c{number}": {"children": "at first"} for number in range(shared)})
    return app


async def loaded(browser: Browser, url: str, last: str, text: str) -> tuple[Any, float]:
    """A new page, and the milliseconds until it shows a text in its last shared component."""
    page = await browser.new_page()
    start = time.perf_counter()
    await page.goto(url)
    await page.wait_for_function(SHOWS, arg=[last, text])
    return page, (time.perf_counter() - start) * 1e3


SHOWS = "([id, text]) => document.getElementById(id)?.textContent === text"


async def pages(browser: Browser, components: int, shared: int, rounds: int) -> dict[str, Any]:
    """Page load, late join, and a push of all shared props; beside it the load of the same page of stock Dash."""
    app = page_app(components, shared)
    last = f"c{shared - 1}"
    loads, joins, calls, shows, stock = [], [], [], [], []
    async with contextlib.AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        port = free_port()
        flask = await stack.enter_async_context(running("page_flask", port, components, shared, directory=directory))
        await listens(port, flask)
        url = await asyncio.to_thread(stack.enter_context(AppServer()).run, app)
        for number in range(rounds):
            other, took = await loaded(browser, f"http://127.0.0.1:{port}/", last, "at first")
            stock.append(took)
            await other.close()
            first, took = await loaded(browser, url, last, "at first" if number == 0 else f"late{number - 1}")
            loads.append(took)
            text = f"push{number}"
            start = time.perf_counter()
            await asyncio.to_thread(app.push_mods, {f"c{n}": {"children": text} for n in range(shared)})
            calls.append((time.perf_counter() - start) * 1e3)
            await first.wait_for_function(SHOWS, arg=[last, text], polling=2)
            shows.append((time.perf_counter() - start) * 1e3)
            app.push_mods({f"c{n}": {"children": f"late{number}"} for n in range(shared)})
            late, took = await loaded(browser, url, last, f"late{number}")
            joins.append(took)
            await first.close()
            await late.close()
    row: dict[str, Any] = {
        "grows": "components",
        "components": components,
        "shared": shared,
        "callbacks": 0,
        "clients": 1,
    }
    for name, values in (
        ("load", loads),
        ("late_join", joins),
        ("push_call", calls),
        ("push_shown", shows),
        ("load_flask", stock),
    ):
        row |= {name: quantiles(values)["p50"], f"{name}_p95": quantiles(values)["p95"]}
    return row


def callback_app(callbacks: int) -> Dash:
    """This number of inputs, each with a shared callback."""
    app = Dash("callbacks")
    inputs = [dcc.Input(id=f"in{number}", value="") for number in range(callbacks)]
    app.layout = html.Div([*inputs, *(html.Div(id=f"out{number}") for number in range(callbacks))])
    for number in range(callbacks):

        @app.callback_shared(Output(f"out{number}", "children"), Input(f"in{number}", "value"))
        def show(value: str) -> str:
            return value

    return app


async def trips(callbacks: int, clients: int) -> dict[str, Any]:
    """The trip of a change through one of many callbacks, with other clients looking on; no browser."""
    app = callback_app(callbacks)
    times = []
    async with contextlib.AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(AppServer())
        start = time.perf_counter()
        url = await asyncio.to_thread(server.run, app)
        took = (time.perf_counter() - start) * 1e3
        if clients > 1:
            port = urlsplit(url).port
            await stack.enter_async_context(running("fan_clients", "ours", port, clients - 1, 0, directory=directory))
            await eventually(lambda: len(app.clients) == clients - 1, 60)
        address = url.replace("http", "ws", 1) + "_dash-devices/ws"
        socket = await stack.enter_async_context(connect(address, compression=None, max_size=None))
        await socket.send('{"t":"hello","rev":0}')
        applied = 0
        for number in range(TRIPS):
            await asyncio.sleep(0.005)
            key = f"in{number % callbacks}"
            change = {"t": "set", "s": number + 1, "m": {key: {"value": f"trip{number}"}}, "k": applied}
            begin = time.perf_counter()
            await socket.send(json.dumps(change))
            shown = False
            while not shown:
                frame = str(await socket.recv())
                applied += frame.startswith('{"t":"mods","r":')
                shown = f'"trip{number}"' in frame
            times.append((time.perf_counter() - begin) * 1e3)
    row: dict[str, Any] = {"grows": "callbacks" if clients == 1 else "clients", "components": 2 * callbacks}
    return row | {
        "shared": 2 * callbacks,
        "callbacks": callbacks,
        "clients": clients,
        "start": took,
        "trip": quantiles(times)["p50"],
        "trip_p95": quantiles(times)["p95"],
    }


async def measure(largest: int, rounds: int) -> list[dict[str, Any]]:
    rows = []
    async with launched_chromium() as browser:
        for components in (largest // 20, largest // 4, largest):
            rows.append(await pages(browser, components, components // 4, rounds))
    rows += [await trips(callbacks, 1) for callbacks in (10, 100, 500)]
    rows += [await trips(10, clients) for clients in (10, 50, 200)]
    return rows


def wanted(rows: list[dict[str, Any]]) -> list[Target]:
    """The largest of each kind, against stock Dash or the smallest."""
    components, callbacks, clients = (
        [row for row in rows if row["grows"] == grows] for grows in ("components", "callbacks", "clients")
    )
    large = components[-1]
    what = f"{large['components']} components"
    added = clients[-1]["clients"] - clients[0]["clients"]
    return [
        at_least(f"page load, Dash on Flask / ours: {what}", large["load_flask"] / large["load"], 2.0),
        at_least(f"late join, Dash on Flask / ours: {what}", large["load_flask"] / large["late_join"], 2.0),
        at_least(
            f"push of {large['shared']} props, Dash's load / until shown",
            large["load_flask"] / large["push_shown"],
            10.0,
        ),
        at_most("page load, 20 times the components (times)", large["load"] / components[0]["load"], 20.0),
        at_most("trip, 500 callbacks / 10 callbacks", callbacks[-1]["trip"] / callbacks[0]["trip"], 1.5),
        at_most("trip, each more client (ms)", (clients[-1]["trip"] - clients[0]["trip"]) / added, 0.05),
    ]


def run(options: Any) -> int:
    """The command ``scale``."""
    loads = load_now()
    rows = asyncio.run(measure(options.components, options.rounds))
    for grows in ("components", "callbacks", "clients"):
        mine = [row for row in rows if row["grows"] == grows]
        print_table(f"medians and p95 in milliseconds, more {grows}", mine)
    targets = wanted(rows)
    print_targets(targets)
    if options.no_save:
        return 0
    path = save(options.results, "scale", rows, loads, targets)
    picture, axes = figure(10, 3.4, 3)
    if picture is None:
        return 0
    for axis, grows, names in zip(
        axes,
        ("components", "callbacks", "clients"),
        (("load_flask", "load", "late_join", "push_call", "push_shown"), ("start", "trip"), ("trip",)),
        strict=True,
    ):
        mine = [row for row in rows if row["grows"] == grows]
        for name in names:
            axis.plot([row[grows] for row in mine], [row[name] for row in mine], "o-", label=name.replace("_", " "))
        axis.set(xscale="log", yscale="log", xlabel=grows, ylabel="milliseconds")
        axis.legend(frameon=False)
    picture.savefig(path, dpi=130)
    return 0

"""What a change costs on the way from the app to a relay, counted in bytes."""

from __future__ import annotations

from contextlib import AsyncExitStack

from dash_devices_nb import Dash, html
from tests.relay.conftest import StartRelay
from tests.support.rawpage import RawPage
from tests.support.serving import Serving
from tests.support.tcp import Network, network

CHANGES = 100
FIRST = 1000
"""Revisions have four digits from here on: a frame of a change then has one length."""
PINGS = 50
"""Bytes of pings that may come in between."""


async def cost(app: Dash, pages: list[RawPage], net: Network, start: int) -> int:
    """Bytes that the app sends to the relay for so many changes, each of which all pages have before the next."""
    before = net.carried["down"]
    for number in range(start, start + CHANGES):
        app.push_mods({"value": {"children": f"{number:06}"}})
        for page in pages:
            await page.got(lambda page=page, number=number: page.values.get("value.children") == f"{number:06}")
    return net.carried["down"] - before


async def test_a_change_costs_the_same_for_one_page_and_for_a_hundred(serve: Serving, relay: StartRelay) -> None:
    """The app sends it to the relay once."""
    app = Dash("bench")
    app.layout = html.Div([html.P(id="value")])
    url = await serve(app)
    for number in range(FIRST):
        app.push_mods({"value": {"children": f"{number:06}"}})
    async with network(url) as net:
        share = app.share("view")
        program = await relay(net.url, "--by", share.url)
        async with AsyncExitStack() as stack:
            one = await stack.enter_async_context(RawPage(program.url))
            alone = await cost(app, [one], net, FIRST)
            pages = [one, *[await stack.enter_async_context(RawPage(program.url)) for _ in range(99)]]
            among_many = await cost(app, pages, net, FIRST + CHANGES)
            assert CHANGES * 20 < alone < CHANGES * 120
            assert abs(among_many - alone) <= PINGS
        await program.stop()

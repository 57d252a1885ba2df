"""A bad network between pages without a browser and the app: each change counts once, and all agree in the end."""

from __future__ import annotations

import pytest

from dash_devices_nb.app.api.parts import parts_of
from dash_devices_nb.transport import websocket
from tests.support.counted import counted, is_subsequence
from tests.support.eventually import eventually
from tests.support.tcp import network

WITHIN_A_FRAME = (0, 1, 2, 5, 30, 90, 150, 400)
"""After so many bytes a connection breaks: in a frame's head, in its text, in the next one."""


async def test_a_connection_that_breaks_within_a_change_loses_and_doubles_none(app_server, tab):
    """What a page changed before, while and after its connection broke is called once each, in its order."""
    found = counted()
    url = app_server.run(found.app)
    witness = await tab(url)
    said = []
    async with network(url) as net:
        page = await tab(net.url)
        for count in WITHIN_A_FRAME:
            net.spares["up"] = count
            for number in range(8):
                said.append(f"{count}-{number}")
                await page.act("name", "value", said[-1])
            await eventually(lambda: not page.connected)
            said.append(f"{count}-offline")
            await page.act("name", "value", said[-1])
            await page.reconnect()
            await page.settled()
        for each in (page, witness):
            await each.expect("echo", "children", f"echo {said[-1]}")
        assert found.acts == said
        assert is_subsequence(witness.history("name", "value"), said)
        await page.close()


async def test_a_connection_that_breaks_within_a_push_loses_and_doubles_nothing(app_server, tab):
    """Whatever of the app's frames had come: after the reconnect the page has every item once, and the same client."""
    found = counted()
    url = app_server.run(found.app)
    async with network(url) as net:
        page = await tab(net.url)
        client = page.client_id
        for count in WITHIN_A_FRAME:
            net.spares["down"] = count
            found.push(8)
            await page.act("ask", "n_clicks", count)
            await eventually(lambda: not page.connected)
            found.push()
            await page.reconnect()
            await page.expect("last", "children", str(found.pushed))
            assert "".join(page.prop("list", "children")).strip() == found.listed
            await page.expect("answer", "children", f"answer {count}")
        assert page.client_id == client
        await page.close()


@pytest.mark.parametrize("closed", [False, True])
async def test_what_a_lost_connection_still_carries_comes_late_and_counts_once(app_server, tab, closed):
    """Its bytes arrive behind those of the page's next connection, before or after the app has closed it."""
    found = counted()
    url = app_server.run(found.app)
    witness = await tab(url)
    async with network(url) as net:
        page = await tab(net.url)
        await page.act("name", "value", "first")
        await page.settled()
        old = net.open[-1]
        old.passes.clear()
        await page.act("name", "value", "held up")
        await page.act("ask", "n_clicks", 1)
        await page.drop()
        await page.reconnect()
        await page.act("name", "value", "newer")
        await page.settled()
        await page.expect("answer", "children", "answer 1")
        if closed:
            await eventually(lambda: b"this page has reconnected" in old.newest)
        old.passes.set()
        await eventually(lambda: old not in net.open)
        await page.act("name", "value", "newest")
        await page.settled()
        for each in (page, witness):
            await each.expect("echo", "children", "echo newest")
        assert found.acts == ["first", "held up", "newer", "newest"]
        assert page.asked.count("answer.children") == 1
        await page.close()


async def test_a_network_that_is_silent_for_a_while_loses_nothing(app_server, tab):
    """Changes of both sides wait in it, and come in their order when it speaks again."""
    found = counted()
    url = app_server.run(found.app)
    witness = await tab(url)
    async with network(url) as net:
        page = await tab(net.url)
        net.silence()
        for number in range(20):
            await page.act("name", "value", f"in silence {number}")
        found.push(20)
        await witness.act("name", "value", "by somebody else")
        await witness.settled()
        net.speak()
        await page.settled()
        for each in (page, witness):
            await each.expect("echo", "children", "echo in silence 19")
            await each.expect("last", "children", "20")
            assert "".join(each.prop("list", "children")).strip() == found.listed
        assert found.acts == ["by somebody else", *(f"in silence {number}" for number in range(20))]
        await page.close()


async def test_who_vanishes_without_a_word_leaves(app_server, tab, monkeypatch):
    """No byte and no end comes from it any more: after some pings and the grace it is no client. Others stay."""
    monkeypatch.setattr(websocket, "PING_SECONDS", 0.2)
    found = counted()
    url = app_server.run(found.app)
    witness = await tab(url)
    async with network(url) as net:
        page = await tab(net.url)
        assert len(found.app.clients) == 2
        net.forget()
        await eventually(lambda: [each.id for each in found.app.clients] == [witness.client_id], 15)
        await page.drop()
        await page.reconnect()
        await page.act("name", "value", "back")
        await witness.expect("echo", "children", "echo back")
        await page.close()


async def test_a_long_way_disorders_nothing(app_server, tab):
    """With 150 ms each way two pages that change the same prop end alike, and each change was called once."""
    found = counted()
    url = app_server.run(found.app)
    near = await tab(url)
    async with network(url) as net:
        net.delay = 0.15
        far = await tab(net.url)
        for number in range(30):
            await far.act("name", "value", f"far {number}")
            await near.act("name", "value", f"near {number}")
            await near.settled()
        await far.settled()
        await eventually(lambda: len(found.acts) == 60)  # the last that is called is the last in the order
        await far.expect("name", "value", found.acts[-1])
        await near.expect("name", "value", found.acts[-1])
        assert sorted(found.acts) == sorted(f"{who} {number}" for who in ("far", "near") for number in range(30))
        for who in ("far", "near"):
            assert [each for each in found.acts if each.startswith(who)] == [f"{who} {n}" for n in range(30)]
        await far.close()


async def test_a_slow_network_costs_the_app_a_bounded_memory_and_the_page_no_final_state(app_server, tab):
    """At 200 kB/s a page skips of 10 MB a second to the latest; others do not wait for it, and its own acts pass."""
    found = counted()
    url = app_server.run(found.app)
    witness = await tab(url)
    async with network(url) as net:
        page = await tab(net.url)
        net.rate = 200_000
        large = "x" * 100_000
        for number in range(100):
            found.app.push_mods({"list": {"title": f"{number} {large}"}, "last": {"title": str(number)}})
        await page.act("name", "value", "by the slow one")
        await witness.expect("last", "title", "99")
        await witness.expect("echo", "children", "echo by the slow one")
        [slow] = [each for each in parts_of(found.app).runtime.pages.values() if each.client.id == page.client_id]
        assert slow.outbox.waiting + slow.outbox.in_flight < 2 * 1024 * 1024
        assert slow.outbox.skipped
        await page.expect("last", "title", "99", within=20)
        assert page.prop("list", "title").startswith("99 ")
        await page.expect("echo", "children", "echo by the slow one", within=20)
        assert is_subsequence(page.history("last", "title"), [str(number) for number in range(100)])
        net.rate = None
        await page.close()

"""Floods: a dragged slider against a slow callback, a page over its rate, a page that stalls while much is pushed."""

import asyncio
import re
import threading

import pytest

from dash_devices_nb import Dash, Input, Output, Services, dcc, html
from dash_devices_nb.app.api.parts import parts_of
from dash_devices_nb.app.client_session import ClientSession
from dash_devices_nb.core.access import rate_limits
from dash_devices_nb.core.access.rate_limits import TokenBucket
from dash_devices_nb.core.protocol import outbox
from tests.support.eventually import eventually
from tests.support.rawpage import RawPage

EMPTY_FRAME = bytes((0x81, 0x80, 0, 0, 0, 0))
"""A WebSocket's text frame with nothing in it."""


def app_with(service: Services) -> Dash:
    """A slider whose callback waits for `app.release` at its first call from a page."""
    app = Dash(__name__)
    app.layout = html.Div([dcc.Input(id="a", value=0), html.Div(id="out"), html.Div(id="big"), html.Div(id="small")])
    app.calls, app.release, app.entered = [], threading.Event(), threading.Event()

    @app.callback(Output("out", "children"), Input("a", "value"), service=service)
    def slow(value):
        app.calls.append(value)
        if value:
            app.entered.set()
            assert app.release.wait(20)
        return value

    return app


async def served(app_server, app: Dash) -> str:
    """Serve an app; the URL, once the first call has set its output: whoever comes gets that with the rest."""
    url = app_server.run(app)
    await eventually(lambda: parts_of(app).runtime.dispatcher.value(("out", "children")).plain == 0)
    return url


def page_of(app: Dash, raw: RawPage) -> ClientSession:
    """The app's side of a page."""
    return parts_of(app).runtime.pages[raw.client]


async def test_shared_keeps_every_change_in_order(app_server):
    """However fast they come: one call each, in their order."""
    app = app_with(Services.SHARED)
    app.release.set()
    async with RawPage(await served(app_server, app)) as page:
        for value in range(1, 151):
            await page.set("a", "value", value)
        await page.got(lambda: page.values.get("out.children") == 150, 20)
    assert app.calls == list(range(151))


async def test_most_recent_skips_to_the_last_value(app_server):
    """What waits while the callback runs is replaced: few calls, and the last is on the last value."""
    app = app_with(Services.SHARED_MOST_RECENT)
    async with RawPage(await served(app_server, app)) as page:
        await page.set("a", "value", 1)
        await asyncio.to_thread(app.entered.wait, 10)
        for value in range(2, 151):
            await page.set("a", "value", value)
        await page.got(lambda: page.kinds("ack") and page.kinds("ack")[-1]["s"] == 150)
        assert app.calls == [0, 1]
        app.release.set()
        await page.got(lambda: page.values.get("out.children") == 150)
    assert app.calls == [0, 1, 150]


async def test_lag_is_told_to_the_page_that_causes_it_and_taken_back(app_server, monkeypatch):
    """A page says how far the callbacks are behind, until they are not."""
    monkeypatch.setattr("dash_devices_nb.app.client_session.LAG_SECONDS", 0.2)
    app = app_with(Services.SHARED)
    async with RawPage(await served(app_server, app)) as page, RawPage(app.url) as other:
        await page.set("a", "value", 1)
        await page.set("a", "value", 2)
        await asyncio.to_thread(app.entered.wait, 10)
        await asyncio.to_thread(threading.Event().wait, 0.4)
        app.release.set()
        await page.got(lambda: page.kinds("lag"))
        assert page.kinds("lag")[0]["seconds"] >= 0.2
        await page.set("a", "value", 3)
        await page.got(lambda: page.kinds("lag")[-1]["seconds"] == 0)
        assert other.kinds("lag") == []


async def test_a_page_over_its_rate_is_slowed_and_told_but_not_disconnected(app_server):
    """Nothing of what it sends is lost; it is told once, and others are not held up."""
    app = app_with(Services.SHARED_MOST_RECENT)
    app.release.set()
    async with RawPage(await served(app_server, app)) as flood, RawPage(app.url) as other:
        page_of(app, flood).bucket = TokenBucket(rate=100, burst=10)
        for value in range(1, 61):
            await flood.set("a", "value", value)
        await flood.got(lambda: flood.kinds("notice"))
        app.push_mods({"small": {"children": "not held up"}})
        await other.got(lambda: "small.children" in other.values)
        await flood.got(lambda: flood.kinds("ack") and flood.kinds("ack")[-1]["s"] == 60)
        await other.got(lambda: other.values.get("out.children") == 60)
        assert [(notice["level"], notice["text"]) for notice in flood.kinds("notice")] == [
            ("warning", "This page sends more than 100 changes a second; it is slowed down.")
        ]
        assert other.kinds("notice") == []
        assert len(app.clients) == 2
        await flood.set("a", "value", 61)
        await other.got(lambda: other.values.get("out.children") == 61)


@pytest.mark.parametrize(("size", "pushes", "together"), [(2_000, 1500, 10), (300_000, 60, 1)])
async def test_a_stalled_page_costs_a_bounded_amount_and_is_right_when_it_reads_again(
    app_server, size, pushes, together
):
    """Others get every push meanwhile; the stalled one skips to the latest values."""
    app = app_with(Services.SHARED)
    async with RawPage(await served(app_server, app)) as other, RawPage(app.url, reads=False) as stalled:
        stopped = page_of(app, stalled).outbox
        most = 0
        for number in range(pushes):
            app.push_mods({"big": {"children": f"{number} " + "x" * size}, "small": {"children": number}})
            most = max(most, stopped.waiting + stopped.in_flight)
            if number % together == together - 1:
                await other.got(lambda n=number: other.values.get("small.children") == n)
        app.push_mods({"out": {"title": "the end"}})
        await other.got(lambda: "out.title" in other.values)
        assert len([frame for frame in other.kinds("mods") if "small" in frame["m"]]) == pushes
        assert most <= outbox.LIMIT + outbox.WINDOW + 2 * size
        assert stopped.skipped > 0
        stalled.read()
        await stalled.got(lambda: "out.title" in stalled.values)
        assert stalled.values == other.values
        assert len(stalled.kinds("mods")) < pushes
        (drop,) = app.journal.filter("drop")[:1]
        assert drop.client is page_of(app, stalled).client
        assert re.fullmatch(r"\d+ messages, skipped to the latest values", drop.summary)
        await eventually(lambda: stopped.in_flight == 0)
        assert stopped.waiting == 0


async def test_a_page_that_reads_but_says_nothing_is_held_at_the_window(app_server):
    """As one that is busy painting: no more is on its way than the window; it is right when it says that it is done."""
    app = app_with(Services.SHARED)
    async with RawPage(await served(app_server, app), confirms=False) as busy:
        box = page_of(app, busy).outbox
        for number in range(100):
            app.push_mods({"big": {"children": f"{number} " + "x" * 50_000}})
            if number < 10:
                await busy.got(lambda n=number: len(busy.kinds("mods")) == n + 1)
        await eventually(lambda: 0 < outbox.WINDOW - box.in_flight < 60_000)
        await busy.got(lambda: len(busy.kinds("mods")) == 10)
        assert box.waiting == 0
        await busy.send(t="ok", k=10)
        await busy.got(lambda: busy.values["big.children"].startswith("99 "))
        assert len(busy.kinds("mods")) == 11


async def test_answers_that_are_never_confirmed_end_in_a_new_start(app_server):
    """Over the hard limit the page is given up with a reason, and comes back as a new client."""
    app = app_with(Services.SHARED)
    async with RawPage(await served(app_server, app), confirms=False) as page, RawPage(app.url) as other:
        client = next(each for each in app.clients if each.id == page.client)
        page_of(app, page).outbox.hard_limit = 100_000
        for number in range(12):
            app.push_mods({"small": {"children": f"{number} " + "x" * 10_000}}, client)
        await eventually(lambda: page.closed_by is not None)
        assert page.closed_by == (1008, "too many frames wait for this page; it starts again")
        app.push_mods({"small": {"title": "the rest goes on"}})
        await other.got(lambda: "small.title" in other.values)


async def test_rubbish_that_comes_in_one_piece_ends_at_its_bound(app_server):
    """Twenty thousand frames fit into one read, which is worked off at once: those beyond the bound cost nothing."""
    app = app_with(Services.SHARED)
    app.release.set()
    async with RawPage(await served(app_server, app), confirms=False) as page:
        page.pour(EMPTY_FRAME * 20_000)
        await eventually(lambda: page.closed_by)
        assert page.closed_by == (1008, "more than 100 malformed frames")
    refused = app.journal.filter("refusal", client=page.client)
    assert len(refused) == rate_limits.MOST_MALFORMED + 1

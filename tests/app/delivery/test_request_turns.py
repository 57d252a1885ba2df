"""Guests' requests over HTTP, and the owner's beside them."""

import asyncio
import threading

import httpx
import pytest

from dash_devices_nb import Dash, html
from dash_devices_nb.app.delivery.request_turns import RequestTurns
from tests.support.eventually import eventually

REQUESTS = 40
"""More than the loop has threads for plain functions, on a machine of 32 processors, too."""


@pytest.fixture
async def people(app_server):
    """An app with a plain view that waits, its owner and a guest who looks on."""
    app = Dash(__name__)
    app.layout = html.Div(id="a")
    app.began, app.go_on = [], threading.Event()

    @app.server.get("/slow")
    def slow():
        app.began.append(threading.current_thread())
        app.go_on.wait(20)
        return "slow"

    app_server.run(app, auth="secret")
    base = app.url.partition("?")[0]
    limits = httpx.Limits(max_connections=None)
    async with (
        httpx.AsyncClient(base_url=base, timeout=20, limits=limits) as owner,
        httpx.AsyncClient(base_url=base, timeout=20, limits=limits) as guest,
    ):
        await owner.get(app.url)
        await guest.get(app.share("view").url)
        try:
            yield app, owner, guest
        finally:
            app.go_on.set()


async def test_plain_views_of_guests_leave_threads_for_the_owners_page(people):
    """They took all that there were, and the owner's page did not load."""
    app, owner, guest = people
    asked = [asyncio.ensure_future(guest.get("/slow")) for _ in range(REQUESTS)]
    await eventually(lambda: len(app.began) >= 12, 10)
    answer = await owner.get("/")
    assert answer.status_code == 200, answer.text
    assert "_dash-config" in answer.text
    assert len(app.began) == 12  # three quarters of the half of 32
    app.go_on.set()
    assert {answer.text for answer in await asyncio.gather(*asked)} == {"slow"}
    assert len(app.began) == REQUESTS


async def test_requests_of_guests_begin_one_in_a_turn_of_the_loop_link_after_link():
    """So many that come at once hold up nobody; one link's do not stand before another's."""
    starts = RequestTurns()
    turn = 0
    began: list[tuple[str, int]] = []

    async def ask(link: str) -> None:
        await starts.turn(link)
        began.append((link, turn))

    asking = [asyncio.ensure_future(ask(link)) for link in "aaab"]
    gone = asyncio.ensure_future(ask("c"))
    await asyncio.sleep(0)
    gone.cancel()
    while not all(each.done() for each in asking):
        turn += 1
        await asyncio.sleep(0)
    assert [link for link, _ in began] == ["a", "b", "a", "a"]
    assert len({when for _, when in began}) == 4
    assert gone.cancelled()

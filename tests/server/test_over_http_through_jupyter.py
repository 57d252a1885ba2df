"""WebSockets of pages over HTTP requests, through a real Jupyter server: let in, counted and ended as others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from playwright.async_api import expect

from tests.acceptance.test_over_http import BENCH, REFUSED, pages_share_everything
from tests.server.conftest import BASE_URL, Page, Visit, serving, visiting
from tests.server.guests import COOKIE, links_of, user_of
from tests.server.test_routes_through_jupyter import Cells
from tests.support.browser import Tabs
from tests.support.eventually import eventually
from tests.support.polled import Closed, Polled
from tests.support.tcp import network

BAR = "#_dash-devices-notices .bar"


def owner(visit: Visit, **headers: str) -> Polled:
    """A page of the Jupyter user."""
    return Polled(visit.url("bench/"), {"Cookie": visit.cookies, "Origin": visit.origin, **headers})


def guest(visit: Visit, token: str) -> Polled:
    """A page of a share link's guest."""
    return Polled(visit.url("bench/"), {"Cookie": f"{COOKIE}={token}", "Origin": visit.origin})


async def test_messages_pass_both_ways(visit: Visit, page: Page) -> None:
    """The app sees the Jupyter user's WebSocket."""
    async with owner(visit) as one, owner(visit) as other:
        for each in (one, other):
            await each.open()
            await each.send("one", "two ä", "x" * 90_000)
            assert [await each.recv() for _ in range(3)] == ["one", "two ä", "x" * 90_000]
        poll = asyncio.create_task(one.recv())  # longer than `answer_timeout`
        await asyncio.wait({poll}, timeout=2.5)
        await page.broadcast("to all")
        assert [await poll, await other.recv()] == ["to all"] * 2
        await one.send("bye")
        assert await one.end() == "4001 as you wish"
        assert page.scopes[-1]["path"] == "/_dash-devices/ws"
        assert user_of(page)["role"] == "owner"


async def test_strangers_other_sites_and_ended_links_are_refused(visit: Visit, page: Page) -> None:
    """Guests learn why, as they do over a WebSocket."""
    links = links_of(visit, "bench")
    record, token = links.issue("view")
    async with Polled(visit.url("bench/"), {"Origin": visit.origin}) as stranger:
        assert (await stranger.ask("open")).status_code == 403
    async with owner(visit, Origin="http://evil.example") as foreign:
        assert (await foreign.ask("open")).status_code == 403
    assert page.scopes == []
    async with guest(visit, token) as looks, owner(visit) as acts:
        await looks.open()
        await looks.send("here")
        assert await looks.recv() == "here"
        assert user_of(page)["share"] == record.id
        # Its connection is its own, also for whoever knows its name.
        assert (await acts.ask("down", f"{looks.id} 2")).status_code == 410
        poll = asyncio.create_task(looks.end())
        await asyncio.wait({poll}, timeout=0.2)
        links.revoke(record)
        assert (await poll).startswith("4403 This share link was revoked")
        for step in ("open", "up", "down"):
            with pytest.raises(Closed, match=r"^4403 This share link was revoked"):
                looks._take((await looks.ask(step, f"{looks.id} 9")).content)


async def test_a_page_that_only_looks_is_not_used(visit: Visit, page: Page) -> None:
    """Neither its requests nor what it sends by itself keep a kernel from being culled; an act does."""

    async def last_activity() -> Any:
        answer = await visit.http.get(f"{visit.jupyter.url}api/kernels/{visit.kernel_id}")
        return answer.json()["last_activity"]

    async with owner(visit) as one:
        await one.open()
        before = await last_activity()
        await one.send('{"t":"ok"}', '{"t":"ping"}')
        for _ in range(2):
            await one.recv()
        assert await last_activity() == before
        await one.send('{"t":"ok"}', '{"t":"set"}')
        assert await last_activity() != before
        listed = (await visit.http.get(visit.url("_apps"))).json()
        assert [each["clients"] for each in listed["apps"] if each["name"] == "bench"] in ([0], [1])


async def test_the_state_can_be_asked_for(visit: Visit, page: Page) -> None:
    """By whoever may open its WebSocket."""
    url = visit.url("bench/_dash-devices/status")
    answer = await visit.http.get(url)
    assert answer.json().keys() == {"state", "since", "now"}
    assert answer.json()["state"] in ("idle", "busy")
    _, token = links_of(visit, "bench").issue("view")
    async with httpx.AsyncClient() as stranger:
        assert (await stranger.get(url, headers={"Cookie": f"{COOKIE}={token}"})).json()["state"] in ("idle", "busy")
        assert (await stranger.get(url)).status_code != 200


# ---- limits


@pytest.fixture(scope="module")
async def strict() -> AsyncIterator[Visit]:
    """The owner of a server with little room for guests."""
    limits = {"guest_requests": 1, "guest_sockets": 2, "guest_rate": 1}
    async with visiting(*(f"--DashDevicesApp.{name}={value}" for name, value in limits.items())) as visit:
        yield visit


async def test_pages_that_wait_count_as_websockets(strict: Visit) -> None:
    """They take no place of a request, and are told when there are too many. Other links see nothing of it."""
    async with serving(strict):
        links = links_of(strict, "bench")
        (_, token), (_, other) = links.issue("view"), links.issue("view")
        pages = [guest(strict, token) for _ in range(2)]
        polls = []
        for each in pages:
            await each.open()
            polls.append(asyncio.create_task(each.recv()))
        await asyncio.wait(polls, timeout=0.3)
        async with guest(strict, token) as third, guest(strict, other) as neighbour:
            answer = await third.ask("down", f"{pages[0].id} 1")
            assert answer.status_code == 503
            assert "Full: too much is open" in answer.text
            await neighbour.open()
            await neighbour.send("x")
            assert await neighbour.recv() == "x"
        for each, poll in zip(pages, polls, strict=True):
            await each.send("y")
            assert await poll == "y"
            await each.http.aclose()


async def test_a_link_that_asks_too_often(strict: Visit) -> None:
    """A connection that is there goes on, as its requests may be repeated; another is closed, to try again."""
    async with serving(strict):
        _, token = links_of(strict, "bench").issue("view")
        async with guest(strict, token) as page:
            await page.open()
            name = page.id
            for _ in range(100):
                refused = await page.ask("up", f"{name} 1\nrepeated")
                if refused.status_code == 429:
                    break
            assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
            told = await until_told(page)
            assert told.startswith("1013 Too many requests by this share link")

            async def repeated() -> bool:
                return (await page.ask("down", f"{name} 1")).status_code == 200

            await eventually(repeated, 20)


async def until_told(page: Polled) -> str:
    """Open it until it is refused: what has come back in the meantime is used up first."""
    for _ in range(100):
        try:
            await page.open()
        except Closed as closed:
            return str(closed)
    raise AssertionError("a hundred more were opened")


# ---- pages


async def test_pages_go_on_over_http(visit: Visit, browser: Tabs) -> None:
    """Chromium behind a proxy that refuses upgrades, a real Jupyter server and a real kernel."""
    browser.allow_errors(REFUSED)
    cells = Cells(visit)
    await cells.run(f"{BENCH}\napp.run(jupyter_mode='_none')")
    try:
        async with network(visit.origin) as net:
            net.refuses = 502
            url = f"{net.url.rstrip('/')}{BASE_URL}dash-devices/bench/"
            context = await browser.context()
            pages = [await browser.open(f"{url}?token={visit.jupyter.token}", context=context) for _ in range(2)]
            await pages_share_everything(pages, cells.run, net)
            assert await cells.run("", "len(app.clients)") == 2
            share = await cells.run("", "app.share('view').url")
            onlooker = await browser.open(f"{url}?share={share.partition('share=')[2]}")
            await expect(onlooker.locator("#shown")).to_have_text("target 20")
            await cells.run("app.push_mods({'pushed': {'children': 'for guests'}})")
            await expect(onlooker.locator("#pushed")).to_have_text("for guests")
            await cells.run("for each in app.shares: each.revoke()")
            await expect(onlooker.locator(BAR)).to_contain_text("This share link was revoked")
            await cells.run("app.stop()")
            for page in pages:
                await expect(page.locator(BAR)).to_have_text("The app has been stopped: run its notebook again")
            for page in (*pages, onlooker):
                await page.close()
    finally:
        await cells.run("app.stop()")

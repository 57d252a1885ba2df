"""A server whose administrator denies access by default, and whose user logs in by a password."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import httpx
import pytest
from jupyter_server.auth.security import passwd
from websockets.exceptions import InvalidStatus

from tests.server.conftest import Page, Visit, serving, visiting

PASSWORD = "correct horse"


@pytest.fixture(scope="module")
async def visit() -> AsyncIterator[Visit]:
    """A logged-in client of that server."""
    async with visiting(
        "--ServerApp.allow_unauthenticated_access=False",
        f"--PasswordIdentityProvider.hashed_password={passwd(PASSWORD)}",
    ) as visit:
        yield visit


@pytest.fixture
async def page(visit: Visit) -> AsyncIterator[Page]:
    """An app that runs."""
    async with serving(visit) as page:
        yield page


async def test_a_person_comes_to_the_page_by_the_password(visit: Visit, page: Page) -> None:
    """The way to the page leads over the login and back, and then page, callback and both WebSockets work."""
    async with httpx.AsyncClient(follow_redirects=True, timeout=60) as person:
        form = await person.get(visit.url("bench/"), headers={"Accept": "text/html"})
        assert "/login?next=" in str(form.url)
        assert page.scopes == []
        xsrf = re.search(r'name="_xsrf" value="([^"]+)"', form.text)
        assert xsrf is not None
        entered = await person.post(form.url, data={"password": PASSWORD, "_xsrf": xsrf[1]})
        assert (str(entered.url), entered.text) == (visit.url("bench/"), "hello")
        callback = await person.post(visit.url("bench/x"), content=b"x", headers={"Origin": visit.origin})
        assert callback.text == "x"
        mine = Visit(visit.jupyter, person, visit.kernel_id)
        async with mine.socket("bench/_dash-devices/ws") as socket:
            await socket.send("carried")
            assert await socket.recv() == "carried"
        async with mine.socket("bench/_dash-devices/status") as socket:
            assert "idle" in str(await socket.recv())


async def test_a_stranger_comes_to_nothing(visit: Visit, page: Page) -> None:
    """Without the password there is the login, or a refusal."""
    async with httpx.AsyncClient() as stranger:
        for path in ("", "_apps", "bench", "bench/", "nothing/", "No-Name/"):
            answer = await stranger.get(visit.url(path))
            assert answer.status_code == 302, path
            assert "/login?next=" in answer.headers["location"]
            answer = await stranger.post(visit.url(path), headers={"Origin": visit.origin})
            assert answer.status_code in (403, 405), path
    for path in ("ws", "status"):
        with pytest.raises(InvalidStatus) as refused:
            await visit.socket(f"bench/_dash-devices/{path}", Cookie="")
        assert refused.value.response.status_code == 403
    assert page.scopes == []

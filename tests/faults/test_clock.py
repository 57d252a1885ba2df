"""The computer's clock is set: by a day, forwards and back, as where a network first tells a board the time."""

from __future__ import annotations

import json
import time

import pytest

from dash_devices_nb import Dash, Input, Output, dcc, html
from dash_devices_nb.server.kernel_status import State, Status
from dash_devices_nb.testing import AppServer
from tests.support.eventually import eventually

DAY = 86_400.0


class Clock:
    """What all of this process takes for the time."""

    def __init__(self) -> None:
        self.ahead = 0.0
        self._time, self._time_ns = time.time, time.time_ns

    def time(self) -> float:
        return self._time() + self.ahead

    def time_ns(self) -> int:
        return self._time_ns() + int(self.ahead * 1e9)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock, which a test sets."""
    made = Clock()
    monkeypatch.setattr(time, "time", made.time)
    monkeypatch.setattr(time, "time_ns", made.time_ns)
    return made


@pytest.fixture
def app(clock: Clock, app_server: AppServer) -> Dash:
    """One that runs, and looks at that clock."""
    app = Dash("clock")
    app.layout = html.Div([dcc.Input(id="name", value=""), html.Div(id="echo")])
    app.callback_shared(Output("echo", "children"), Input("name", "value"))(lambda name: f"echo {name}")
    app_server.run(app, auth="secret")
    return app


async def test_a_recorded_session_lasts_as_long_as_it_did(app, tab, clock, tmp_path):
    """Its entries tell the times that the clock told; their distances are the true ones, and their order is kept."""
    page = await tab(app)
    for ahead in (0.0, DAY, -DAY, 0.0):
        clock.ahead = ahead
        await page.act("name", "value", f"at {ahead:+.0f}")
        await page.settled()
    changes = app.journal.filter("change")
    assert [round((entry.time - time.time()) / DAY) for entry in changes] == [0, 1, -1, 0]
    lines = [json.loads(line) for line in app.journal.save(tmp_path / "session.jsonl").read_text().splitlines()[1:]]
    distances = [line["at"] for line in lines]
    assert distances == sorted(distances)
    assert 0 < distances[-1] < 60
    assert len({line["at"] for line in lines if line["t"] == "change"}) == 4


def test_a_page_is_told_how_long_its_kernel_is_busy_and_not_by_how_much_the_clock_was_set(clock):
    """A day forwards or back is none in which the kernel was busy."""
    status = Status(State.BUSY)
    for clock.ahead in (DAY, -DAY):
        message = status.message()
        assert 0 <= message["now"] - message["since"] < 10
        assert abs(message["now"] - time.time()) < 10


async def test_a_share_link_ends_by_the_clock_and_its_pages_with_it(app, tab, clock):
    """A clock that is set back ends none; one that is set beyond its end ends what is open by it at once."""
    share = app.share("view", hours=1)
    guest = await tab(share.url)
    clock.ahead = -DAY
    await guest.reconnect()
    app.push_mods({"name": {"value": "still there"}})
    await guest.expect("echo", "children", "echo still there")
    clock.ahead = 2 * 3600.0
    await eventually(lambda: guest.closed_by)
    code, reason = guest.closed_by
    assert code == 4403
    assert "This share link has ended" in reason
    assert share.ended
    with pytest.raises(ConnectionError, match="has ended"):
        await tab(share.url)


async def test_the_floor_lasts_as_long_as_it_was_given_for(app, tab, clock):
    """Its minute is no shorter for a clock that is set."""
    await tab(app)
    [client] = app.clients
    app.control.lock(client, seconds=60)
    for clock.ahead in (DAY, -DAY):
        assert 50 < app.control.left <= 60
        assert app.control.holder is client

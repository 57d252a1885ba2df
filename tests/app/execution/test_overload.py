"""More callbacks than there are places for: they wait, are told, and hold up nobody else."""

import threading

import pytest

from dash_devices_nb import Dash, Input, Output, dcc, html
from dash_devices_nb.app.api.parts import parts_of
from dash_devices_nb.core.access.fair_queue import FairQueue
from dash_devices_nb.testing import Tab
from tests.support.eventually import eventually


@pytest.fixture
def app() -> Dash:
    """A callback of each page's own that waits for `app.release`, and a shared one."""
    app = Dash(__name__)
    app.layout = html.Div([dcc.Input(id="a", value=0), html.Div(id="b"), dcc.Input(id="mine"), html.Div(id="slow")])
    app.callback_shared(Output("b", "children"), Input("a", "value"))(lambda a: f"{a}")
    app.release, app.running = threading.Event(), []

    @app.callback(Output("slow", "children"), Input("mine", "value"), prevent_initial_call=True)
    def slow(value):
        app.running.append(value)
        assert app.release.wait(20)
        return value

    yield app
    app.release.set()


async def request(tab: Tab, number: int) -> None:
    """Ask for the slow callback, without waiting for an answer."""
    body = {
        "output": "slow.children",
        "outputs": {"id": "slow", "property": "children"},
        "inputs": [{"id": "mine", "property": "value", "value": number}],
        "changedPropIds": ["mine.value"],
    }
    await tab.send({"t": "req", "n": 1000 + number, "path": "_dash-update-component", "body": body})


async def test_guests_calls_wait_for_a_place_and_the_owner_finds_one(app, tab):
    """Guests have half of the places, whatever they ask for; shared callbacks wait for none."""
    app.limits.calls = 8
    guest, owner = await tab(app, role="control", guest=True), await tab(app, role="owner")
    before = threading.active_count()
    for number in range(40):
        await request(guest, number)
    await guest.act("a", "value", 1)
    await guest.expect("b", "children", "1")
    assert len(app.running) == 3
    assert threading.active_count() - before <= 8
    await owner.act("mine", "value", "owner")
    await eventually(lambda: "owner" in app.running)
    app.release.set()
    await eventually(lambda: len(app.running) == 41)
    await owner.expect("slow", "children", "owner")


@pytest.mark.parametrize("role", ["owner", "control"])
async def test_whoever_asks_no_more_calls_run_than_there_are_places(app, tab, role):
    """Those of the owner, and of one who needs no link, wait too, and are made when there is a place."""
    app.limits.calls = 8
    asks = await tab(app, role=role)
    before = threading.active_count()
    for number in range(30):
        await request(asks, number)
    await eventually(lambda: parts_of(app).regular._call_queue._fair_queue.waiting == 22)
    await eventually(lambda: len(app.running) >= 8)
    assert len(app.running) == 8
    assert threading.active_count() - before <= 8
    app.release.set()
    await eventually(lambda: len(app.running) == 30)


async def test_who_waits_too_long_is_told(app, tab):
    """The request is answered with 503, and the person reads why, once."""
    app.limits.calls = 2
    parts_of(app).regular._call_queue._fair_queue = FairQueue(lambda: 2, patience=0.3)
    guest = await tab(app, role="view", guest=True)
    for number in range(5):
        await request(guest, number)
    await eventually(lambda: guest.notices)
    assert [(each["level"], each["text"]) for each in guest.notices] == [
        ("warning", "The app has too much to do; this callback was not called. Please try again.")
    ]
    assert len(app.running) == 1
    (refusal,) = app.journal.filter("refusal", client=guest.client_id)
    assert "too much to do" in refusal.summary
    app.release.set()
    another = await tab(app, role="view", guest=True)
    await another.act("mine", "value", "again")
    await another.expect("slow", "children", "again")


async def test_calls_of_a_guest_that_has_left_are_not_made(app, tab, monkeypatch):
    """What waits for a place goes with the page that asked."""
    monkeypatch.setattr("dash_devices_nb.app.sessions.manager.GRACE_SECONDS", 0.05)
    app.limits.calls = 2
    owner, guest = await tab(app, role="owner"), await tab(app, role="view", guest=True)
    for number in range(20):
        await request(guest, number)
    await eventually(lambda: parts_of(app).regular._call_queue._fair_queue.waiting == 19)
    await guest.close()
    await eventually(lambda: len(app.clients) == 1)
    app.release.set()
    await eventually(lambda: parts_of(app).regular._call_queue._fair_queue.running == 0)
    assert app.running == [0]
    await owner.act("mine", "value", "on")
    await owner.expect("slow", "children", "on")


async def test_hooks_that_are_asked_for_guests_take_places(app, tab):
    """Hooks that hang hold at most half of the places for guests; the owner's find one."""
    asked = []

    @app.callback_authorize_output
    def hook(client, output):
        asked.append(client)
        return client.share is None or app.release.wait(20)

    guests = [await tab(app, role="control", guest=True) for _ in range(20)]
    owner = await tab(app, role="owner")
    before = threading.active_count()
    for guest in guests:
        await guest.act("a", "value", 1)
    await eventually(lambda: len(asked) >= 16)
    await owner.act("a", "value", 2)
    await owner.expect("b", "children", "2")
    assert sum(client.share is not None for client in asked) == 16
    assert threading.active_count() - before <= 18
    app.release.set()
    await eventually(lambda: sum(client.share is not None for client in asked) == 20)

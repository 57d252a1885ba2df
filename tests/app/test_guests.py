"""What the app bears of guests: their rates by role, and frames that are rubbish, too large or too many."""

import pytest

from dash_devices_nb import Dash, Input, Output, Services, dcc, html
from dash_devices_nb.core import limits
from dash_devices_nb.core.limits import Bucket
from tests.support.eventually import eventually


@pytest.fixture
def app() -> Dash:
    """A shared input with its output, and an input of each page's own."""
    app = Dash(__name__)
    app.layout = html.Div([dcc.Input(id="a", value=0), html.Div(id="b"), dcc.Input(id="mine"), html.Div(id="computed")])
    app.callback_shared(Output("b", "children"), Input("a", "value"))(lambda a: f"{a}")
    app.callback(Output("computed", "children"), Input("mine", "value"), prevent_initial_call=True)(lambda m: m)
    return app


def client_of(app, tab):
    """The app's side of a tab."""
    return next(client for client in app.clients if client.id == tab.client_id)


def page_of(app, tab):
    """The app's page of a tab."""
    return app.runtime.pages[tab.client_id]


async def test_a_guest_that_sends_rubbish_is_sent_away_sooner(app, tab):
    """Ten frames that cannot be read are the most of one who came by a share link."""
    guest = await tab(app, role="control", guest=True)
    for _ in range(limits.GUESTS_MOST_MALFORMED):
        await guest.send("{")
    await guest.act("a", "value", 1)
    await guest.expect("b", "children", "1")
    await guest.send({"t": "set", "s": "x"})
    await eventually(lambda: guest.closed_by)
    assert guest.closed_by == (4403, "more than 10 malformed frames")


async def test_guests_have_rates_of_their_own(app, tab):
    """By their role, and live; the owner's and everybody's without a link are as they were."""
    rates = {}
    for role, guest in (("view", True), ("control", True), ("view", False), ("control", False), ("owner", False)):
        one = await tab(app, role=role, guest=guest)
        rates[role, guest] = app.runtime.pages[one.client_id].bucket.rate
        if (role, guest) == ("view", True):
            client_of(app, one).role = "control"
            assert app.runtime.pages[one.client_id].bucket.rate == limits.GUESTS["control"][0]
    assert rates[("view", True)] == limits.GUESTS["view"][0] < limits.GUESTS["control"][0] == rates[("control", True)]
    assert rates[("view", False)] == rates[("control", False)] == rates[("owner", False)] == limits.RATE


async def test_a_guest_that_asks_without_end_is_slowed_and_gets_every_answer(app, tab):
    """Requests count as changes do, of guests; little frames hardly; the others are not held up."""
    guest, other = await tab(app, role="view", guest=True), await tab(app)
    page_of(app, guest).bucket = Bucket(rate=40, burst=5)
    for number in range(25):
        await guest.act("mine", "value", number)
        await guest.expect("computed", "children", number)
    assert "This page sends more than 40 changes a second; it is slowed down." in str(guest.notices)
    await other.act("a", "value", 1)
    await guest.expect("b", "children", "1")
    for _ in range(100):
        await guest.send({"t": "ok"})
    await guest.act("mine", "value", "last")
    await guest.expect("computed", "children", "last")
    assert guest.connected


async def test_a_frame_that_is_far_too_large_sends_a_guest_away(app, tab):
    """The limit is by bytes as well as by number; whoever has no link has the app's own limit."""
    guest, other = await tab(app, role="view", guest=True), await tab(app, role="view")
    large = "x" * (10 * 1024 * 1024)
    await other.act("mine", "value", large)
    await other.expect("computed", "children", large, within=10)
    await guest.act("mine", "value", large)
    await eventually(lambda: guest.closed_by)
    code, reason = guest.closed_by
    assert code == 4403
    assert reason.endswith(" bytes is more than a guest may send")
    assert app.journal.filter("refusal", client=guest.client_id)[-1].summary == reason


async def test_over_http_guests_have_the_same_rate(tab):
    """A page whose callbacks travel over HTTP is slowed by what its own bucket has."""
    app = Dash(__name__, server_service=Services.NORMAL)
    app.layout = html.Div([dcc.Input(id="mine"), html.Div(id="computed")])
    app.callback(Output("computed", "children"), Input("mine", "value"), prevent_initial_call=True)(lambda m: m)
    guest = await tab(app, role="view", guest=True)
    taken = []

    class Counting(Bucket):
        def take(self, now: float, cost: float = 1.0) -> float:
            taken.append((cost, super().take(now, cost)))
            return taken[-1][1]

    page_of(app, guest).bucket = Counting(rate=50, burst=2)
    for number in range(8):
        await guest.act("mine", "value", number)
        await guest.expect("computed", "children", number)
    requests = [delay for cost, delay in taken if cost >= 1]
    assert len(requests) == 8
    assert requests[0] == 0.0 < max(requests)

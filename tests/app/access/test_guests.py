"""What the app bears of guests: their rates by role, and frames that are rubbish, too large or too many."""

import time

import httpx
import pytest

from dash_devices_nb import Dash, Input, Output, Services, dcc, html
from dash_devices_nb.app.api.parts import parts_of
from dash_devices_nb.app.client_session import Sending
from dash_devices_nb.app.sessions import manager
from dash_devices_nb.core.access import rate_limits
from dash_devices_nb.core.access.rate_limits import TokenBucket
from dash_devices_nb.testing import Tab, visitor
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
    return parts_of(app).runtime.pages[tab.client_id]


async def test_a_guest_that_sends_rubbish_is_sent_away_sooner(app, tab):
    """Ten frames that cannot be read are the most of one who came by a share link."""
    guest = await tab(app, role="control", guest=True)
    for _ in range(rate_limits.GUESTS_MOST_MALFORMED):
        await guest.send("{")
    await guest.act("a", "value", 1)
    await guest.expect("b", "children", "1")
    await guest.send({"t": "set", "s": "x"})
    await eventually(lambda: guest.closed_by)
    assert guest.closed_by == (4403, "more than 10 malformed frames")


async def test_a_guest_that_sends_rubbish_fills_no_log(app, tab, caplog):
    """The journal has it, which is bounded; the rubbish of others is an error in a page, and is logged."""
    guest, other = await tab(app, role="view", guest=True), await tab(app)
    for one in (guest, other):
        await one.send("{")
        await eventually(lambda one=one: app.journal.filter("refusal", client=one.client_id))
    logged = [(each.levelname, each.args[0].id) for each in caplog.records if each.name.startswith("dash_devices_nb")]
    assert logged == [("WARNING", other.client_id)]


async def test_a_guest_does_not_read_what_a_callback_raised(app, tab):
    """The owner reads it, and the guest that something has failed."""

    @app.callback_shared(None, Input("a", "value"))
    def measure(_value):
        raise RuntimeError("cannot open /home/anne/key")

    guest, owner = await tab(app, role="control", guest=True), await tab(app, role="owner")
    await guest.act("a", "value", 1)
    await eventually(lambda: guest.notices)
    await owner.act("a", "value", 2)
    await eventually(lambda: owner.notices)
    assert "anne" not in str(guest.notices)
    assert "see why" in str(guest.notices)
    assert "cannot open /home/anne/key" in str(owner.notices)


@pytest.mark.parametrize("kind", ["plain", "coroutine"])
async def test_a_guest_is_not_answered_with_what_a_callback_of_its_own_raised(app, tab, kind):
    """Neither over the WebSocket nor over HTTP, in debug mode either; the owner is."""
    said = RuntimeError("cannot open /home/anne/key")

    def plain(_value):
        raise said

    async def coroutine(_value):
        raise said

    function = {"plain": plain, "coroutine": coroutine}[kind]
    app.callback(Output("computed", "title"), Input("mine", "title"), prevent_initial_call=True)(function)
    app.enable_dev_tools(debug=True, dev_tools_hot_reload=False)
    body = {
        "output": "computed.title",
        "outputs": {"id": "computed", "property": "title"},
        "inputs": [{"id": "mine", "property": "title", "value": "x"}],
        "changedPropIds": ["mine.title"],
    }
    for guest, shown in ((True, False), (False, True)):
        one = await tab(app, role="control" if guest else "owner", guest=guest)
        await one.act("mine", "title", "x")
        await eventually(lambda one=one: one.notices)
        await one.settled()
        assert ("anne" in str(one.notices)) is shown
        async with httpx.AsyncClient(base_url=app.url) as http:
            card = visitor(app, "control" if guest else "owner", guest=guest)
            answer = await http.post("_dash-update-component", json=body, headers=card)
        assert answer.status_code == 500
        assert ("anne" in answer.text) is shown


async def test_guests_have_rates_of_their_own(app, tab):
    """By their role, and live; the owner's and everybody's without a link are as they were."""
    rates = {}
    for role, guest in (("view", True), ("control", True), ("view", False), ("control", False), ("owner", False)):
        one = await tab(app, role=role, guest=guest)
        rates[role, guest] = parts_of(app).runtime.pages[one.client_id].bucket.rate
        if (role, guest) == ("view", True):
            client_of(app, one).role = "control"
            assert parts_of(app).runtime.pages[one.client_id].bucket.rate == rate_limits.GUESTS["control"][0]
    slow, fast = rate_limits.GUESTS["view"][0], rate_limits.GUESTS["control"][0]
    assert rates[("view", True)] == slow < fast == rates[("control", True)]
    assert rates[("view", False)] == rates[("control", False)] == rates[("owner", False)] == rate_limits.RATE


async def test_a_guest_that_asks_without_end_is_slowed_and_gets_every_answer(app, tab):
    """Requests count as changes do, of guests; little frames hardly; the others are not held up."""
    guest, other = await tab(app, role="view", guest=True), await tab(app)
    page_of(app, guest).bucket = TokenBucket(rate=40, burst=5)
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

    class Counting(TokenBucket):
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


async def test_over_http_nobody_gets_around_the_rate_of_guests(app, tab):
    """Who asks for much more than there is is refused, as a page and as nobody's page; others are answered."""
    guest = await tab(app, role="view", guest=True)
    card = visitor(app, "view", guest=True)
    share = parts_of(app).sessions.visitors[next(iter(card.values()))]["share"]
    body = {
        "output": "computed.children",
        "outputs": {"id": "computed", "property": "children"},
        "inputs": [{"id": "mine", "property": "value", "value": "x" * 100}],
        "changedPropIds": ["mine.value"],
    }
    page = page_of(app, guest)
    own = {**visitor(app, "view", guest=True), "X-Dash-Devices-Client": f"{guest.client_id}.{page.key}"}
    async with httpx.AsyncClient(base_url=app.url) as http:

        async def asked(headers) -> int:
            return (await http.post("_dash-update-component", json=body, headers=headers)).status_code

        assert [await asked(card), await asked(own), await asked(visitor(app, "control"))] == [200] * 3
        for bucket in (page.bucket, parts_of(app).sessions.sharing.budget_of_share(share).acts):
            bucket.take(time.monotonic(), 100 * bucket.burst)
        assert [await asked(card), await asked(own), await asked(visitor(app, "control"))] == [429, 429, 200]


async def test_pages_of_guests_that_are_away_are_kept_in_a_limited_number(app, tab, monkeypatch):
    """A program that comes and goes without end leaves no more behind; the others have the whole grace."""
    monkeypatch.setattr(manager, "GRACE_SECONDS", 60.0)
    monkeypatch.setattr(manager, "GUESTS_AWAY", 2)
    other = await tab(app)
    card = visitor(app, "view", guest=True)
    for _ in range(5):
        guest = Tab(app.url, card)
        await guest.open()
        await guest.drop()
    await other.drop()
    await eventually(
        lambda: len(app.clients) == 3 and not any(p.connected for p in parts_of(app).runtime.pages.values())
    )
    assert other.client_id in [client.id for client in app.clients]


async def test_a_route_that_fails_shows_a_guest_no_traceback(app, tab):
    """In debug mode the owner sees where it was; a guest would see the program."""

    @app.server.route("/broken")
    async def broken() -> str:
        raise ValueError("the secret of the program")

    app.enable_dev_tools(debug=True, dev_tools_hot_reload=False)
    await tab(app)
    async with httpx.AsyncClient(base_url=app.url) as http:
        seen = {}
        for guest in (False, True):
            answer = await http.get("broken", headers=visitor(app, "view", guest=guest))
            assert answer.status_code == 500
            seen[guest] = answer.text
    assert "the secret of the program" in seen[False]
    assert seen[True] == "Internal server error."


async def test_a_page_that_takes_nothing_is_given_up(app, tab):
    """Also where its connection has no room, so that nothing is handed out to it any more."""
    guest = await tab(app, role="view", guest=True)
    page = page_of(app, guest)
    assert page.outbox.hard_limit == rate_limits.GUESTS_HARD_LIMIT

    with parts_of(app).runtime.lock:
        before = page.outbox.unconfirmed
        page.sending = Sending.FULL  # as while the peer reads nothing
        for _ in range(9):
            page.send_notice("info", "x" * (rate_limits.GUESTS_HARD_LIMIT // 4))
        assert page.outbox.unconfirmed <= before + 5  # the one that was too much, and none after it
    parts_of(app).runtime.flush()
    await eventually(lambda: guest.closed_by)
    assert guest.closed_by[1].startswith("too many frames wait for this page")

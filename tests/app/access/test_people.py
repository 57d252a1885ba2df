"""People: the floor, names, presence and notices, looking into a page, pushes to groups."""

import asyncio

import pytest

from dash_devices_nb import Dash, Input, Output, dcc, html
from dash_devices_nb.app.sessions import manager
from dash_devices_nb.errors import InvalidModsError, LoopError, RoleError, RunError
from tests.support.eventually import eventually


@pytest.fixture
def app() -> Dash:
    """A device with one knob, and who is here."""
    app = Dash(__name__)
    app.layout = html.Div(
        [app.presence(), dcc.Input(id="a", value=0), html.Div(id="b"), dcc.Input(id={"n": 1}, value=7)]
    )
    app.callback_shared(Output("b", "children"), Input("a", "value"))(lambda a: f"{a}")
    return app


def client_of(app, tab):
    """The app's side of a tab."""
    return next(client for client in app.clients if client.id == tab.client_id)


async def may(tab, rights: str, **more) -> None:
    """Wait until a page was told what it may do."""
    wanted = {"rights": rights, **more}
    await tab.until(lambda: {name: tab.role.get(name) for name in wanted} == wanted, 3, f"{wanted}, not {tab.role}")


def texts(children, between: str = " | ") -> str:
    """The text of a component's children, with this between them; nothing between theirs."""
    if isinstance(children, str):
        return children
    if isinstance(children, dict):
        return texts(children["props"].get("children") or "", "")
    return between.join(map(texts, children))


async def test_the_floor_is_given_taken_and_open(app, tab):
    """Lock, close and open: the pages follow, changes are refused, the owner goes on, the journal has it."""
    owner = await tab(app, role="owner", name="Tom")
    ada, eve = await tab(app, name="Ada"), await tab(app, role="view", name="Eve")
    assert (app.control.state, app.control.holder) == ("open", None)
    app.control.lock(client_of(app, eve))
    await may(eve, "control", mine=True, holder="Eve", floor="locked")
    await may(ada, "view", mine=False, holder="Eve")
    await eve.act("a", "value", 1)
    await ada.expect("b", "children", "1")
    await ada.act("a", "value", 2)
    await ada.expect("a", "value", 1)
    await eventually(lambda: ada.notices)
    assert [notice["text"] for notice in ada.notices] == ["You may not change a.value: Eve has control."]
    await owner.act("a", "value", 3)
    await eve.expect("b", "children", "3")
    app.control.close()
    await may(eve, "view", floor="closed", mine=False)
    await eve.act("a", "value", 4)
    await eve.expect("a", "value", 3)
    await may(owner, "owner")
    app.control.open()
    await may(ada, "control", floor="open")
    await may(eve, "view")
    assert [(e.client and e.client.name, e.summary) for e in app.journal.filter("floor")] == [
        ("Eve", "has control"),
        (None, "closed"),
        (None, "open"),
    ]


async def test_people_ask_and_the_first_is_granted(app, tab):
    """They see their place in the queue; the owner sees how many ask; one may withdraw, and one is denied."""
    owner = await tab(app, role="owner")
    eve, fay, gil = [await tab(app, role="view", name=name) for name in ("Eve", "Fay", "Gil")]
    for place, each in enumerate((eve, fay, gil), 1):
        await each.request_control()
        await may(each, "view", place=place)
    await may(owner, "owner", asking=3)
    assert [client.name for client in app.control.requests] == ["Eve", "Fay", "Gil"]
    await fay.request_control(want=False)
    await may(gil, "view", place=2)
    assert app.control.grant() is client_of(app, eve)
    await may(eve, "control", mine=True, place=0)
    app.control.deny(client_of(app, gil))
    await may(gil, "view", place=0)
    await eventually(lambda: "You were not given control this time." in str(gil.notices))
    with pytest.raises(RoleError, match="Nobody has asked for control"):
        app.control.grant()
    await eve.request_control(want=False)
    await may(eve, "view", floor="open")


async def test_a_grant_ends_at_its_time_and_when_the_holder_leaves(app, tab):
    """By itself; the next in the queue gets it for as long where that is wanted."""
    app.control.afterwards = "next"
    eve, fay = await tab(app, role="view", name="Eve"), await tab(app, role="view", name="Fay")
    app.control.close()
    app.control.lock(client_of(app, eve), seconds=0.2)
    await may(eve, "control")
    assert 0 < eve.role["left"] <= 0.2
    await fay.request_control()
    await may(fay, "control", mine=True)
    await may(eve, "view", holder="Fay")
    await may(fay, "view", floor="closed")
    app.control.lock(client_of(app, fay))
    await may(fay, "control", left=None)
    await fay.close()
    await may(eve, "view", floor="closed")
    assert app.control.left is app.control.holder is None
    gone = client_of(app, eve)
    await eve.close()
    await eventually(lambda: not app.clients)
    with pytest.raises(RoleError, match=r"is not here; the floor is given to one of app\.clients"):
        app.control.lock(gone)


async def test_a_short_loss_keeps_the_floor_and_a_longer_one_gives_it_on(app, tab, monkeypatch):
    """Within the grace it is the same client."""
    eve, fay = await tab(app, role="view"), await tab(app, role="view")
    app.control.lock(client_of(app, eve))
    await eve.drop()
    await eve.reconnect()
    await may(eve, "control", mine=True)
    monkeypatch.setattr(manager, "GRACE_SECONDS", 0.05)
    await eve.drop()
    await may(fay, "view", floor="open")


async def test_who_is_sent_away_is_gone_at_once(app, tab, monkeypatch):
    """There is no grace for a page that does not come back: neither the floor nor the list waits for it."""
    monkeypatch.setattr(manager, "GRACE_SECONDS", 60)
    eve, fay = await tab(app, role="view", name="Eve"), await tab(app, role="view", name="Fay")
    app.control.lock(client_of(app, eve))
    await may(fay, "view", floor="locked")
    app.disconnect(client_of(app, eve), "That was enough.")
    await may(fay, "view", floor="open")
    await eventually(lambda: [client.name for client in app.clients] == ["Fay"])
    await eventually(lambda: eve.closed_by == (4403, "That was enough."))


async def test_a_guest_gives_a_name_once_and_it_is_text(app, tab):
    """Over the link's, and no second time; whom Jupyter or the program has named keeps that name."""
    guest, named = await tab(app, role="view", guest=True), await tab(app, role="view", guest=True, name="Seat 4")
    assert (guest.role["guest"], guest.role["name"], named.role["name"]) == (True, "", "Seat 4")
    await guest.say_name("  <b>Ada</b>\n" + "x" * 100)
    await may(guest, "view", name=("<b>Ada</b> " + "x" * 100)[:40])
    assert (guest.role["ask"], named.role["ask"]) == (False, True)
    client_of(app, named).role = "control"
    client_of(app, named).name = "Seat 4b"
    await may(named, "control", name="Seat 4b", ask=False)
    await named.say_name("Teacher")
    await guest.say_name("Teacher")
    same = await tab(app, role="view", guest=True, name="Class 3")
    await same.say_name("Class 3")
    await may(same, "view", name="Class 3", ask=False)
    await same.close()
    other = await tab(app, role="view", guest=True, name="Class 3")
    await other.say_name("Ada")
    await may(other, "view", name="Ada", ask=False)
    await other.drop()
    await other.reconnect()
    await other.say_name("Teacher")
    await may(other, "view", name="Ada", ask=False)
    await other.close()
    await eventually(lambda: len(app.clients) == 2)
    await named.send({"t": "name"})
    await eventually(lambda: "name.name: expected a string" in str(named.notices))
    assert [client.name for client in app.clients] == [("<b>Ada</b> " + "x" * 100)[:40], "Seat 4b"]
    await guest.expect("dash-devices-presence", "children", lambda shown: "<b>Ada</b>" in texts(shown))
    client_of(app, named).name = "Seat 5"
    await may(named, "control", name="Seat 5")


async def test_no_guest_is_called_as_an_owner_who_is_here(app, tab):
    """Whoever comes first, and in whatever writing; the program's own names stay, and so do others'."""
    eve, fay, gil = [await tab(app, role="view", guest=True) for _ in range(3)]
    await eve.say_name("teacher")
    await may(eve, "view", name="teacher")
    client_of(app, gil).name = "Teacher"
    owner = await tab(app, role="owner", name="Teacher")
    await may(eve, "view", name="teacher (guest)")
    await fay.say_name(" TEÁCHER.")
    await may(fay, "view", name="TEÁCHER. (guest)", ask=False)
    await may(gil, "view", name="Teacher")
    ben = await tab(app, role="view", guest=True)
    await ben.say_name("Miss Lovelace")
    await may(ben, "view", name="Miss Lovelace")
    client_of(app, owner).name = "Miss Lovelace"
    await may(ben, "view", name="Miss Lovelace (guest)")
    await may(owner, "owner", name="Miss Lovelace")
    names = ["teacher (guest)", "TEÁCHER. (guest)", "Teacher", "Miss Lovelace", "Miss Lovelace (guest)"]
    assert sorted(client.name for client in app.clients) == sorted(names)


async def test_presence_shows_who_is_here_and_who_has_the_floor(app, tab):
    """Who comes later sees the same; many changes come together."""
    owner = await tab(app, role="owner", name="Tom")
    people = [await tab(app, role="view", name=f"P{number}") for number in range(5)] + [await tab(app, role="view")]
    await people[4].request_control()
    await may(people[4], "view", place=1)
    await people[1].request_control()
    await may(people[1], "view", place=2)
    app.control.lock(client_of(app, people[0]))
    wanted = "7 are here | Tom | P0 has control | P4 asks (1) | P1 asks (2) | P2 | P3 | and 1 without a name"
    await owner.expect("dash-devices-presence", "children", lambda shown: texts(shown) == wanted, within=5)
    for _ in range(30):
        app.control.close()
        app.control.open()
    await people[5].close()
    await owner.expect(
        "dash-devices-presence", "children", lambda shown: texts(shown).startswith("6 are here"), within=5
    )
    late = await tab(app, role="view")
    assert "P1 asks (2)" in texts(late.prop("dash-devices-presence", "children"))
    assert len(owner.history("dash-devices-presence", "children")) < 15


async def test_the_program_looks_into_one_page(app, tab):
    """What that page holds, its own values included; from a thread, and from a coroutine."""
    ada, ben = await tab(app, name="Ada"), await tab(app)
    await ada.act({"n": 1}, "value", "Ada's own")
    client = client_of(app, ada)
    assert (await asyncio.to_thread(client.props, {"n": 1}))["value"] == "Ada's own"
    assert (await client_of(app, ben).props_coro('{"n":1}'))["value"] == 7
    with pytest.raises(LookupError, match=r"the page of <Client .*Ada.*> shows no component 'none'"):
        await asyncio.to_thread(client.props, "none")

    @app.callback_connect
    async def look(client, connect):
        client.props("a")

    await tab(app)
    await eventually(lambda: app.errors)
    assert isinstance(app.errors[0], LoopError)
    assert "use `await client.props_coro(...)` here" in str(app.errors[0])
    await ada.drop()
    with pytest.raises(TimeoutError, match=r"the page did not return its a\.\* within 0.05 s"):
        await asyncio.to_thread(client.props, "a", 0.05)
    await ada.reconnect()
    await ada.close()
    await eventually(lambda: client not in app.clients)
    with pytest.raises(RunError, match="has left: there is no page to ask"):
        await asyncio.to_thread(client.props, "a")


async def test_pushes_and_notices_go_to_groups(app, tab):
    """To a list, to a role as it is now, to all; a text that is no role is refused."""
    owner, eve, fay = await tab(app, role="owner"), await tab(app, role="view"), await tab(app, role="view")
    app.push_mods({"b": {"title": "for viewers"}}, "view")
    app.push_mods({"b": {"lang": "for two"}}, [client_of(app, owner), client_of(app, fay)])
    app.notice("<i>Break</i> until 10", to="view")
    app.notice("For all", level="warning")
    for each in (owner, eve, fay):
        await each.until(lambda each=each: "For all" in str(each.notices), 2, "the notice")
    assert [each.prop("b", "title") for each in (owner, eve, fay)] == [None, "for viewers", "for viewers"]
    assert [each.prop("b", "lang") for each in (owner, eve, fay)] == ["for two", None, "for two"]
    assert [len(each.notices) for each in (owner, eve, fay)] == [1, 2, 2]
    assert eve.notices[0] == {"level": "info", "title": "", "text": "<i>Break</i> until 10"}
    with pytest.raises(InvalidModsError, match=r"got the client 'students'; .*, or a role: 'view', 'control', 'owner'"):
        app.push_mods({"b": {"title": 1}}, "students")
    with pytest.raises(InvalidModsError, match="level='loud'; accepted are 'info', 'warning', 'error'"):
        app.notice("x", level="loud")


async def test_a_forged_floor_frame_is_told_and_harmless(app, tab):
    """It needs a truth value."""
    eve = await tab(app, role="view")
    await eve.send({"t": "floor", "want": "yes"})
    await eventually(lambda: 'floor.want: expected true or false, got "yes"' in str(eve.notices))
    assert app.control.requests == []

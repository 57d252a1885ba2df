"""Roles: what the app lets a viewer, a controller and the owner do, whatever their pages send."""

import json
import re
from contextlib import asynccontextmanager

import httpx
import pytest

from dash_devices_nb import Dash, Input, Output, Services, State, dcc, html
from dash_devices_nb.app.api.parts import parts_of
from dash_devices_nb.core.access.link_budget import BODY, MESSAGE
from dash_devices_nb.core.access.roles import Role
from dash_devices_nb.errors import RoleError
from dash_devices_nb.testing import Tab, visitor
from tests.support.eventually import eventually


@pytest.fixture
def app() -> Dash:
    """A device with one shared callback, and one of each other kind that a page may call."""
    app = Dash(__name__)
    app.layout = html.Div(
        [
            dcc.Input(id="a", value=0),
            html.Div(id="b"),
            dcc.Input(id="note", value=""),
            dcc.Input(id="mine", value=1),
            html.Div(id="computed"),
            html.Button(id="act"),
            dcc.Input(id="serial", value=1),
            html.Div(id="answer"),
        ]
    )
    app.acted = []
    app.callback_shared(Output("b", "children"), Input("a", "value"), State("note", "value"))(lambda a, note: f"{a}")
    app.callback(Output("computed", "children"), Input("mine", "value"))(lambda mine: f"mine {mine}")
    app.callback(None, Input("act", "n_clicks"))(lambda n: app.acted.append(n))
    app.callback(Output("answer", "children"), Input("serial", "value"), service=Services.S2)(lambda s: f"S2 {s}")
    return app


def client_of(app, tab):
    """The app's side of a tab."""
    return next(client for client in app.clients if client.id == tab.client_id)


def told(tab) -> list[str]:
    """What the person of a tab was told."""
    return [notice["text"] for notice in tab.notices]


async def test_a_viewer_sees_and_computes_for_the_own_page(app, tab):
    """The shared state comes, a regular callback with outputs answers; a serialized one is silent at the start."""
    viewer, other = await tab(app, role="view", name="Ada"), await tab(app)
    client = client_of(app, viewer)
    assert (client.role, client.name, client.rights) == ("view", "Ada", "view")
    await other.act("a", "value", 5)
    await viewer.expect("b", "children", "5")
    await viewer.act("mine", "value", 2)
    await viewer.expect("computed", "children", "mine 2")
    assert (viewer.prop("answer", "children"), other.prop("answer", "children")) == (None, "S2 1")
    assert viewer.notices == []


async def test_what_a_viewer_forces_past_the_page_is_refused_told_and_undone(app, tab):
    """A shared input, a shared state, a callback without output, a serialized one; the journal has each."""
    viewer, other = await tab(app, role="view"), await tab(app)
    await other.act("a", "value", 5)
    await viewer.expect("a", "value", 5)
    await viewer.act("a", "value", 6)
    await viewer.expect("a", "value", 5)
    await viewer.act("note", "value", "mine")
    await viewer.expect("note", "value", "")
    await viewer.act("act", "n_clicks", 1)
    await viewer.act("serial", "value", 2)
    await viewer.settled()
    assert app.acted == []
    assert viewer.prop("answer", "children") is None
    assert told(viewer)[0] == "You may not change a.value: you may look, but not act."
    refused = [entry.summary for entry in app.journal.filter("refusal", client=viewer.client_id)]
    assert [text.split(":")[0] for text in refused] == [
        "You may not change a.value",
        "You may not change note.value",
        "You may not call <lambda>",
        "You may not call <lambda>",
    ]
    await other.act("act", "n_clicks", 1)
    await eventually(lambda: app.acted == [1])
    assert (other.prop("a", "value"), other.prop("note", "value")) == (5, "")


async def test_what_others_change_just_after_a_refusal_is_seen(app, tab, monkeypatch):
    """The page waits for nothing of its own then: it is told that its change was ordered before theirs."""
    monkeypatch.setattr("dash_devices_nb.app.sessions.connection.ACK_SECONDS", 60)
    viewer, other = await tab(app, role="view"), await tab(app)
    await viewer.act("a", "value", 6)
    await viewer.expect("a", "value", 0)
    await viewer.act("a", "value", 0)
    await eventually(lambda: len(app.journal.filter("refusal")) == 2)
    await other.act("a", "value", 7)
    await viewer.expect("a", "value", 7)


async def test_a_callback_of_a_viewers_page_that_answers_a_shared_prop_is_undone_without_a_word(app, tab):
    """Nobody acted there: the page's own start, or an answer to another's change."""
    app.callback(Output("note", "value"), Input("b", "children"))(lambda b: f"seen {b}")
    viewer = await tab(app, role="view")
    await viewer.settled()
    await viewer.expect("note", "value", "")
    app.push_mods({"b": {"children": "pushed"}})
    await viewer.expect("b", "children", "pushed")
    await viewer.settled()
    await viewer.expect("note", "value", "")
    assert viewer.notices == []
    controller = await tab(app)
    await controller.settled()
    await viewer.expect("note", "value", "seen pushed")


async def test_a_role_can_be_set_live_and_the_page_is_told_at_once(app, tab):
    """From view to control and back; from a thread that is not the app's."""
    one = await tab(app, role="view")
    client = client_of(app, one)
    client.role = "control"
    await one.until(lambda: one.role["rights"] == "control", 2, "the new role")
    await one.act("a", "value", 7)
    await one.expect("b", "children", "7")
    client.role = "view"
    await one.until(lambda: one.role["rights"] == "view", 2, "the old role")
    await one.act("a", "value", 8)
    await one.expect("a", "value", 7)
    assert [entry.summary for entry in app.journal.filter("role")] == ["view to control", "control to view"]
    with pytest.raises(RoleError, match="'teacher' is not a role; accepted are 'view', 'control', 'owner'"):
        client.role = "teacher"
    await one.drop()
    await one.reconnect()
    assert one.role["rights"] == client.role == "view"


async def test_a_callback_says_what_it_needs(tab):
    """`role=` lets viewers call a shared callback, or only the owner; a change needs the most of what it calls."""
    app = Dash(__name__)
    app.layout = html.Div([dcc.Input(id=name) for name in ("free", "both", "own", "local")] + [html.Div(id="out")])
    app.callback_shared(Output("out", "children"), Input("free", "value"), Input("both", "value"), role="view")(
        lambda free, both: f"{free} {both}"
    )
    app.callback_shared(None, Input("both", "value"), role="owner")(lambda both: None)
    app.callback(Output("out", "title"), Input("own", "value"), role="owner")(lambda own: own)
    app.callback(None, Input("local", "value"), role="view")(lambda local: app.push_mods({"out": {"lang": local}}))
    viewer, controller, owner = await tab(app, role="view"), await tab(app), await tab(app, role="owner")
    await viewer.act("free", "value", 1)
    await owner.expect("out", "children", "1 None")
    await controller.act("both", "value", 2)
    await controller.expect("both", "value", None)
    await eventually(lambda: told(controller))
    assert told(controller) == ["You may not change both.value: that is for the owner."]
    await owner.act("both", "value", 3)
    await viewer.expect("out", "children", "1 3")
    await owner.act("own", "value", "x")
    await owner.expect("out", "title", "x")
    await viewer.act("own", "value", "y")
    await viewer.act("local", "value", "de")
    await owner.expect("out", "lang", "de")
    await eventually(lambda: told(viewer))
    assert (viewer.prop("out", "title"), told(viewer)) == (None, ["You may not call <lambda>: that is for the owner."])
    with pytest.raises(RoleError, match="'all' is not a role"):
        app.callback_shared(None, Input("own", "value"), role="all")


async def test_a_page_that_computes_alone_may_not_reach_the_others_by_an_alternate_output(app, tab):
    """A viewer's callback that returns a shared prop changes nothing of the others'."""
    app.callback(Output("act", "title"), Input("mine", "value"), prevent_initial_call=True)(
        lambda mine: Output("note", "value", "from mine")
    )
    viewer, other = await tab(app, role="view"), await tab(app)
    await viewer.act("mine", "value", 3)
    await eventually(lambda: told(viewer))
    await viewer.expect("note", "value", "")
    assert other.prop("note", "value") == ""
    assert told(viewer) == ["You may not change note.value: you may look, but not act."]
    await other.act("mine", "value", 4)
    await viewer.expect("note", "value", "from mine")


async def test_over_http_the_same_holds(tab):
    """A viewer's page, and a program that is no page, get 403 where they act; a page's start gets nothing."""
    app = Dash(__name__, server_service=Services.NORMAL)
    app.layout = html.Div([html.Button(id="act"), dcc.Input(id="mine"), html.Div(id="out"), html.Div(id="own")])
    acted = []
    app.callback(None, Input("act", "n_clicks"))(acted.append)
    app.callback(Output("out", "children"), Input("mine", "value"), prevent_initial_call=True)(lambda m: m)
    app.callback(Output("own", "children"), Input("mine", "value"), role="owner")(lambda m: f"own {m}")
    viewer, owner = await tab(app, role="view"), await tab(app, role="owner")
    await viewer.act("act", "n_clicks", 1)
    await viewer.act("mine", "value", "x")
    await viewer.expect("out", "children", "x")
    await viewer.settled()
    assert acted == []
    await eventually(lambda: viewer.notices)
    assert {notice["text"] for notice in viewer.notices if notice["title"] == ".".join(("own", "children"))} == {
        "You may not call this callback."
    }
    assert viewer.prop("own", "children") is None
    await owner.act("mine", "value", "y")
    await owner.expect("own", "children", "own y")
    body = {"output": parts_of(app).stock.declared()[0]["output"], "inputs": [], "changedPropIds": ["act.n_clicks"]}
    link = Tab(app.url, visitor(app, "view")).session.link
    await link.open()
    assert (await link.fetch("_dash-update-component", body)).status == 403
    assert acted == []


async def test_who_forges_changes_without_end_is_sent_away(app, tab, monkeypatch):
    """After a stated number, with a reason after which a page does not come back."""
    monkeypatch.setattr("dash_devices_nb.app.access.permissions.MOST_REFUSED", 20)
    viewer, other = await tab(app, role="view"), await tab(app)
    for number in range(21):
        await viewer.send({"t": "set", "s": number + 1, "m": {"a": {"value": number}}})
    await eventually(lambda: viewer.closed_by)
    assert viewer.closed_by == (4403, "more than 20 changes that this page may not make")
    assert told(viewer)[0] == "You may not change a.value: you may look, but not act."
    assert len(told(viewer)) < 10
    assert other.prop("a", "value") == 0


# ---- rights belong to a person


def asks(value: int = 1) -> dict:
    """What a page posts to have the callback without output called."""
    changed = {"id": "act", "property": "n_clicks", "value": value}
    return {"outputs": [], "inputs": [changed], "changedPropIds": ["act.n_clicks"]}


@pytest.fixture
def linked(app, app_server) -> Dash:
    """The app, served with a secret."""
    app_server.run(app, auth="secret")
    return app


@asynccontextmanager
async def entered(app, role="control"):
    """A browser of somebody who comes by the app's one link and has loaded the page."""
    base = app.url.partition("?")[0]
    link = (app.shares or [app.share(role)])[0]
    token = link.url.partition("?share=")[2]
    async with httpx.AsyncClient(base_url=base, headers={"Origin": base.rstrip("/")}, follow_redirects=True) as browser:
        assert (await browser.get("/", params={"share": token})).status_code == 200
        yield browser


def cookies(browser: httpx.AsyncClient, *, without: str = "?") -> str:
    """Its cookies as a header."""
    return "; ".join(f"{each.name}={each.value}" for each in browser.cookies.jar if without not in each.name)


async def test_a_role_that_is_taken_is_taken_from_the_person(linked, tab):
    """Over HTTP with the same cookies, in the other tab, in one that comes, and without our cookie."""
    app, base = linked, linked.url.partition("?")[0]
    output = next(each["output"] for each in parts_of(app).stock.declared() if each["no_output"])
    async with entered(app) as browser, entered(app) as neighbour:
        first = await tab(base, headers={"Cookie": cookies(browser)})
        second = await tab(base, headers={"Cookie": cookies(browser)})
        other = await tab(base, headers={"Cookie": cookies(neighbour)})
        body = {**asks(), "output": output}
        assert (await browser.post("/_dash-update-component", json=body)).status_code == 204
        client_of(app, first).role = "view"
        assert (await browser.post("/_dash-update-component", json=body)).status_code == 403
        assert client_of(app, second).rights == "view"
        assert client_of(app, other).rights == "control"
        assert (await neighbour.post("/_dash-update-component", json=body)).status_code == 204
        third = await tab(base, headers={"Cookie": cookies(browser)})
        assert client_of(app, third).role == "view"
        headers = {"Cookie": cookies(browser, without="-browser-")}
        async with httpx.AsyncClient(base_url=base, headers=dict(browser.headers)) as bare:
            answer = await bare.post("/_dash-update-component", json=body, headers=headers)
            assert answer.status_code == 403, "the least of the link's"
        client_of(app, third).role = "control"
        assert (await browser.post("/_dash-update-component", json=body)).status_code == 204
        assert client_of(app, first).rights == "control"
    assert len(app.acted) == 3


async def test_a_forged_name_of_a_browser_is_none(linked, tab):
    """Its signature is checked: nobody is somebody else by a cookie that was made up."""
    app, base = linked, linked.url.partition("?")[0]
    async with entered(app) as browser:
        first = await tab(base, headers={"Cookie": cookies(browser)})
        client_of(app, first).role = "owner"
        name = next(each.name for each in browser.cookies.jar if "-browser-" in each.name)
        value = browser.cookies[name]
        forged = value[:-1] + ("a" if value[-1] != "a" else "b")
        headers = {"Cookie": f"{cookies(browser, without='-browser-')}; {name}={forged}"}
        stranger = await tab(base, headers=headers)
        assert client_of(app, stranger).role == "control"
        assert client_of(app, stranger).person != client_of(app, first).person


async def test_the_cookie_that_names_a_browser_is_not_for_scripts(linked):
    """It is for the app's path, HttpOnly, and set once."""
    async with entered(linked) as browser:
        (name,) = (each.name for each in browser.cookies.jar if "-browser-" in each.name)
        again = await browser.get("/")
        assert "set-cookie" not in again.headers
        browser.cookies.delete(name)
        answer = await browser.get("/")
        assert re.fullmatch(
            rf"{name}=[\w-]{{16}}\.[0-9a-f]{{32}}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax",
            answer.headers["set-cookie"],
        )
        assert answer.headers["cache-control"] == "private, no-store"


async def test_the_floor_is_given_to_a_person(app, tab):
    """Each tab of the browser has it, and it stays while one of them does."""
    owner = await tab(app, role="owner")
    one = await tab(app, role="view")
    header = {"Cookie": "; ".join(f"{name}={value}" for name, value in one.cookies.items())}
    two = await tab(app, role="view", headers=header)
    app.control.lock(client_of(app, one))
    await two.act("a", "value", 4)
    await owner.expect("b", "children", "4")
    client = client_of(app, two)
    await one.close()
    await eventually(lambda: len(app.clients) == 2)
    assert app.control.holder is client
    await two.close()
    await eventually(lambda: app.control.state == "open")


async def test_a_guests_page_is_told_the_limits_of_its_own_role(linked):
    """What it may send stands in its settings: a viewer's is not what somebody has who may act."""
    told = {}
    for role in ("view", "control"):
        link = linked.share(role)
        base = linked.url.partition("?")[0]
        async with httpx.AsyncClient(base_url=base, follow_redirects=True) as browser:
            page = await browser.get("/", params={"share": link.url.partition("?share=")[2]})
        settings = re.search(r'<script id="_dash-devices-config" type="application/json">(.*?)</script>', page.text)
        assert settings is not None
        told[role] = json.loads(settings[1])
    assert told["view"]["most"] == MESSAGE[Role.VIEW]
    assert told["control"]["most"] == MESSAGE[Role.CONTROL]
    assert told["view"]["body"] == BODY < told["control"]["body"]

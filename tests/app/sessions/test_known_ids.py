"""Only what is there can be set: of ids that a pattern matches anybody could invent any number."""

import json
import re

import httpx
import pytest

from dash_devices_nb import ALL, Dash, Input, Output, dcc, html
from dash_devices_nb.app.api.parts import parts_of
from dash_devices_nb.app.sessions import manager
from dash_devices_nb.testing import Tab, visitor
from tests.support.eventually import eventually


def field(number) -> str:
    """A canonical id."""
    return json.dumps({"field": number}, separators=(",", ":"))


@pytest.fixture
def app() -> Dash:
    """Fields that each page's own callback makes, and their sum, which is everybody's."""
    app = Dash(__name__, suppress_callback_exceptions=True)
    app.layout = html.Div([dcc.Input(id="count", value=3), html.Div(id="fields"), html.Div(id="sum")])

    @app.callback(Output("fields", "children"), Input("count", "value"))
    def fields(count):
        return [dcc.Input(id={"field": number}, value=10) for number in range(count)]

    @app.callback_shared(Output("sum", "children"), Input({"field": ALL}, "value"))
    def total(values):
        return f"{len(values)} fields, {sum(value or 0 for value in values)}"

    return app


async def test_what_a_pages_own_callback_removes_counts_no_more(app, tab):
    """As long as no other page shows it; also after that page has left, and for one that comes."""
    first = await tab(app)
    await first.expect("sum", "children", "3 fields, 30")
    await first.act("count", "value", 1)
    await first.expect("sum", "children", "1 fields, 10")
    await first.act({"field": 0}, "value", 11)
    await first.expect("sum", "children", "1 fields, 11")
    second = await tab(app)
    await first.expect("sum", "children", "3 fields, 31")
    await second.close()
    await first.expect("sum", "children", "1 fields, 11")
    await first.act("count", "value", 0)
    await first.expect("sum", "children", "0 fields, 0")
    await first.act("count", "value", 1)
    await first.expect("sum", "children", "1 fields, 11")


@pytest.mark.parametrize("role", ["owner", "control"])
async def test_invented_ids_are_not_taken(app, tab, role):
    """They are kept nowhere, sent to nobody, and stand in no welcome."""
    guest = await tab(app, role=role, name="Eve", guest=role != "owner")
    other = await tab(app)
    await other.expect("sum", "children", "3 fields, 30")
    for first in range(1000, 3000, 500):
        invented = {field(number): {"value": 1} for number in range(first, first + 500)}
        await guest.send(json.dumps({"t": "set", "s": first, "m": invented}))
    await guest.send(json.dumps({"t": "set", "s": 9000, "m": {field(0): {"value": 5}}}))
    await other.expect("sum", "children", "3 fields, 25")
    assert len(parts_of(app).runtime.dispatcher.state) < 10
    assert not [key for key, _ in parts_of(app).runtime.dispatcher.state.items() if key[0] == field(1000)]
    refusals = [str(entry.what) for entry in app.journal.filter("refusal")]
    assert "is of no component of the layout, nor of one that the page has declared" in refusals[0]


async def test_what_a_page_declares_is_there_until_it_lets_go(app, tab):
    """It counts in patterns, others get its changes, and it goes with its page."""
    page, other = await tab(app), await tab(app)
    await page.send(json.dumps({"t": "here", "ids": [field(7), '{"field": 8}', '{"other":1}', "plain"]}))
    await page.send(json.dumps({"t": "set", "s": 50, "m": {field(7): {"value": 3}, '{"field": 8}': {"value": 9}}}))
    await other.expect("sum", "children", "4 fields, 33")
    assert set(parts_of(app).runtime.dispatcher.declared(page.client_id)) == {field(7)}
    await page.send(json.dumps({"t": "here", "gone": [field(7)]}))
    await other.expect("sum", "children", "3 fields, 30")
    assert parts_of(app).runtime.dispatcher.state.of(field(7)) is None
    await page.send(json.dumps({"t": "here", "ids": [field(7)]}))
    await other.expect("sum", "children", "4 fields, 30")
    await page.close()
    await other.expect("sum", "children", "3 fields, 30")


async def test_what_a_page_declares_that_must_log_in_counts_after_that(app, tab, monkeypatch):
    """Before, it is in nobody's pattern, and bounded; what it had declared before it logs out goes."""
    monkeypatch.setattr(manager, "MOST_DECLARED", 3)
    page, other = await tab(app), await tab(app)
    await other.expect("sum", "children", "3 fields, 30")
    client = next(each for each in app.clients if each.id == page.client_id)
    client.authentication = 0
    await page.send(json.dumps({"t": "here", "ids": [field(number) for number in range(7, 17)]}))
    await page.send(json.dumps({"t": "here", "gone": [field(8)]}))
    await eventually(lambda: len(parts_of(app).runtime.pages[page.client_id].apart) == 2)
    await other.settled()
    assert other.prop("sum", "children") == "3 fields, 30"
    assert not parts_of(app).runtime.dispatcher.declared(page.client_id)
    client.authentication = 1
    await other.expect("sum", "children", "5 fields, 30")
    client.authentication = 0
    await other.expect("sum", "children", "3 fields, 30")
    client.authentication = None
    await other.expect("sum", "children", "5 fields, 30")


async def test_declared_ids_are_bounded_and_need_a_role(app, tab, monkeypatch):
    """Those of all pages of one link together; a viewer, who may set none, declares none."""
    monkeypatch.setattr(manager, "MOST_DECLARED", 10)
    viewer = await tab(app, role="view", guest=True)
    await viewer.send(json.dumps({"t": "here", "ids": [field(100)]}))
    guest = await tab(app, role="control", guest=True)
    await guest.send(json.dumps({"t": "here", "ids": [field(number) for number in range(200, 208)]}))
    await guest.send(json.dumps({"t": "here", "ids": [field(number) for number in range(300, 308)]}))
    await guest.expect("sum", "children", "13 fields, 30")
    assert [entry.what for entry in app.journal.filter("refusal")] == [
        "more than 10 components of one link's own pages"
    ]
    await eventually(lambda: not parts_of(app).runtime.dispatcher.declared(viewer.client_id))


async def test_pages_of_one_link_declare_so_many_ids_together(app, tab, monkeypatch):
    """Another page renews nothing, another link has its own, and what a page has let go makes room."""
    monkeypatch.setattr(manager, "MOST_DECLARED", 10)
    other = await tab(app, role="control", guest=True)
    card = visitor(app, "control", guest=True)
    declared = parts_of(app).runtime.dispatcher.declared

    async def declares(page: Tab, ids: range, gone: range = range(0)) -> None:
        here = {"t": "here", "ids": [field(number) for number in ids], "gone": [field(number) for number in gone]}
        await page.send(json.dumps(here))

    async with Tab(app.url, card) as first, Tab(app.url, card) as second:
        await declares(first, range(100, 108))
        await other.expect("sum", "children", "11 fields, 30")
        await declares(second, range(200, 208))
        await other.expect("sum", "children", "13 fields, 30")
        assert len(declared(second.client_id)) == 2
        await declares(other, range(300, 308))
        await other.expect("sum", "children", "21 fields, 30")
        await declares(first, range(0), gone=range(100, 108))
        await other.expect("sum", "children", "13 fields, 30")
        await declares(second, range(400, 406))
        await other.expect("sum", "children", "19 fields, 30")


@pytest.mark.parametrize("frame", ['{"t":"here","ids":1}', '{"t":"here","ids":[1]}', '{"t":"here","gone":{}}'])
async def test_a_wrong_frame_is_refused(app, tab, frame):
    """With what it takes."""
    page = await tab(app)
    await page.send(frame)
    await eventually(lambda: page.notices)
    assert re.search(r"here\.(ids|gone)(\[0\])?: expected (a list of ids|an id), got ", page.notices[0]["text"])


async def test_an_answer_to_no_known_page_brings_nothing_into_patterns(app, tab):
    """Anybody may ask over HTTP without naming a page, as often as they like: nothing would ever take it away."""
    page = await tab(app)
    await page.expect("sum", "children", "3 fields, 30")
    changed = {"id": "count", "property": "value", "value": 50}
    outputs = {"id": "fields", "property": "children"}
    body = {"output": "fields.children", "outputs": outputs, "inputs": [changed], "changedPropIds": ["count.value"]}
    async with httpx.AsyncClient() as http:
        answer = await http.post(f"{app.url}_dash-update-component", json=body)
    assert len(answer.json()["response"]["fields"]["children"]) == 50
    assert len(parts_of(app).runtime.dispatcher.layout.by_id) == 6
    assert page.prop("sum", "children") == "3 fields, 30"

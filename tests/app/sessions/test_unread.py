"""Requests of a shape that no renderer makes, and frames at which the app itself fails: they are answered."""

from __future__ import annotations

import httpx
import pytest

from dash_devices_nb import Dash, Input, Output, dcc, html
from dash_devices_nb.app.api.parts import parts_of
from tests.support.rawpage import RawPage

SHAPES = {
    "items": {"inputs": [5]},
    "no list": {"inputs": {"id": "a"}},
    "no prop": {"state": [{"id": "a", "value": 1}]},
    "id": {"inputs": [[{"id": 7, "property": "value"}]]},
    "long": {"inputs": [{"id": "x" * 10_001, "property": "value"}]},
    "triggers": {"changedPropIds": [1, "a.value"]},
    "no triggers": {"changedPropIds": 5},
    "null": {"changedPropIds": None},
    "outputs": {"outputs": [None]},
}


@pytest.fixture
def app() -> Dash:
    """A regular callback and a shared one."""
    app = Dash(__name__)
    app.layout = html.Div([dcc.Input(id="a", value=0), dcc.Input(id="c", value=0), html.Div(id="b"), html.Div(id="d")])
    app.callback(Output("b", "children"), Input("a", "value"))(lambda a: f"got {a}")
    app.callback_shared(Output("d", "children"), Input("c", "value"))(lambda c: f"has {c}")
    return app


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
async def test_a_request_of_no_shape_is_refused_and_not_kept(app, tab, shape):
    """Over HTTP and over the WebSocket, and whoever looks through the journal finds no error in it."""
    tab_ = await tab(app)
    body = {
        "output": "b.children",
        "outputs": {"id": "b", "property": "children"},
        "inputs": [{"id": "a", "property": "value", "value": 1}],
        "changedPropIds": ["a.value"],
        **shape,
    }
    async with httpx.AsyncClient() as browser:
        answer = await browser.post(app.url + "_dash-update-component", json=body)
    assert answer.status_code == 400, answer.text
    async with RawPage(app.url) as page:
        await page.send(t="req", n=1, path="_dash-update-component", body=body)
        await page.got(lambda: page.kinds("unread"))
        assert page.kinds("unread")[0]["f"] == 2
    await tab_.act("a", "value", 2)
    await tab_.expect("b", "children", "got 2")
    assert [call.name for call in app.journal.calls(id="a")] == ["<lambda>"] * 2
    repr(list(app.journal))


async def test_a_frame_at_which_the_app_fails_is_told_of_and_given_up(app, tab, monkeypatch):
    """The page keeps its connection, rather than coming back with the same frame for ever."""
    page = await tab(app)

    def broken(*_args, **_kwargs):
        raise ValueError("no changes today")

    await page.act("c", "value", 3)
    await page.expect("d", "children", "has 3")
    with monkeypatch.context() as patched:
        patched.setattr(parts_of(app).runtime.dispatcher, "receive_change", broken)
        await page.act("c", "value", 5)
        await page.expect("c", "value", 3)
        await page.settled()
    assert any("no changes today" in str(error) for error in app.errors)
    assert page.connected
    await page.act("c", "value", 6)
    await page.expect("d", "children", "has 6")
    async with RawPage(app.url) as other:
        await other.got(lambda: other.kinds("welcome"))
        assert len(app.clients) == 2

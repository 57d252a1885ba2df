"""A call always ends: whatever accounts for it raises, its lane and lock are free and the asker is answered."""

from __future__ import annotations

import json
import threading

import httpx
import pytest

from dash_devices_nb import Dash, Input, Output, Services, dcc, html
from dash_devices_nb.app.workers import Workers
from dash_devices_nb.errors import FrameError
from tests.support.eventually import eventually, eventually_sync

NESTED = "[" * 300 + "]" * 300


@pytest.fixture
def app() -> Dash:
    """A serialized regular callback and a shared one, which share a lock."""
    app = Dash(__name__)
    app.layout = html.Div([dcc.Input(id=i, value=0) for i in "ac"] + [html.Div(id=i) for i in "bd"])
    app.callback(Output("b", "children"), Input("a", "value"), service=Services.S2, role="view")(lambda a: f"got {a}")
    app.callback_shared(Output("d", "children"), Input("c", "value"))(lambda c: f"has {c}")
    return app


def body(value: str) -> str:
    """A request for the regular callback, as JSON text."""
    return (
        '{"output":"b.children","outputs":{"id":"b","property":"children"},"changedPropIds":["a.value"],'
        f'"inputs":[{{"id":"a","property":"value","value":{value}}}]}}'
    )


async def test_a_request_that_is_nested_too_deeply_stops_nobody(app, tab):
    """A view guest's frame is refused with the limit; the next call of the same lane runs."""
    guest, owner = await tab(app, role="view", guest=True), await tab(app, role="owner")
    await guest.send(f'{{"t":"req","n":100,"path":"_dash-update-component","body":{body(NESTED)}}}')
    await eventually(lambda: guest.notices)
    assert "at most 254 levels" in app.journal.filter("refusal")[-1].summary
    await owner.act("a", "value", 7)
    await owner.expect("b", "children", "got 7")


@pytest.mark.parametrize("value", [NESTED, "1" * 30, json.dumps("\ud83d")], ids=["nested", "huge", "half an emoji"])
async def test_over_http_such_a_request_gets_400(app, tab, value):
    """The answer names what is taken, and the lane is free."""
    page = await tab(app)
    async with httpx.AsyncClient() as browser:
        url = app.url + "_dash-update-component"
        sent = {"content": body(value), "headers": {"content-type": "application/json"}}
        answer = await browser.post(url, **sent)
    assert answer.status_code == 400
    assert "at most 254 levels, integers of 64 bits and well-formed text" in answer.text
    await page.act("a", "value", 3)
    await page.expect("b", "children", "got 3")


async def test_a_journal_that_raises_keeps_no_call_from_its_end(app, tab, monkeypatch):
    """Both kinds of calls are answered, and the error is kept."""
    page = await tab(app)

    def broken(*_args, **_kwargs):
        raise ValueError("the journal is broken")

    with monkeypatch.context() as patched:
        patched.setattr(app.recorder, "finished", broken)
        for number in (1, 2):
            await page.act("a", "value", number)
            await page.expect("b", "children", f"got {number}")
            await page.act("c", "value", number)
            await page.expect("d", "children", f"has {number}")
    assert any("the journal is broken" in str(error) for error in app.errors)
    await page.act("c", "value", 9)
    await page.expect("d", "children", "has 9")


def test_a_worker_outlives_a_job_that_raises(caplog):
    """The next job runs, and the log has what was raised."""
    workers, done = Workers("test"), threading.Event()

    def fails() -> None:
        raise SystemExit("no more")

    workers.submit(fails)
    workers.submit(done.set)
    eventually_sync(done.is_set)
    eventually_sync(lambda: "a job of test raised" in caplog.text)
    workers.close()


def test_what_is_nested_less_is_taken():
    """254 levels pass, one more does not."""
    from dash_devices_nb.core import wire

    assert wire.parse('{"t":"x","m":' + "[" * 253 + "]" * 253 + "}")["t"] == "x"
    with pytest.raises(FrameError, match="at most 254 levels"):
        wire.parse('{"t":"x","m":' + "[" * 254 + "]" * 254 + "}")

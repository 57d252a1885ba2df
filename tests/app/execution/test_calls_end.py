"""A call always ends: whatever accounts for it raises, its serial queue and lock are free and the asker is answered."""

from __future__ import annotations

import json
import re
import threading
from contextlib import contextmanager

import httpx
import pytest

from dash_devices_nb import Dash, Input, Output, Services, dcc, html
from dash_devices_nb.app.api.parts import parts_of
from dash_devices_nb.app.definitions.registry import Stats
from dash_devices_nb.app.execution.workers import Workers
from dash_devices_nb.app.journal.recorder import Recorder
from dash_devices_nb.core.protocol.page_frames import parse
from dash_devices_nb.errors import FrameError
from dash_devices_nb.kernel.guard import RunningCalls
from dash_devices_nb.kernel.output import CellOutput
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
    """A view guest's frame is refused with the limit; the next call of the same serial queue runs."""
    guest, owner = await tab(app, role="view", guest=True), await tab(app, role="owner")
    await guest.send(f'{{"t":"req","n":100,"path":"_dash-update-component","body":{body(NESTED)}}}')
    await eventually(lambda: guest.notices)
    assert "nested more than 240 levels deep" in app.journal.filter("refusal")[-1].summary
    await owner.act("a", "value", 7)
    await owner.expect("b", "children", "got 7")


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (NESTED, "nested more than 240 levels deep, the most that a page may send"),
        ("1" * 400, "has a number that is none here: whole numbers of at most 64 bits are exact"),
        (json.dumps("\ud83d"), "a text in it is no well-formed Unicode"),
        ("1,", "is not JSON"),
    ],
    ids=["nested", "huge", "half an emoji", "cut"],
)
async def test_over_http_such_a_request_gets_400(app, tab, value, why):
    """The answer names what is taken, and the serial queue is free."""
    page = await tab(app)
    async with httpx.AsyncClient() as browser:
        url = app.url + "_dash-update-component"
        sent = {"content": body(value), "headers": {"content-type": "application/json"}}
        answer = await browser.post(url, **sent)
    assert answer.status_code == 400
    assert why in answer.text
    await page.act("a", "value", 3)
    await page.expect("b", "children", "got 3")


async def test_a_journal_that_raises_keeps_no_call_from_its_end(app, tab, monkeypatch):
    """Both kinds of calls are answered, and the error is kept."""
    page = await tab(app)

    def broken(*_args, **_kwargs):
        raise ValueError("the journal is broken")

    with monkeypatch.context() as patched:
        patched.setattr(parts_of(app).recorder, "finished", broken)
        for number in (1, 2):
            await page.act("a", "value", number)
            await page.expect("b", "children", f"got {number}")
            await page.act("c", "value", number)
            await page.expect("d", "children", f"has {number}")
    assert any("the journal is broken" in str(error) for error in app.errors)
    await page.act("c", "value", 9)
    await page.expect("d", "children", "has 9")


@pytest.mark.parametrize(
    "place",
    [(Recorder, "regular_call"), (Recorder, "shared_call"), (CellOutput, "bound"), (RunningCalls, "run")],
    ids=["regular entry", "shared entry", "output", "guard"],
)
async def test_whatever_fails_around_a_call_keeps_it_not_from_its_end(app, tab, monkeypatch, place):
    """The page's request ends, the serial queues are free, and the calls after it are made."""
    page = await tab(app)

    def broken(*_args, **_kwargs):
        raise ValueError("what is around a call is broken")

    with monkeypatch.context() as patched:
        patched.setattr(*place, broken)
        for number in (1, 2):
            await page.act("a", "value", number)
            await page.act("c", "value", number)
        await page.settled()
        await eventually(lambda: any("around a call is broken" in str(error) for error in app.errors))
    await page.act("a", "value", 9)
    await page.expect("b", "children", "got 9")
    await page.act("c", "value", 9)
    await page.expect("d", "children", "has 9")


@contextmanager
def raises_late(*_args, **_kwargs):
    """Raise at the end of a block."""
    yield
    raise ValueError("what is around a hook is broken")


def raises(*_args, **_kwargs):
    """Raise at once."""
    raise ValueError("what is around a hook is broken")


@pytest.mark.parametrize(
    ("place", "broken"),
    [
        ((CellOutput, "bound"), raises),
        ((CellOutput, "bound"), raises_late),
        ((Stats, "add"), raises),
        ((Recorder, "came"), raises),
        ((Recorder, "pushed"), raises),
    ],
    ids=["output", "end of output", "statistics", "entry of who comes", "entry of what is sent"],
)
async def test_whatever_fails_around_a_connect_hook_keeps_it_not_from_its_end(app, tab, monkeypatch, place, broken):
    """The error is reported, the page works, and the hooks are told of those that come and go after it."""
    told = []

    @app.callback_connect
    def plain(client, connect):
        told.append(("plain", client.id, connect))
        return {"b": {"title": client.id}}

    @app.callback_connect
    async def coroutine(client, connect):
        told.append(("coroutine", client.id, connect))
        return {"d": {"title": client.id}}

    with monkeypatch.context() as patched:
        patched.setattr(*place, broken)
        first = await tab(app)
        await eventually(lambda: any("around a hook is broken" in str(error) for error in app.errors))
        await first.settled()
    second = await tab(app)
    await second.expect("b", "title", second.client_id)
    await second.expect("d", "title", second.client_id)
    await first.close()
    left = [(kind, first.client_id, False) for kind in ("plain", "coroutine")]
    await eventually(lambda: told[-2:] == left)
    await second.act("c", "value", 9)
    await second.expect("d", "children", "has 9")


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
    """240 levels pass, one more does not."""
    assert parse('{"t":"ok","m":' + "[" * 239 + "]" * 239 + "}").t == "ok"
    with pytest.raises(FrameError, match="nested more than 240 levels deep"):
        parse('{"t":"ok","m":' + "[" * 240 + "]" * 240 + "}")


async def test_a_great_number_is_the_one_that_the_page_means(app, tab):
    """JavaScript writes 1e20 as a whole number of 21 digits; it comes as the float that it is there, either way."""
    page = await tab(app)
    await page.act("c", "value", 10**20)
    await page.expect("d", "children", "has 1e+20")
    async with httpx.AsyncClient() as browser:
        url = app.url + "_dash-update-component"
        answer = await browser.post(url, content=body("1" + "0" * 20), headers={"content-type": "application/json"})
    assert answer.json()["response"]["b"]["children"] == "got 1e+20"


@pytest.mark.parametrize(
    "frame",
    [
        {"t": "set", "s": 1, "m": {"x" * 10_001: {"value": 1}}},
        {"t": "set", "s": 1, "m": {"c": {"x" * 1001: 1}}},
        {"t": "want", "ids": {"x" * 10_001: 1}},
        {"t": "req", "n": 50, "path": "_dash-update-component", "query": "", "body": {"output": "x" * 10_001 + ".y"}},
    ],
    ids=["id", "prop", "wanted", "output"],
)
async def test_names_have_a_length(app, tab, frame):
    """An id has at most 10,000 characters, a prop's name 1,000; the page is told, and goes on."""
    page = await tab(app)
    await page.send(json.dumps(frame))
    await eventually(lambda: page.notices)
    assert re.search(
        r"of 10?,?001 characters, 'x{30}'…; (an id has at most 10000|a prop's name has at most 1000)",
        (page.notices[0]["text"]),
    )
    await page.act("c", "value", 2)
    await page.expect("d", "children", "has 2")


async def test_a_frame_that_cannot_be_read_is_answered(app, tab):
    """The page gives up what it carried: a change is undone, a request has failed, and nothing waits for ever."""
    page, other = await tab(app), await tab(app)
    await other.act("c", "value", 5)
    await page.expect("c", "value", 5)
    deep: list = []
    for _ in range(300):
        deep = [deep]
    await page.act("c", "value", deep)
    await page.expect("c", "value", 5)
    await page.act("a", "value", deep)
    await page.settled()
    await other.act("c", "value", 6)
    await page.expect("c", "value", 6)
    await page.act("a", "value", 1)
    await page.expect("b", "children", "got 1")


async def test_deep_values_in_a_deep_layout_break_no_page(app_server, tab):
    """A value within the limit, laid into a layout that is deep itself, goes beyond what the fast writer writes."""
    app = Dash("deep")
    layout = html.Div([dcc.Store(id="deep", data=0), html.Div(id="shown")])
    for _ in range(40):
        layout = html.Div([layout])
    app.layout = layout
    app.callback_shared(Output("shown", "children"), Input("deep", "data"))(lambda data: "set" if data else "not set")
    page = await tab(app)
    value: list = [1]
    for _ in range(230):
        value = [value]
    await page.act("deep", "data", value)
    await page.expect("shown", "children", "set")
    late = await tab(app)
    assert late.prop("deep", "data") == value
    async with httpx.AsyncClient() as browser:
        assert (await browser.get(app.url + "_dash-layout")).status_code == 200

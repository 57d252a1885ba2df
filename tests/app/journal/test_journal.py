"""The journal as a program sees it: shown, as a DataFrame, saved, and cheap."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from benchmarks.journal import measure
from dash_devices_nb import Dash, Input, Output, dcc, html
from dash_devices_nb.app.api.parts import parts_of
from dash_devices_nb.app.execution.event_stream import Raised
from dash_devices_nb.app.journal.journal import AppJournal
from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.journal.entries import CHANGE, CONNECT
from dash_devices_nb.core.props.values import Value
from dash_devices_nb.errors import JournalError
from dash_devices_nb.testing import AppServer, Tab
from dash_devices_nb.testing.serving import visitor
from tests.support.eventually import eventually


@pytest.fixture
def app() -> Dash:
    app = Dash(__name__)
    app.layout = html.Div([dcc.Input(id="target", value=20), html.Div(id="shown"), html.Div(id="own")])

    @app.callback_shared(Output("shown", "children"), Input("target", "value"))
    def show(target):
        return f"{100 / target:g}"

    @app.callback(Output("own", "children"), Input("target", "value"))
    def own(target):
        return f"own {target}"

    return app


async def test_everything_that_happens_is_in_the_journal(app: Dash, app_server: AppServer):
    """Connects, changes, calls with their results, pushes and errors, with who did it, in order."""
    url = app_server.run(app)
    async with Tab(url) as tab:
        await tab.act("target", "value", 25)
        await tab.expect("shown", "children", "4")
        await tab.settled()
        app.push_mods({"target": {"value": 50}})
        await tab.expect("own", "children", "own 50")
        app.push_mods({"own": {"children": "yours"}}, app.clients[0])
        await tab.expect("own", "children", "yours")
        await tab.act("target", "value", 0)
        await tab.settled()
        journal = app.journal
        await eventually(lambda: len(journal.calls("show")) == 4)
        (client,) = app.clients
    (connect,) = journal.filter("connect")
    assert (connect.client, connect.what) == (client, "127.0.0.1")
    assert [entry.summary for entry in journal.filter("change")] == ["target.value = 25", "target.value = 0"]
    assert {entry.client for entry in journal.filter("change")} == {client}
    pushes = journal.filter("push")
    assert [(entry.client, entry.summary) for entry in pushes] == [
        (None, "target.value = 50"),
        (client, "own.children = 'yours'"),
    ]
    initial, first, pushed, failed = journal.calls("show")
    assert (initial.triggered, initial.client, initial.result) == ((), None, "5")
    assert (first.triggered, first.client, first.inputs, first.result) == (
        ("target.value",), client, {"target.value": 25}, "4",
    )  # fmt: skip
    assert (pushed.client, pushed.result) == (None, "2")
    assert (failed.result, type(failed.error), failed.inputs) == (None, ZeroDivisionError, {"target.value": 0})
    assert all(call.seconds >= 0 for call in journal.calls())
    mine = journal.calls("own", client=client, id="own")
    assert [call.inputs["target.value"] for call in mine] == [20, 25, 50, 0]
    assert mine[1].keys == (("target", "value"), ("own", "children"))
    assert mine[1].triggered == ("target.value",)
    assert journal.calls("show", since=journal.filter("push")[0].time) == [pushed, failed]


async def test_a_calls_seconds_are_those_of_its_function(app: Dash, app_server: AppServer):
    """The traceback of a call that raises takes longer than the call, and is not counted."""
    url = app_server.run(app)
    parts_of(app).runtime.subscribe(Raised, lambda event: time.sleep(0.3))
    async with Tab(url) as tab:
        await tab.act("target", "value", 0)
        failed = await eventually(lambda: [call for call in app.journal.calls("show") if call.error])
    assert 0 <= failed[0].seconds < 0.3
    assert app.callbacks["show"].stats.worst < 0.3


async def test_a_change_that_was_not_taken_is_a_refusal(app: Dash, app_server: AppServer):
    """What the app did not apply is no change in the journal, so a replay does not apply it either."""
    app_server.run(app)
    async with Tab(app.url) as tab:
        await tab.send({"t": "set", "s": 1, "m": {"nothing": {"value": 1}}})
        (refusal,) = await eventually(lambda: app.journal.filter("refusal"))
        assert app.journal.filter("change") == []
        assert refusal.what == "nothing.value is not shared: no shared callback uses it"


async def test_a_viewer_cannot_flush_the_journal(app: Dash, app_server: AppServer, tab: Any):
    """Refused frames and requests, reconnects, and calls that compute for its page: the owner's older entries stay."""
    app.layout.children.append(dcc.Input(id="mine"))
    app.callback(Output("own", "title"), Input("mine", "value"), prevent_initial_call=True)(lambda mine: f"own {mine}")
    app.journal.limit = 100
    owner, viewer = await tab(app, role="owner"), await tab(app, role="view", name="Eve", guest=True)
    for number in range(1, 11):
        await owner.act("target", "value", number)
        await owner.expect("shown", "children", f"{100 / number:g}")
    kept = [(entry.number, entry.kind) for entry in app.journal.filter(client=owner.client_id)]
    assert [kind for _, kind in kept].count("change") == 10
    for number in range(1, 151):
        await viewer.send({"t": "set", "s": number, "m": {"target": {"value": number}}})
    await eventually(lambda: len(app.journal) == 100 and app.journal[-1].kind == "refusal")
    for number in range(30):
        await viewer.act("mine", "value", number)
        await viewer.expect("own", "title", f"own {number}")
    for _ in range(10):
        await (await tab(app, role="view", name="Eve", guest=True)).close()
    async with httpx.AsyncClient(headers=visitor(app, role="view", guest=True)) as http:
        body = {"output": "own.children", "inputs": [{"id": "target", "property": "value", "value": 1}]}
        for _ in range(30):
            await http.post(f"{app.url.partition('?')[0]}_dash-update-component", json=body)
    await eventually(lambda: len(app.clients) == 2)
    await owner.act("target", "value", 11)
    await owner.expect("shown", "children", f"{100 / 11:g}")
    assert len(app.journal) == 100
    found = [(entry.number, entry.kind) for entry in app.journal.filter(client=owner.client_id)]
    assert found[: len(kept)] == kept


def test_a_notebook_shows_the_last_entries():
    """A table of the last 50, a line that says how many more there are, and no markup of the values' own."""
    journal = AppJournal()
    nasty = Client("<script>", connect_time=0.0, username="<b>anne</b>")
    journal.add(0.0, CONNECT, nasty, "<img src=x>")
    few = journal._repr_html_()
    assert "<script>" not in few
    assert "<b>" not in few
    assert "&lt;b&gt;anne&lt;/b&gt;" in few
    assert "&lt;img src=x&gt;" in few
    assert "not shown" not in few
    for number in range(69):
        journal.add(float(number), CHANGE, None, {("<i>", "value"): Value.of(f"value {number}")})
    many = journal._repr_html_()
    assert many.count("<tr>") == 1 + 50
    assert "20 earlier entries are not shown; app.journal.filter(...) finds them" in many
    assert "value 68" in many
    assert "value 18&" not in many
    assert "<i>" not in many


async def test_the_journal_becomes_a_data_frame(app: Dash, app_server: AppServer):
    """One row an entry, the time as the index, calls with their names, seconds and errors."""
    app_server.run(app)
    async with Tab(app.url) as tab:
        await tab.act("target", "value", 0)
        await tab.settled()
    frame = app.journal.to_frame()
    assert frame.index.name == "time"
    assert str(frame.index.tz) == "UTC"
    assert len(frame) == len(app.journal)
    calls = frame[frame.kind == "call"]
    assert list(calls[calls.name == "show"].error.fillna("")) == ["", "ZeroDivisionError('division by zero')"]
    assert (calls.seconds >= 0).all()
    change = frame[frame.kind == "change"].iloc[0]
    assert (change.what, change["size"]) == ("target.value = 0", 1)
    assert change.client == frame[frame.kind == "connect"].iloc[0].client


def test_without_pandas_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch):
    """The error says how to get pandas."""
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(JournalError, match=r"app.journal.to_frame\(\) needs pandas: %pip install pandas"):
        AppJournal().to_frame()


def test_a_path_that_cannot_be_written_is_one_sentence(tmp_path: Path):
    """A directory that is not there, or is a directory itself: the error says what to give, and nothing is left."""
    journal = AppJournal()
    for path, reason in ((tmp_path / "none" / "s.jsonl", "No such file or directory"), (tmp_path, "Is a directory")):
        with pytest.raises(JournalError) as caught:
            journal.save(path)
        assert str(caught.value) == (
            f"the journal cannot be written to {str(path)!r} ({reason}); "
            "give the path of a file in a directory that exists and that you may write to"
        )
    assert list(tmp_path.parent.glob("*.part")) == []
    for path in ("", "/", ".", None, 7):
        with pytest.raises(JournalError, match=r"give the path of a file, such as app.journal.save\('session.jsonl'\)"):
            journal.save(path)  # type: ignore[arg-type]


def test_an_entry_costs_little():
    """Far less than a callback's own way: within a hundred appends to a deque (measured: 3 to 18)."""
    base, *entries = measure(count=2000, repeats=5)
    for entry in entries:
        assert min(entry.times) < 100 * min(base.times), entry.label

"""A session is saved, and replayed on an app of the same program: the outcome is the same."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from pathlib import Path

import pytest

from dash_devices_nb import Dash, Input, Output, Patch, State, callback_context, dcc, html, replay, replay_coro
from dash_devices_nb.app.api.parts import parts_of
from dash_devices_nb.app.journal.recorder import Recorder
from dash_devices_nb.app.journal.recording_player import RecordingPlayer
from dash_devices_nb.core.callbacks.services import Services
from dash_devices_nb.errors import ReplayError
from dash_devices_nb.kernel.output import CellOutput
from dash_devices_nb.testing import AppServer, Tab
from tests.support.eventually import eventually, eventually_sync


def program() -> tuple[Dash, list[object]]:
    """A device with a history: what comes out depends on the order of what came in."""
    app = Dash("device")
    app.layout = html.Div(
        [
            dcc.Input(id="target", value=20),
            dcc.Input(id="gain", value=1),
            html.Div(id="power"),
            html.Div(id="log", children=[]),
            html.Div(id="note"),
            html.Button(id="go"),
            html.Div(id="done"),
        ]
    )
    seen: list[object] = []

    @app.callback_shared(Output("power", "children"), Input("target", "value"), State("gain", "value"))
    def control(target, gain):
        seen.append((target, gain))
        app.push_mods({"note": {"children": f"control saw {target}"}})
        return target * gain

    @app.callback_shared(Output("log", "children"), Input("power", "children"), State("log", "children"))
    async def keep(power, log):
        return [*log, power]

    @app.callback(Output("done", "children"), Input("go", "n_clicks"), prevent_initial_call=True)
    def go(clicks):
        app.push_mods({"gain": {"value": clicks + 10}})
        return "done"

    @app.callback_shared(None, Input("gain", "value"))
    def gained(gain):
        seen.append(gain)

    return app, seen


def state(app: Dash) -> dict[str, object]:
    with parts_of(app).runtime.lock:
        return {".".join(key): entry.value.plain for key, entry in parts_of(app).runtime.dispatcher.state.items()}


@pytest.fixture
async def session(app_server: AppServer, tmp_path: Path) -> tuple[Path, dict[str, object], list[object]]:
    """A recorded session of two people, its outcome, and the calls that it made."""
    app, seen = program()
    url = app_server.run(app)
    async with Tab(url) as anne, Tab(url) as ben:
        # `gained` and `control` run at once: only what has ended stands in a certain order.
        await anne.act("target", "value", 30)
        await eventually(lambda: (30, 1) in seen)
        await ben.act("gain", "value", 2)
        await eventually(lambda: 2 in seen)
        await anne.act("target", "value", 40)
        await eventually(lambda: (40, 2) in seen)
        await ben.act("go", "n_clicks", 1)
        await ben.expect("done", "children", "done")
        await eventually(lambda: 11 in seen)
        await ben.act("target", "value", 50)
        # `keep` gives a whole list: a push before it would be lost.
        await ben.expect("log", "children", [20, 30, 80, 550])
        app.push_mods({"log": {"children": _appended("a push")}})
        app.push_mods({"done": {"children": "for one"}}, app.clients[0])
        await ben.expect("log", "children", [20, 30, 80, 550, "a push"])
    path = app.journal.save(tmp_path / "session.jsonl")
    app_server.stop(app)
    return path, state(app), seen


def _appended(item: object) -> Patch:
    patch = Patch()
    patch.append(item)
    return patch


async def test_the_outcome_of_a_replay_is_the_same(session, app_server: AppServer):
    """As fast as possible: the same calls in the same order, and the same shared state."""
    path, outcome, seen = session
    assert outcome["log.children"] == [20, 30, 80, 550, "a push"]
    app, again = program()
    app_server.run(app)
    summary = await replay_coro(path, app, speed=None)
    assert state(app) == outcome
    assert again == seen
    assert (summary.changes, summary.clients, summary.missing) == (4, 2, 0)
    assert (summary.pushes, summary.left_out) == (2, 5)
    assert str(summary).startswith("4 changes of 2 clients and 2 pushes in ")
    assert "5 pushes left out (made again by their callbacks, or to one client who has no page here)" in str(summary)
    clients = {entry.client.username or entry.client.id for entry in app.journal.filter("change")}
    assert clients == {"replayed-1", "replayed-2"}, "stand-ins, told apart as then"


@pytest.mark.parametrize(
    ("place", "called"),
    [
        ((Recorder, "changed"), True),
        ((Recorder, "pushed"), True),
        ((Recorder, "finished"), True),
        ((Recorder, "shared_call"), False),
        ((CellOutput, "bound"), False),
    ],
    ids=["changes", "pushes", "calls", "entry", "output"],
)
async def test_a_replay_ends_whatever_fails_around_its_calls(
    session, app_server: AppServer, monkeypatch: pytest.MonkeyPatch, place: tuple[type, str], called: bool
):
    """All is fed, the error is reported, and what is called comes to the same."""
    path, outcome, _ = session
    app, _ = program()
    app_server.run(app)
    await eventually(lambda: state(app).get("log.children") == [20])

    def broken(*_args: object, **_kwargs: object) -> None:
        raise ValueError("what is around a call is broken")

    with monkeypatch.context() as patched:
        patched.setattr(*place, broken)
        async with asyncio.timeout(20):
            summary = await replay_coro(path, app, speed=None)
    assert (summary.changes, summary.pushes) == (4, 2)
    assert any("around a call is broken" in str(error) for error in app.errors)
    assert (state(app) == outcome) is called
    app.push_mods({"target": {"value": 3}})
    await eventually(lambda: state(app)["note.children"] == "control saw 3")


async def test_a_call_that_is_made_again_is_sent_though_the_journal_fails(
    app_server: AppServer, monkeypatch: pytest.MonkeyPatch
):
    """`replay(send=True)` returns what the function returned, pages get it, and the error is reported."""
    app, _ = program()
    async with Tab(app_server.run(app)) as anne:
        await anne.act("target", "value", 30)
        await anne.expect("power", "children", 30)
        call = await eventually(lambda: app.journal.calls("control")[1:])
        app.push_mods({"power": {"children": "overwritten"}})
        await anne.expect("power", "children", "overwritten")

        def broken(*_args: object, **_kwargs: object) -> None:
            raise ValueError("the journal is broken")

        with monkeypatch.context() as patched:
            patched.setattr(Recorder, "pushed", broken)
            assert call[0].replay(send=True) == 30
            await anne.expect("power", "children", 30)
        assert any("the journal is broken" in str(error) for error in app.errors)


async def test_what_went_to_one_client_goes_to_the_page_in_its_place(app_server: AppServer, tmp_path: Path):
    """The order of coming counts; what shared callbacks push to the client that acted, they push to that page again."""

    def made() -> Dash:
        app, _ = program()

        @app.callback_shared(None, Input("go", "n_clicks"))
        def went(clicks):
            app.push_mods({"note": {"children": f"your click {clicks}"}}, callback_context.client)

        return app

    app = made()
    url = app_server.run(app)
    async with Tab(url) as anne, Tab(url) as ben:
        app.push_mods({"done": {"children": "for Anne"}}, app.clients[0])
        app.push_mods({"done": {"children": "for Ben"}}, app.clients[1])
        await ben.act("go", "n_clicks", 1)
        await ben.expect("note", "children", "your click 1")
        # The click is shared: each page calls `go`, whose "done" follows.
        for each in (anne, ben):
            await each.expect("done", "children", "done")
        assert "for Anne" in anne.history("done", "children")
    path = app.journal.save(tmp_path / "session")
    app_server.stop(app)
    other = made()
    url = app_server.run(other)
    async with Tab(url) as first:
        summary = await replay_coro(path, other, speed=None)
        await first.expect("go", "n_clicks", 1)
        await first.expect("done", "children", "done")
        assert "for Anne" in first.history("done", "children")
        assert "for Ben" not in first.history("done", "children")
        assert "your click 1" not in first.history("note", "children")
        assert summary.left_out == len([each for each in app.journal.filter("push") if each.what]) - summary.pushes
        async with Tab(url) as second:
            again = await replay_coro(path, other, speed=None)
            assert (again.pushes, again.left_out) == (summary.pushes + 1, summary.left_out - 1)
            await second.expect("note", "children", "your click 1")
            assert second.history("done", "children")[-1] in ("for Ben", "done")
            assert "your click 1" not in first.history("note", "children")


def test_a_cell_may_replay_and_what_it_replayed_can_be_saved(app_server: AppServer, tmp_path: Path):
    """`replay` blocks until the callbacks are done; a replayed session is a session."""
    app, seen = program()
    app_server.run(app)
    eventually_sync(lambda: state(app).get("log.children") == [20])
    app.push_mods({"target": {"value": 7}})
    eventually_sync(lambda: state(app)["log.children"] == [20, 7])
    first = app.journal.save(tmp_path / "a.jsonl")
    other, again = program()
    app_server.run(other)
    assert replay(first, other, speed=0).pushes == 1
    assert again == seen
    third, once_more = program()
    app_server.run(third)
    replay(str(other.journal.save(tmp_path / "b.jsonl")), third, speed=None)
    assert once_more == seen
    assert state(third) == state(other) == state(app)


def test_the_recorded_timing_is_kept(app_server: AppServer, tmp_path: Path):
    """Events come when they came, or twice as fast."""
    path = tmp_path / "timed.jsonl"
    lines = [
        {"format": "dash_devices_nb session", "version": 1, "app": "device", "started": 1.0, "missing": 0},
        {"at": 0.0, "t": "connect", "client": 1},
        {"at": 0.2, "t": "change", "client": 1, "mods": {"target": {"value": 1}}},
        {"at": 0.6, "t": "change", "client": 1, "mods": {"target": {"value": 2}}},
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    app, _ = program()
    app_server.run(app)
    for speed, least in ((1.0, 0.6), (2.0, 0.3), (None, 0.0)):
        began = time.monotonic()
        summary = replay(path, app, speed=speed)
        assert time.monotonic() - began >= least
        assert summary.seconds >= least
        first, second = app.journal.filter("change")[-2:]
        assert second.time - first.time >= least * 2 / 3 - 0.02


async def test_a_change_of_a_pages_own_callback_is_replayed(app_server: AppServer, tmp_path: Path):
    """What a page's own callback set is in the recording, since no page is there to set it again."""

    def made() -> Dash:
        app = Dash("device")
        app.layout = html.Div([dcc.Input(id="a", value=1), dcc.Input(id="b", value=0), html.Div(id="c")])

        @app.callback(Output("b", "value"), Input("a", "value"))
        def b(a):
            return a * 10

        @app.callback_shared(Output("c", "children"), Input("b", "value"), State("a", "value"))
        def c(b, a):
            return f"{a} {b}"

        return app

    app = made()
    url = app_server.run(app)
    async with Tab(url) as anne, Tab(url) as ben:
        await anne.act("a", "value", 2)
        for tab in (anne, ben):
            await tab.expect("c", "children", "2 20")
            await tab.settled()
    other = made()
    app_server.run(other)
    await replay_coro(app.journal.save(tmp_path / "s.jsonl"), other, speed=None)
    assert state(other) == state(app)


@pytest.fixture
def looks(monkeypatch) -> tuple[list[bool], threading.Event]:
    """Whether a replay waited, each time that it looked whether to; and an event, which is set when it has looked."""
    found, event, look = [], threading.Event(), RecordingPlayer.waits

    def waits(self: RecordingPlayer) -> bool:
        found.append(look(self))
        event.set()
        return found[-1]

    monkeypatch.setattr(RecordingPlayer, "waits", waits)
    return found, event


async def test_a_replay_waits_for_an_app_that_starts(app_server: AppServer, session, looks):
    """It fed an app that had a loop and a URL, but no layout yet: no callback was called, and `replay` returned."""
    path, outcome, seen = session
    app, again = program()
    content, (found, looked) = app.layout, looks

    def layout() -> html.Div:
        if app.url:  # and not when it is declared
            looked.wait(20)
        return content

    app.layout = layout
    starting = asyncio.ensure_future(asyncio.to_thread(app_server.run, app))
    await eventually(lambda: app.url)
    await replay_coro(path, app, speed=None)
    assert found[0]
    assert again == seen
    assert state(app) == outcome
    await starting


def test_the_first_calls_without_a_queue_are_waited_for(app_server: AppServer, tmp_path: Path, looks):
    """They are in no serial queue, and ran on while the first events were fed."""
    (found, looked), order = looks, []
    app = Dash("device")
    app.layout = html.Div([dcc.Input(id="a", value=1), html.Div(id="b")])

    @app.callback_shared(
        Output("b", "children"), Input("a", "value"), service=Services.SHARED & ~Services.SERIALIZED_CALLBACK
    )
    def b(a):
        if a == 1:
            looked.wait(20)
        order.append(a)
        return a

    line = {"format": "dash_devices_nb session", "version": 1, "app": "device", "started": 1.0, "missing": 0}
    path = tmp_path / "s.jsonl"
    path.write_text("\n".join(map(json.dumps, (line, {"at": 0.0, "t": "push", "mods": {"a": {"value": 2}}}))))
    app_server.run(app)
    replay(path, app, speed=None)
    assert found[0]
    assert order == [1, 2]


async def test_what_cannot_be_replayed_is_said(app_server: AppServer, tmp_path: Path):
    """An app that does not run, a file that is not there or is none, a speed that is none, a coroutine."""
    app, _ = program()
    foreign = tmp_path / "x.csv"
    foreign.write_text("a,b\n1,2\n")
    with pytest.raises(ReplayError, match=r"^the app does not run; call app.run\(\) first, then replay\(path, app\)$"):
        replay(foreign, app)
    app_server.run(app)
    with pytest.raises(ReplayError, match=r"no.jsonl' cannot be read \(No such file or directory\); give the path"):
        replay(tmp_path / "no.jsonl", app)
    with pytest.raises(ReplayError, match=r"x.csv is not a recorded session \(line 1 does not say so\)"):
        replay(foreign, app)
    for speed in (-1, "fast", True, float("nan")):
        with pytest.raises(ReplayError, match=f"speed={speed!r}; it takes a number"):
            replay(foreign, app, speed=speed)


async def test_a_recording_that_does_not_fit_names_its_line(app_server: AppServer, tmp_path: Path):
    """A Patch of a list on an app where there is a number."""
    app, _ = program()
    path = tmp_path / "s.jsonl"
    operation = {"operation": "Append", "location": ["deep", "er"], "params": {"value": 1}}
    mods = {"target": {"value": {"__dash_patch_update": "__dash_patch_update", "operations": [operation]}}}
    lines = [
        {"format": "dash_devices_nb session", "version": 1, "app": "device", "started": 1.0, "missing": 0},
        {"at": 0.0, "t": "push", "mods": mods},
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    app_server.run(app)
    with pytest.raises(ReplayError, match=r"line 2 of .*s.jsonl does not fit this app: "):
        await replay_coro(path, app, speed=None)

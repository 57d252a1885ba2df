"""The journal's memory is bounded: large values and tracebacks of old entries go, entries and what is in hand stay."""

from __future__ import annotations

import gc
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from dash_devices_nb import Dash, Input, Output, dcc, html, replay
from dash_devices_nb.app.api.parts import parts_of
from dash_devices_nb.app.client_session import ClientSession
from dash_devices_nb.app.journal.journal import AppJournal
from dash_devices_nb.core.journal.entries import PUSH
from dash_devices_nb.core.journal.retention import FRAMES
from dash_devices_nb.core.props.values import Value
from dash_devices_nb.errors import JournalError
from dash_devices_nb.testing import AppServer, Tab
from tests.support.eventually import eventually

LARGE = 100_000


@pytest.fixture
def app() -> Dash:
    app = Dash(__name__)
    app.layout = html.Div(
        [dcc.Input(id="target", value=""), html.Div(id="shown"), dcc.Input(id="mine", value=""), html.Div(id="own")]
    )

    @app.callback_shared(Output("shown", "children"), Input("target", "value"))
    def show(target):
        return len(target) if target != "bad" else 1 / 0

    @app.callback(Output("own", "children"), Input("mine", "value"))
    def own(mine):
        return mine

    return app


def test_large_values_of_old_pushes_are_let_go():
    """3000 pushes of 100 kB keep their entries, and 8 MB; the newest is kept however large it is."""
    journal = AppJournal(memory=8_000_000)
    tracemalloc.start()
    try:
        for number in range(3000):
            journal.add(float(number), PUSH, None, {("spectrum", "figure"): Value(b'"%100000d"' % number)})
            journal.add(float(number), PUSH, None, {("target", "value"): Value.of(number)})
        taken, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert journal.held <= 8_000_000
    assert most < 2 * 8_000_000
    assert taken > 7_000_000, "what fits is there"
    assert len(journal) == 6000
    gone, small = journal[0], journal[1]
    assert gone.summary == f"spectrum.figure (let go: {LARGE + 2} bytes)"
    assert (gone.size, gone.keys) == (LARGE + 2, (("spectrum", "figure"),))
    assert small.summary == "target.value = 0"
    assert journal[-2].what["spectrum", "figure"].plain == f"{2999:{LARGE}}"
    assert f"let go: {LARGE + 2} bytes" in AppJournal._repr_html_(journal) or journal.limit > 50
    journal.memory = 0
    assert journal.held == LARGE + 2
    assert isinstance(journal[-2].what, dict)
    journal.clear()
    assert journal.held == 0


@pytest.mark.parametrize("memory", [-1, 1.5, True, "10", None])
def test_a_memory_that_is_no_number_of_bytes_is_refused(memory: object):
    """The message says what it takes."""
    with pytest.raises(ValueError, match="it takes a whole number of bytes, 0 or more"):
        AppJournal().memory = memory  # type: ignore[assignment]


async def test_a_call_in_hand_stays_whole_while_the_journals_own_is_let_go(app: Dash, app_server: AppServer):
    """Of both kinds: what was let go says so; the one in hand can still be looked at and called again."""
    app_server.run(app)
    app.journal.memory = 6 * LARGE
    async with Tab(app.url) as tab:
        for name in ("target", "mine"):
            await tab.act(name, "value", "a" * LARGE)
            await tab.settled()
        hands = [app.journal.calls("show")[-1], app.journal.calls("own")[-1]]
        for _ in range(4):
            for name in ("target", "mine"):
                await tab.act(name, "value", "b" * LARGE)
                await tab.settled()
    for call, name in zip(hands, ("target", "mine"), strict=True):
        assert call.inputs == {f"{name}.value": "a" * LARGE}
        assert call.replay() == (LARGE if name == "target" else "a" * LARGE)
        past = app.journal.calls(call.name)[1]
        assert (past.name, past.seconds, past.keys, str(past)) == (call.name, call.seconds, call.keys, str(call))
        for look in ("inputs", "state", "result", "replay"):
            with pytest.raises(JournalError, match=rf"this call of {call.name}, because later calls needed the memory"):
                getattr(past, look)()
    assert len(app.journal._repr_html_()) < 100_000
    assert len(app.journal.to_frame()) == len(app.journal)


def failures(app: Dash) -> list[Any]:
    return [call for call in app.journal.calls("show") if call.error]


async def test_old_errors_lose_their_frames(app: Dash, app_server: AppServer):
    """The last 20 have theirs, in the journal and in `app.errors`; of the others type and text are kept."""
    app_server.run(app)
    async with Tab(app.url) as tab:
        await tab.act("target", "value", "bad")
        (first,) = await eventually(lambda: failures(app))
        for _ in range(FRAMES + 5):
            await tab.act("target", "value", "bad")
        failed = await eventually(lambda: (found := failures(app))[FRAMES + 5 :] and found)
    assert [call.error.__traceback__ is None for call in failed] == [True] * 6 + [False] * FRAMES
    assert {repr(call.error) for call in failed} == {"ZeroDivisionError('division by zero')"}
    assert failed[0].inputs == {"target.value": "bad"}
    assert first.error.__traceback__ is not None, "it is in hand"
    assert len(app.errors) == FRAMES


async def test_a_page_that_left_is_not_held(app: Dash, app_server: AppServer):
    """The calls that it asked for are in the journal; the page, with what waited for it, is not."""
    app_server.run(app)
    async with Tab(app.url) as tab:
        await tab.act("mine", "value", "x")
        await tab.settled()
    await eventually(lambda: app.journal.filter("disconnect"))
    assert [call.result for call in app.journal.calls("own")]

    def pages() -> list[ClientSession]:
        gc.collect()
        return [
            each
            for each in gc.get_objects()
            if isinstance(each, ClientSession) and each._runtime is parts_of(app).runtime
        ]

    await eventually(lambda: not pages())


async def test_a_saved_session_says_what_it_lacks(app: Dash, app_server: AppServer, tmp_path: Path):
    """A replay leaves it out and counts it."""
    app_server.run(app)
    app.journal.memory = 3 * LARGE
    app.push_mods({"target": {"value": "a" * LARGE}})
    app.push_mods({"target": {"value": "b" * LARGE}})
    # The calls hold their arguments: with the second one it is too much.
    await eventually(lambda: "let go" in app.journal.filter("push")[0].summary)
    path = app.journal.save(tmp_path / "session")
    assert b'"gone":[["target","value"]]' in path.read_bytes()
    summary = replay(path, app, speed=None)
    assert (summary.pushes, summary.missing) == (1, 1)
    assert "the journal had dropped 1 events, or their values" in str(summary)

"""Whatever stands around a call or a hook may raise anything: who waits is answered, and the next one runs."""

from __future__ import annotations

import asyncio
import threading

import pytest

from dash_devices_nb import Dash, Input, Output, Services, dcc, html
from dash_devices_nb.app.api.parts import parts_of
from dash_devices_nb.app.execution.completion import Completion
from dash_devices_nb.app.execution.event_stream import Raised
from dash_devices_nb.app.execution.runtime import Runtime, settle
from dash_devices_nb.app.execution.workers import Workers
from tests.support.eventually import eventually
from tests.support.rawpage import RawPage


@pytest.fixture
def app() -> Dash:
    """A serialized regular callback, a shared one behind another, and a box."""
    app = Dash(__name__)
    app.layout = html.Div([dcc.Input(id=i, value=0) for i in "ac"] + [html.Div(id=i) for i in "bde"])
    app.callback(Output("b", "children"), Input("a", "value"), service=Services.S2)(lambda a: f"got {a}")
    app.callback_shared(Output("d", "children"), Input("c", "value"))(lambda c: f"has {c}")
    app.callback_shared(Output("e", "children"), Input("d", "children"))(lambda d: f"{d}!")
    return app


@pytest.fixture
def runtime() -> Runtime:
    """One that does not run, and keeps what it is told of."""
    runtime = Runtime("alone")
    runtime.subscribe(Raised, lambda event: runtime.errors.append(event.error))
    return runtime


# ---- one ending


def test_a_call_ends_once_and_says_what_was_raised():
    """What its end raises is reported, too, and nothing comes out of it."""
    ends: list[str] = []
    told: list[BaseException] = []

    def finish(result: str) -> None:
        ends.append(result)
        raise SystemExit("at the end")

    completion = Completion(finish, "nothing", told.append)
    with completion:
        completion.set_result("something")
        raise ValueError("after it")
    completion.end()
    assert ends == ["something"]
    assert [str(error) for error in told] == ["after it", "at the end"]


async def test_a_cancelled_coroutine_ends_its_call_and_stays_cancelled():
    """It is no fault, and is not reported."""
    ends: list[str] = []
    told: list[BaseException] = []

    async def call() -> None:
        with Completion(ends.append, "nothing", told.append):
            await asyncio.Event().wait()

    task = asyncio.create_task(call())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (ends, told) == (["nothing"], [])


def test_what_cannot_be_run_ends_one_after_the_other(runtime):
    """However many calls wait for one whose loop somebody has closed: the end of each starts the next."""
    left = 5000
    runtime.callback_loop = asyncio.new_event_loop()
    runtime.callback_loop.close()

    async def call() -> None: ...

    def ended() -> None:
        nonlocal left
        left -= 1
        if left:
            runtime.spawn(call, ended)

    runtime.spawn(call, ended)
    assert left == 0


async def test_a_call_that_is_cancelled_before_its_first_step_ends(runtime):
    """As when the app is stopped in that moment."""
    ended = asyncio.Event()
    runtime.callback_loop = asyncio.get_running_loop()

    async def call() -> None:
        raise AssertionError("it was to be cancelled")

    runtime.spawn(call, ended.set)
    await asyncio.sleep(0)
    for task in list(runtime._tasks):
        task.cancel()
    await asyncio.wait_for(ended.wait(), 5)


@pytest.mark.parametrize("kind", [StopIteration, SystemExit, KeyboardInterrupt, asyncio.CancelledError])
async def test_what_a_worker_raises_comes_to_who_waits_for_it(runtime, kind):
    """Also what a future does not take, and what would end the loop."""

    def fails() -> None:
        raise kind

    with pytest.raises(RuntimeError, match=f"stopped by {kind.__name__}"):
        await asyncio.wait_for(runtime.in_worker(fails), 5)
    settle(asyncio.get_running_loop().create_future(), None)
    runtime.workers.close()


def test_a_job_for_which_there_is_no_thread_is_refused_or_waits(monkeypatch):
    """The system gives no more threads: it runs in one that there is, or who asks is told at once."""
    workers, first, second, go = Workers("few"), threading.Event(), threading.Event(), threading.Event()

    def holds() -> None:
        first.set()
        assert go.wait(5)

    workers.submit(holds)
    assert first.wait(5)

    def none(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", none)
        workers.submit(second.set)
        with pytest.raises(RuntimeError, match="cannot start a thread"):
            Workers("none").submit(second.set)
    assert not second.is_set()
    go.set()
    assert second.wait(5)
    workers.close()


# ---- calls


async def test_an_answer_that_cannot_be_delivered_is_an_error_and_frees_the_lane(app, tab, monkeypatch):
    """The page is told, and asks again."""
    page = await tab(app)

    def broken(*_args):
        raise ValueError("no chain today")

    with monkeypatch.context() as patched:
        patched.setattr(parts_of(app).regular.speculation, "finish", broken)
        await page.act("a", "value", 1)
        await page.settled()
    assert any("no chain today" in str(error) for error in app.errors)
    await page.act("a", "value", 2)
    await page.expect("b", "children", "got 2")


@pytest.mark.parametrize("component", ["a", "c"])
async def test_a_call_that_cannot_be_begun_ends(app, tab, monkeypatch, component):
    """Its asker is answered, and the next one runs, in a serial queue or without one."""
    app.callback(Output("e", "title"), Input("c", "value"))(lambda c: f"title {c}")
    page = await tab(app)

    def broken(*_args, **_kwargs):
        raise ValueError("no threads today")

    with monkeypatch.context() as patched:
        patched.setattr(parts_of(app).regular, "_begin", broken)
        await page.act(component, "value", 1)
        await page.settled()
    assert any("no threads today" in str(error) for error in app.errors)
    await page.act("a", "value", 2)
    await page.expect("b", "children", "got 2")
    await page.act("c", "value", 2)
    await page.expect("e", "title", "title 2")


async def test_a_result_that_the_state_does_not_take_is_a_failure(app, tab, monkeypatch):
    """What hangs on it goes on, and the next call runs."""
    page = await tab(app)
    store = parts_of(app).runtime.dispatcher.store
    prepare = store.prepare

    def broken(mods):
        if ("d", "children") in mods:
            raise ValueError("not this one")
        return prepare(mods)

    with monkeypatch.context() as patched:
        patched.setattr(store, "prepare", broken)
        await page.act("c", "value", 1)
        await eventually(lambda: any("not this one" in str(error) for error in app.errors))
    await page.act("c", "value", 2)
    await page.expect("e", "children", "has 2!")


async def test_a_page_that_cannot_be_sent_to_keeps_no_call_from_running(app, tab, monkeypatch):
    """One action of several fails: the others are done."""
    page = await tab(app)

    def broken(action):
        raise ValueError("no page today")

    with monkeypatch.context() as patched:
        patched.setattr(parts_of(app).runtime, "_send", broken)
        await page.act("c", "value", 3)
        await eventually(
            lambda: len(app.journal.calls()) >= 2 and parts_of(app).runtime.dispatcher.value(("e", "children"))
        )
        await eventually(lambda: parts_of(app).runtime.dispatcher.value(("e", "children")).plain == "has 3!")
    assert any("no page today" in str(error) for error in app.errors)


@pytest.mark.parametrize("account", ["came", "changed", "pushed", "left"])
async def test_a_journal_that_raises_keeps_nothing_from_its_course(app, tab, monkeypatch, account):
    """Who comes is there, what is changed or pushed leads to its calls, and who leaves is gone."""

    def broken(*_args):
        raise ValueError(f"no {account} today")

    monkeypatch.setattr(parts_of(app).recorder, account, broken)
    page = await tab(app)
    await page.act("c", "value", 1)
    await page.expect("e", "children", "has 1!")
    await asyncio.to_thread(app.push_mods, {"c": {"value": 2}})
    await page.expect("e", "children", "has 2!")
    await page.close()
    await eventually(lambda: not app.clients)
    assert any(f"no {account} today" in str(error) for error in app.errors)


@pytest.mark.parametrize("said", [None, "half an emoji: \ud83d"], ids=["raises", "not well-formed"])
async def test_an_error_whose_text_is_none_is_told_and_ends_its_call(app, tab, said):
    """The page is answered and told, the journal has it, and the next call runs."""

    class Mute(Exception):
        def __str__(self) -> str:
            if said is None:
                raise ValueError("no words")
            return said

        __repr__ = __str__

    @app.callback(Output("e", "title"), Input("a", "title"), service=Services.S2, prevent_initial_call=True)
    def fails(title):
        if title == "bad":
            raise Mute
        return title

    page = await tab(app)
    await page.act("a", "title", "bad")
    await page.settled()
    await eventually(lambda: page.notices)
    assert page.notices[0]["title"] == "fails failed"
    assert page.notices[0]["text"].startswith("Mute: ")
    assert [type(error) for error in app.errors] == [Mute]
    await page.act("a", "title", "good")
    await page.expect("e", "title", "good")
    assert [repr(call) for call in app.journal.calls("fails")]


# ---- hooks


@pytest.mark.parametrize("kind", [ValueError, SystemExit, StopIteration, asyncio.CancelledError])
@pytest.mark.parametrize("plain", [True, False], ids=["plain", "coroutine"])
async def test_an_authorize_hook_that_raises_says_no(app, tab, kind, plain):
    """It is told of; the page stays, its change is undone, and what the hook allows is done."""
    if kind is StopIteration and not plain:
        kind = RuntimeError  # Python makes it one

    def asked(client, output):
        if output == "d.children":
            raise kind("whom?")
        return True

    async def asked_too(client, output):
        return asked(client, output)

    app.callback_authorize_output(asked if plain else asked_too)
    page = await tab(app)
    await page.expect("d", "children", "has 0")
    await page.act("c", "value", 5)
    await page.expect("c", "value", 0)
    await page.act("a", "value", 6)
    await page.expect("b", "children", "got 6")
    assert page.connected
    assert app.errors
    assert parts_of(app).runtime.dispatcher.value(("d", "children")).plain == "has 0"


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, asyncio.CancelledError])
async def test_a_coroutine_connect_hook_that_raises_is_called_for_the_next(app, tab, kind):
    """Whatever it raises, and it is told of."""
    came: list[str] = []

    @app.callback_connect
    async def connected(client, connect):
        if connect:
            came.append(client.id)
        raise kind("no more")

    anne = await tab(app)
    await eventually(lambda: came == [anne.client_id])
    ben = await tab(app)
    await eventually(lambda: came == [anne.client_id, ben.client_id])
    await eventually(lambda: [type(error) for error in app.errors] == [kind, kind])


@pytest.mark.parametrize("kind", [SystemExit, ValueError])
async def test_a_layout_that_raises_is_answered(app, tab, kind):
    """Over the WebSocket: a page that asks for it does not wait for ever."""
    await tab(app)
    made = app.layout

    def layout():
        raise kind("no layout")

    async with RawPage(app.url) as page:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(app, "get_layout", layout)
            await page.send(t="req", n=1, path="_dash-layout")
            await page.got(lambda: page.kinds("res"))
        assert page.kinds("res")[0]["s"] == 500
        await page.send(t="req", n=2, path="_dash-layout")
        await page.got(lambda: len(page.kinds("res")) == 2)
        assert page.kinds("res")[1]["s"] == 200
    assert made is app.layout

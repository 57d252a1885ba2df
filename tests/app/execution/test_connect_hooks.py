"""Connect hooks: who comes and goes, told one after the other, and what a hook finds and sends."""

import asyncio
import threading

import pytest

from dash_devices_nb import Dash, Input, Output, dcc, html
from dash_devices_nb.app.api.parts import parts_of
from tests.support.eventually import eventually


@pytest.fixture
def app() -> Dash:
    """A shared input, its output, and a box of each page's own."""
    app = Dash(__name__)
    app.layout = html.Div([dcc.Input(id="a"), html.Div(id="b"), html.Div(id="own")])
    app.callback_shared(Output("b", "children"), Input("a", "value"), prevent_initial_call=True)(lambda a: a)
    return app


async def test_the_hooks_are_told_who_comes_and_goes(app, tab):
    """Plain and coroutine, several; the table has the one who came and no longer the one who left."""
    plain, coroutine = [], []

    @app.callback_connect
    def connected(client, connect):
        plain.append((client.id, connect, len(app.clients)))

    @app.callback_connect
    async def connected_too(client, connect):
        await asyncio.sleep(0)
        coroutine.append((client.id, connect, client in app.clients))

    anne = await tab(app)
    await eventually(lambda: len(plain) == len(coroutine) == 1)
    ben = await tab(app)
    await eventually(lambda: len(plain) == len(coroutine) == 2)
    await anne.close()
    await eventually(lambda: len(plain) == len(coroutine) == 3)
    assert plain == [(anne.client_id, True, 1), (ben.client_id, True, 2), (anne.client_id, False, 1)]
    assert coroutine == [(anne.client_id, True, True), (ben.client_id, True, True), (anne.client_id, False, False)]


async def test_a_plain_hook_finds_who_was_there_at_its_event(app, tab):
    """However late it is called: a program that starts something with the first client starts it."""
    counted, both_here, beside = [], threading.Event(), []

    @app.callback_connect
    def counts(client, connect):
        assert both_here.wait(10)
        counted.append((connect, len(app.clients), client in app.clients))
        if not beside:
            other = threading.Thread(target=lambda: beside.append(len(app.clients)))
            other.start()
            other.join()

    await tab(app)
    ben = await tab(app)
    both_here.set()
    await eventually(lambda: len(counted) == 2)
    both_here.clear()
    await ben.close()
    await tab(app)
    both_here.set()
    await eventually(lambda: len(counted) == 4)
    assert counted == [(True, 1, True), (True, 2, True), (False, 1, False), (True, 2, True)]
    assert beside == [2], "a thread of its own sees who is there now"


async def test_a_coroutine_hook_finds_who_is_there_now_after_its_first_wait(app, tab):
    """So that one that watches its client sees it leave, and so does what the hook starts."""
    counted, tasks, gone = [], [], []

    async def watch(client, into):
        while client in app.clients:
            await asyncio.sleep(0.001)
        into.append(client.id)

    @app.callback_connect
    async def counts(client, connect):
        counted.append((connect, len(app.clients)))
        if connect:
            tasks.append(asyncio.get_running_loop().create_task(watch(client, gone)))
            await watch(client, gone)

    anne = await tab(app)
    await eventually(lambda: len(counted) == 1)
    ben = await tab(app)
    await anne.close()
    await eventually(lambda: len(counted) == 2)
    await ben.close()
    await eventually(lambda: len(counted) == 4)
    await eventually(lambda: all(task.done() for task in tasks))
    assert counted == [(True, 1), (True, 2), (False, 1), (False, 0)]
    assert sorted(gone) == sorted([anne.client_id, ben.client_id] * 2)


async def test_a_hook_may_push_to_the_client_that_is_just_connecting(app, tab):
    """By `push_mods`, or by what it returns; nobody else gets it."""

    @app.callback_connect
    def by_push(client, connect):
        if connect:
            app.push_mods({"own": {"title": client.id}}, client)

    @app.callback_connect
    async def by_return(client, connect):
        return [Output("own", "children", f"welcome {client.id}")]

    anne, ben = await tab(app), await tab(app)
    for each in (anne, ben):
        await each.expect("own", "title", each.client_id)
        await each.expect("own", "children", f"welcome {each.client_id}")
    assert anne.history("own", "title") == [anne.client_id]


async def test_a_hook_that_raises_does_not_keep_anybody_out(app, tab):
    """The error is kept, and the person is told."""

    @app.callback_connect
    def broken(client, connect):
        raise ValueError(f"connect is {connect}")

    anne = await tab(app)
    await anne.act("a", "value", 1)
    await anne.expect("b", "children", 1)
    await eventually(lambda: parts_of(app).runtime.errors)
    assert str(parts_of(app).runtime.errors[-1]) == "connect is True"


async def test_a_connect_hook_hears_one_event_after_the_other(tab):
    """A slow one hears of the leaving after it has dealt with the coming; else a timer for clients could be left on."""
    app = Dash(__name__)
    app.layout = html.Div(id="a")
    may_go_on, events = threading.Event(), []

    @app.callback_connect
    def slow(client, connect):
        if connect:
            may_go_on.wait(10)
        events.append(connect)

    anne = await tab(app)
    await anne.close()
    await eventually(lambda: not app.clients)
    may_go_on.set()
    await eventually(lambda: len(events) == 2)
    assert events == [True, False]


async def test_who_comes_and_goes_while_a_hook_runs_does_not_pile_up(tab, monkeypatch):
    """Reconnects cancel out: each hook sees those who are there or were seen, and counts right."""
    monkeypatch.setattr("dash_devices_nb.app.sessions.manager.HOOKS_SECONDS", 0.02)
    app = Dash(__name__)
    app.layout = html.Div(id="a")
    may_go_on, first, second = threading.Event(), [], []

    @app.callback_connect
    def slow(client, connect):
        if not first:
            may_go_on.wait(20)
        first.append((client.id, connect, len(app.clients)))

    @app.callback_connect
    async def after(client, connect):
        second.append((client.id, connect, len(app.clients)))

    anne = await tab(app)
    transient = await tab(app)
    ben = await tab(app)
    await transient.close()
    for _ in range(30):
        await (await tab(app)).close()
    await eventually(lambda: len(app.clients) == 2)
    assert len(parts_of(app).sessions.connect_hooks[0]._waiting) == 1
    may_go_on.set()
    await eventually(lambda: len(second) == 2)
    await anne.close()
    await eventually(lambda: len(second) == 3)
    assert first == second == [(anne.client_id, True, 1), (ben.client_id, True, 2), (anne.client_id, False, 1)]


async def test_the_calls_of_a_connect_hook_are_counted(app, tab):
    """With those that raised, as those of callbacks; what runs in the page has no count."""
    app.clientside_callback("a => a", Output("b", "title"), Input("a", "value"))

    @app.callback_connect
    def greet(client, connect):
        if not connect:
            raise RuntimeError("no farewell")

    first = await tab(app)
    await tab(app)
    await first.close()
    await eventually(lambda: app.callbacks["greet"].stats.errors == 1)
    stats = app.callbacks["greet"].stats
    assert (stats.calls, stats.errors) == (3, 1)
    assert stats.worst > 0
    assert "<connect greet, 3 calls, 1 failed>" in repr(app.callbacks)
    assert app.callbacks["clientside"].figures == ("", "", "", "")
    assert "<clientside clientside a.value -> b.title>" in repr(app.callbacks)


async def test_a_hook_that_ends_its_thread_is_called_for_the_next_client(app, tab):
    """`sys.exit` in a hook is an error of that call, and its queue goes on."""
    told = []

    @app.callback_connect
    def connected(client, connect):
        told.append(client.id)
        if len(told) == 1:
            raise SystemExit("no more")

    anne = await tab(app)
    await eventually(lambda: any(isinstance(error, SystemExit) for error in app.errors))
    ben = await tab(app)
    await eventually(lambda: told == [anne.client_id, ben.client_id])

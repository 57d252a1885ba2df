"""Coroutine callbacks are started by the callback's loop, from whichever thread they are called."""

import asyncio
import threading

from dash_devices_nb import Dash, html
from dash_devices_nb.app.execution import runtime
from tests.support.eventually import eventually


async def test_a_coroutine_that_starts_at_once_does_not_count_as_one_that_waits(app_server, monkeypatch):
    """Where the loop is faster than the thread that calls, nobody is told of a busy cell, and nothing is kept."""
    app = Dash("quick")
    app.layout = html.Div()
    app_server.run(app)
    loop, told, looked, ended = app.runtime.callback_loop, [], threading.Event(), threading.Event()
    look, call_soon = app.runtime._look_at, loop.call_soon_threadsafe

    def look_at(coroutine):
        look(coroutine)
        looked.set()

    def quick(callback, *args, **more):
        call_soon(callback, *args, **more)
        assert ended.wait(5)

    async def job():
        """Ends at once."""

    monkeypatch.setattr(runtime, "BUSY_SECONDS", 0.01)
    monkeypatch.setattr(app.runtime, "tell_all", lambda kind, **more: told.append(kind))
    monkeypatch.setattr(app.runtime, "io_loop", asyncio.get_running_loop())  # as in a kernel: another one
    monkeypatch.setattr(app.runtime, "_look_at", look_at)
    with monkeypatch.context() as patched:
        patched.setattr(loop, "call_soon_threadsafe", quick)
        await asyncio.to_thread(app.runtime.spawn, job, ended.set)
    await eventually(looked.is_set)
    assert told == []
    assert not app.runtime._unstarted

"""Coroutine callbacks are started by the callback's loop, from whichever thread they are called."""

import asyncio
import json
import threading
from types import SimpleNamespace

from dash_devices_nb import Dash, Input, Output, dcc, html
from dash_devices_nb.app.api.parts import parts_of
from dash_devices_nb.app.execution import runtime
from dash_devices_nb.app.execution.regular_call import UNAVAILABLE, Answer, RegularCall
from dash_devices_nb.app.execution.regular_calls import TOO_MUCH
from dash_devices_nb.app.execution.requested_outputs import CallbackRequest
from tests.support.eventually import eventually


async def test_a_coroutine_that_starts_at_once_does_not_count_as_one_that_waits(app_server, monkeypatch):
    """Where the loop is faster than the thread that calls, nobody is told of a busy cell, and nothing is kept."""
    app = Dash("quick")
    app.layout = html.Div()
    app_server.run(app)
    loop, told, looked, ended = parts_of(app).runtime.callback_loop, [], threading.Event(), threading.Event()
    look, call_soon = parts_of(app).runtime._look_at, loop.call_soon_threadsafe

    def look_at(coroutine):
        look(coroutine)
        looked.set()

    def quick(callback, *args, **more):
        call_soon(callback, *args, **more)
        assert ended.wait(5)

    async def job():
        """Ends at once."""

    monkeypatch.setattr(runtime, "BUSY_SECONDS", 0.01)
    monkeypatch.setattr(parts_of(app).runtime, "tell_all", lambda frame: told.append(frame.t))
    monkeypatch.setattr(parts_of(app).runtime, "io_loop", asyncio.get_running_loop())  # as in a kernel: another one
    monkeypatch.setattr(parts_of(app).runtime, "_look_at", look_at)
    with monkeypatch.context() as patched:
        patched.setattr(loop, "call_soon_threadsafe", quick)
        await asyncio.to_thread(parts_of(app).runtime.spawn, job, ended.set)
    await eventually(looked.is_set)
    assert told == []
    assert not parts_of(app).runtime._unstarted


async def test_calls_that_come_while_the_app_is_stopped_wait_up_to_a_number(app_server, monkeypatch):
    """Further ones are refused, as plain calls are. Those that wait are called when the app runs."""
    app = Dash("stopped")
    app.layout = html.Div([dcc.Input(id="a"), html.Div(id="b")])

    @app.callback(Output("b", "children"), Input("a", "value"))
    async def shown(value):
        return value

    monkeypatch.setattr(runtime, "MOST_LATE", 3)
    answers: list[Answer] = []
    timing = SimpleNamespace(timing_information={"__dash_server": {"dur": 0.0, "desc": None}})
    named = dict.fromkeys(("path", "full_path", "remote_addr", "origin", "root_url", "url"), "")
    request = SimpleNamespace(args={}, cookies={}, headers={}, is_json=True, context=timing, **named)
    for number in range(5):
        body = {
            "output": "b.children",
            "outputs": {"id": "b", "property": "children"},
            "inputs": [{"id": "a", "property": "value", "value": number}],
            "changedPropIds": ["a.value"],
        }
        parts_of(app).regular.start(RegularCall(CallbackRequest.of(body), None, request, answers.append))
    assert [(answer.status, answer.body) for answer in answers] == [(UNAVAILABLE, TOO_MUCH)] * 2
    app_server.run(app)
    await eventually(lambda: len(answers) == 5)
    assert [json.loads(answer.body)["response"]["b"]["children"] for answer in answers[2:]] == [0, 1, 2]

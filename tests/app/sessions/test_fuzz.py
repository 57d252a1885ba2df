"""Random frames and requests over real sockets: none hangs, and a call still ends. `make fuzz` does it for longer."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from dash_devices_nb import Dash
from dash_devices_nb.core.props import json_limits
from dash_devices_nb.errors import FrameError
from dash_devices_nb.kernel.loops import IoThread
from tests.support.attack import calls_end, send_frames, send_requests, target
from tests.support.malformed import frame, mutated, request, value

EXAMPLES = settings(
    max_examples=40,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # to shrink what hangs would take an hour
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@pytest.fixture
def app(app_server) -> Dash:
    """One that is attacked."""
    app = target()
    app_server.run(app)
    return app


@pytest.fixture
def attack(app, sync_tab) -> Any:
    """Runs a coroutine on a loop of its own, and then lets a person act."""
    thread = IoThread("attack")
    thread.start()
    tab = sync_tab(app)
    numbers = itertools.count(1)

    def attacked(make: Callable[[], Any]) -> Any:
        async def both() -> Any:
            return await make()

        result = thread.call(both())
        tab._thread.call(calls_end(tab._tab, next(numbers)))
        return result

    yield attacked
    thread.stop()


@EXAMPLES
@given(random=st.randoms(use_true_random=False), count=st.integers(1, 20))
def test_no_frame_hangs(app, attack, random: Random, count: int):
    """Of somebody who may act, and of a viewer by a share link."""
    who = [None, _guest(app)][random.randrange(2)]
    attack(lambda: send_frames(app.url, [frame(random) for _ in range(count)], who))


@EXAMPLES
@given(random=st.randoms(use_true_random=False), count=st.integers(1, 10))
def test_no_request_hangs(app, attack, random: Random, count: int):
    """Each has an answer, which says what was wrong with it; an error of ours is none."""
    statuses = attack(lambda: send_requests(app.url, [request(random) for _ in range(count)]))
    assert len(statuses) == count
    assert not set(statuses) - {0, 200, 204, 206, 304, 400, 403, 404, 405, 409, 412, 415, 416, 422, 429}


@given(random=st.randoms(use_true_random=False))
def test_what_is_read_can_be_written(random: Random):
    """Whatever a page sends is refused with a reason, or is a value that JSON has."""
    data = value(random).encode()
    data = mutated(data, random) if random.random() < 0.4 else data
    why, read = "", None
    try:
        read = json_limits.read(data, "it")
    except FrameError as error:
        why = str(error)
    assert why.startswith("it of ") if why else json_limits.read(json_limits.written(read), "it") == read


def _guest(app: Dash) -> dict[str, str]:
    from dash_devices_nb.testing.serving import visitor

    return visitor(app, "view", guest=True)


async def test_the_attackers_see_what_hangs(app_server):
    """Else the tests above would show nothing: a server that says nothing is noticed."""

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("tests.support.attack.WITHIN", 0.2)
            for attempt in (
                lambda: send_frames(f"http://{host}:{port}/", [b"{}"]),
                lambda: send_requests(f"http://{host}:{port}/", [("GET", "/", {}, b"")]),
            ):
                with pytest.raises(TimeoutError):
                    await attempt()

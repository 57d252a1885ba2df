"""Requests with much in them, over HTTP: kept on disk, read off the loop, bounded by who sends them."""

import asyncio
import base64
import gc
import threading
import tracemalloc

import httpx
import orjson
import pytest
import quart

from dash_devices_nb import Dash, Input, Output, dcc, html
from dash_devices_nb.app.api.parts import parts_of
from dash_devices_nb.app.execution.requested_outputs import CallbackRequest
from dash_devices_nb.core.access import link_budget
from dash_devices_nb.testing import visitor
from tests.support.eventually import eventually

MB = 1024 * 1024


@pytest.fixture
def app(app_server) -> Dash:
    """A callback that says how long a file is."""
    app = Dash(__name__)
    app.layout = html.Div([dcc.Upload("file", id="up"), html.Div(id="size"), html.Div(id="b"), dcc.Input(id="a")])
    app.callback_shared(Output("b", "children"), Input("a", "value"))(lambda a: f"{a}")

    @app.callback(Output("size", "children"), Input("up", "contents"), prevent_initial_call=True)
    def size(contents):
        return len(base64.b64decode(contents.split(",", 1)[1]))

    app_server.run(app)
    return app


def request(size: int) -> bytes:
    """What a renderer posts with a file of so many bytes."""
    value = b"data:;base64," + base64.b64encode(bytes(size))
    return (
        b'{"output":"size.children","outputs":{"id":"size","property":"children"},"changedPropIds":["up.contents"],'
        b'"inputs":[{"id":"up","property":"contents","value":"' + value + b'"}]}'
    )


async def post(app, content, **headers) -> httpx.Response:
    """Post to the update route."""
    async with httpx.AsyncClient(base_url=app.url, timeout=60) as http:
        return await http.post(
            "_dash-update-component", content=content, headers={"content-type": "application/json", **headers}
        )


async def test_a_file_of_64_mb_arrives_and_the_loop_goes_on(app, tab):
    """As much as the limit says by default; others' changes are not held up meanwhile."""
    other = await tab(app)
    sending = asyncio.create_task(post(app, request(64 * MB)))
    number = 0
    while not sending.done():
        number += 1
        await other.act("a", "value", number)
        await other.expect("b", "children", f"{number}", within=3)
    answer = await sending
    assert answer.status_code == 200
    assert orjson.loads(answer.content)["response"]["size"]["children"] == 64 * MB


async def test_beyond_the_limit_the_answer_says_it(app):
    """The limit can be set, and counts from then on."""
    app.limits.upload = 3 * MB
    assert (await post(app, request(3 * MB))).status_code == 200
    refused = await post(app, request(8 * MB))
    assert (refused.status_code, refused.text) == (413, "This request is too large: at most 8 MB can be sent here.")

    async def pieces():
        for _ in range(20):
            yield b"x" * MB

    refused = await post(app, pieces())
    assert refused.status_code == 413


async def test_who_may_only_look_sends_little(app):
    """Large files are for those who may act; a guest of a link counts by what it may do."""
    viewer, actor = visitor(app, "view", guest=True), visitor(app, "control", guest=True)
    assert (await post(app, request(5 * MB), **viewer)).status_code == 413
    assert (await post(app, request(2 * MB), **viewer)).status_code == 200
    assert (await post(app, request(20 * MB), **actor)).status_code == 200


async def test_what_has_come_waits_on_disk_and_is_bounded_by_link(app, monkeypatch):
    """A body that has not come whole is no memory; a link has so much of them together, and gets it back."""
    monkeypatch.setattr(link_budget, "SPOOLED", 30 * MB)
    actor = visitor(app, "control", guest=True)
    share = parts_of(app).sessions.visitors[actor["x-dash-devices-visitor"]]["share"]
    link = parts_of(app).sessions.sharing.budget_of_share(share)
    go = asyncio.Event()

    async def pieces():
        for _ in range(20):
            yield b" " * MB
        await go.wait()
        yield request(10)

    tracemalloc.start()
    try:
        sending = asyncio.create_task(post(app, pieces(), **actor))
        await eventually(lambda: link.spooled >= 20 * MB)
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] < 10 * MB
    finally:
        tracemalloc.stop()
    refused = await post(app, request(15 * MB), **actor)
    assert (refused.status_code, refused.text) == (429, "Too much is being sent by this link. Please try again.")
    go.set()
    assert (await sending).status_code == 200
    await eventually(lambda: gc.collect() is not None and link.spooled == 0)


async def test_a_long_body_is_read_in_a_worker(app, monkeypatch):
    """Reading JSON of many MB would stop the loop."""
    threads, posted = [], CallbackRequest.posted.__func__
    monkeypatch.setattr(
        CallbackRequest,
        "posted",
        classmethod(lambda cls, data: threads.append(threading.current_thread().name) or posted(cls, data)),
    )
    assert (await post(app, request(MB))).status_code == 200
    assert threads[0].startswith(f"{parts_of(app).runtime.name}-callback")


async def test_routes_of_the_program_read_bodies_as_ever(app_server):
    """All at once, in pieces, and as JSON; Quart's own limit counts for them."""
    app = Dash(__name__)
    app.layout = html.Div()

    @app.server.post("/whole")
    async def whole():
        return str(len(await quart.request.get_data()))

    @app.server.post("/pieces")
    async def pieces():
        sizes = [len(piece) async for piece in quart.request.body]
        return f"{sum(sizes)} {max(sizes)}"

    @app.server.post("/json")
    async def as_json():
        return str(len((await quart.request.get_json())["x"]))

    app_server.run(app)
    async with httpx.AsyncClient(base_url=app.url) as http:
        assert (await http.post("whole", content=bytes(2 * MB))).text == str(2 * MB)
        assert (await http.post("pieces", content=bytes(2 * MB))).text == f"{2 * MB} {64 * 1024}"
        assert (await http.post("json", json={"x": "y" * MB})).text == str(MB)
        assert (await http.post("whole", content=bytes(20 * MB))).status_code == 413

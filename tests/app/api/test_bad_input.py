"""Bad input: a clear error to the page and the log, the service goes on, and no state is lost."""

import json
import threading

import httpx
import pytest

from dash_devices_nb import Dash, Input, Output, Services, dcc, html
from dash_devices_nb.app.api import lifecycle
from dash_devices_nb.app.api.parts import parts_of
from dash_devices_nb.errors import RunError, ServiceError
from tests.support.eventually import eventually


@pytest.fixture
def app() -> Dash:
    """A shared input and its output, and a regular callback."""
    app = Dash(__name__)
    app.layout = html.Div([dcc.Input(id="a"), html.Div(id="b"), html.Div(id="own"), dcc.Input(id="private")])
    app.callback_shared(Output("b", "children"), Input("a", "value"), prevent_initial_call=True)(lambda a: f"got {a}")
    app.callback(Output("own", "children"), Input("private", "value"), prevent_initial_call=True)(lambda p: p)
    return app


def update(body, n=1000) -> dict:
    """A request for a callback."""
    return {"t": "req", "n": n, "path": "_dash-update-component", "query": "", "body": body}


FRAMES = [
    ("{", "a frame of 1 bytes is not JSON"),
    (b"\xff", "a frame of 1 bytes is not JSON"),
    ("[]", "a frame is a JSON object with a type 't', not []"),
    ({"t": "nonsense"}, "'nonsense' is not a type of frame; a page sends"),
    ({"t": "hello"}, "a page says hello once, with its first frame"),
    ({"t": "set", "s": "x", "m": {}}, 'set.s: expected a whole number, got "x"'),
    ({"t": "set", "s": 1000, "m": {"a": 1}}, 'set.m["a"]: expected {prop: value}, got 1'),
    (
        {"t": "set", "s": 1000, "m": {"private": {"value": 1}}},
        "private.value is not shared: no shared callback uses it",
    ),
    ({"t": "set", "s": 1000, "m": {}, "c": [1]}, "set.c: expected [], or [id, prop, revision], got [1]"),
    ({"t": "req", "n": 1000, "path": "_secret"}, "req.path: '_secret' cannot be requested over the WebSocket"),
    ({"t": "req", "path": "_dash-layout"}, "req.n: expected a whole number, got null"),
    ({"t": "req", "n": 1000, "path": "_dash-layout", "query": 3}, "req.query: expected a string, got 3"),
    (update(None), "req.body: expected the body of a callback, an object, got null"),
    ({"t": "got", "n": "x"}, 'got.n: expected a whole number, got "x"'),
    ({"t": "ok", "q": -1}, "ok.q: expected a whole number, got -1"),
    ({"t": "ok", "k": "x"}, 'ok.k: expected a whole number, got "x"'),
    ({"t": "shown", "id": 5, "prop": "src"}, "shown.id: expected a string, got 5"),
]


@pytest.mark.parametrize(("frame", "message"), FRAMES, ids=[str(frame)[:40] for frame, _ in FRAMES])
async def test_a_malformed_frame_is_refused_and_the_page_goes_on(app, tab, frame, message):
    """Its person is told in plain words and why, on the connection that stands; nobody else notices."""
    anne, ben = await tab(app), await tab(app)
    await anne.send(frame)
    await eventually(lambda: anne.notices)
    assert len(anne.notices) == 1
    assert message in anne.notices[0]["text"]
    if not message.endswith("no shared callback uses it"):  # that one was read
        assert anne.notices[0]["text"].startswith("A change could not be read by the device program and was not made: ")
    assert any(message in str(entry.what) for entry in app.journal.filter("refusal"))
    assert parts_of(app).runtime.dispatcher.state.revision == 0
    await ben.act("a", "value", 1)
    await anne.expect("b", "children", "got 1")
    assert anne.connected
    assert ben.notices == []


BODIES = [
    {},
    {"output": "absent.children"},
    {"output": ["own.children"]},
    {"output": {"a": 1}},
    {"output": "own.children"},
    {"output": "own.children", "outputs": 5, "inputs": 5},
    {"output": "own.children", "outputs": {"id": ["x"], "property": 1}, "inputs": [], "changedPropIds": []},
    {"output": "own.children", "outputs": {"id": {"a": [1]}, "property": "x"}, "inputs": [{}], "changedPropIds": 3},
    {"output": "own.children", "outputs": [[{"id": None}]], "inputs": [[1]], "changedPropIds": [None]},
]


@pytest.mark.parametrize("body", BODIES, ids=[json.dumps(body)[:60] for body in BODIES])
@pytest.mark.parametrize("authorized", [False, True])
async def test_an_odd_request_for_a_callback_is_answered_with_an_error(app, tab, body, authorized):
    """The connection stands, and the next request is answered."""
    if authorized:
        app.callback_authorize_output(lambda client, output: True)
    anne = await tab(app)
    anne.session.request(body, lambda status, answer: None)
    await anne.session.proceed()
    await anne.act("private", "value", "next")
    await anne.expect("own", "children", "next")
    await anne.act("a", "value", "shared")
    await anne.expect("b", "children", "got shared")
    assert anne.connected


@pytest.mark.parametrize(
    "greeting",
    [
        "{",
        {"t": "set", "s": 1, "m": {}},
        {"t": "hello", "rev": "x"},
        {"t": "hello", "client": 5},
        {"t": "hello", "q": -1},
        {"t": "hello", "key": None},
    ],
)
async def test_an_odd_greeting_ends_the_connection_with_a_reason(app, tab, greeting):
    """Nobody has come."""
    anne = await tab(app)
    link = anne.session.link
    socket = await link.connect()
    link.send(greeting)
    await link.flush()
    await socket.wait_closed()
    assert socket.close_code == 1008
    assert socket.close_reason
    assert len(app.clients) == 1


async def test_a_frame_over_the_limit_ends_that_connection_only(app, tab, monkeypatch):
    """The page comes back; the others notice nothing."""
    monkeypatch.setattr(lifecycle, "MAX_MESSAGE_BYTES", 10_000)
    anne, ben = await tab(app), await tab(app)
    await anne.send({"t": "set", "s": 1, "m": {"a": {"value": "x" * 20_000}}})
    await eventually(lambda: anne.closed_by)
    assert anne.closed_by[0] == 1009
    await anne.reconnect()
    await ben.act("a", "value", 1)
    await anne.expect("b", "children", "got 1")


async def test_too_many_malformed_frames_end_the_connection(app, tab):
    """A page that sends nothing but nonsense is no page."""
    anne = await tab(app)
    for _ in range(150):
        await anne.send("nonsense")
    await eventually(lambda: anne.closed_by)
    assert anne.closed_by == (1008, "more than 100 malformed frames")


# ---- callbacks


async def test_a_shared_callback_that_raises_is_told_where_it_was_caused_and_runs_again(app, tab):
    """The state stays as it was, the next change is worked off."""
    app.layout.children.append(html.Div(id="c"))

    @app.callback_shared(Output("c", "children"), Input("a", "value"), prevent_initial_call=True)
    def fragile(a):
        return 10 / a

    anne, ben = await tab(app), await tab(app)
    await anne.act("a", "value", 0)
    await eventually(lambda: anne.notices)
    await anne.act("a", "value", 5)
    await ben.expect("c", "children", 2)
    [notice] = anne.notices
    assert (notice["title"], notice["text"]) == ("fragile failed", "ZeroDivisionError: division by zero")
    assert ben.notices == []
    assert isinstance(parts_of(app).runtime.errors[-1], ZeroDivisionError)


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        ((1, 2, 3), "wrong has 2 outputs (b.title, own.title) and returned 3 values"),
        (5, "wrong has 2 outputs (b.title, own.title) and returned int: 5"),
        ((1, object()), "wrong: own.title is a object that is not JSON"),
        ([Output("own", "nonsense", 1)], "'own' is a Div, which has no prop 'nonsense'; it has"),
        ([Output("own", "title")], "without a value; give it as the third argument"),
    ],
)
async def test_a_wrong_return_is_an_error_and_sets_nothing(app, tab, returned, message):
    """Neither the output that would have been right."""
    answers = iter([returned, ("fine", "fine")])
    app.callback_shared(
        Output("b", "title"), Output("own", "title"), Input("private", "title"), prevent_initial_call=True
    )(_named("wrong", lambda title: next(answers)))
    anne = await tab(app)
    await anne.act("private", "title", 1)
    await eventually(lambda: anne.notices)
    assert message in anne.notices[0]["text"]
    assert (anne.prop("b", "title"), anne.prop("own", "title")) == (None, None)
    await anne.act("private", "title", 2)
    await anne.expect("own", "title", "fine")


def _named(name, function):
    function.__name__ = name
    return function


@pytest.mark.parametrize("service", [Services.PUSHER_ALL, Services.NORMAL])
async def test_a_regular_callback_that_raises_is_answered_with_an_error(tab, service):
    """And the next call is answered."""
    app = Dash(__name__, server_service=service)
    app.layout = html.Div([dcc.Input(id="in"), html.Div(id="out")])
    app.callback(Output("out", "children"), Input("in", "value"), prevent_initial_call=True)(lambda v: 10 / v)
    anne = await tab(app)
    await anne.act("in", "value", 0)
    await eventually(lambda: anne.notices)
    await anne.act("in", "value", 2)
    await anne.expect("out", "children", 5)
    assert isinstance(parts_of(app).runtime.errors[-1], ZeroDivisionError)


async def test_on_error_may_answer_in_its_place(app, tab):
    """As in stock Dash, for shared callbacks too."""
    app.layout.children.append(html.Div(id="c"))

    @app.callback_shared(
        Output("c", "children"),
        Input("a", "value"),
        on_error=lambda error: f"caught {error}",
        prevent_initial_call=True,
    )
    def fragile(a):
        raise ValueError(a)

    anne = await tab(app)
    await anne.act("a", "value", "x")
    await anne.expect("c", "children", "caught x")
    assert anne.notices == []


async def test_a_callback_that_never_ends_does_not_hold_up_others(app, tab):
    """Nor the end of the app for long."""
    forever = threading.Event()
    app.callback_shared(None, Input("private", "title"))(lambda title: forever.wait(20))
    anne = await tab(app)
    await anne.act("private", "title", 1)
    await anne.act("a", "value", 1)
    await anne.expect("b", "children", "got 1")
    forever.set()


# ---- apps


def test_services_that_mean_nothing_are_refused():
    """When declared, with the names of the bits that clash."""
    with pytest.raises(ServiceError, match="server_service has SHARED_CALLBACK"):
        Dash(__name__, server_service=Services.SHARED_CALLBACK)
    with pytest.raises(ServiceError, match="MOST_RECENT clashes with a missing SERIALIZED_CALLBACK"):
        Dash(__name__, callback_service=Services.MOST_RECENT)
    app = Dash(__name__)
    with pytest.raises(ServiceError, match="SHARED_CALLBACK clashes with a missing PUSHER_UPDATE"):
        app.callback(Output("a", "value"), Input("b", "value"), service=Services.SHARED_CALLBACK)


def test_another_backend_is_refused():
    """The message says what is taken."""
    with pytest.raises(RunError, match="dash_devices_nb runs on Quart: leave out backend="):
        Dash(__name__, backend="flask")
    with pytest.raises(RunError, match=r"give a quart\.Quart, True or False"):
        Dash(__name__, object())


async def test_a_request_over_http_that_names_no_client_calls_nothing_where_the_program_asks_who_calls(tab):
    """Else anybody with a socket could call what the open pages may not."""
    app = Dash(__name__)
    app.layout = html.Div([dcc.Input(id="a"), html.Div(id="b")])
    calls = []
    app.callback(Output("b", "children"), Input("a", "value"))(lambda a: calls.append(a) or a)
    await tab(app)
    body = {
        "output": "b.children",
        "outputs": {"id": "b", "property": "children"},
        "inputs": [{"id": "a", "property": "value", "value": "anybody"}],
        "changedPropIds": ["a.value"],
    }
    async with httpx.AsyncClient(base_url=app.url) as http:
        assert (await http.post("_dash-update-component", json=body)).status_code == 200
        app.callback_authorize_output(lambda client, output: True)
        answer = await http.post("_dash-update-component", json=body)
    assert (answer.status_code, answer.text) == (403, "This app asks who calls its callbacks: only its open pages may.")
    assert calls.count("anybody") == 1


@pytest.mark.parametrize("debug", [False, True])
async def test_an_unknown_output_is_not_echoed_as_markup(app, tab, debug):
    """Text of a form on another site is not read, though it is JSON; what says JSON gets plain text, no markup."""
    if debug:
        app.enable_dev_tools(debug=True, dev_tools_hot_reload=False)
    markup = "<img src=x onerror=alert(1)>"
    body = {"output": markup, "outputs": {"id": "o", "property": "c"}, "inputs": [], "changedPropIds": [], "z": "="}
    await tab(app)
    async with httpx.AsyncClient(base_url=app.url) as http:
        form = await http.post(
            "_dash-update-component", content=json.dumps(body), headers={"Content-Type": "text/plain"}
        )
        asked = await http.post("_dash-update-component", json=body)
    assert (form.status_code, asked.status_code) == (415, 404)
    for answer in (form, asked):
        assert "<img" not in answer.text
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.headers["x-content-type-options"] == "nosniff"

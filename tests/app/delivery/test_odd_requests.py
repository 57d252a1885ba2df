"""What guests may send by hand and no browser sends: an answer of the 4xx, and nothing in the program's log."""

import asyncio
import logging
import threading

import httpx
import pytest
import quart
from werkzeug.datastructures import MultiDict

from dash_devices_nb import ALL, Dash, Input, Output, State, dcc, html
from dash_devices_nb.app.api.parts import parts_of
from dash_devices_nb.app.delivery import forms
from dash_devices_nb.app.delivery.file_requests import answer_odd_requests
from dash_devices_nb.testing import visitor
from tests.support.eventually import eventually

STYLE = b"body { color: red }"
OWN = {
    "output": "own.children",
    "outputs": {"id": "own", "property": "children"},
    "inputs": [{"id": "mine", "property": "value", "value": 1}],
    "changedPropIds": ["mine.value"],
}


@pytest.fixture
def parsed_in() -> list[int]:
    """The threads in which forms were parsed."""
    return []


@pytest.fixture
def app(app_server, tmp_path, parsed_in) -> Dash:
    """An app with a callback, a style sheet, and routes of the program's own that read a form and the plain body."""
    (tmp_path / "style.css").write_bytes(STYLE)
    app = Dash(__name__, assets_folder=str(tmp_path))
    app.layout = html.Div([dcc.Input(id="mine"), html.Div(id="own"), html.Div(id="both")])
    both = Output("both", "children"), Input("mine", "value"), State("own", "children")
    app.callback(*both, role="view")(lambda value, own: f"{value} {own}")
    app.callback(Output("own", "children"), Input("mine", "value"), role="view")(lambda value: f"{value}")
    pair = Output("first", "children"), Output("second", "children"), Input("mine", "value")
    app.callback(*pair, role="view")(lambda value: [value, value])
    app.callback(Output({"n": ALL}, "children"), Input("mine", "value"), role="view")(lambda value: [value])

    class Noted(MultiDict):
        """Fields that note who has made them."""

        def __init__(self, *given):
            parsed_in.append(threading.get_ident())
            super().__init__(*given)

    app.server.request_class.parameter_storage_class = Noted

    @app.server.post("/form")
    async def form():
        fields, files = await quart.request.form, await quart.request.files
        sizes = [len(each.read()) for each in files.values()]
        return {"fields": len(fields), "last": list(fields.items())[-1:], "files": sizes}

    app_server.run(app)
    return app


@pytest.fixture
async def http(app):
    """A client whose requests are those of a guest who may act."""
    async with httpx.AsyncClient(base_url=app.url, headers=visitor(app, "control", guest=True)) as http:
        yield http


async def test_a_large_form_is_parsed_off_the_loop(app, http, parsed_in):
    """Thousands of fields, or files, leave the loop free; the program gets all of them."""
    answer = await http.post("form", data={f"field{number}": str(number) for number in range(5000)})
    assert answer.json() == {"fields": 5000, "last": [["field4999", "4999"]], "files": []}
    answer = await http.post("form", data={"a": "1"}, files={"f": ("f.bin", bytes(300_000))})
    assert answer.json() == {"fields": 1, "last": [["a", "1"]], "files": [300_000]}
    assert parsed_in
    assert parts_of(app).runtime.io_thread not in parsed_in


async def test_a_small_form_is_parsed_too(http):
    """One that is parsed at once gives the same."""
    assert (await http.post("form", data={"a": "1", "b": "2"})).json()["fields"] == 2
    assert (await http.post("form", data={"a": "1"}, files={"f": ("f.bin", b"abc")})).json()["files"] == [3]


async def test_a_form_of_too_many_fields_is_refused(http):
    """As many as are allowed are read, and one more is too many."""
    most = "&".join(["a=b"] * forms.FIELDS)
    plain = {"content-type": "application/x-www-form-urlencoded"}
    assert (await http.post("form", content=most, headers=plain)).json()["fields"] == 1
    assert (await http.post("form", content=f"{most}&a=b", headers=plain)).status_code == 413


@pytest.mark.parametrize(
    ("wanted", "status", "content"),
    [
        ("bytes=-3", 206, STYLE[-3:]),
        ("bytes=-999999999999", 206, STYLE),
        ("bytes=2-4", 206, STYLE[2:5]),
        ("bytes=-0", 416, None),
        ("bytes=99999-", 416, None),
        ("bytes=5-2", 416, None),
        ("bytes=0-0,2-3", 416, None),
        ("items=0-1", 416, None),
    ],
)
async def test_a_range_of_a_file(http, caplog, wanted, status, content):
    """The last bytes are those bytes; what is no range of it is refused as RFC 9110 says."""
    answer = await http.get("assets/style.css", headers={"Range": wanted})
    assert answer.status_code == status
    assert content is None or answer.content == content
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.parametrize(
    "path",
    [
        "_dash-component-suites/nothing/x.js",
        "_dash-component-suites/os/path",
        "_dash-component-suites/dash/x.js",
        "_dash-component-suites/dash/..%2f..%2fx.js",
        "_dash-component-suites/%00/x",
        "_dash-component-suites/dash/%ff",
        "assets/" + "a" * 300,
        "assets/" + "a" * 5000,
        "static/" + "a" * 300,
    ],
)
async def test_a_file_that_is_none(http, caplog, path):
    """It is not there, and that is no fault of the program."""
    answer = await http.get(path)
    assert answer.status_code == 404
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.parametrize(
    "changes",
    [
        {"inputs": []},
        {"inputs": OWN["inputs"] * 2},
        {"state": OWN["inputs"]},
        {"outputs": {"id": "mine", "property": "value"}},
        {"outputs": {"id": "own", "value": {}}},
        {"outputs": {"id": "own", "property": 1}},
        {"outputs": []},
        {"outputs": [{"id": "own", "property": "children"}]},
        {"outputs": None},
        {"output": "..first.children...second.children..", "outputs": [[], []]},
        {"output": "..first.children...second.children..", "outputs": None},
        {"output": "..first.children...second.children..", "outputs": {"id": "first", "property": "children"}},
        {"output": '{"n":["ALL"]}.children', "outputs": {"id": {"n": 1}, "property": "children"}},
        {"output": "both.children", "outputs": {"id": "both", "property": "children"}},
    ],
)
async def test_a_request_that_does_not_fit_its_callback(app, http, caplog, changes):
    """Who asks with other inputs or outputs than are declared is told so; the program has not failed."""
    answer = await http.post("_dash-update-component", json=OWN)
    assert answer.status_code == 200
    answer = await http.post("_dash-update-component", json=OWN | changes)
    assert answer.status_code == 400
    assert "callback definition" in answer.text
    assert app.errors == []
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_a_file_is_closed_for_somebody_who_has_hung_up(tmp_path):
    """The request is cancelled while the file is closed in a thread; it is closed all the same."""
    server = quart.Quart("files")
    answer_odd_requests(server)
    path = tmp_path / "a.txt"
    path.write_text("text")
    response = server.response_class(b"")
    body = response.file_body_class(path)
    entered, go = asyncio.Event(), asyncio.Event()

    async def serve() -> None:
        async with body:
            entered.set()
            await go.wait()

    task = asyncio.create_task(serve())
    await entered.wait()
    busy = threading.Event()
    jobs = [asyncio.get_running_loop().run_in_executor(None, busy.wait) for _ in range(50)]  # all threads, and more
    go.set()
    await asyncio.sleep(0)  # the closing waits for a thread
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    busy.set()
    await asyncio.gather(*jobs)
    await eventually(lambda: body.file.closed)

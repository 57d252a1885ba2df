"""Background jobs belong to the page that started them, whoever else starts the same one."""

import json
import re
from contextlib import ExitStack
from pathlib import Path

import diskcache
import httpx
import psutil
import pytest
from dash import DiskcacheManager, callback_context
from websockets.asyncio.client import connect

from dash_devices_nb import Dash, Input, Output, html
from dash_devices_nb.core.access import link_budget
from dash_devices_nb.testing import visitor
from tests.support.eventually import eventually

UPDATE = "_dash-update-component"


def make_app(tmp_path, go: Path, **manager) -> Dash:
    """A job that waits for a file, and gives the cookie of who asked."""
    app = Dash(
        "jobs", background_callback_manager=DiskcacheManager(diskcache.Cache(str(tmp_path / "cache")), **manager)
    )
    app.layout = html.Div([html.Button(id=each) for each in ("start", "stop")] + [html.Div(id="out")])

    @app.callback(
        Output("out", "children"),
        Input("start", "n_clicks"),
        background=True,
        cancel=[Input("stop", "n_clicks")],
        prevent_initial_call=True,
    )
    def job(n_clicks):
        import time

        end = time.monotonic() + 60
        while not go.exists() and time.monotonic() < end:
            time.sleep(0.01)
        return f"{callback_context.cookies['who']}'s"

    return app


class Page:
    """What a page asks of its background job.

    Args:
        url: of the app.
        name: of the person.
    """

    def __init__(self, url: str, name: str) -> None:
        self.http = httpx.Client(base_url=url, cookies={"who": name})
        config = re.search(r'id="_dash-config"[^>]*>(.*?)</script>', self.http.get("/").text)
        assert config is not None
        self.end_id = json.loads(config[1])["end_id"]
        self.job: dict[str, str] = {}

    def ask(self, output: str, of: str, **query: str) -> httpx.Response:
        """Ask for a callback; an empty `endId` is left out."""
        query = {name: value for name, value in {"endId": self.end_id, **query}.items() if value}
        return self.http.post(UPDATE, params=query, json=body(output, of))

    def start(self, **query: str) -> None:
        """Start the job."""
        self.job = {k: v for k, v in self.ask("out", "start", **query).json().items() if k in ("cacheKey", "job")}
        assert len(self.job) == 2

    def poll(self, job: dict[str, str], **query: str) -> httpx.Response:
        """Ask what has become of a job."""
        return self.ask("out", "start", **job, **query)

    async def result(self) -> str:
        """What comes of the own job, in the end."""

        def ended() -> httpx.Response | None:
            answer = self.poll(self.job)
            return answer if answer.status_code == 204 or "response" in answer.json() else None

        answer = await eventually(ended)
        assert answer.status_code == 200, "nobody else has taken it"
        return str(answer.json()["response"]["out"]["children"])


def body(output: str, of: str) -> dict:
    """What a page posts because a button was clicked."""
    prop = "children" if output == "out" else "id"
    return {
        "output": f"{output}.{prop}",
        "outputs": {"id": output, "property": prop},
        "inputs": [{"id": of, "property": "n_clicks", "value": 1}],
        "changedPropIds": [f"{of}.n_clicks"],
        "state": [],
    }


@pytest.fixture
def go(tmp_path):
    """The file for which the jobs wait; made in the end, so that none is left."""
    go = tmp_path / "go"
    yield go
    go.touch()


@pytest.fixture
def page():
    """Opens pages, and closes them in the end."""
    with ExitStack() as stack:

        def opened(url: str, name: str) -> Page:
            page = Page(url, name)
            stack.callback(page.http.close)
            return page

        yield opened


def pid_of(page: Page) -> int:
    """The process of its job."""
    return int(page.job["job"].partition("~")[0])


def runs(page: Page) -> bool:
    """Whether its job does."""
    pid = pid_of(page)
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


async def test_two_people_who_start_the_same_job_get_each_their_own_result(app_server, page, tmp_path, go):
    """Stock Dash keeps both under one key, made of the arguments: one gets the other's, the other gets nothing."""
    url = app_server.run(make_app(tmp_path, go))
    ada, eve = page(url, "Ada"), page(url, "Eve")
    ada.start()
    eve.start()
    go.touch()
    assert [await each.result() for each in (ada, eve)] == ["Ada's", "Eve's"]
    assert ada.job["cacheKey"] != eve.job["cacheKey"]


async def test_a_page_that_starts_again_gets_the_new_result(app_server, page, tmp_path, go):
    """The job that it gave up is ended, and leaves nothing where the new one's result is awaited."""
    url = app_server.run(make_app(tmp_path, go))
    ada = page(url, "Ada")
    ada.start()
    first = dict(ada.job)
    ada.start(oldJob=first["job"])
    assert not psutil.pid_exists(int(first["job"].partition("~")[0]))
    go.touch()
    assert await ada.result() == "Ada's"


async def test_another_persons_job_is_neither_read_nor_ended(app_server, page, tmp_path, go):
    """By no way: as one's own, as one's old one, by the cancel callback, without a page's mark, over the socket."""
    app = make_app(tmp_path, go)
    url = app_server.run(app)
    ada, eve = page(url, "Ada"), page(url, "Eve")
    eve.http.headers.update(visitor(app, "control", "Eve", guest=True))
    ada.start()
    for end_id in (eve.end_id, ""):
        for answer in (
            eve.poll(ada.job, endId=end_id),
            eve.ask("stop", "stop", cancelJob=ada.job["job"], endId=end_id),
        ):
            assert answer.status_code in (200, 204)
            assert "children" not in answer.text
        assert runs(ada)
    eve.start(oldJob=ada.job["job"])
    assert runs(ada)
    headers = {"Origin": url.rstrip("/"), **visitor(app, "control", "Eve", guest=True)}
    async with connect(f"{url.replace('http', 'ws')}_dash-devices/ws", additional_headers=headers) as socket:
        await socket.send(json.dumps({"t": "hello", "client": "", "key": "", "epoch": "", "rev": 0, "q": 0}))
        for number, (output, of, query) in enumerate(
            (
                ("out", "start", f"?endId={eve.end_id}&cacheKey={ada.job['cacheKey']}&job={ada.job['job']}"),
                ("stop", "stop", f"?endId={eve.end_id}&cancelJob={ada.job['job']}"),
            ),
            1,
        ):
            asked = {"t": "req", "n": number, "path": UPDATE, "query": query, "body": body(output, of), "q": number - 1}
            await socket.send(json.dumps(asked))
            answer: dict = {}
            while answer.get("t") != "res":
                answer = json.loads(await socket.recv())
            assert answer["s"] in (200, 204), answer
            assert "Ada" not in str(answer)
    assert runs(ada)
    go.touch()
    assert await ada.result() == "Ada's"
    assert await eve.result() == "Eve's"


async def test_where_the_program_shares_results_they_are_shared(app_server, page, tmp_path, go):
    """`cache_by` says so."""
    url = app_server.run(make_app(tmp_path, go, cache_by=[lambda: "all"]))
    ada, eve = page(url, "Ada"), page(url, "Eve")
    go.touch()
    ada.start()
    assert await ada.result() == "Ada's"
    go.unlink()
    eve.start()
    assert eve.job["cacheKey"].partition("~")[0] == ada.job["cacheKey"].partition("~")[0]
    assert await eve.result() == "Ada's"


async def test_a_link_has_a_bounded_number_of_jobs(app_server, page, tmp_path, go, monkeypatch):
    """Who starts more is told that there is too much to do; others are not held up, and what has ended makes room."""
    monkeypatch.setattr(link_budget, "JOBS", 2)
    app = make_app(tmp_path, go)
    url = app_server.run(app)
    guest, other = page(url, "Eve"), page(url, "Ada")
    guest.http.headers.update(visitor(app, "control", "Eve", guest=True))
    other.http.headers.update(visitor(app, "control", "Ada", guest=True))
    guest.start()
    guest.start()
    refused = guest.ask("out", "start")
    assert (refused.status_code, "too much to do" in refused.text) == (503, True)
    assert app.errors == []
    other.start()
    psutil.Process(pid_of(guest)).kill()
    await eventually(lambda: not runs(guest))
    guest.start()

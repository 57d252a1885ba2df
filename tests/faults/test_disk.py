"""A full disk: what needs room is refused and says so, what is there stays, and all goes on with room again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from dash_devices_nb.testing.tab import Tab
from tests.support import disk
from tests.support.processes import Script, ScriptRunner

pytestmark = pytest.mark.skipif(not disk.possible(), reason="this system gives no file system in a namespace")

PROGRAM = """
import sys
from pathlib import Path
from dash_devices_nb import Dash, Input, Output, dcc, html
from dash_devices_nb.app.api.parts import parts_of
from dash_devices_nb.app.serving.mount import ServeConfig

app = Dash("disk")
app.layout = html.Div([dcc.Input(id="name", value=""), html.Div(id="echo"), html.Div(id="size")])
place = Path(sys.argv[1])
TASKS = {
    "share": lambda: app.share("view").url,
    "shares": lambda: len(app.shares),
    "save": lambda: app.journal.save(place / "session.jsonl"),
    "site": lambda: parts_of(app).lifecycle.new_mount(ServeConfig(base_url="/"), "other", None, searches=False),
}

@app.callback_shared(Output("echo", "children"), Input("name", "value"))
def echo(name):
    return f"echo {name}"

@app.server.route("/do/<name>")
async def do(name):
    try:
        return str(TASKS[name]())
    except Exception as error:
        return f"{type(error).__name__}: {error}"

@app.server.route("/upload", methods=["POST"])
async def upload():
    from quart import request
    return str(len(await request.get_data()))

app.run(port=0, auth=None)
"""
LARGE = b"x" * 3_000_000


@pytest.fixture
def place(short_directory: Path) -> Path:
    """Where the program finds its disk."""
    return short_directory


async def started(script: ScriptRunner, place: Path, size: str, **options: str | None) -> Script:
    env = {"JUPYTER_RUNTIME_DIR": f"{place}/run", "JUPYTER_DATA_DIR": f"{place}/data", "TMPDIR": str(place)}
    return await script(PROGRAM, str(place), env=env, by=disk.command(place, size), **options)


async def test_what_needs_room_says_so_and_what_there_is_stays(script: ScriptRunner, place: Path):
    """Share links, the journal, uploads: each tells what cannot be written; the app goes on, and then they work."""
    program = await started(script, place, "6m")
    small = disk.Disk(program.pid, place)
    async with httpx.AsyncClient(base_url=program.url, timeout=20) as http, Tab(program.url) as tab:

        async def do(what: str) -> str:
            return (await http.get(f"do/{what}")).text

        link = await do("share")
        assert link.startswith("http")
        await do("save")
        assert (await http.post("upload", content=LARGE)).text == "3000000"
        session = (small.seen / "session.jsonl").read_bytes()
        files = sorted(path.name for path in (small.seen / "run/dash-devices").iterdir())

        small.fill()
        said = await do("share")
        assert said.startswith("RegistrationError: ")
        assert said.endswith("disk.shares: cannot be written (No space left on device)")
        said = await do("save")
        assert said.startswith("JournalError: ")
        assert "No space left on device" in said
        said = await do("site")
        assert said.startswith("RegistrationError: ")
        assert "cannot be written (No space left on device)" in said
        for room in (0, 1_500_000):  # before it is in a file, and then
            small.fill(leave=room)
            answer = await http.post("upload", content=LARGE)
            assert answer.status_code == 507
            assert "There is no room for what was sent" in answer.text
        small.fill()
        assert await do("shares") == "1"
        async with httpx.AsyncClient(follow_redirects=True) as guest:
            assert (await guest.get(link)).status_code == 200
        assert (small.seen / "session.jsonl").read_bytes() == session
        assert sorted(path.name for path in (small.seen / "run/dash-devices").iterdir()) == files, (
            "nothing is left over"
        )
        await tab.act("name", "value", "with a full disk")
        await tab.expect("echo", "children", "echo with a full disk")

        small.free()
        assert (await do("share")).startswith("http")
        assert await do("shares") == "2"
        assert (await do("save")).endswith("session.jsonl")
        assert (await http.post("upload", content=LARGE)).text == "3000000"
    assert "Traceback" not in program.output
    assert "a body of" in program.output


async def test_an_app_that_cannot_keep_its_key_says_why_it_does_not_run(script: ScriptRunner, place: Path):
    """The message names the file and what the disk said."""
    source = f"""
        from pathlib import Path
        try:
            with Path({str(place)!r}, "filler").open("wb", buffering=0) as file:
                while True:
                    file.write(bytes(4096))
        except OSError:
            pass
        from dash_devices_nb import Dash, html
        app = Dash("full")
        app.layout = html.Div()
        app.run(port=0)
    """
    env = {"JUPYTER_RUNTIME_DIR": f"{place}/run", "JUPYTER_DATA_DIR": f"{place}/data"}
    program = await script(source, env=env, by=disk.command(place, "64k"), url=None)
    assert await asyncio.wait_for(program.wait(20), 25) == 1
    last = program.output.strip().splitlines()[-1]
    assert "RegistrationError: " in last
    assert last.endswith("dash_devices_key: cannot be written (No space left on device)")

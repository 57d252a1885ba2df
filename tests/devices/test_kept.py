"""Kept set-points: the file, what a restart shows, applying it, and presets."""

from __future__ import annotations

import asyncio
import json
import os
import signal as signals
import sqlite3
import subprocess
import sys
import time
from typing import Annotated

import pytest

from dash_devices_nb import Dash, Input, Output, dcc, devices, html
from dash_devices_nb.devices.kept_store import Entry, KeptStore
from dash_devices_nb.errors import DashDevicesError, KeptError, SignalError
from dash_devices_nb.testing import Tab
from tests.support.eventually import eventually
from tests.support.kernels import Kernel
from tests.support.serving import Serving

module = sys.modules["dash_devices_nb.devices.kept"]  # its function has the name in the package

# ---- the file


@pytest.fixture
def path(tmp_path):
    return tmp_path / "kept.db"


@pytest.fixture
def store(path):
    made = KeptStore(path)
    yield made
    made.close()


def test_what_was_written_is_there(store, path):
    """Values are replaced and deleted by name; presets have values of their own; a new opening finds all of it."""
    store.write({"a.value": Entry("1", 10.0, "Ada"), "b.value": Entry("2", 10.0)})
    store.write({"a.value": Entry("3", 11.0), "b.value": None})
    store.save_preset("cold", {"a.value": "0", "b.value": "[]"}, 12.0, "Ada")
    store.save_preset("cold", {"a.value": "5"}, 13.0, "")
    store.save_preset("warm", {}, 14.0, "")
    store.close()
    again = KeptStore(path)
    assert again.load() == {"a.value": Entry("3", 11.0)}
    assert [(each.name, each.at, each.count) for each in again.presets()] == [("cold", 13.0, 1), ("warm", 14.0, 0)]
    assert again.preset("cold") == {"a.value": "5"}
    assert again.preset("none") is None
    assert again.delete_preset("cold")
    assert not again.delete_preset("cold")
    assert again.preset("cold") is None
    again.close()


WRITER = """
import sys
from dash_devices_nb.devices.kept_store import Entry, KeptStore
store = KeptStore(sys.argv[1])
n = 0
while True:
    n += 1
    store.write({"a": Entry(str(n), float(n)), "b": Entry(str(n), float(n))})
    print(n, flush=True)
"""


def test_a_writer_that_is_killed(path):
    """After kill -9, each write that had returned is there, whole; and meanwhile nobody else has the file."""
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process, process.stdout as output:
        try:
            lines = [int(output.readline()) for _ in range(20)]
            with pytest.raises(KeptError, match="in use by another program"):
                KeptStore(path)
        finally:
            os.kill(process.pid, signals.SIGKILL)
        lines += [int(each) for each in output]
    store = KeptStore(path)
    kept = store.load()
    assert kept["a"] == kept["b"]
    assert int(kept["a"].value) >= lines[-1]
    store.close()


def version(path):
    with sqlite3.connect(path) as base:
        base.execute("PRAGMA user_version = 9")
    base.close()


def others(path):
    path.unlink()
    with sqlite3.connect(path) as base:
        base.execute("CREATE TABLE notes (text)")
    base.close()


def truncated(path):
    os.truncate(path, 5000)


def text(path):
    path.write_text("value = 3\n" * 100)


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (version, "of version 9; this package reads and writes version 1"),
        (others, "SQLite file of something else"),
        (truncated, "left as it is"),
        (text, "not an SQLite file"),
    ],
)
def test_a_file_that_is_not_ours(path, harm, said):
    """Of another version, of something else, truncated, no database: a clear error, and the file is as it was."""
    store = KeptStore(path)
    store.write({f"a{n}": Entry(json.dumps("x" * 500), 1.0) for n in range(50)})
    store.close()
    harm(path)
    before = path.read_bytes()
    with pytest.raises(KeptError, match=said):
        Dash(__name__, keep=path)
    assert path.read_bytes() == before


def test_a_place_that_cannot_be(tmp_path):
    """A folder, a path through nowhere, no path at all."""
    for wrong in (tmp_path, tmp_path / "no" / "kept.db", 5):
        with pytest.raises(KeptError, match=r"cannot be used|name of a file"):
            Dash(__name__, keep=wrong)


# ---- pages


class Magnet:
    """Counts what it is set to."""

    def __init__(self) -> None:
        self.now = 0.0
        self.sets: list[float] = []
        self.broken = False
        self._wave: complex = 0j

    @property
    def field(self) -> Annotated[float, devices.Unit("T"), devices.Precision(2), devices.Period(0.05)]:
        return self.now

    @field.setter
    def field(self, value: Annotated[float, devices.Limits(-9, 9)]) -> None:
        if self.broken:
            raise RuntimeError("quenched")
        self.sets.append(value)
        self.now = min(value, 8.0)

    @property
    def wave(self) -> complex:
        return self._wave

    @wave.setter
    def wave(self, value: complex) -> None:
        self._wave = value


@pytest.fixture
def magnet():
    return Magnet()


@pytest.fixture
def start(magnet, path):
    """Makes an app on the file, as a kernel does that was started anew."""
    opened = []

    def made(**options):
        device = devices.connect(magnet, name="magnet", keep=["field", "wave"])
        app = Dash(__name__, devices=[device], keep=path, **options)
        opened.append((device, app))
        app.layout = html.Div(
            [
                dcc.Slider(0, 10, id="gain", value=1),
                dcc.Input(id="note", value=""),
                html.B(id="out"),
                html.Button(id="go"),
            ]
        )
        app.calls = []

        @app.callback_shared(
            Output("out", "children"), Input("gain", "value"), Input("note", "value"), Input("go", "n_clicks")
        )
        def combine(gain, note, clicks):
            app.calls.append((gain, note))
            return f"{gain} {note}"

        app.magnet = device
        return app

    yield made
    for device, app in opened:
        app.kept.close()
        device.close()


def said(tab):
    """What the pages are told of the last act."""
    return (tab.prop("dash-devices-kept", "message") or {}).get("text", "")


def on_disk(app):
    app.kept.flush()
    return {name: json.loads(entry.value) for name, entry in app.kept._store.load().items()}


async def first_run(serve: Serving, app):
    """Somebody has set the gain to 7, a note, and the field to 3 T."""
    async with Tab(await serve(app)) as tab:
        await tab.act("gain", "value", 7)
        await tab.act("note", "value", "warm")
        await tab.act("go", "n_clicks", 1)
        await tab.act("magnet/field", "asked", {"value": 3, "number": 1})
        await tab.expect("magnet/field", "setpoint", 3.0)
        await tab.expect("out", "children", "7 warm")
    await serve.stop(app)


async def test_a_restart_shows_what_was_kept_and_moves_nothing(serve: Serving, start, magnet):
    """The first calls use the layout's values; differences are told; one act applies them, as one change."""
    await first_run(serve, start())
    magnet.now, magnet.sets = 0.0, []
    app = start()
    url = await serve(app)
    async with Tab(url) as tab, Tab(url) as other:
        await eventually(lambda: len(tab.prop("dash-devices-kept", "differences")) == 3)
        rows = {each["name"]: each for each in tab.prop("dash-devices-kept", "differences")}
        assert (rows["gain.value"]["kept"], rows["gain.value"]["now"]) == ("7", "1")
        await eventually(lambda: {each.name: each for each in app.kept.differences()}["magnet/field.setpoint"].now == 0)
        assert "kept 3.00 T, now 0.00 T" in repr(app.kept)
        assert app.calls == [(1, "")]
        assert magnet.sets == []
        await tab.act("dash-devices-kept", "act", {"kind": "apply", "number": 1})
        await other.expect("out", "children", "7 warm")
        await other.expect("magnet/field", "setpoint", 3.0)
        await eventually(lambda: said(tab) == "3 set")
        await tab.expect("dash-devices-kept", "differences", [])
        assert app.calls == [(1, ""), (7, "warm")]
        assert magnet.sets == [3.0]
        assert any("kept values were applied: gain.value, note.value" in str(each) for each in app.journal)


async def test_what_the_program_sets_at_the_start_takes_no_place(serve: Serving, start, magnet):
    """What was kept stays until somebody decides: a person by setting it, `apply` of a name, or `discard`."""
    await first_run(serve, start())
    app = start()
    url = await serve(app)
    app.push_mods({"gain": {"value": 2}})
    app.magnet.field.set(0.5)
    assert on_disk(app) == {"gain.value": 7, "note.value": "warm", "magnet/field.setpoint": 3.0}
    async with Tab(url) as tab:
        await tab.act("gain", "value", 4)
        await eventually(lambda: on_disk(app)["gain.value"] == 4)
        assert {each.name for each in app.kept.differences()} == {"note.value", "magnet/field.setpoint"}
        assert app.kept.discard(app.magnet.field) == ["magnet/field.setpoint"]
        assert on_disk(app)["magnet/field.setpoint"] == 0.5
        assert app.kept.apply(("note", "value")).applied == ["note.value"]
        await tab.expect("out", "children", "4 warm")
        assert app.kept.differences() == []
    app.push_mods({"gain": {"value": 5}})  # decided: now it counts, whoever sets it
    app.magnet.field.set(9)
    assert on_disk(app) == {"gain.value": 5, "note.value": "warm", "magnet/field.setpoint": 8.0}
    with pytest.raises(KeptError, match=r"'gain.value' is not undecided: .* there is nothing"):
        app.kept.apply("gain.value")
    with pytest.raises(KeptError, match="not 'gain'"):
        app.kept.apply("gain")


@pytest.mark.parametrize("restore", ["apply", {"gain.value": "apply", "magnet/field": "apply"}])
async def test_what_is_applied_at_the_start(serve: Serving, start, magnet, restore):
    """The first calls use it; with names, the others are only shown."""
    await first_run(serve, start())
    magnet.sets = []
    app = start(restore=restore)
    url = await serve(app)
    note = "warm" if restore == "apply" else ""
    async with Tab(url) as tab:
        await tab.expect("out", "children", f"7 {note}".strip() if note else "7 ")
        await tab.expect("gain", "value", 7)
        await tab.expect("magnet/field", "setpoint", 3.0)
    assert app.calls == [(7, note)]
    assert magnet.sets == [3.0]
    assert [each.name for each in app.kept.differences()] == ([] if note else ["note.value"])


async def test_what_is_refused_stays(serve: Serving, start, magnet):
    """A driver that refuses, and a component that is not there: told, undecided, and the rest is set."""
    await first_run(serve, start())
    magnet.broken = True
    app = start()
    app.layout = html.Div([dcc.Input(id="note", value=""), html.B(id="out")])
    async with Tab(await serve(app)):  # the app has begun
        app.magnet.field.read()
    magnet.now = 0.0
    done = app.kept.apply()
    assert done.applied == ["note.value"]
    assert "no component 'gain'" in done.refused["gain.value"]
    assert "quenched" in done.refused["magnet/field.setpoint"]
    assert "quenched" in str(done)
    magnet.broken = False
    assert app.kept.apply(app.magnet.field).applied == ["magnet/field.setpoint"]
    assert app.kept.discard() == ["gain.value"]
    assert set(on_disk(app)) == {"note.value", "magnet/field.setpoint"}


async def test_outputs_and_clicks_are_not_kept(serve: Serving, start):
    """Unless they are named; what cannot be written as JSON is left out, and said."""
    app = start(keep_also=["out.children", "magnet/wave.value"])
    async with Tab(await serve(app)) as tab:
        await tab.act("go", "n_clicks", 3)
        await tab.act("gain", "value", 6)
        await tab.expect("out", "children", "6 ")
        app.magnet.wave.set(1 + 2j)
        await eventually(lambda: "(complex) cannot be written" in "".join(tab.prop("dash-devices-kept", "notes") or []))
        kept = on_disk(app)
    assert kept.pop("out.children") == "6 "
    assert kept == {"gain.value": 6, "magnet/wave.value": "1+2j"}
    assert "magnet/wave.setpoint is not kept: '1+2j' (complex)" in repr(app.kept)


async def test_a_full_disk_is_told_and_loses_nothing(serve: Serving, start, monkeypatch):
    """The owner's pages are told; values wait in memory, and are written when there is room again."""
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.02)
    app = start()

    def pages(most: int) -> None:
        with app.kept._store._using() as base:
            base.execute(f"PRAGMA max_page_count = {most}")

    async with Tab(await serve(app)) as tab:
        app.clients[0].role = "owner"
        pages(1)  # SQLite takes the present number then, and says that the disk is full beyond it
        note = "n" * 100_000
        await tab.act("note", "value", note)
        await eventually(lambda: any("not being written" in each["text"] for each in tab.notices))
        await eventually(lambda: "not being written" in "".join(tab.prop("dash-devices-kept", "notes")))
        with pytest.raises(KeptError, match="could not be written: database or disk is full"):
            app.kept.presets.save("large")
        await tab.act("gain", "value", 5)
        await tab.expect("out", "children", f"5 {note}")
        pages(1_000_000)
        await eventually(lambda: any("being written again" in each["text"] for each in tab.notices))
        await eventually(lambda: on_disk(app) == {"note.value": note, "gain.value": 5})
        await tab.act("note", "value", "n" * 300_000)
        await eventually(lambda: "are more than" in "".join(tab.prop("dash-devices-kept", "notes") or []))
        assert on_disk(app) == {"gain.value": 5}


async def test_a_signal_that_went_and_came_back(serve: Serving, start, magnet, monkeypatch):
    """With its channel away, what was kept of it is refused; when the driver has it again, it is set."""
    await first_run(serve, start())
    app = start()
    async with Tab(await serve(app)):
        driver = app.magnet.driver
        with monkeypatch.context() as away:
            away.setattr(driver, "signals", list)
            app.magnet.refresh()
        assert "no longer has field" in app.kept.apply("magnet/field").refused["magnet/field.setpoint"]
        app.magnet.refresh()
        assert app.kept.apply("magnet/field").refused == {}
        assert magnet.sets[-1] == 3.0


async def test_there_are_only_so_many(serve: Serving, start, monkeypatch):
    """What is set beyond the most is not kept, and said; what is known goes on."""
    monkeypatch.setattr(module, "MOST_NAMES", 1)
    app = start()
    async with Tab(await serve(app)) as tab:
        await tab.act("gain", "value", 5)
        await eventually(lambda: on_disk(app) == {"gain.value": 5})
        await tab.act("note", "value", "x")
        await eventually(lambda: "which is the limit" in "".join(tab.prop("dash-devices-kept", "notes") or []))
        await tab.act("gain", "value", 6)
        await eventually(lambda: on_disk(app) == {"gain.value": 6})


async def test_presets(serve: Serving, start, magnet):
    """Saved and loaded from a page and from a cell, compared by a viewer, deleted; what is refused is told."""
    app = start()
    url = await serve(app)
    async with Tab(url) as tab, Tab(url) as other:
        await tab.act("gain", "value", 3)
        app.magnet.field.set(2)
        await tab.act("dash-devices-kept", "act", {"kind": "save", "name": " cold ", "number": 1})
        await other.until(lambda: [each["name"] for each in other.prop("dash-devices-kept", "presets")] == ["cold"])
        assert app.kept.presets["cold"] == {"gain.value": 3, "magnet/field.setpoint": 2.0}
        await tab.act("gain", "value", 9)
        await tab.expect("out", "children", "9 ")
        app.magnet.field.set(1)
        (gain, field) = app.kept.presets.compare("cold")
        assert (gain.kept, gain.now, field.kept_text, field.now_text) == (3, 9, "2.00 T", "1.00 T")
        await other.act("dash-devices-kept", "compare", {"name": "cold", "number": 1})
        await other.until(lambda: len((other.prop("dash-devices-kept", "compared") or {}).get("rows", [])) == 2)
        assert tab.prop("dash-devices-kept", "compared") is None
        calls = len(app.calls)
        magnet.broken = True
        await tab.act("dash-devices-kept", "act", {"kind": "load", "name": "cold", "number": 2})
        await other.expect("out", "children", "3 ")
        await other.until(lambda: "quenched" in said(other))
        assert len(app.calls) == calls + 1
        magnet.broken = False
        assert app.kept.presets.load("cold").refused == {}
        assert magnet.now == 2.0
        assert app.kept.presets.compare("cold") == []
        await tab.act("dash-devices-kept", "act", {"kind": "load", "name": "warm", "number": 3})
        await other.until(lambda: "no preset 'warm'; there is 'cold'" in said(other))
        app.kept.presets.delete("cold")
        await other.expect("dash-devices-kept", "presets", [])
    texts = [str(each) for each in app.journal]
    for part in ("the preset 'cold' was saved", "the preset 'cold' was loaded: 1 values; magnet/field", "was deleted"):
        assert any(part in each for each in texts)


async def test_a_viewer_applies_nothing(serve: Serving, start):
    """Acts on kept values need control; comparing needs only a look."""
    await first_run(serve, start())
    app = start()
    async with Tab(await serve(app)) as tab:
        app.kept.presets.save("now")
        app.clients[0].role = "view"
        for number, kind in enumerate(["apply", "discard", "load", "delete"]):
            await tab.act("dash-devices-kept", "act", {"kind": kind, "name": "now", "number": number})
        await tab.act("dash-devices-kept", "compare", {"name": "now", "number": 1})
        await eventually(lambda: (tab.prop("dash-devices-kept", "compared") or {}).get("name") == "now")
        assert tab.prop("dash-devices-kept", "compared")["rows"] == []
    assert len(app.kept.differences()) >= 2
    assert list(app.kept.presets) == ["now"]
    assert app.calls == [(1, "")]


def test_wrong_arguments(magnet, path):
    """What is wrong is said when it is written."""
    for names, said in [("field", "list of names"), (["fild"], "no signal 'fild'"), ([3], "names signals of magnet")]:
        with pytest.raises(SignalError, match=said):
            devices.connect(magnet, name="magnet", keep=names)
    for options, said in [
        ({"keep": path, "restore": "now"}, "'show' or 'apply'"),
        ({"keep": path, "restore": {"gain.value": True}}, "'show' or 'apply'"),
        ({"keep": path, "keep_also": "gain.value"}, "list of props"),
        ({"keep": path, "keep_also": ["gain"]}, "not 'gain'"),
        ({"restore": "apply"}, "is not given"),
    ]:
        with pytest.raises(DashDevicesError, match=said):
            Dash(__name__, **options)
    with pytest.raises(KeptError, match="keeps nothing"):
        _ = Dash(__name__).kept


PROGRAM = """
import asyncio, sys
from dash_devices_nb import Dash, Input, Output, dcc, html
app = Dash("kept", keep=sys.argv[1])
app.layout = html.Div([dcc.Slider(0, 10, id="gain", value=1), html.B(id="out")])

@app.callback_shared(Output("out", "children"), Input("gain", "value"))
def show(gain):
    return gain

asyncio.run(app.serve(port=0, auth=None))
"""


async def test_a_program_that_is_killed(start, path):
    """What a person had set a second before kill -9 is there after the restart, and is told with what differs."""
    command = [sys.executable, "-c", PROGRAM, str(path)]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        url = (await asyncio.wait_for(process.stdout.readline(), 30)).decode().split()[-1]
        async with Tab(url) as tab:
            await tab.act("gain", "value", 8)
            await tab.expect("out", "children", 8)
            since = time.monotonic()
            await eventually(lambda: time.monotonic() - since >= 1.0)
            process.kill()
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
    app = start()
    assert app.kept["gain.value"] == 8


NOTEBOOK = """
from typing import Annotated
from dash_devices_nb import Dash, devices

class Magnet:
    def __init__(self):
        self.now, self.sets = 0.0, []

    @property
    def field(self) -> Annotated[float, devices.Period(0.05)]:
        return self.now

    @field.setter
    def field(self, value: float):
        self.sets.append(value)
        self.now = value

magnet = Magnet()
device = devices.connect(magnet, name="magnet", keep=["field"])
app = Dash("kept", devices=[device], keep={path!r}, restore={restore!r})
app.layout = devices.panel(device)
app.run(port=0, jupyter_mode="_none", auth=None)
print(app.url)
"""


async def test_a_kernel_that_is_restarted(kernel: Kernel, path):
    """Run again, the notebook's cell moves the device where it says `restore="apply"`, and nowhere else."""

    async def run(restore: str) -> str:
        return (await kernel.run(NOTEBOOK.format(path=str(path), restore=restore))).text.splitlines()[-1]

    async def sets() -> str:
        return (await kernel.run("print(magnet.sets, magnet.now)")).text.strip()

    async with Tab(await run("show")) as tab:
        await tab.act("magnet/field", "asked", {"value": 2.5, "number": 1})
        await tab.expect("magnet/field", "setpoint", 2.5)
    await kernel.run("app.kept.flush()")
    await kernel.restart()
    async with Tab(await run("show")) as tab:
        await tab.until(lambda: len(tab.prop("dash-devices-kept", "differences") or []) == 1)
        await tab.expect("magnet/field", "value", 0.0)
        assert await sets() == "[] 0.0"
    await kernel.restart()
    async with Tab(await run("apply")) as tab:
        await tab.expect("magnet/field", "value", 2.5)
        await tab.expect("magnet/field", "setpoint", 2.5)
        assert await sets() == "[2.5] 2.5"

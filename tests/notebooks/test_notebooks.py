"""The notebooks run from start to end in a real kernel, and their cells may be run again."""

from __future__ import annotations

import re
import shutil
from contextlib import AsyncExitStack
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from dash_devices_nb.testing import Tab
from tests.support.eventually import eventually
from tests.support.jupyter import jupyter_environment
from tests.support.kernels import Cell, Kernel

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
THERMOSTAT = NOTEBOOKS / "01_thermostat.ipynb"
CAMERA = NOTEBOOKS / "03_camera_and_plots.ipynb"
DEBUGGING = NOTEBOOKS / "02_live_debugging.ipynb"
CLASSROOM = NOTEBOOKS / "04_classroom.ipynb"
DEVICES = NOTEBOOKS / "05_many_devices.ipynb"
QUESTION = NOTEBOOKS / "09_a_question.ipynb"


def sources(path: Path) -> list[str]:
    """The code cells of a notebook."""
    return [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


@pytest.fixture
def jupyter_home(short_directory: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Directories in which nothing of the person who runs the tests is found."""
    for name, value in jupyter_environment(short_directory).items():
        monkeypatch.setenv(name, value)
    (short_directory / "runtime").mkdir(mode=0o700)
    return short_directory


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.name)
async def test_notebook_runs_from_start_to_end(path: Path, jupyter_home: Path):
    """Every cell runs without an error in less than 20 seconds, and the notebook is stored without outputs."""
    notebook = nbformat.read(path, as_version=4)
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in notebook.cells)
    shutil.copy(path, jupyter_home)
    client = NotebookClient(notebook, timeout=20, kernel_name="python3", resources={"metadata": {"path": jupyter_home}})
    await client.async_execute()
    kinds = [output.output_type for cell in notebook.cells for output in cell.get("outputs", [])]
    assert "error" not in kinds


async def test_thermostat_cells_run_again_and_again(kernel: Kernel):
    """Each cell of the thermostat may be run again: one control thread is left, one app, at one address."""
    cells = sources(THERMOSTAT)
    for cell in cells:
        await kernel.run(cell)
    url = (await kernel.run("app.url")).result
    for cell in [*reversed(cells), *cells[:2], *cells[:2]]:
        await kernel.run(cell)
    assert (await kernel.run("app.url")).result == url
    names = await kernel.run("import threading; sorted(thread.name for thread in threading.enumerate())")
    assert names.result is not None
    assert names.result.count("'thermostat'") == 1
    assert names.result.count("dash-devices-io") == 1
    alive = await kernel.run("before = thermostat.history[-1]; time.sleep(0.5); before != thermostat.history[-1]")
    assert alive.result == "True"


async def test_thermostat_takes_what_a_cell_pushes(kernel: Kernel):
    """A push of the slider sets the device before the cell goes on, and the control loop follows."""
    for cell in sources(THERMOSTAT):
        done = await kernel.run(cell)
        if 'push_mods({\n    "target"' in cell:
            assert done.result == "23"
    assert re.match(r"\d+\.\d °C by now", done.text)


async def test_debugging_goes_from_the_planted_bug_to_the_mended_device(kernel: Kernel):
    """The error is under the cell of the callback, the call is taken in hand, mended and held; all is shown."""
    ran: dict[str, Cell] = {}
    for cell in nbformat.read(DEBUGGING, as_version=4).cells:
        if cell.cell_type == "code":
            ran[cell.id] = await kernel.run(cell.source, cell_id=cell.id)
    await eventually(lambda: "ZeroDivisionError" in ran["duration"].stderr)
    assert ran["fail"].result == "0"
    assert "inputs:    {'rate.value': 0, 'volume.value': 30}" in ran["look"].text
    assert "is app.errors[-1]: True" in ran["look"].text
    assert re.search(r"line 3 of duration: \{'rate': 0, 'volume': 30\}", ran["replay"].text)
    assert ran["again"].result == "'The pump stands still.'"
    assert ran["next"].result is not None
    assert "The volume lasts 12.0 minutes." in ran["next"].result
    assert "stepped: <Call" in ran["pause"].text
    assert ran["resume"].result == "4"
    await eventually(lambda: "the pump runs at 2.5 ml/min" in ran["set-rate"].text)
    assert "duration" in ran["journal"].displays[0]["text/html"]
    assert "<svg" in ran["graph"].displays[0]["text/html"]
    assert "application/vnd.jupyter.widget-view+json" in ran["console"].displays[0]
    assert "the pump's rate: 4" in ran["save"].text
    await kernel.run("app.stop()")


async def test_camera_cells_run_again_and_again(kernel: Kernel):
    """Each cell of the camera may be run again: one thread reads one camera, and pictures and points go on."""
    cells = sources(CAMERA)
    for cell in cells:
        await kernel.run(cell)
    url = (await kernel.run("app.url")).result
    for cell in [*cells[:3], *cells[2:], *cells[:3]]:
        await kernel.run(cell)
    assert (await kernel.run("app.url")).result == url
    names = await kernel.run("[thread.name for thread in threading.enumerate()].count('camera')")
    assert names.result == "1"
    went_on = await kernel.run(
        "before = shown_pictures\n"
        "deadline = time.monotonic() + 10\n"
        "while time.monotonic() < deadline and shown_pictures < before + 15: time.sleep(0.05)\n"
        "shown_pictures >= before + 15, sorted(place[0] for place in app._parts.runtime.images)"
    )
    assert went_on.result == "(True, ['picture', 'sensor'])"


async def test_the_lesson_goes_from_the_link_to_its_end(kernel: Kernel):
    """A viewer is refused and told, a role is live, the floor goes on, the link is revoked; once more with a guest."""
    cells = [cell for cell in nbformat.read(CLASSROOM, as_version=4).cells if cell.cell_type == "code"]
    for asks_first in ("", ZOE):
        ran = {}
        for cell in cells:
            source = cell.source if cell.id != "request" else asks_first + cell.source
            ran[cell.id] = await kernel.run(source, cell_id=cell.id)
        assert "data:image/svg+xml" in ran["share"].displays[0]["text/html"]
        assert re.search(r"Ada +view.*\nBen +view", ran["who"].text)
        assert "You may not change target.value: you may look, but not act." in ran["refused"].text
        assert "the target is 21" in ran["refused"].text
        assert ran["role"].result == "24"
        floor = [ran[name].result for name in ("lock", "request", "leaves", "close", "open")]
        wanted = [text.replace("1", "2") if asks_first else text for text in FLOOR]
        assert [text for text in floor if "Ben's" not in text] == [f"<Control {text} ask>" for text in wanted]
        assert floor[2].startswith("<Control Ben's, ")  # whether Zoe had it for a moment before
        assert ran["look"].result == "(19, 15, 28)"
        assert "revoked" in str(ran["revoke"].result)
    await kernel.run("thermostat.close(); app.stop()")


FLOOR = ["Ada's, 0", "Ada's, 1", "closed, 0", "open, 0"]
ZOE = """
zoe = await student("Zoe")
await zoe.request_control()
while not app.control.requests:
    await asyncio.sleep(0.05)
"""


async def test_each_student_gets_a_device_and_the_teacher_sees_all(kernel: Kernel):
    """Six pages have six rooms and the seventh waits for one; each acts on its own only; the overview has them all."""
    cells = sources(DEVICES)
    for cell in [*cells, *cells]:
        await kernel.run(cell)
    names = await kernel.run("[thread.name for thread in threading.enumerate()].count('thermostat')")
    assert names.result == "6", "the cells may be run again"
    urls = await kernel.run("print(app.url); print(overview.url)")
    url, overview_url = urls.text.split()
    async with AsyncExitStack() as stack:
        teacher = await stack.enter_async_context(Tab(overview_url))
        students = [await stack.enter_async_context(Tab(url)) for _ in range(6)]
        targets = [await student.expect("target", "value", lambda target: target is not None) for student in students]
        assert targets == [18, 19, 20, 21, 22, 23]
        late = await stack.enter_async_context(Tab(url))
        await late.expect("place", "children", lambda shown: "All rooms are taken" in str(shown))

        await students[2].act("target", "value", 25.5)
        await students[2].expect("target-shown", "children", "25.5 °C")
        await teacher.expect("state-2", "children", lambda state: str(state).startswith("target 25.5 °C"))
        assert students[3].prop("target", "value") == 21
        await students[4].act("switch", "value", [])
        await students[4].expect("heater", "children", "off")
        rooms = await kernel.run("[(room.target, room.enabled) for room in rooms]")
        assert rooms.result == "[(18, True), (19, True), (25.5, True), (21, True), (22, False), (23, True)]"
        temperature = students[0].prop("temperature", "children")
        await students[0].expect("temperature", "children", lambda shown: shown != temperature, within=10)
        await teacher.expect("who-5", "children", lambda who: who != "free")

        await students[2].close()
        await late.expect("target", "value", 25.5)
        await teacher.act("all", "value", 20)
        for student in [late, *students[3:]]:
            await student.expect("target", "value", 20)
            await student.expect("target-shown", "children", "20.0 °C")
        assert (await kernel.run("{room.target for room in rooms}")).result == "{20}"


async def test_the_class_is_asked_and_answers(kernel: Kernel):
    """Three answer and one changes the mind; the cell that asked shows the question; the result is a table."""
    ran: dict[str, Cell] = {}
    for cell in nbformat.read(QUESTION, as_version=4).cells:
        if cell.cell_type == "code":
            ran[cell.id] = await kernel.run(cell.source, cell_id=cell.id)
    counts = "{'stay as it is': 0, 'heat without a pause': 2, 'heat and pause in turns': 1}"
    assert ran["answers"].result == counts
    assert re.search(r"Ada +heat without a pause", str(ran["close"].result))
    assert ran["next"].result == "['Ada', 'Ben']"
    assert "0 answers, open" in ran["ask"].displays[0]["text/html"]
    await kernel.run("thermostat.close(); app.stop()")

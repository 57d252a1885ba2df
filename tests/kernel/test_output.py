import re

import pytest

from dash_devices_nb.kernel.output import CellOutput
from dash_devices_nb.kernel.tracebacks import in_a_line
from tests.support.eventually import eventually
from tests.support.kernels import Cell, Kernel

ANSI = re.compile(r"\x1b\[[0-9;]*m")

SETUP = """
    import asyncio, sys, threading, time, warnings
    from IPython.display import display
    from dash_devices_nb.kernel.output import CellOutput
    from dash_devices_nb.kernel.loops import IoThread, kernel_loop, submit

    def speak(word):
        print(word, "out"); print(word, "err", file=sys.stderr); display(word + " shown")
"""

DEFINE = """
    cell = CellOutput.here()
    go = threading.Event()

    def plain():
        with cell.bound():
            speak("before"); go.wait(10); speak("after")

    async def coroutine():
        with cell.bound():
            speak("before")
            while not go.is_set():
                await asyncio.sleep(0.01)
            speak("after")
"""


@pytest.fixture
async def prepared(kernel: Kernel) -> Kernel:
    await kernel.run(SETUP)
    return kernel


def said(cell: Cell) -> tuple[str, str, list[str]]:
    shown = [bundle["text/plain"].strip("'") for bundle in cell.displays]
    return cell.text, cell.stderr, shown


WHOLE = (
    "before out\nafter out\n", "before err\nafter err\n", ["before shown", "after shown"],
)  # fmt: skip


async def test_output_of_a_thread_goes_to_the_cell_that_defined_it(prepared: Kernel):
    """A plain callback prints and displays under its cell, also while another cell runs."""
    defining = await prepared.run(DEFINE)
    starting = await prepared.run("thread = threading.Thread(target=plain); thread.start()")
    busy = prepared.start("print('mine'); go.set(); thread.join(); time.sleep(0.3); speak('mine')")
    await eventually(lambda: busy.finished)
    await eventually(lambda: said(defining) == WHOLE)
    assert said(starting) == ("", "", [])
    assert said(busy) == ("mine\nmine out\n", "mine err\n", ["mine shown"])
    assert prepared.orphans == []


async def test_output_of_a_task_goes_to_the_cell_that_defined_it(prepared: Kernel):
    """So does a coroutine callback on the kernel's loop, however it was started."""
    defining = await prepared.run(DEFINE)
    starting = await prepared.run("""
        future = None
        def start():
            global future
            future = submit(kernel_loop(), coroutine())
        thread = threading.Thread(target=start); thread.start(); thread.join()
        task = asyncio.ensure_future(asyncio.sleep(0.2))
    """)
    busy = await prepared.run("await task; speak('mine'); go.set(); await asyncio.sleep(0.1)")
    await eventually(lambda: said(defining) == WHOLE)
    assert said(starting) == ("", "", [])
    assert said(busy) == ("mine out\n", "mine err\n", ["mine shown"])


async def test_output_on_a_loop_of_another_thread_goes_to_its_cell(prepared: Kernel):
    """Tasks of one loop thread that belong to two cells do not mix."""
    first = await prepared.run("one = CellOutput.here(); io = IoThread(); io.start()")
    second = await prepared.run("two = CellOutput.here()")
    await prepared.run("""
        async def tell(cell, word):
            for _ in range(3):
                with cell.bound():
                    print(word); await asyncio.sleep(0.01)
        async def both():
            await asyncio.gather(tell(one, "one"), tell(two, "two"))
        io.call(both()); io.stop()
    """)
    await eventually(lambda: first.text == "one\n" * 3 and second.text == "two\n" * 3)


async def test_bound_may_be_nested_and_ends(prepared: Kernel):
    """The inner cell counts inside, the outer one again after it, the running one at the end."""
    outer = await prepared.run("outer = CellOutput.here()")
    inner = await prepared.run("inner = CellOutput.here()")
    last = await prepared.run("""
        with outer.bound():
            print("outer 1")
            with inner.bound():
                print("inner")
                assert CellOutput.here() is inner
            print("outer 2")
        print("running")
        assert CellOutput.here() is not outer
    """)
    await eventually(lambda: outer.text == "outer 1\nouter 2\n")
    await eventually(lambda: inner.text == "inner\n")
    assert last.text == "running\n"


async def test_warnings_follow(prepared: Kernel):
    """A warning goes to the bound cell, too."""
    defining = await prepared.run("cell = CellOutput.here()")
    running = await prepared.run("""
        def work():
            with cell.bound():
                warnings.warn("hot")
        thread = threading.Thread(target=work); thread.start(); thread.join()
    """)
    await eventually(lambda: "UserWarning: hot" in defining.stderr)
    assert running.stderr == ""


async def test_the_display_hook_follows(prepared: Kernel):
    """An explicit call of the display hook goes to the bound cell, where the kernel allows it."""
    probe = await prepared.run("hasattr(sys.displayhook, 'set_thread_parent')")
    if probe.result != "True":
        pytest.skip("this ipykernel's display hook knows only the cell that runs")
    defining = await prepared.run("cell = CellOutput.here()")
    running = await prepared.run("""
        def work():
            with cell.bound():
                sys.displayhook(42)
        thread = threading.Thread(target=work); thread.start(); thread.join()
    """)
    await eventually(lambda: defining.result == "42")
    assert running.result is None


async def test_here_knows_the_cell(prepared: Kernel):
    """The execution count and the front end's cell id are kept, the source is not."""
    cell = await prepared.run("c = CellOutput.here(); print(c.label, c.cell_id, c.parent['content'])")
    assert cell.reply is not None
    assert cell.text == f"cell [{cell.reply['execution_count']}] None {{}}\n"
    cell = await prepared.run("""
        kernel = get_ipython().kernel
        kernel.get_parent()["metadata"]["cellId"] = "abc"
        print(CellOutput.here().cell_id)
    """)
    assert cell.text == "abc\n"


async def test_a_group_of_errors_is_shown_with_its_parts(prepared: Kernel):
    """As below a cell: a callback that waits for several things in a TaskGroup fails with one."""
    cell = await prepared.run("""
        try:
            raise ExceptionGroup("two devices", [ValueError("too hot"), KeyError("valve")])
        except ExceptionGroup as exc:
            CellOutput.here().show_exception(exc)
    """)
    for part in ("ExceptionGroup: two devices (2 sub-exceptions)", "ValueError: too hot", "KeyError: 'valve'"):
        assert part in cell.stderr


async def test_an_error_is_shown_without_our_frames(prepared: Kernel):
    """The traceback under the defining cell starts in the user's function and is coloured."""
    defining = await prepared.run("""
        cell = CellOutput.here()
        async def set_heater(power):
            raise ValueError(f"power is {power}")
    """)
    running = await prepared.run("""
        io = IoThread(); io.start()
        try:
            io.call(set_heater(7))
        except ValueError as exc:
            error, before = exc, exc.__traceback__
        io.stop()
        cell.show_exception(error)
        assert error.__traceback__ is before
    """)
    await eventually(lambda: "ValueError" in defining.stderr)
    assert running.stderr == ""
    assert "\x1b[" in defining.stderr
    text = ANSI.sub("", defining.stderr)
    assert "ValueError: power is 7" in text
    assert 'raise ValueError(f"power is {power}")' in text
    assert "dash_devices_nb" not in text
    assert "concurrent" not in text


def test_outside_ipython_nothing_is_bound(capsys):
    """In a script, `here` gives an object that does nothing and prints tracebacks plainly."""
    cell = CellOutput.here()
    assert (cell.cell_id, cell.execution_count, cell.label) == (None, None, "")
    with cell.bound():
        print("hello")
    try:
        raise ValueError("no such device")
    except ValueError as exc:
        cell.show_exception(exc)
    captured = capsys.readouterr()
    assert captured.out == "hello\n"
    assert captured.err.startswith("Traceback (most recent call last):\n")
    assert captured.err.endswith("ValueError: no such device\n")
    assert "test_output.py" in captured.err


def test_an_error_of_ours_is_shown_as_its_message(capsys):
    """An exception without a frame of the user's shows no traceback."""
    CellOutput.here().show_exception(ValueError("2 values were expected, 3 came"))
    assert capsys.readouterr().err == "ValueError: 2 values were expected, 3 came\n"


def test_a_traceback_is_written_in_one_piece(monkeypatch):
    """Two threads may have one to show; what comes between two writes would stand in the middle of a line."""
    written: list[str] = []
    monkeypatch.setattr("sys.stderr.write", written.append)
    CellOutput.here().show_exception(ValueError("2 values were expected, 3 came"))
    assert written == ["ValueError: 2 values were expected, 3 came\n"]


def test_an_error_without_a_message_is_told_by_its_type():
    """A plain `assert` has none; a line does not end with a colon for that."""
    assert in_a_line(AssertionError()) == "AssertionError"
    assert in_a_line(ValueError("too hot")) == "ValueError: too hot"

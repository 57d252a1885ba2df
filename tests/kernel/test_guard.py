import threading
import time

import pytest

from dash_devices_nb.errors import CallbackInterrupted
from dash_devices_nb.kernel.guard import InterruptGuard, RunningCalls
from tests.support.eventually import eventually
from tests.support.kernels import Kernel

SETUP = """
    import asyncio, signal, threading, time
    from dash_devices_nb.errors import CallbackInterrupted
    from dash_devices_nb.kernel.guard import InterruptGuard, RunningCalls
    calls, stopped, noted = RunningCalls(), [], []
    kernel = get_ipython().kernel
    note = lambda call: noted.append(call.name)
    guard = InterruptGuard(calls, longer_than=0.2, on_interrupt=note)
    assert guard.install()

    def spin(name, seconds=60):
        def loop():
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                time.sleep(0.005)
            return "done"
        def work():
            try:
                stopped.append((name, calls.run(name, loop)))
            except CallbackInterrupted as exc:
                stopped.append((name, str(exc)))
        thread = threading.Thread(target=work); thread.start()
        return thread
"""

RUNAWAY = """
    thread = spin("runaway")
    while not [c for c in calls.snapshot() if c.seconds > 0.3]:
        time.sleep(0.01)
"""

STOPPED = "[('runaway', 'The stop button was pressed while this ran.')]"


@pytest.fixture
async def guarded(kernel: Kernel) -> Kernel:
    await kernel.run(SETUP)
    return kernel


def test_an_interrupted_call_raises_in_its_thread():
    """The oldest call is stopped, once, by an exception that `except Exception` does not catch."""
    calls, outcome, begun = RunningCalls(), [], threading.Event()

    def loop():
        begun.set()
        while True:
            try:
                time.sleep(0.001)
            except Exception:  # noqa: BLE001
                outcome.append("swallowed")

    def work():
        try:
            calls.run("set_heater", loop)
        except CallbackInterrupted as exc:
            outcome.append(str(exc))

    thread = threading.Thread(target=work)
    thread.start()
    assert begun.wait(5)
    assert calls.interrupt(longer_than=60) is None
    [call] = calls.snapshot()
    assert (call.name, call.thread_id, call.interrupted) == ("set_heater", thread.ident, False)
    assert calls.interrupt() is call
    thread.join(5)
    assert outcome == ["The stop button was pressed while this ran."]
    assert calls.snapshot() == []
    assert calls.interrupt() is None


def test_results_and_exceptions_pass_through():
    """A call that nobody stops behaves as if it was called directly, nested ones too."""
    calls = RunningCalls()
    assert calls.run("outer", lambda: calls.run("inner", lambda x: x + 1, 1)) == 2
    with pytest.raises(ValueError, match="no such device"):
        calls.run("fail", lambda: (_ for _ in ()).throw(ValueError("no such device")))
    assert calls.snapshot() == []


def test_a_late_interrupt_never_reaches_what_the_thread_does_next():
    """However the moments fall, only the interrupted call itself sees the exception."""
    calls, escaped, counts = RunningCalls(), [], {"stopped": 0, "finished": 0}

    def work():
        try:
            for _ in range(20_000):
                try:
                    calls.run("short", sum, range(20))
                    counts["finished"] += 1
                except CallbackInterrupted:
                    counts["stopped"] += 1
                for _ in range(5):
                    str(counts)
        except CallbackInterrupted as exc:
            escaped.append(exc)

    thread = threading.Thread(target=work)
    thread.start()
    while thread.is_alive():
        calls.interrupt()
    thread.join()
    assert escaped == []
    assert counts["stopped"] + counts["finished"] == 20_000


def test_there_is_nothing_to_guard_outside_a_kernel():
    """Without a kernel the guard says so and does nothing."""
    guard = InterruptGuard(RunningCalls())
    assert not guard.install()
    guard.uninstall()


async def test_the_stop_button_stops_a_runaway_while_the_kernel_is_idle(guarded: Kernel):
    """No cell runs; one press stops the callback, which is told of, and the kernel lives on."""
    await guarded.run(RUNAWAY)
    await guarded.interrupt()
    cell = await guarded.run("thread.join(10); print(stopped, noted)")
    assert cell.text == f"{STOPPED} ['runaway']\n"


async def test_the_first_press_stops_the_callback_and_the_second_the_cell(guarded: Kernel):
    """A cell goes on after the first press, and is interrupted as usual by the second."""
    await guarded.run(RUNAWAY)
    await guarded.run("second = spin('second'); time.sleep(0.4)")
    cell = guarded.start("""
        print("begun", flush=True)
        while not noted: time.sleep(0.01)
        print("goes on", flush=True)
        while True: time.sleep(0.01)
    """)
    await eventually(lambda: cell.text == "begun\n")
    await guarded.interrupt()
    await eventually(lambda: cell.text == "begun\ngoes on\n")
    await guarded.interrupt()
    await eventually(lambda: cell.finished)
    assert cell.errors == ["KeyboardInterrupt: "]
    assert (await guarded.run("thread.join(10); print(stopped)")).text == f"{STOPPED}\n"
    await guarded.run("calls.interrupt(); second.join(10)")


async def test_without_a_runaway_the_first_press_stops_the_cell(guarded: Kernel):
    """A callback that has just begun is no runaway and is left alone."""
    cell = guarded.start("""
        thread = spin("short", 0.3)
        print("begun", flush=True)
        while True: time.sleep(0.01)
    """)
    await eventually(lambda: cell.text)
    await guarded.interrupt()
    await eventually(lambda: cell.finished)
    assert cell.errors == ["KeyboardInterrupt: "]
    assert (await guarded.run("thread.join(); print(stopped)")).text == "[('short', 'done')]\n"


async def test_a_cell_that_awaits_is_guarded_as_well(guarded: Kernel):
    """ipykernel's own way with coroutines stays behind the guard."""
    await guarded.run(RUNAWAY)
    cell = guarded.start("""
        print("begun", flush=True)
        while not noted: await asyncio.sleep(0.01)
        print("goes on", flush=True)
        await asyncio.sleep(60)
    """)
    await eventually(lambda: cell.text == "begun\n")
    await guarded.interrupt()
    await eventually(lambda: cell.text == "begun\ngoes on\n")
    await guarded.interrupt()
    await eventually(lambda: cell.finished)
    assert cell.errors
    assert (await guarded.run("thread.join(10); print(stopped)")).text == f"{STOPPED}\n"


async def test_the_guard_leaves_nothing(guarded: Kernel):
    """Uninstalled, in whichever order, the kernel's hooks and handlers are its own again."""
    state = """
        print(signal.getsignal(signal.SIGINT) is signal.default_int_handler,
              kernel.saved_sigint_handler is signal.SIG_IGN,
              [n for n in ("pre_handler_hook", "_cancel_on_sigint") if n in vars(kernel)])
    """
    for order in ("guard.uninstall(); other.uninstall()", "other.uninstall(); guard.uninstall()"):
        await guarded.run("guard.install(); other = InterruptGuard(calls); other.install()")
        await guarded.run(order + "; guard.uninstall()")
        assert (await guarded.run(state)).text == "True True []\n"
    await guarded.run("guard.install()\nawait asyncio.sleep(0)\nguard.uninstall()")
    assert (await guarded.run(state)).text == "True True []\n"
    cell = guarded.start("print('begun', flush=True)\nwhile True: time.sleep(0.01)")
    await eventually(lambda: cell.text)
    await guarded.interrupt()
    await eventually(lambda: cell.finished)
    assert cell.errors == ["KeyboardInterrupt: "]


async def test_it_can_be_installed_from_another_thread(kernel: Kernel):
    """Handlers belong to the main thread; the kernel's loop does it there."""
    await kernel.run(SETUP.replace("assert guard.install()", ""))
    await kernel.run("t = threading.Thread(target=guard.install); t.start(); t.join()")
    await kernel.run(RUNAWAY)
    await kernel.interrupt()
    cell = await kernel.run("thread.join(10); print(stopped)")
    assert cell.text == f"{STOPPED}\n"

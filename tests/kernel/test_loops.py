import asyncio
import contextvars
import re
import threading
import time

import pytest

from dash_devices_nb.errors import LoopError
from dash_devices_nb.kernel.loops import IoThread, kernel_loop, pump
from tests.support.eventually import eventually
from tests.support.kernels import Kernel

mark = contextvars.ContextVar("mark", default="empty")


@pytest.fixture
def io():
    thread = IoThread("test-io")
    thread.start()
    yield thread
    thread.stop()


async def _mark() -> str:
    return mark.get()


def test_call_runs_on_the_named_daemon_thread(io):
    """A coroutine handed to `call` runs on the thread's own loop and its result comes back."""

    async def where():
        return threading.current_thread(), asyncio.get_running_loop()

    thread, loop = io.call(where())
    assert (thread.name, thread.daemon, loop) == ("test-io", True, io.loop)


def test_everything_enters_with_an_empty_context(io):
    """Neither `call` nor `post` carries the caller's context into the loop."""
    token = mark.set("cell 1")
    try:
        assert io.call(_mark()) == "empty"
        seen: list[str] = []
        done = threading.Event()
        io.post(lambda: (seen.append(mark.get()), done.set()))
        assert done.wait(5)
        assert seen == ["empty"]
    finally:
        mark.reset(token)


def test_call_on_its_own_thread_raises_instead_of_deadlocking(io):
    """A synchronous call on the loop's thread says that it would wait for ever."""

    async def outer():
        io.call(_mark())

    with pytest.raises(LoopError, match="wait for the thread 'test-io' on that very thread"):
        io.call(outer(), timeout=5)


def test_stop_on_its_own_thread_is_refused(io):
    """The thread cannot be stopped from itself."""

    async def outer():
        io.stop()

    with pytest.raises(LoopError, match="cannot stop itself"):
        io.call(outer(), timeout=5)


def test_call_that_takes_too_long_is_cancelled(io):
    """After the timeout the coroutine is cancelled and the error names it and the seconds."""
    cancelled = threading.Event()

    async def forever():
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    with pytest.raises(TimeoutError, match=re.escape("forever did not finish within 0.05 s")):
        io.call(forever(), timeout=0.05)
    assert cancelled.wait(5)


def test_exceptions_come_back_to_the_caller(io):
    """What the coroutine raises is raised by `call`, a TimeoutError of its own included."""

    async def fail():
        raise TimeoutError("the device does not answer")

    with pytest.raises(TimeoutError, match="the device does not answer"):
        io.call(fail(), timeout=5)


def test_post_wakes_the_loop_at_once_and_keeps_the_order(io):
    """Posted functions run in order and do not wait for another reason to wake."""
    seen: list[int] = []
    done = threading.Event()
    start = time.monotonic()
    for number in range(100):
        io.post(seen.append, number)
    io.post(done.set)
    assert done.wait(5)
    assert seen == list(range(100))
    assert time.monotonic() - start < 1


def test_stop_cancels_what_is_pending_and_closes_the_loop():
    """After `stop` no task, thread or open loop is left, and calls are refused."""
    io = IoThread("test-io")
    io.start()
    loop, begun, ended = io.loop, threading.Event(), threading.Event()

    async def forever():
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    waiting = io.submit(forever())
    assert begun.wait(5)
    io.stop()
    assert (waiting.cancelled(), ended.is_set(), loop.is_closed()) == (True, True, True)
    assert not [t for t in threading.enumerate() if t.name == "test-io"]
    io.stop()
    with pytest.raises(LoopError, match="'test-io' does not run"):
        io.post(print)
    with pytest.raises(LoopError, match="'test-io' does not run"):
        io.call(_mark())


def test_stop_names_a_task_that_does_not_end():
    """A task that blocks the loop makes `stop` raise after its timeout, not hang."""
    io = IoThread("test-io")
    io.start()
    release = threading.Event()
    io.post(release.wait)
    with pytest.raises(LoopError, match=r"did not end within 0\.05 s"):
        io.stop(timeout=0.05)
    release.set()


def test_it_can_be_started_again():
    """A stopped thread starts anew with a fresh loop."""
    io = IoThread()
    io.start()
    first = io.loop
    io.start()
    assert io.loop is first
    io.stop()
    io.start()
    assert io.loop is not first
    assert io.call(_mark()) == "empty"
    io.stop()


def test_there_is_no_kernel_loop_in_a_script():
    """Outside a kernel there is no kernel loop."""
    assert kernel_loop() is None


async def test_pump_refuses_a_loop_that_does_not_run_here(io):
    """Only the loop that runs on the calling thread can be pumped."""
    with pytest.raises(LoopError, match="only be pumped from a synchronous call on its own thread"):
        pump(io.loop, _mark())


async def test_kernel_loop_is_the_main_one_from_anywhere(kernel: Kernel):
    """A cell, a thread and a loop of another thread all find the loop that runs the cells."""
    cell = await kernel.run("""
        import asyncio, threading
        from dash_devices_nb.kernel.loops import IoThread, kernel_loop
        main = asyncio.get_running_loop()
        seen = [kernel_loop() is main]
        thread = threading.Thread(target=lambda: seen.append(kernel_loop() is main))
        thread.start(); thread.join()
        io = IoThread(); io.start()
        async def there(): return kernel_loop() is main
        seen.append(io.call(there()))
        io.stop()
        print(seen)
    """)
    assert cell.text == "[True, True, True]\n"


async def test_kernel_loop_is_the_main_one_from_a_subshell(kernel: Kernel):
    """A subshell has a loop of its own, which dies with it; the kernel's is the main thread's."""
    await kernel.run("""
        import asyncio, threading
        from dash_devices_nb.kernel.loops import kernel_loop
        main = asyncio.get_running_loop()
    """)
    probe = await kernel.run("getattr(get_ipython().kernel, '_supports_kernel_subshells', False)")
    if probe.result != "True":
        pytest.skip("this kernel has no subshells")
    client = kernel._client
    client.control_channel.send(client.session.msg("create_subshell_request", {}))
    reply = await client.get_control_msg(timeout=10)
    message = client.session.msg(
        "execute_request",
        {
            "code": "print(kernel_loop() is main, asyncio.get_running_loop() is main, "
            "threading.current_thread() is threading.main_thread())",
            "silent": False,
            "store_history": False,
            "allow_stdin": False,
        },
    )
    message["header"]["subshell_id"] = reply["content"]["subshell_id"]
    client.shell_channel.send(message)
    await eventually(lambda: [m for m in kernel.orphans if m["msg_type"] == "stream"])
    [printed] = [m["content"]["text"] for m in kernel.orphans if m["msg_type"] == "stream"]
    assert printed == "True False False\n"


async def test_a_cell_can_pump_the_kernels_loop(kernel: Kernel):
    """A synchronous call lets tasks of the kernel's loop run; the queued cell waits its turn."""
    first = kernel.start("""
        import asyncio
        from dash_devices_nb.kernel.loops import kernel_loop, pump
        ticks = []
        async def tick():
            while len(ticks) < 5:
                ticks.append(len(ticks)); await asyncio.sleep(0.01)
            return "done"
        task = asyncio.ensure_future(tick())
        print(pump(kernel_loop(), task, 5), ticks)
        try:
            pump(kernel_loop(), asyncio.Event().wait(), 0.05)
        except TimeoutError:
            print("timeout")
        print("end of the first")
    """)
    second = await kernel.run("await asyncio.sleep(0.01); print('second', ticks)")
    assert first.text == "done [0, 1, 2, 3, 4]\ntimeout\nend of the first\n"
    assert second.text == "second [0, 1, 2, 3, 4]\n"

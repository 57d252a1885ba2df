"""What a thread of the program's own prints after its cell has ended, in a real kernel."""

from __future__ import annotations

import ast

from tests.support.eventually import eventually
from tests.support.kernels import Cell, Kernel

APP = """
    import sys, threading
    from dash_devices_nb import Dash, html

    app = Dash("talks")
    app.layout = html.Div()
    app.run(port=0, jupyter_mode="_none")
    turn = threading.Semaphore(0)

    def work():
        for number in range(6):
            turn.acquire(timeout=20)
            print("line", number)
            print("error", number, file=sys.stderr)

    def go(times):
        turn.release(times)
"""


async def completes(kernel: Kernel) -> None:
    """The front end asks for a completion, and the kernel answers."""
    question = Cell("completion")
    kernel._by_id[kernel._client.complete("pri")] = question
    await eventually(lambda: question.reply is not None, 30)


async def test_lines_of_a_thread_are_lost_nowhere(kernel: Kernel):
    """Nor those after a completion: they stand under the cell that ran last, each once, and all in the app's log."""
    await kernel.run(APP)
    starting = await kernel.run("thread = threading.Thread(target=work, name='worker'); thread.start(); go(2)")
    await eventually(lambda: "line 1" in starting.text and "error 1" in starting.stderr)
    await completes(kernel)
    again = await kernel.run("go(2)", cell_id="again")
    await completes(kernel)
    last = await kernel.run("go(2); thread.join(20)", cell_id="again")
    await completes(kernel)
    cells = (starting, again, last)
    await eventually(lambda: "line 5" in "".join(cell.text for cell in cells))
    await eventually(lambda: "error 5" in "".join(cell.stderr for cell in cells))
    assert "".join(cell.text for cell in cells) == "".join(f"line {n}\n" for n in range(6))
    assert "".join(cell.stderr for cell in cells) == "".join(f"error {n}\n" for n in range(6))
    log = await kernel.run("print([(line.name, line.stream, line.text) for line in app.output_log])")
    lines = [(stream, f"{word} {n}") for n in range(6) for stream, word in (("stdout", "line"), ("stderr", "error"))]
    assert ast.literal_eval(log.text) == [("worker", *line) for line in lines]
    stopped = await kernel.run("app.stop(); print(sys.stdout.echo, sys.stderr.echo)")
    assert stopped.text == "None None\n", "the streams are as they were"

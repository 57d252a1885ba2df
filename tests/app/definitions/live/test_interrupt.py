"""Jupyter's stop button and the callbacks of an app, in a real kernel."""

from __future__ import annotations

from tests.app.definitions.live.conftest import Live
from tests.support.eventually import eventually

RUNAWAY = """
    begun = threading.Event()

    @app.callback_shared(Output("shown", "children"), Input("target", "value"))
    def runaway(target):
        begun.set()
        while target == 666:
            time.sleep(0.01)
        return f"target {target}"

    @app.callback_shared(Output("third", "children"), Input("other", "value"))
    def quick(other):
        return f"other {other}"
"""


async def test_the_stop_button_stops_a_runaway_callback_of_an_idle_kernel(live: Live):
    """That callback alone: it is told where it is defined, the page is told, and the device goes on."""
    cell = await live.cell("callbacks", RUNAWAY)
    await live.run()
    async with live.tab() as tab, live.tab() as other:
        await tab.expect("shown", "children", "target 20")
        await live.ask("begun.clear()")
        await tab.act("target", "value", 666)
        await live.kernel.run("begun.wait(10); time.sleep(1.1)")

        await live.kernel.interrupt()

        await eventually(lambda: tab.notices, 10)
        (notice,) = tab.notices
        assert notice["title"] == "runaway failed"
        assert notice["text"] == "CallbackInterrupted: The stop button was pressed while this ran."
        assert other.notices == []
        await eventually(lambda: "CallbackInterrupted" in cell.stderr)  # travels another way than the notice
        assert await live.ask("type(app.errors[-1]).__name__") == "CallbackInterrupted"
        await tab.act("target", "value", 7)
        await other.expect("shown", "children", "target 7")
        await other.act("other", "value", 8)
        await tab.expect("third", "children", "other 8")
    assert (await live.kernel.run("1 + 1")).result == "2"


async def test_the_first_press_stops_the_callback_and_the_second_the_cell(live: Live):
    """A cell that runs at the same time goes on after the first press."""
    await live.cell("callbacks", RUNAWAY)
    await live.run()
    async with live.tab() as tab:
        await tab.expect("shown", "children", "target 20")
        await live.ask("begun.clear()")
        await tab.act("target", "value", 666)
        cell = live.kernel.start(
            "begun.wait(10); time.sleep(1.1); print('ready', flush=True)\nwhile True: time.sleep(0.01)"
        )
        await eventually(lambda: "ready" in cell.text, 15)

        await live.kernel.interrupt()
        await eventually(lambda: tab.notices, 10)
        assert not cell.finished

        await live.kernel.interrupt()
        await eventually(lambda: cell.finished, 10)
        assert cell.errors == ["KeyboardInterrupt: "]
        await tab.act("target", "value", 7)
        await tab.expect("shown", "children", "target 7")


async def test_a_press_leaves_quick_callbacks_alone(live: Live):
    """What has not run for a second is no runaway: the press stops the cell, as ever."""
    await live.cell("callbacks", RUNAWAY)
    await live.run()
    async with live.tab() as tab:
        cell = live.kernel.start("print('ready', flush=True)\nwhile True: time.sleep(0.01)")
        await eventually(lambda: cell.text, 10)
        for number in range(50, 60):
            await tab.act("other", "value", number)
        await live.kernel.interrupt()
        await eventually(lambda: cell.finished, 10)
        assert cell.errors == ["KeyboardInterrupt: "]
        await tab.expect("third", "children", "other 59")
        assert await live.ask("len(app.errors)") == "0"

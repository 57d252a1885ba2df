"""What a cell defines is called when the cell has run: by then all that it uses is defined too."""

from __future__ import annotations

import pytest

from tests.app.definitions.live.conftest import Live

CODE = """
    @app.{kind}(Output("shown", "children"), Input("target", "value"))
    def show(target):
        calls.append("NAME")
        return helper(target)

    def helper(target):
        return f"NAME {{target}}"
"""

# So that no pause of a busy machine lets the callbacks of a quick cell go before its end.
PATIENT = """
    import dash_devices_nb.app.execution.deferred
    dash_devices_nb.app.execution.deferred.HOLD_SECONDS = 60
    calls = []
"""


@pytest.mark.parametrize("kind", ["callback_shared", "callback"])
async def test_a_callback_uses_a_function_that_its_cell_defines_below_it(live: Live, kind: str):
    """The first call does not fail, and after an edit it does not use the function of before."""
    await live.cell("calls", PATIENT)
    await live.run()
    code = CODE.format(kind=kind)
    async with live.tab() as tab:
        await live.cell("show", code.replace("NAME", "first"))
        await tab.expect("shown", "children", "first 20")
        await live.cell("show", code.replace("NAME", "second"))
        await tab.expect("shown", "children", "second 20")
        await live.cell("show", code.replace("NAME", "broken") + "\n    1/0", may_fail=True)
        await live.followed(tab)
        await tab.act("target", "value", 5)
        await tab.expect("shown", "children", "broken 5")
        assert await live.ask("app.errors") == "[]"
        assert "broken" not in await live.ask("calls"), "the callback of the cell that failed was never called"
        assert [value for value in tab.history("shown", "children") if value][:2] == ["first 20", "second 20"]


@pytest.mark.parametrize("kind", ["callback_shared", "callback"])
async def test_a_cell_that_goes_on_does_not_hold_them_up(live: Live, kind: str):
    """A cell may run for hours: what it has defined is called meanwhile."""
    await live.cell("calls", "calls, called = [], threading.Event()")
    await live.run()
    async with live.tab() as tab:
        code = CODE.format(kind=kind).replace('calls.append("NAME")', "called.set()").replace("NAME", "long")
        await live.cell("show", code + "\n    assert called.wait(20)")
        await tab.expect("shown", "children", "long 20")


async def test_a_push_in_the_cell_that_defines_stays(live: Live):
    """It was set after the callback was defined, whose first call comes later and gives way to it."""
    await live.cell("calls", PATIENT)
    await live.run()
    async with live.tab() as tab:
        push = "app.push_mods({'shown': {'children': 'pushed'}})"
        await live.cell("show", CODE.format(kind="callback_shared") + f"\n    {push}")
        await tab.settled()
        await live.followed(tab)
        assert tab.prop("shown", "children") == "pushed"
        await tab.act("target", "value", 5)
        await tab.expect("shown", "children", "NAME 5")

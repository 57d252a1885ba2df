"""Errors where one codes, a call in hand, and callbacks that are held, in a real kernel."""

from __future__ import annotations

import re

import pytest

from tests.app.definitions.live.conftest import Live
from tests.support.eventually import eventually

FRAGILE = """
    lost = []

    @app.callback_shared(Output("shown", "children"), Input("target", "value"), State("mine", "value"))
    def control(target, mine):
        print("control", target)
        return f"{100 / target:g} {mine}"

    @app.callback(Output("third", "children"), Input("other", "value"))
    def own(other):
        print("own", other)
        return f"{10 / other:g} for {callback_context.client.id if callback_context.client else None}"
"""


@pytest.mark.parametrize(("component", "name"), [("target", "control"), ("other", "own")])
async def test_an_error_is_told_where_one_codes_and_where_one_acts(live: Live, component: str, name: str):
    """The traceback, without our frames, under the defining cell; a short notice on the page that caused it alone."""
    cell = await live.cell("fragile", FRAGILE)
    await live.run()
    async with live.tab() as anne, live.tab() as ben:
        await anne.act(component, "value", 0)
        (notice,) = await eventually(lambda: [each for each in anne.notices if each["title"] == f"{name} failed"])
        await eventually(lambda: "ZeroDivisionError: division" in plain(cell.stderr))
        assert notice["level"] == "error"
        assert notice["text"] == "ZeroDivisionError: division by zero"
        assert ben.notices == []
        assert f"in {name}(" in plain(cell.stderr)
        assert "dash_devices_nb" not in cell.stderr
        assert "site-packages" not in cell.stderr
        assert (
            await live.ask("(repr(app.errors[-1]), len(app.errors))")
            == "(\"ZeroDivisionError('division by zero')\", 1)"
        )
        assert await live.ask("__import__('sys').last_value is app.errors[-1]") == "True"
        await anne.act(component, "value", 5)
        await anne.expect(
            *(
                ("shown", "children", "20 private")
                if component == "target"
                else ("third", "children", f"2 for {anne.client_id}")
            )
        )
        await eventually(lambda: cell.text.count(f"{name} 5\n") == 1)


async def test_a_call_is_taken_in_hand(live: Live):
    """A failed call is looked at, called again as it was, mended, and sent."""
    await live.cell("fragile", FRAGILE)
    await live.run()
    async with live.tab() as tab:
        await tab.act("target", "value", 0)
        await eventually(lambda: tab.notices)
        await eventually(lambda: live.says("len(app.journal.calls('control')) == 2"))
        await live.cell("take", "call = app.journal.calls('control')[-1]")
        assert await live.ask("(call.inputs, call.state, call.triggered)") == (
            "({'target.value': 0}, {'mine.value': 'private'}, ('target.value',))"
        )
        assert await live.ask("call.client.id") == tab.client_id
        assert await live.ask("(repr(call.error), call.result, call.seconds >= 0)") == (
            "(\"ZeroDivisionError('division by zero')\", None, True)"
        )
        again = await live.cell("again", "call.replay()", may_fail=True)
        assert again.errors == ["ZeroDivisionError: division by zero"]
        assert again.text == "control 0\n", "it runs in the foreground, under the cell that replays"

        await live.cell("fragile", FRAGILE.replace("100 / target:g", "target and 100 / target:g"))
        mended = await live.cell("again", "call.replay()")
        assert mended.result == "'0 private'"
        await live.followed(tab)
        before = tab.prop("shown", "children")
        assert before == "0 private", "a shared callback that is defined anew is called at once"
        await live.cell("again", "call.replay(send=True)")
        await tab.settled()
        regular = await live.cell("regular", "app.journal.calls('own')[-1].replay(send=True)")
        assert regular.result == f"'10 for {tab.client_id}'", "in the context of then"
        await tab.expect("third", "children", f"10 for {tab.client_id}")


async def test_send_sends_what_the_callback_would_have(live: Live):
    """Without send nothing reaches the pages, with it the result does."""
    await live.cell("fragile", FRAGILE)
    await live.run()
    async with live.tab() as tab:
        await tab.act("target", "value", 4)
        await tab.expect("shown", "children", "25 private")
        await live.cell("take", "call = app.journal.calls('control')[-1]; app.push_mods({'shown': {'children': 'x'}})")
        await tab.expect("shown", "children", "x")
        assert (await live.cell("again", "call.replay()")).result == "'25 private'"
        await live.followed(tab)
        assert tab.prop("shown", "children") == "x"
        await live.cell("again", "call.replay(send=True)")
        await tab.expect("shown", "children", "25 private")


async def test_the_next_call_is_awaited(live: Live):
    """`await app.next_call(name)` gives the call that a person causes meanwhile; nobody acting is said so."""
    await live.cell("fragile", FRAGILE)
    await live.run()
    async with live.tab() as tab:
        waiting = live.kernel.start(
            "print('waits', flush=True); call = await app.next_call('control', timeout=20)\n"
            "print(call.inputs, call.result)"
        )
        await eventually(lambda: waiting.text)
        await tab.act("other", "value", 3)
        await tab.settled()
        assert not waiting.finished
        await tab.act("target", "value", 10)
        await eventually(lambda: waiting.finished)
        assert waiting.text.endswith("{'target.value': 10} 10 private\n")
        silent = await live.cell("wait", "await app.next_call('control', timeout=0.1)", may_fail=True)
        assert silent.errors == [
            "ReplayError: 'control' was not called within 0.1 s: act on the page meanwhile, or give a longer timeout="
        ]
        silent = await live.cell("wait", "await app.next_call('typo', timeout=0.1)", may_fail=True)
        (error,) = silent.errors
        assert error.startswith("ReplayError: 'typo' was not called within 0.1 s: there is no such callback, there is ")
        for timeout in ("-1", "'soon'", "None"):
            silent = await live.cell("wait", f"await app.next_call(timeout={timeout})", may_fail=True)
            assert silent.errors == [f"ReplayError: timeout={timeout}; it takes a number of seconds, 0 or more"]
        silent = await live.cell("wait", "await app.next_call(timeout=0.1)", may_fail=True)
        assert silent.errors[0].startswith("ReplayError: no callback was called within 0.1 s")


async def test_a_call_whose_callback_has_gone_cannot_be_replayed(live: Live):
    """The error names the callback and says what there is; so it does when the inputs are others now."""
    await live.cell("fragile", FRAGILE)
    await live.run()
    async with live.tab() as tab:
        await tab.settled()
        await live.cell("take", "shared = app.journal.calls('control')[-1]; regular = app.journal.calls('own')[-1]")
        changed = FRAGILE.replace('Input("target"', 'Input("fifth"').replace('"value"), State', '"children"), State')
        await live.cell("fragile", changed)
        other = await live.cell("replay", "shared.replay()", may_fail=True)
        assert other.errors == [
            "ReplayError: control has other inputs now (fifth.children, mine.value) than in that call"
        ]
        await live.cell("fragile", "pass")
        for call, name in (("shared", "control"), ("regular", "own")):
            gone = await live.cell("replay", f"{call}.replay()", may_fail=True)
            assert gone.errors == [
                f"ReplayError: the callback {name!r} no longer exists; define it again (there is none)"
            ]


async def test_a_call_of_a_callback_that_a_loop_made_is_replayed_by_its_own_function(live: Live):
    """Also once the loop has run again: its props tell which of the many of one name it was."""
    loop = """
        for number, (source, output) in enumerate({"target": "shown", "other": "third"}.items()):
            @app.callback_shared(Output(output, "children"), Input(source, "value"))
            def each(value, number=number):
                return f"VERSION {number} {value}"
    """
    await live.cell("loop", loop.replace("VERSION", "one"))
    await live.run()
    async with live.tab() as tab:
        await tab.expect("third", "children", "one 1 1")
        replays = "sorted(call.replay() for call in calls)"
        await live.ask("(calls := app.journal.calls('each'))")
        assert await live.ask(replays) == "['one 0 20', 'one 1 1']"
        await live.cell("loop", loop.replace("VERSION", "two"))
        assert await live.ask(replays) == "['two 0 20', 'two 1 1']"


async def test_things_in_hand_are_short_to_look_at(live: Live):
    """What a cell shows of a call, an entry, a callback and the journal is a line, however large the values are."""
    await live.cell("fragile", FRAGILE)
    await live.run()
    async with live.tab() as tab:
        await tab.settled()
        await tab.act("mine", "value", "x" * 10_000)
        await tab.settled()
        texts = {}
        for name, code in {
            "call": "app.journal.calls('control')[-1]",
            "entry": "app.journal.filter('call', id='target')[-1]",
            "callback": "app.callbacks['control']",
            "journal": "app.journal",
            "callbacks": "app.callbacks",
        }.items():
            cell = await live.cell("look", code)
            texts[name] = cell.result
            assert len(cell.result) < 500, cell.result
    assert texts["call"].startswith("<control(initial) ")
    assert "target.value = 20" in texts["call"]
    assert "<shared control target.value -> shown.children of cell [" in texts["callback"]
    assert texts["callback"] in texts["callbacks"]
    assert texts["journal"].startswith("<journal of ")


async def test_callbacks_are_held_stepped_and_let_go(live: Live):
    """While paused changes are shown everywhere and calls wait in order; a step lets one run."""
    await live.cell("fragile", FRAGILE)
    await live.run()
    async with live.tab() as anne, live.tab() as ben:
        await anne.expect("shown", "children", "5 private")
        await live.ask("app.pause()")
        for number in (1, 2, 4):
            await anne.act("target", "value", number)
        await ben.expect("target", "value", 4)
        await ben.act("other", "value", 10)
        await eventually(lambda: _is(live, "len(app._parts.runtime.pause_gate)", "2"))
        assert ben.prop("shown", "children") == "5 private"
        pushed = await live.cell("push", "app.push_mods({'fifth': {'children': 'pushed'}})")
        assert pushed.errors == []
        await ben.expect("fifth", "children", "pushed")
        assert await live.ask("app.step()") == "<Call control target.value>"
        assert re.match(r"<Call \w+ \S+>$", await live.ask("app._parts.runtime.pause_gate._held[0]"))
        await ben.expect("shown", "children", "100 private")
        await live.ask("app.resume()")
        await ben.expect("shown", "children", "25 private")
        await ben.expect("third", "children", f"1 for {ben.client_id}")
        assert ben.history("shown", "children")[-3:] == ["100 private", "50 private", "25 private"]
        stepped = await live.cell("step", "app.step()", may_fail=True)
        assert stepped.errors == [
            "RunError: The callbacks are not paused; app.pause() holds them, then app.step() lets one run."
        ]
        await live.ask("app.resume()")
        await live.ask("app.pause()")
        stepped = await live.cell("step", "app.step()", may_fail=True)
        assert stepped.errors == ["RunError: No call waits; act on a page, or app.resume()."]
        await live.ask("app.resume()")


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


async def _is(live: Live, expression: str, text: str) -> bool:
    return await live.ask(expression) == text

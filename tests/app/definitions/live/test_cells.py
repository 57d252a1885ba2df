"""Cells own what they define: running one again replaces it, in every open page."""

from __future__ import annotations

import pytest

from tests.app.definitions.live.conftest import Live
from tests.support.eventually import eventually

SHOW = """
    @app.callback_shared(Output("shown", "children"), Input("target", "value"))
    def show(target):
        return f"{version} {target}"
""".replace("{version}", "one")


async def test_a_changed_function_is_called_at_once(live: Live):
    """The new function's value is in the pages without anybody acting, and the old one is never called again."""
    await live.cell("show", SHOW)
    await live.run()
    async with live.tab() as tab:
        await tab.expect("shown", "children", "one 20")
        await live.cell("show", SHOW.replace("one", "two"))
        await tab.expect("shown", "children", "two 20")
        await tab.act("target", "value", 5)
        await tab.expect("shown", "children", "two 5")
        assert await live.names() == ["shared show"]
        assert await live.ask("[each.cell for each in app.callbacks]") == "['cell [5]']"
        assert len(tab.history("shown", "children")) <= 5


@pytest.mark.parametrize("kind", ["callback_shared", "callback"])
async def test_changed_inputs_and_outputs(live: Live, kind: str):
    """Other inputs and outputs take the place of the old ones, with no word of duplicate outputs."""
    code = """
        @app.{kind}(Output("{output}", "children"), Input("{input}", "value"))
        def show(value):
            return f"{{value}} in {output}"
    """
    await live.cell("show", code.format(kind=kind, output="shown", input="target"))
    await live.run()
    async with live.tab() as tab:
        await tab.expect("shown", "children", "20 in shown")
        await live.cell("show", code.format(kind=kind, output="third", input="other"))
        await tab.expect("third", "children", "1 in third")
        await live.followed(tab)
        await tab.act("target", "value", 5)
        await tab.act("other", "value", 6)
        await tab.expect("third", "children", "6 in third")
        await tab.settled()
        assert tab.prop("shown", "children") == "20 in shown", "the old one is not called any more"
        assert len(await live.names()) == 1
        again = code.format(kind=kind, output="shown", input="target").replace(" in ", " again in ")
        await live.cell("elsewhere", again)
        # While no shared callback used it, the target was each page's own.
        await tab.expect("shown", "children", f"{20 if kind == 'callback_shared' else 5} again in shown")
        assert len(await live.names()) == 2


async def test_more_fewer_and_renamed_callbacks(live: Live):
    """A cell that defines three, one of which is renamed, then one, leaves no stale one; other cells' stay."""
    callback = """
@app.callback_shared(Output("{output}", "children"), Input("target", "value"))
def {name}(target):
    return "{name} " + str(target)
"""

    def cell(**names: str) -> str:
        return "".join(callback.format(name=name, output=output) for output, name in names.items())

    await live.cell("other", cell(fifth="neighbour"))
    await live.cell("cell", cell(shown="first"))
    await live.run()
    async with live.tab() as tab:
        await tab.expect("shown", "children", "first 20")
        await live.cell("cell", cell(shown="first", third="second", fourth="last"))
        await tab.expect("fourth", "children", "last 20")
        await tab.expect("third", "children", "second 20")
        assert await live.names() == ["shared neighbour", "shared first", "shared second", "shared last"]
        await live.cell("cell", cell(shown="renamed", third="second"))
        await tab.expect("shown", "children", "renamed 20")
        assert await live.names() == ["shared neighbour", "shared renamed", "shared second"]
        await live.cell("cell", "pass")
        assert await live.names() == ["shared neighbour"]
        await tab.act("target", "value", 3)
        await tab.expect("fifth", "children", "neighbour 3")
        await tab.settled()
        assert tab.prop("shown", "children") == "renamed 20"
        assert await live.ask("len(app._parts.runtime.dispatcher.graph.specs)") == "1"


async def test_regular_and_shared_change_places(live: Live):
    """A shared callback becomes a regular one and back, in the same cell and for the same output."""
    shared, regular = SHOW, SHOW.replace("callback_shared", "callback").replace("one", "own")
    await live.cell("show", shared)
    await live.run()
    async with live.tab() as tab:
        await tab.expect("shown", "children", "one 20")
        await live.cell("show", regular)
        await tab.expect("shown", "children", "own 20")
        assert await live.names() == ["regular show"]
        await live.cell("show", shared)
        await tab.expect("shown", "children", "one 20")
        await live.followed(tab)
        await tab.act("target", "value", 4)
        await tab.expect("shown", "children", "one 4")
        assert await live.names() == ["shared show"]


async def test_connect_hooks_are_replaced(live: Live):
    """A client that comes is told by the newest hook alone, once."""
    hook = """
        @app.callback_connect
        def hello(client, connect):
            told.append(("NAME", connect))
    """
    await live.cell("list", "told = []")
    await live.cell("hook", hook)
    await live.run()
    async with live.tab():
        await eventually(lambda: _is(live, "told", "[('NAME', True)]"))
        await live.cell("hook", hook.replace("NAME", "second"))
    await eventually(lambda: _is(live, "told", "[('NAME', True), ('second', False)]"))
    await live.cell("hook", "")
    await live.cell("hook", "pass")
    async with live.tab() as tab:
        await tab.settled()
    assert await live.ask("len(told)") == "2"
    assert await live.names() == []


async def _is(live: Live, expression: str, text: str) -> bool:
    return await live.ask(expression) == text


async def test_a_cell_that_fails_half_way_leaves_the_old_ones_working(live: Live):
    """What it had defined before the error is withdrawn; the pages keep what they had."""
    await live.cell("show", SHOW)
    await live.run()
    async with live.tab() as tab:
        await tab.expect("shown", "children", "one 20")
        broken = await live.cell("show", SHOW.replace("one", "half") + "\n    1/0", may_fail=True)
        assert broken.errors == ["ZeroDivisionError: division by zero"]
        await tab.act("target", "value", 5)
        await tab.expect("shown", "children", "one 5")
        assert await live.names() == ["shared show"]
        await live.cell("show", SHOW.replace("one", "whole"))
        await tab.expect("shown", "children", "whole 5")


async def test_a_cell_that_fails_the_first_time_keeps_what_it_had_defined(live: Live):
    """There is nothing to go back to, as in any notebook; running the mended cell replaces it."""
    await live.run()
    async with live.tab() as tab:
        await live.cell("show", SHOW + "\n    1/0", may_fail=True)
        await tab.expect("shown", "children", "one 20")
        await live.cell("show", SHOW.replace("one", "two"))
        await tab.expect("shown", "children", "two 20")
        assert await live.names() == ["shared show"]


async def test_a_duplicate_output_of_another_cell_is_refused(live: Live):
    """Only a cell's own are replaced; the old one stays in force."""
    await live.cell("show", SHOW)
    await live.run()
    async with live.tab() as tab:
        await tab.expect("shown", "children", "one 20")
        cell = await live.cell("another", SHOW.replace("one", "stolen"), may_fail=True)
        (error,) = cell.errors
        assert error.startswith("DuplicateOutputError: shown.children is already an output of show(target.value)")
        assert error.endswith(
            "; show is of cell [2]: run that cell without it first, or app.callbacks['show'].remove()"
        )
        await tab.act("target", "value", 5)
        await tab.expect("shown", "children", "one 5")
        assert await live.names() == ["shared show"]


async def test_front_ends_without_cell_ids_go_by_the_functions_name(live: Live):
    """A function of the same name replaces the old one, whatever it has become; others stay."""
    await live.cell(None, SHOW)
    await live.cell(None, SHOW.replace("show(", "third(").replace('"shown"', '"third"'))
    await live.run()
    async with live.tab() as tab:
        await tab.expect("shown", "children", "one 20")
        await live.cell(None, SHOW.replace("one", "two").replace('"shown"', '"fourth"'))
        await tab.expect("fourth", "children", "two 20")
        await tab.act("target", "value", 6)
        await tab.expect("fourth", "children", "two 6")
        await tab.expect("third", "children", "one 6")
        assert tab.prop("shown", "children") == "one 20"
        assert sorted(await live.names()) == ["shared show", "shared third"]


async def test_a_callback_is_removed_by_hand(live: Live):
    """`app.callbacks[name].remove()` takes it out of every page; an unknown name says which there are."""
    await live.cell("show", SHOW)
    await live.cell(
        "own", SHOW.replace("callback_shared", "callback").replace("show(", "own(").replace("shown", "third")
    )
    await live.run()
    async with live.tab() as tab:
        await tab.expect("third", "children", "one 20")
        await live.ask("app.callbacks['show'].remove()")
        await live.ask("app.callbacks['own'].remove()")
        await tab.act("target", "value", 8)
        await tab.settled()
        assert tab.prop("shown", "children") == "one 20"
        assert await live.names() == []
        wrong = await live.cell("x", "app.callbacks['nobody']", may_fail=True)
        assert wrong.errors == ["""KeyError: "there is no callback 'nobody'; there is none\""""]


@pytest.mark.parametrize("kind", ["callback_shared", "callback"])
async def test_the_result_of_an_old_function_does_not_come_after_the_new_ones(live: Live, kind: str):
    """The old one was still at work when its cell ran again."""
    code = """
        @app.{kind}(Output("shown", "children"), Input("target", "value"))
        def show(target):
            {wait}
            return f"{version} {{target}}"
    """
    await live.cell("hold", "go, ended = threading.Event(), []")
    slow = code.format(kind=kind, wait="target == 20 or ended.append(go.wait(20))", version="old")
    await live.cell("show", slow)
    await live.run()
    async with live.tab() as tab:
        await tab.expect("shown", "children", "old 20")
        await tab.act("target", "value", 5)
        await eventually(lambda: _is(live, "bool(app._parts.runtime.running.snapshot())", "True"))
        await live.cell("show", code.format(kind=kind, wait="pass", version="new"))
        await tab.expect("shown", "children", "new 5")
        await live.ask("go.set()")
        await eventually(lambda: _is(live, "ended", "[True]"))
        await tab.settled()
        await live.followed(tab)
        assert tab.prop("shown", "children") == "new 5"
        assert "old 5" not in tab.history("shown", "children")
        assert tab.notices == []


async def test_an_app_that_was_stopped_runs_again(live: Live):
    """With its values and callbacks, and cells that are run again still replace what they had defined."""
    await live.cell("show", SHOW)
    own = SHOW.replace("callback_shared", "callback").replace("show(", "own(")
    await live.cell("own", own.replace("shown", "third"))
    await live.run()
    async with live.tab() as tab:
        await tab.act("target", "value", 5)
        await tab.expect("third", "children", "one 5")
    await live.ask("app.stop()")
    await live.run()
    async with live.tab() as tab:
        await tab.expect("shown", "children", "one 5")
        await tab.act("target", "value", 6)
        await tab.expect("shown", "children", "one 6")
        await tab.expect("third", "children", "one 6")
        await live.cell("own", "pass")
        assert await live.names() == ["shared show"]


async def test_two_regular_callbacks_of_one_output_are_told_apart(live: Live):
    """Stock Dash calls the newest; when either goes the other is called."""
    code = """
        @app.callback(Output("shown", "children"), Input("mine", "value"))
        def NAME(mine):
            return f"NAME {mine}"
    """
    await live.cell("one", code.replace("NAME", "first"))
    await live.cell("two", code.replace("NAME", "second"))
    await live.run()
    async with live.tab() as tab:
        await tab.expect("shown", "children", "second private")
        await live.cell("one", "pass")
        await live.followed(tab)
        await tab.act("mine", "value", "a")
        await tab.expect("shown", "children", "second a")
        await live.cell("one", code.replace("NAME", "third"))
        await tab.expect("shown", "children", "third a")
        await live.cell("one", "pass")
        await live.followed(tab)
        await tab.act("mine", "value", "b")
        await tab.expect("shown", "children", "second b")
        assert await live.names() == ["regular second"]


async def test_a_cell_that_fails_half_way_leaves_regular_callbacks_working(live: Live):
    """Their answers come as before, with what the new ones had changed undone."""
    regular = SHOW.replace("callback_shared", "callback").replace("target", "mine")
    await live.cell("show", regular)
    await live.run()
    async with live.tab() as tab:
        await tab.expect("shown", "children", "one private")
        await live.cell("show", regular.replace("one", "half") + "\n    1/0", may_fail=True)
        await live.followed(tab)
        await tab.act("mine", "value", "a")
        await tab.expect("shown", "children", "one a")
        assert await live.ask("app.callbacks['show'].stats.errors") == "0"


async def test_a_regular_callback_that_is_gone_is_no_error_on_a_page_that_has_not_heard(live: Live):
    """The page asks for it in the moment in which its cell has run again without it."""
    await live.cell("own", SHOW.replace("callback_shared", "callback"))
    await live.run()
    async with live.tab() as tab:
        await tab.expect("shown", "children", "one 20")
        # Without the news of it going out.
        cell = await live.cell("remove", "app.callbacks['show'].withdraw()")
        assert cell.errors == []
        await tab.act("target", "value", 6)
        await tab.settled()
        assert tab.notices == []
        assert tab.prop("shown", "children") == "one 20"


async def test_a_layout_that_cannot_be_made_is_refused(live: Live):
    """A function that raises, a child that is none, an id twice: the cell has the error, the old layout stays."""
    await live.run()
    for code, error in (
        ("app.layout = lambda: 1/0", "ZeroDivisionError: division by zero"),
        ("app.layout = html.Div([open])", "TypeError: "),
        ("app.layout = html.Div([html.P(id='x'), html.P(id='x')])", "DuplicateIdError: "),
    ):
        cell = await live.cell("layout", code, may_fail=True)
        assert cell.errors
        assert cell.errors[0].startswith(error), cell.errors
        async with live.tab() as tab:
            assert tab.prop("target", "value") == 20


async def test_what_a_thread_defines_is_not_undone_by_another_cell_that_fails(live: Live):
    """It replaced the callback of its own cell; the failing cell has nothing to do with it."""
    code = """
        def later():
            @app.callback_shared(Output("shown", "children"), Input("target", "value"))
            def show(target):
                return f"VERSION {target}"
        thread = threading.Thread(target=later)
        thread.start()
        thread.join()
    """
    await live.run()
    async with live.tab() as tab:
        await live.cell("thread", code.replace("VERSION", "one"))
        await tab.expect("shown", "children", "one 20")
        await live.cell("thread", code.replace("VERSION", "two"))
        await tab.expect("shown", "children", "two 20")
        other = SHOW.replace('"shown"', '"third"').replace("show(", "other(")
        await live.cell("other", other + "    1/0", may_fail=True)
        await tab.act("target", "value", 3)
        await tab.expect("shown", "children", "two 3")
        assert "shared show" in await live.names()


async def test_callbacks_are_shown_as_a_table(live: Live):
    """`app.callbacks` lists kind, name, cell and how each fares, with all text escaped."""
    await live.cell("show", SHOW)
    await live.run()
    cell = await live.cell("look", "app.callbacks")
    table = cell.displays[0]["text/html"]
    for text in ("show", "target.value", "shown.children", "cell [2]"):
        assert f">{text}</td>" in table


async def test_of_a_cell_that_was_run_again_nothing_is_kept(live: Live):
    """Neither its callbacks nor what they defined stay, but for the calls that the journal has."""
    await live.cell("show", SHOW)
    await live.run()
    async with live.tab() as tab:
        for number in range(5):
            await live.cell("show", SHOW)
            await tab.act("target", "value", number)
            await tab.settled()
        look = """
            import gc
            app.journal.clear()
            gc.collect()
            kinds = [type(each).__name__ for each in gc.get_objects()]
            print(kinds.count("SharedCallback"), kinds.count("Definition"))
        """

        async def counted() -> bool:
            cell = await live.cell("look", look)
            return cell.text.split() == ["1", "1"]

        assert await eventually(counted, 10)

"""Cells that are there no more: deleted, cut and pasted, or known by other ids since the notebook was opened again."""

from __future__ import annotations

from tests.app.definitions.live.conftest import Live
from tests.support.eventually import eventually

SHOW = """
    @app.callback_shared(Output("shown", "children"), Input("target", "value"))
    def show(target):
        return f"VERSION {target}"

    @app.callback(None, Input("mine", "value"))
    def act(mine):
        acted.append(mine)

    @app.callback_connect
    def came(client, connect):
        came_and_left.append(connect)
"""
LISTS = "acted, came_and_left = [], []"
ALL = ["connect came", "regular act", "shared show"]


async def test_a_cell_that_was_cut_and_pasted(live: Live):
    """It has another id, and the front end tells that the old one was deleted: its callbacks are replaced."""
    await live.cell("lists", LISTS)
    await live.cell("here", SHOW.replace("VERSION", "one"))
    await live.run()
    async with live.tab() as tab:
        await tab.expect("shown", "children", "one 20")
        refused = await live.cell("there", SHOW.replace("VERSION", "two"), may_fail=True)
        assert refused.errors[0].startswith("DuplicateOutputError: "), "as long as the old one is there"
        await live.cell("there", SHOW.replace("VERSION", "two").replace("show(", "renamed("), deleted=["here"])
        await tab.expect("shown", "children", "two 20")
        assert sorted(await live.names()) == ["connect came", "regular act", "shared renamed"]


async def test_a_notebook_without_ids_that_was_opened_again(live: Live):
    """Each cell has another id then, in another session: what is called the same is replaced, connect hooks too."""
    await live.cell("lists", LISTS)
    await live.cell("id of then", SHOW.replace("VERSION", "one"))
    await live.run()
    async with live.tab() as tab:
        await tab.expect("shown", "children", "one 20")
        await live.cell("id of now", SHOW.replace("VERSION", "two"), session="another")
        await tab.expect("shown", "children", "two 20")
        assert sorted(await live.names()) == ALL
        await live.followed(tab)
        await tab.act("mine", "value", "x")
        await eventually(lambda: _says(live, "acted", "['x']"))
        refused = await live.cell("a copy", SHOW.replace("VERSION", "three"), session="another", may_fail=True)
        assert refused.errors[0].startswith("DuplicateOutputError: "), "that cell was run in this session"
        await live.cell("stranger", "pass", session="third")
        other = SHOW.replace("show(", "other(").replace("act(", "do(").replace("came(", "went(")
        refused = await live.cell("stranger", other, session="third", may_fail=True)
        assert refused.errors[0].startswith("DuplicateOutputError: "), "it is another callback"
        assert sorted(await live.names()) == ALL
    await eventually(lambda: _says(live, "came_and_left", "[True, False]"))


async def _says(live: Live, expression: str, text: str) -> bool:
    return await live.ask(expression) == text

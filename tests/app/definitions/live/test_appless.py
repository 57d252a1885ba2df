"""What `dash.callback` defines in cells, for the next app that starts."""

from __future__ import annotations

from tests.app.definitions.live.conftest import Live


async def test_a_callback_for_the_next_app_is_not_lost_in_silence(live: Live):
    """`dash.callback` knows no app: while one runs, its cell says what to do; a cell without one says nothing."""
    code = """
        from dash_devices_nb import callback

        @callback(Output("shown", "children"), Input("target", "value"))
        def show(target):
            return f"later {target}"
    """
    before = await live.cell("before", code)
    await live.run()
    async with live.tab() as tab:
        await tab.expect("shown", "children", "later 20")
        while_it_runs = await live.cell("later", code.replace('"shown"', '"third"'))
        assert while_it_runs.stderr == (
            "What dash.callback defines is for the next app that starts; the app that runs does not take it. "
            "Say @app.callback instead, and its open pages follow.\n"
        )
        other = await live.cell("other", "1 + 1")
        assert before.stderr + other.stderr == ""


async def test_callbacks_for_the_next_app_are_their_cells_too(live: Live):
    """Run twice before the app starts, `dash.callback` defines once; a run that fails leaves what was there."""
    code = """
        from dash_devices_nb import callback

        @callback(Output("shown", "children"), Input("target", "value"))
        def show(target):
            return f"{word} {{target}}"
    """
    await live.cell("first", code.format(word="first"))
    await live.cell("first", code.format(word="second"))
    await live.cell("other", code.format(word="other").replace('"shown"', '"third"'))
    await live.cell("first", code.format(word="failed") + "\n        1 / 0", may_fail=True)
    await live.run()
    async with live.tab() as tab:
        await tab.expect("shown", "children", "second 20")
        await tab.expect("third", "children", "other 20")
    outputs = "[each['output'] for each in app._parts.stock.declared()]"
    assert await live.ask(f"sorted({outputs})") == "['shown.children', 'third.children']"

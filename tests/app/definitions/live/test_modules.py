"""Callbacks that a module defines: while it is imported they are the module's, later the cell's that called it."""

from __future__ import annotations

import textwrap
from pathlib import Path

from tests.app.definitions.live.conftest import Live
from tests.support.eventually import eventually

PANEL = """
    from __main__ import app
    from dash_devices_nb import Input, Output

    @app.callback_shared(Output("shown", "children"), Input("target", "value"))
    def show(target):
        return f"VERSION {target}"
"""
MORE = """
    @app.callback_shared(Output("third", "children"), Input("target", "value"))
    def third(target):
        return f"third {target}"
"""


async def write(live: Live, name: str, *code: str) -> Path:
    """Write a module beside the notebook, as an editor does; each save is of another size, and so seen as new."""
    path = Path(await live.ask("__import__('os').getcwd()")) / f"{name}.py"
    path.write_text("".join(map(textwrap.dedent, code)))
    return path


async def test_the_cell_of_an_import_runs_again(live: Live):
    """The module is not imported again, so its callbacks stay; a reload replaces them, in whatever cell it is."""
    await write(live, "panel", PANEL.replace("VERSION", "one"), MORE)
    await live.cell("import", "import panel")
    await live.run()
    async with live.tab() as tab:
        await tab.expect("third", "children", "third 20")
        await live.cell("import", "import panel")
        assert await live.names() == ["shared show", "shared third"]
        await tab.act("target", "value", 5)
        await tab.expect("shown", "children", "one 5")

        await write(live, "panel", PANEL.replace("VERSION", "second"))
        await live.cell("reload", "import importlib; importlib.reload(panel)")
        await tab.expect("shown", "children", "second 5")
        assert await live.names() == ["shared show"], "the module does not define the other any more"

        await write(live, "panel", PANEL.replace("VERSION", "3rd"), MORE, "1/0\n")
        await live.cell("reload", "importlib.reload(panel)", may_fail=True)
        await tab.expect("shown", "children", "3rd 5")
        await write(live, "panel", PANEL.replace("show(", "renamed(").replace("VERSION", "whole"), "1/0\n")
        await live.cell("reload", "importlib.reload(panel)", may_fail=True)
        await tab.expect("shown", "children", "whole 5")
        assert await live.names() == ["shared third", "shared renamed"], "it was not loaded to its end"
        await live.cell("reload", "'no longer of this cell'")
        assert await live.names() == ["shared third", "shared renamed"]


async def test_autoreload_loads_a_module_again_in_another_cell(live: Live):
    """What the module defines is replaced in every open page, with no word of duplicate outputs."""
    await write(live, "panel", PANEL.replace("VERSION", "one"))
    await live.cell("auto", "%load_ext autoreload\n%autoreload 2")
    await live.cell("import", "import panel")
    await live.run()
    async with live.tab() as tab:
        await tab.expect("shown", "children", "one 20")
        path = await write(live, "panel", PANEL.replace("VERSION", "second"))
        later = path.stat().st_mtime + 5  # autoreload looks at the time
        await live.ask(f"__import__('os').utime({str(path)!r}, ({later}, {later}))")
        cell = await live.cell("another", "1 + 1")
        await tab.expect("shown", "children", "second 20")
        assert (cell.text, cell.stderr) == ("", "")
        assert await live.names() == ["shared show"]


async def test_what_a_module_defines_for_a_cell_that_calls_it_is_the_cells(live: Live):
    """Running the cell again replaces it; a cell that calls it no more withdraws it."""
    lines = textwrap.dedent(PANEL).strip().splitlines()
    await write(live, "panel", "\n    ".join(["def setup(app):", *lines]))
    await live.cell("setup", "import panel; panel.setup(app)")
    await live.run()
    async with live.tab() as tab:
        await tab.expect("shown", "children", "VERSION 20")
        await live.cell("setup", "panel.setup(app)")
        assert await live.names() == ["shared show"]
        await live.cell("setup", "pass")
        assert await live.names() == []


async def test_output_after_a_run_that_failed_is_below_the_cell(live: Live):
    """The old callback is in force, and front ends show only what answers the cell's last run."""
    code = """
        @app.callback_shared(Output("shown", "children"), Input("target", "value"))
        def show(target):
            print("prints", target)
            return 100 / target
    """
    await live.cell("show", code)
    await live.run()
    async with live.tab() as tab:
        await tab.expect("shown", "children", 5)
        failed = await live.cell("show", "syntax error", may_fail=True)
        await tab.act("target", "value", 10)
        await tab.expect("shown", "children", 10)
        await eventually(lambda: "prints 10\n" in failed.text)
        await tab.act("target", "value", 0)
        await eventually(lambda: "ZeroDivisionError" in failed.stderr)
        number = await live.ask("app.callbacks['show'].cell")
        assert number == "cell [5]"
        half = await live.cell("show", code.replace("100", "200") + "\n        1/0", may_fail=True)
        await tab.act("target", "value", 20)
        await tab.expect("shown", "children", 5)
        await eventually(lambda: "prints 20\n" in half.text)

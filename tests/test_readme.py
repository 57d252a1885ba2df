"""What the README shows: its programs run as they stand, and the files that it names are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.support.browser import Tabs
from tests.support.kernels import Kernel

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROGRAMS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


async def test_the_first_programs_run_in_cells_and_their_debugging_too(kernel: Kernel, browser: Tabs):
    """The first program, the push of a later cell, and what is shown of debugging and of share links, on one page."""
    first, push, debugging, classroom, links = PROGRAMS[0], PROGRAMS[1], *PROGRAMS[3:6]
    await kernel.run(first.replace("app.run()", "app.run(jupyter_mode='external')"))
    page = await browser.open(str((await kernel.run("app.url")).result).strip("'"))
    await expect(page.locator("#shown")).to_have_text(re.compile("The target is 20 degrees"))
    await kernel.run(push)
    await expect(page.locator("#measured")).to_have_text("21.5 degrees")
    # there is an error to look at only once one has happened, and a step only once somebody has acted
    lines = [line for line in debugging.splitlines() if not line.startswith(("app.errors[-1]", "app.pause()"))]
    await kernel.run("\n".join(lines))
    assert "set_target" in (await kernel.run("print(app.graph()._repr_svg_())")).text
    await kernel.run(classroom)
    await kernel.run(links)
    assert "'view'" in str((await kernel.run("[str(share.role) for share in app.shares]")).result)


async def test_the_imports_for_programs_of_the_ancestor_work(kernel: Kernel):
    """The lines that replace a program's own."""
    await kernel.run(PROGRAMS[2])


async def test_the_driver_has_a_panel(kernel: Kernel, browser: Tabs):
    """The program of a driver shows its signals."""
    program = next(each for each in PROGRAMS if "devices.connect" in each)
    await kernel.run(program.replace("app.run()", "app.run(jupyter_mode='external')"))
    page = await browser.open(str((await kernel.run("app.url")).result).strip("'"))
    await expect(page.get_by_role("group", name="temperature")).to_contain_text("21.5")


@pytest.mark.parametrize("path", sorted(set(re.findall(r"\]\(([\w./-]+)\)|src=\"([\w./-]+)\"", README))))
def test_what_it_links_is_there(path: tuple[str, str]):
    """Pictures, pages and notebooks."""
    assert (ROOT / "".join(path)).exists()

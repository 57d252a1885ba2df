"""Live coding in a real JupyterLab: a person edits cells while the page is open under its cell and in a second tab."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import FrameLocator, Locator, Page, expect

from tests.support.browser import Tabs
from tests.support.jupyter import Jupyter
from tests.support.lab import LabNotebook

APP = """
from dash_devices_nb import Dash, Input, Output, State, dcc, html

app = Dash(__name__)
parts = [dcc.Input(id="target", value="20"), dcc.Input(id="mine", value="private"), dcc.Textarea(id="note", value=""),
         html.P(id="shown"), html.P(id="own"), html.P(id="other"), html.P(id="extra")]
app.layout = html.Div(parts)
app.run(jupyter_height=260)
"""

OTHER = """
@app.callback_shared(Output("other", "children"), Input("target", "value"))
def other(target):
    return f"other {target}"
"""

CALLBACKS = """
@app.callback_shared(Output("shown", "children"), Input("target", "value"))
def show(target):
    print(f"one prints {target}")
    return f"one {target}"

@app.callback(Output("own", "children"), Input("mine", "value"))
def own(mine):
    return f"own {mine}"
"""

EDITED = """
@app.callback_shared(Output("shown", "children"), Input("target", "value"))
def renamed(target):
    print(f"two prints {target}")
    return f"two {target}"

@app.callback(Output("extra", "children"), Input("mine", "value"), State("target", "value"))
def extra(mine, target):
    return f"extra {mine} {target}"

app.clientside_callback("mine => 'script ' + mine", Output("own", "children"), Input("mine", "value"))
"""

HALF = EDITED.replace("two", "half") + "\n1/0"

FRAGILE = """
@app.callback_shared(Output("shown", "children"), Input("target", "value"))
def fragile(target):
    share = 100 / float(target)
    return f"{share:g}"

@app.callback(Output("own", "children"), Input("mine", "value"))
def own(mine):
    return {"private": "well"}[mine]
"""

LIST = "for each in app.callbacks: print(each.kind, each.name, each.cell)"
CELLS = (APP, OTHER, CALLBACKS, LIST, "%debug")
APP_CELL, _, LIVE, LISTED, DEBUG = range(5)
NOTICES = "#_dash-devices-notices .notice"


@pytest.fixture
async def notebook(jupyter_lab: Jupyter, browser: Tabs) -> AsyncIterator[LabNotebook]:
    """The notebook, whose app runs and is open under its cell."""
    # JupyterLab's own, those of the callback that fails, and of pages whose app has stopped.
    browser.allow_errors(
        "Exception opening new comm", "Failed to load resource", "Callback error updating own.", "WebSocket conn"
    )
    jupyter_lab.write_notebook("live.ipynb", *CELLS)
    notebook = await LabNotebook.open(browser, jupyter_lab, "live.ipynb")
    for number in range(LIVE + 1):
        await notebook.run(number)
    yield notebook
    await notebook.edit(LISTED, "app.stop()")
    await asyncio.wait_for(notebook.run(LISTED), 20)  # a failed test may have left the kernel in its debugger


@pytest.fixture
async def pages(notebook: LabNotebook, jupyter_lab: Jupyter, browser: Tabs) -> AsyncIterator[tuple[FrameLocator, Page]]:
    """The page under its cell, and a second tab; both are marked, so that a navigation would be seen."""
    inline = notebook.frame(APP_CELL)
    tab = await browser.open(f"{jupyter_lab.url}dash-devices/live/", context=notebook.page.context)
    for page in (inline, tab):
        await expect(page.locator("#own")).to_have_text("own private")
        await page.locator("body").evaluate("() => { window.marked = true; }")
    yield inline, tab
    for page in (inline, tab):
        assert await page.locator("body").evaluate("() => window.marked"), "the page was loaded anew"
    await tab.close()


async def shows(page: FrameLocator | Page, **texts: str) -> None:
    for name, text in texts.items():
        await expect(page.locator(f"#{name}")).to_have_text(text)


async def caret(page: FrameLocator | Page) -> list[object]:
    found: list[object] = await page.locator("body").evaluate(
        "() => [document.activeElement.id, document.activeElement.selectionStart, document.activeElement.value]"
    )
    return found


async def rerun(notebook: LabNotebook, code: str) -> None:
    """Edit the cell of the callbacks and run it again, as a person does who looks at the page meanwhile."""
    await notebook.edit(LIVE, code)
    await notebook.run(LIVE)


def outputs(notebook: LabNotebook, number: int) -> Locator:
    return notebook.cell(number).locator(".jp-Cell-outputWrapper")


async def picture(notebook: LabNotebook, tab: Page, name: str) -> None:
    if directory := os.environ.get("KEEP_PICTURES"):
        await notebook.page.screenshot(path=Path(directory) / f"{name}-lab.png")
        await tab.screenshot(path=Path(directory) / f"{name}-tab.png")


async def test_a_person_edits_cells_and_both_pages_follow(notebook: LabNotebook, pages: tuple[FrameLocator, Page]):
    """New, renamed, fewer and failing callbacks, and a new layout: focus, caret and values stay in both pages."""
    inline, tab = pages
    await inline.locator("#mine").fill("inline's own")
    await tab.locator("#note").fill("half a sentence")
    await tab.locator("#note").evaluate("note => { note.focus(); note.setSelectionRange(4, 4); }")
    await inline.locator("#note").fill("another")

    await rerun(notebook, EDITED)
    await shows(inline, shown="two 20", own="script inline's own", extra="extra inline's own 20", other="other 20")
    await shows(tab, shown="two 20", own="script private", extra="extra private 20", other="other 20")
    assert await caret(tab) == ["note", 4, "half a sentence"]
    await expect(inline.locator("#note")).to_have_value("another")  # the caret is in the cell that was run
    await tab.keyboard.type("X")
    assert await caret(tab) == ["note", 5, "halfX a sentence"]
    await notebook.run(LISTED)
    listed = await notebook.output(LISTED).first.inner_text()
    assert re.sub(r"\[\d+\]", "[n]", listed).split("\n")[:4] == [
        "shared other cell [n]", "shared renamed cell [n]", "regular extra cell [n]",
        "clientside clientside cell [n]",
    ]  # fmt: skip

    await rerun(notebook, HALF)
    await expect(outputs(notebook, LIVE)).to_contain_text("ZeroDivisionError")
    await tab.locator("#target").fill("21")
    await shows(inline, shown="two 21", other="other 21")
    await shows(tab, shown="two 21", own="script private")

    await rerun(notebook, CALLBACKS)
    await shows(inline, shown="one 21", own="own inline's own")
    await inline.locator("#target").fill("22")
    await shows(tab, shown="one 22", other="other 22")
    # 21 where the page had not heard of the failed cell yet.
    await expect(tab.locator("#extra")).to_have_text(re.compile("extra private 2[01]"))
    await expect(outputs(notebook, LIVE)).to_contain_text("one prints 22")
    await expect(outputs(notebook, APP_CELL)).not_to_contain_text("prints")

    await tab.locator("#mine").fill("tab's own")
    await tab.locator("#mine").evaluate("mine => mine.setSelectionRange(3, 3)")
    await notebook.edit(LISTED, "app.layout = html.Div([html.H3('A new layout', id='title'), *parts])")
    await notebook.run(LISTED)
    for page, mine in ((inline, "inline's own"), (tab, "tab's own")):
        await shows(page, title="A new layout", shown="one 22", own=f"own {mine}")
        await expect(page.locator("#mine")).to_have_value(mine)
        await expect(page.locator("#target")).to_have_value("22")
    assert await caret(tab) == ["mine", 3, "tab's own"]
    await picture(notebook, tab, "followed")


async def test_an_error_is_where_one_codes_and_on_the_page_that_caused_it(
    notebook: LabNotebook, pages: tuple[FrameLocator, Page]
):
    """Its traceback, without our frames, under its cell; a notice on one page; `%debug` enters it; all goes on."""
    inline, tab = pages
    await rerun(notebook, FRAGILE)
    await shows(inline, shown="5", own="well")
    await tab.locator("#target").fill("0")
    await expect(tab.locator(NOTICES)).to_have_text("fragile failedZeroDivisionError: float division by zero×")
    trace = outputs(notebook, LIVE)
    await expect(trace).to_contain_text("ZeroDivisionError: float division by zero")
    await expect(trace).to_contain_text("share = 100 / float(target)")
    await expect(trace).not_to_contain_text("dash_devices_nb/")
    await expect(inline.locator(NOTICES)).to_have_count(0)

    await notebook.run(DEBUG, wait=False)
    prompt = notebook.cell(DEBUG).locator(".jp-Stdin-input").last
    await prompt.fill("p 'target is ' + target")
    await prompt.press("Enter")
    await expect(outputs(notebook, DEBUG)).to_contain_text("'target is 0'")
    await prompt.fill("q")
    await prompt.press("Enter")
    await expect(prompt).to_have_count(0)

    await inline.locator("#mine").fill("unknown")
    await expect(inline.locator(NOTICES)).to_have_text("own failedKeyError: 'unknown'×")
    await expect(trace).to_contain_text("KeyError: 'unknown'")
    await expect(tab.locator(NOTICES).filter(has_text="KeyError")).to_have_count(0)
    await picture(notebook, tab, "failed")
    await tab.locator("#target").fill("4")
    await shows(inline, shown="25", other="other 4")
    await inline.locator("#mine").fill("private")
    await shows(inline, own="well")

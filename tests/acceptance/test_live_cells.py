"""Two tabs on an app of a real kernel while its cells are edited: the pages follow and keep what they hold."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.support.browser import Tabs
from tests.support.eventually import eventually
from tests.support.kernels import Kernel, running_kernel

APP = """
    from dash_devices_nb import Dash, Input, Output, State, callback_context, dcc, html

    app = Dash("live")
    def parts():
        return [dcc.Input(id="target", value="t"), dcc.Input(id="mine", value="private"),
                dcc.Textarea(id="note", value="note"), html.Div(id="shown"), html.Div(id="own"), html.Div(id="extra")]
    app.layout = html.Div(parts())
"""
CALLBACKS = """
    @app.callback_shared(Output("shown", "children"), Input("target", "value"))
    def show(target):
        return f"one {target}"

    @app.callback(Output("own", "children"), Input("mine", "value"))
    def own(mine):
        return f"own {mine}"
"""
RUN = "app.run(port=0, jupyter_mode='_none', auth=None); print(app.url)"

Opened = Callable[[], Awaitable[tuple[Page, Page]]]


@pytest.fixture
async def kernel(tmp_path: Path) -> AsyncIterator[Kernel]:
    """A kernel in a directory of its own, where the app is made and has its callbacks."""
    async with running_kernel(cwd=tmp_path) as kernel:
        await kernel.run(APP, cell_id="app")
        await kernel.run(CALLBACKS, cell_id="callbacks")
        yield kernel


@pytest.fixture
async def opened(kernel: Kernel, browser: Tabs) -> AsyncIterator[Opened]:
    """Runs the app and opens it in two tabs, which are marked, so that a navigation would be seen."""

    async def open_pages() -> tuple[Page, Page]:
        url = (await kernel.run(RUN)).text.splitlines()[-1]
        pages = await asyncio.gather(browser.open(url), browser.open(url))
        for page in pages:
            await expect(page.locator("#own")).to_have_text("own private")
            await page.evaluate("window.marked = true")
        return pages[0], pages[1]

    yield open_pages
    for page in browser.pages:
        assert await page.evaluate("window.marked"), "the page was loaded anew"
        await page.close()


async def shows(page: Page, **texts: str) -> None:
    for name, text in texts.items():
        await expect(page.locator(f"#{name}")).to_have_text(text)


async def caret(page: Page) -> tuple[str, int]:
    found = await page.evaluate("[document.activeElement.id, document.activeElement.selectionStart]")
    return found[0], found[1]


async def test_changed_callbacks_act_in_both_tabs_and_nothing_is_lost(kernel: Kernel, opened: Opened):
    """Values, focus, caret and half-typed text stay; new, changed and fewer callbacks act at once."""
    first, second = await opened()
    await first.locator("#mine").fill("edited")
    await second.locator("#target").fill("shared")
    await first.locator("#note").fill("half a sentence")
    await first.locator("#note").focus()
    await first.evaluate("document.getElementById('note').setSelectionRange(4, 4)")
    await shows(first, shown="one shared", own="own edited")

    await kernel.run(
        CALLBACKS.replace("one", "two").replace("own {", "mine {")
        + """
    @app.callback(Output("extra", "children"), Input("target", "value"), State("mine", "value"))
    def extra(target, mine):
        return f"extra {target} {mine}"
    """,
        cell_id="callbacks",
    )
    await shows(first, shown="two shared", own="mine edited", extra="extra shared edited")
    await shows(second, shown="two shared", own="mine private", extra="extra shared private")
    assert await caret(first) == ("note", 4)
    await expect(first.locator("#note")).to_have_value("half a sentence")
    await first.keyboard.type("X")
    await expect(first.locator("#note")).to_have_value("halfX a sentence")
    await second.locator("#target").fill("again")
    await shows(first, shown="two again", extra="extra again edited")

    await kernel.run(CALLBACKS.replace("one", "three"), cell_id="callbacks")
    await shows(first, shown="three again", own="own edited")
    await first.locator("#mine").fill("last")
    await shows(first, own="own last", extra="extra again edited")


async def test_a_change_is_not_lost_in_the_moment_in_which_its_prop_becomes_shared(
    kernel: Kernel, opened: Opened, tmp_path: Path
):
    """The person types when the callback is declared, and the page has not heard of it yet."""
    first, second = await opened()
    declared = kernel.start(
        """
        import pathlib, time
        from dash_devices_nb.app.api.parts import parts_of
        with parts_of(app).runtime.lock:
            @app.callback_shared(Output("extra", "children"), Input("note", "value"))
            def extra(note):
                return f"extra {note}"
            print("declared")
            while not pathlib.Path("typed").exists():
                time.sleep(0.01)
        """,
        cell_id="extra",
    )
    await eventually(lambda: declared.text)
    await first.locator("#note").fill("mine")
    await first.evaluate("new Promise(done => setTimeout(done, 200))")  # longer than the page's allowance for a trip
    (tmp_path / "typed").touch()
    for page in (first, second):
        await shows(page, extra="extra mine")
        await expect(page.locator("#note")).to_have_value("mine")


async def test_a_clientside_callback_is_replaced(kernel: Kernel, opened: Opened):
    """Its new script acts in the open tabs, on the page's own values and on shared ones."""
    code = """
        app.clientside_callback("(mine, target) => `SCRIPT ${mine} ${target}`", Output("extra", "children"),
                                Input("mine", "value"), Input("target", "value"))
    """
    await kernel.run(code, cell_id="clientside")
    first, second = await opened()
    await shows(first, extra="SCRIPT private t")
    await first.locator("#mine").fill("m")
    await kernel.run(code.replace("SCRIPT", "second"), cell_id="clientside")
    await shows(first, extra="second m t")
    await shows(second, extra="second private t")
    await second.locator("#target").fill("u")
    await shows(first, extra="second m u")
    await kernel.run("pass", cell_id="clientside")
    typed = itertools.count()

    async def has_gone() -> bool:
        before = await first.locator("#extra").text_content()
        text = f"n{next(typed)}"
        await first.locator("#mine").fill(text)
        await shows(first, own=f"own {text}")
        return await first.locator("#extra").text_content() == before

    await eventually(has_gone, 5)
    await first.locator("#mine").fill("last")
    await shows(first, own="own last")
    await expect(first.locator("#extra")).not_to_contain_text("last")


async def test_a_cell_that_fails_leaves_the_pages_as_they_were(kernel: Kernel, opened: Opened):
    """The old callbacks go on in both tabs."""
    first, second = await opened()
    await kernel.run(CALLBACKS.replace("one", "half") + "\n    1/0", cell_id="callbacks", may_fail=True)
    await first.locator("#target").fill("x")
    await second.locator("#mine").fill("y")
    await shows(first, shown="one x")
    await shows(second, shown="one x", own="own y")


async def test_a_new_layout_appears_in_place(kernel: Kernel, opened: Opened):
    """Shared values stay, private values of components that still exist stay, focus and caret too."""
    first, second = await opened()
    await first.locator("#mine").fill("edited")
    await second.locator("#target").fill("shared")
    await shows(first, shown="one shared")
    await first.locator("#mine").focus()
    await first.evaluate("document.getElementById('mine').setSelectionRange(2, 2)")
    await kernel.run("app.layout = html.Div([html.H1('New', id='title'), *parts(), html.P('more', id='more')])")
    for page, mine in ((first, "edited"), (second, "private")):
        await shows(page, title="New", more="more", shown="one shared", own=f"own {mine}")
        await expect(page.locator("#mine")).to_have_value(mine)
        await expect(page.locator("#target")).to_have_value("shared")
    assert await caret(first) == ("mine", 2)
    await first.locator("#target").fill("on")
    await shows(second, shown="one on")
    await kernel.run("app.layout = lambda: html.Div([html.H1('Function', id='title'), *parts()])")
    for page, mine in ((first, "edited"), (second, "private")):
        await shows(page, title="Function", shown="one on", own=f"own {mine}")
        await expect(page.locator("#more")).to_have_count(0)


async def test_a_component_library_that_comes_late_is_loaded(kernel: Kernel, opened: Opened, tmp_path: Path):
    """A package of components that no page has loaded is loaded by the open pages, when the layout uses it."""
    package = tmp_path / "late_parts"
    package.mkdir()
    (package / "late_parts.min.js").write_text(
        "window.late_parts = {Badge: props => React.createElement('b', {id: props.id}, 'badge ' + props.text)};"
    )
    (package / "__init__.py").write_text(
        "__version__ = '1'\n"
        "from dash.development.base_component import Component\n"
        "_js_dist = [{'relative_package_path': 'late_parts.min.js', 'namespace': 'late_parts'}]\n"
        "_css_dist = []\n"
        "class Badge(Component):\n"
        "    _children_props = []\n"
        "    _base_nodes = ['children']\n"
        "    _namespace, _type = 'late_parts', 'Badge'\n"
        "    def __init__(self, id=None, text=None, **kwargs):\n"
        "        self._prop_names = ['id', 'text']\n"
        "        self._valid_wildcard_attributes = []\n"
        "        self.available_properties = ['id', 'text']\n"
        "        self.available_wildcard_properties = []\n"
        "        super().__init__(id=id, text=text)\n"
    )
    first, second = await opened()
    await first.locator("#mine").fill("edited")
    await kernel.run(
        """
        import sys; sys.path.insert(0, ".")
        import late_parts
        app.layout = html.Div([*parts(), late_parts.Badge(id="badge", text="first")])
        """
    )
    for page in (first, second):
        await shows(page, badge="badge first", shown="one t")
    await expect(first.locator("#mine")).to_have_value("edited")
    await kernel.run("app.push_mods({'badge': {'text': 'pushed'}})")
    for page in (first, second):
        await shows(page, badge="badge pushed")


async def test_an_error_is_a_short_notice_on_the_page_that_caused_it(kernel: Kernel, opened: Opened, browser: Tabs):
    """Name, type and message, no traceback, on one tab; the other sees nothing, and the device goes on."""
    browser.allow_errors("Callback error updating own.children")
    first, second = await opened()
    await kernel.run(
        CALLBACKS.replace('f"one {target}"', "1 / len(target)").replace('f"own {mine}"', "mine.index('i')"),
        cell_id="callbacks",
    )
    notices = [page.locator("#_dash-devices-notices .notice") for page in (first, second)]
    await first.locator("#target").fill("")
    await expect(notices[0]).to_have_count(1)
    await expect(notices[0].first).to_have_text("show failedZeroDivisionError: division by zero×")
    await second.locator("#mine").fill("x")
    await expect(notices[1]).to_have_count(1)
    await expect(notices[1].first).to_contain_text("own failed")
    await expect(notices[1].first).to_contain_text("ValueError: substring not found")
    await expect(notices[0]).to_have_count(1)
    await first.locator("#target").fill("ab")
    await shows(second, shown="0.5")


async def test_a_new_app_of_the_same_name_takes_the_pages(kernel: Kernel, opened: Opened):
    """Running all cells again makes another app; the open pages show it without being loaded anew."""
    first, second = await opened()
    await second.locator("#target").fill("before")
    await kernel.run(APP.replace("parts())", "[html.H1('Again', id='title'), *parts()])"), cell_id="app")
    await kernel.run(CALLBACKS.replace("one", "new"), cell_id="callbacks")
    await kernel.run(RUN)
    for page in (first, second):
        await shows(page, title="Again", shown="new t")
    await first.locator("#target").fill("after")
    await shows(second, shown="new after")

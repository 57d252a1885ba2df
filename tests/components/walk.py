"""Walk a case: three pages, one act in one of them, one push, one page opened again; and who called."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page

from dash_devices_nb import Dash, Input, callback_context, html
from dash_devices_nb.app.api.parts import parts_of
from dash_devices_nb.core.access.clients import Client
from tests.components.cases import Case, TooSlow, Walk
from tests.support.browser import Tabs
from tests.support.eventually import eventually
from tests.support.serving import Serving

CALLED_WITHIN = 20.0
NO_ACT = "no act"
SHOWN_WITHIN = 1.5
TRIES = 5
PATIENCE_MS = 120_000  # a page or an act that comes late has done nothing wrong

PROP = """prop => {
    const {layout, paths} = window.dash_stores[0].getState();
    const value = paths.strs.it.reduce((part, key) => part[key], layout).props[prop];
    return value === undefined ? null : value;
}"""
# What a person tells two pages apart by; not where the pointer and the focus are.
LOOKS = r"""() => {
    // What a screen reader is told, and the label of a graph's point that the pointer was on.
    const passing = '.ag-aria-description-container, .hoverlayer text';
    const spoken = [...document.querySelectorAll(passing)].map(element => element.innerText || element.textContent);
    const text = spoken.reduce((rest, each) => rest.replace(each, ''), document.body.innerText);
    const parts = [text.replace(/\s+/g, ' ').trim()];
    const told = ['aria-valuenow', 'aria-selected', 'aria-checked', 'aria-pressed', 'aria-current', 'open', 'src'];
    const over = 'body > [data-portal] *, [role=dialog], .modal, .offcanvas';
    for (const element of document.querySelectorAll('#page *, ' + over)) {
        const field = element.matches('input:not([type=file]), textarea, select');
        const one = field ? [element.value, element.checked] : [];
        const classes = [...element.classList].filter(name => /active|selected|show|checked/.test(name)).sort();
        const has = told.map(name => element.getAttribute(name));
        if (classes.length || [...one, ...has].some(each => each != null))
            parts.push([element.tagName, one, has, classes]);
    }
    return JSON.stringify(parts);
}"""
LEFT = """() => {
    const focused = document.activeElement;
    focused.blur();
    return focused !== document.body;
}"""
DRAWN = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))"


@dataclass
class Row:
    """What was counted of one prop: the cells of its row."""

    component: str
    prop: str
    text: str
    act: str
    push: str
    load: str
    shown: str

    @property
    def key(self) -> str:
        return f"{self.component} {self.prop}"


@dataclass
class Calls:
    """The calls of the shared callbacks, one for each prop."""

    made: list[tuple[str, Any, Client | None]] = field(default_factory=list)

    def listen(self, app: Dash, prop: str) -> None:
        @app.callback_shared(None, Input("it", prop))
        def act(value: Any) -> None:
            self.made.append((prop, value, callback_context.client))

    def take(self) -> list[tuple[str, Any, Client | None]]:
        made = list(self.made)
        self.made.clear()
        return made


async def walk(case: Case, chromium: Browser) -> list[Row]:
    """Walk a case, and return a row for each of its props.

    Raises:
        AssertionError: An act could not be done, or a page reported an error.
        TooSlow: The machine was too busy for an act, each time.
    """
    for _ in range(TRIES - 1):
        with contextlib.suppress(TooSlow):
            return await _walk(case, chromium)
    return await _walk(case, chromium)


async def _walk(case: Case, chromium: Browser) -> list[Row]:
    tabs, serving = Tabs(chromium), Serving()
    tabs.allow_errors(*case.errors)
    try:
        rows = await _Walked(case, tabs, serving).rows()
    finally:
        await tabs.close()
        await serving.stop_all()
    assert not tabs.unexpected_errors, f"{case.name}: its pages reported errors:\n" + "\n".join(tabs.unexpected_errors)
    return rows


class _Walked:
    def __init__(self, case: Case, tabs: Tabs, serving: Serving) -> None:
        self._case = case
        self._tabs = tabs
        self._serving = serving
        self._calls = Calls()
        self._pages: list[Page] = []
        self._client: Client | None = None
        self.app = Dash(__name__, suppress_callback_exceptions=True)

    async def rows(self) -> list[Row]:
        """Open three pages, act and push for each prop, then open one of them again."""
        case, app, calls = self._case, self.app, self._calls
        app.layout = html.Div([html.Div(case.make(), style={"padding": "60px"}), html.I(id="ready")], id="page")
        for prop in (*(each.prop for each in case.walks), *case.others):
            calls.listen(app, prop)
        url = await self._serving(app)
        context = await self._tabs.context()
        context.set_default_timeout(PATIENCE_MS)
        second = await self._open(context, url)
        [self._client] = app.clients
        first, third = await self._open(context, url), await self._open(context, url)
        self._pages = [first, second, third]
        await self._rest()
        opened = calls.take()
        counted = [await self._walk(each) for each in case.walks]
        await second.reload()
        await self._drawn(second)
        await self._rest()
        again = calls.take()
        return [
            Row(case.name, each.prop, each.text, act, push, self._load(each.prop, opened, again), shown)
            for each, (act, push, shown) in zip(case.walks, counted, strict=True)
        ]

    async def _walk(self, each: Walk) -> tuple[str, str, str]:
        acted = NO_ACT
        if each.act is not None:
            try:
                await each.act(self._pages[1])
            except TooSlow:
                raise
            except Exception as error:
                raise AssertionError(f"{self._case.name} {each.prop}: {each.text!r} cannot be done: {error}") from error
            await self._until(lambda: any(prop == each.prop for prop, _, _ in self._calls.made), CALLED_WITHIN)
            await self._pages[1].mouse.move(2, 2)
            await self._rest()
            acted = self._act(each, self._calls.take())
            values = [json.dumps(await page.evaluate(PROP, each.prop), sort_keys=True) for page in self._pages]
            if len(set(values)) > 1:
                acted += "; the pages differ"
        before = await self._pages[0].evaluate(LOOKS)
        self.app.push_mods({"it": {each.prop: each.push}})
        await self._rest()
        pushed = self._push(each, self._calls.take())
        return acted, pushed, await self._shown(each, before)

    async def _shown(self, each: Walk, before: str) -> str:
        # A field may show what is typed as long as it has the focus; what it commits when left is not what was pushed.
        if await self._pages[1].evaluate(LEFT):
            await self._rest()
            self._calls.take()
        looks: list[str] = []

        async def alike() -> bool:
            looks[:] = [await page.evaluate(LOOKS) for page in self._pages]
            return len(set(looks)) == 1 and looks[0] != before

        await self._until(alike, SHOWN_WITHIN)
        if len(looks) < len(self._pages):
            await alike()  # a busy machine has not looked once in that time
        has = [await page.evaluate(PROP, each.prop) for page in self._pages]
        wrong = [str(number) for number, value in enumerate(has, 1) if value != each.push]
        if wrong:
            return f"not in page {', '.join(wrong)}"
        if len(set(looks)) > 1:
            return "the pages look different"
        return "3 pages" if looks[0] != before else "3 pages, not to be seen"

    def _act(self, each: Walk, made: list[tuple[str, Any, Client | None]]) -> str:
        cell = self._who([client for prop, _, client in made if prop == each.prop], each.many)
        for prop in dict.fromkeys(prop for prop, _, _ in made if prop != each.prop):
            other = self._who([client for name, _, client in made if name == prop], each.many)
            if other != "1 by its page":
                cell += f"; `{prop}`: {other}"
        return cell

    def _push(self, each: Walk, made: list[tuple[str, Any, Client | None]]) -> str:
        own = next((call for call in made if call[0] == each.prop and call[2] is None and call[1] == each.push), None)
        if own is None:
            return f"the push called nothing; {self._list(made)}"
        made.remove(own)
        return self._list(made, each.prop)

    def _load(self, prop: str, opened: list[Any], again: list[Any]) -> str:
        first, second = (self._who([client for name, _, client in made if name == prop]) for made in (opened, again))
        if first == second:
            return first if first == "none" else f"{first}, each time"
        return ", ".join(
            f"{who} {when}" for who, when in ((first, "at first"), (second, "when opened again")) if who != "none"
        )

    def _list(self, made: Sequence[tuple[str, Any, Client | None]], own: str = "") -> str:
        cells = []
        for prop in dict.fromkeys(prop for prop, _, _ in made):
            who = self._who([client for name, _, client in made if name == prop])
            cells.append(who if prop == own else f"`{prop}`: {who}")
        return "; ".join(cells) or "none"

    def _who(self, clients: list[Client | None], many: bool = False) -> str:
        kinds = Counter(
            "nobody" if each is None else "its page" if each is self._client else "another page" for each in clients
        )
        return ", ".join(f"{'several' if many and n > 1 else n} by {who}" for who, n in sorted(kinds.items())) or "none"

    async def _open(self, context: BrowserContext, url: str) -> Page:
        """Open a page in a window of its own: of the pages of one, Chromium draws all but one once a second."""
        if not context.pages:
            page = await self._tabs.open(context=context)
        else:
            devtools = await context.new_cdp_session(context.pages[0])
            own = (await devtools.send("Target.getTargetInfo"))["targetInfo"]["browserContextId"]
            async with context.expect_page() as opened:
                await devtools.send(
                    "Target.createTarget", {"url": "about:blank", "browserContextId": own, "newWindow": True}
                )
            page = await opened.value
        await page.goto(url)
        await self._drawn(page)
        return page

    async def _drawn(self, page: Page) -> None:
        await page.locator("#ready").wait_for(state="attached")
        await page.wait_for_function("window.dash_stores[0].getState().appLifecycle === 'HYDRATED'")
        await page.locator(self._case.ready).first.wait_for(state="attached")

    async def _rest(self) -> None:
        """Wait until the pages have drawn and nothing has changed for a while."""
        loop, state = asyncio.get_running_loop(), parts_of(self.app).runtime.dispatcher.state
        last, since = None, loop.time()
        while loop.time() - since < self._case.quiet or last is None:
            await asyncio.gather(*(page.evaluate(DRAWN) for page in self._pages))
            now = (state.revision, len(self._calls.made))
            if now != last:
                last, since = now, loop.time()
            await asyncio.sleep(0.05)

    @staticmethod
    async def _until(condition: Callable[[], Any], within: float) -> None:
        """Wait for what may never come; that it did not is counted."""
        try:
            await eventually(condition, within)
        except (AssertionError, TimeoutError):
            return

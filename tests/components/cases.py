"""What a case of the walk is, and how a person's hand is told to move."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import Page

Act = Callable[[Page], Awaitable[object]]
SURELY = 0.8
"""The part of a component's waiting time within which a key surely came in time."""
NOTE_INPUT = "field => (field.typedAt = []) && field.addEventListener('input', e => field.typedAt.push(e.timeStamp))"

OPTIONS = ["a", "b", "c"]


class TooSlow(Exception):
    """The machine was too busy for an act that must be done in a certain time; the case is walked again."""


@dataclass(frozen=True)
class Walk:
    """One prop of a component.

    Attributes:
        prop: Its name.
        text: What the person does, for the table.
        act: Does it, in one page.
        push: The value that the app pushes afterwards.
        many: How often it changes by this act depends on the machine: more calls than one are counted as "several".
    """

    prop: str
    text: str
    act: Act | None
    push: Any
    many: bool = False


@dataclass(frozen=True)
class Case:
    """A component with the props that are walked, one after the other, in the same three pages.

    Attributes:
        name: The component's name in the table, with what is special of it.
        make: Makes the component, whose id is "it", with what it needs around it.
        walks: Its props.
        others: Props that have a callback as well and are not walked themselves.
        ready: What is there when the component is drawn.
        errors: What its pages may report in their consoles.
        quiet: For how many seconds nothing must happen before it is at rest: longer than it waits by itself.
    """

    name: str
    make: Callable[[], Any]
    walks: Sequence[Walk]
    others: Sequence[str] = ()
    ready: str = "#it"
    errors: Sequence[str] = field(default=())
    quiet: float = 0.5


def click(*selectors: str) -> Act:
    """Click on one thing after the other."""

    async def act(page: Page) -> None:
        for selector in selectors:
            await page.locator(selector).first.click()

    return act


def press(selector: str, *keys: str) -> Act:
    """Press keys, one after the other, with the focus on something."""

    async def act(page: Page) -> None:
        for key in keys:
            await page.locator(selector).first.press(key)

    return act


def typed(selector: str, keys: str, within: float) -> Act:
    """Press keys in fewer seconds than a component waits for the next one, by the page's own clock.

    Raises:
        TooSlow: It took longer, so that nobody can say how often the component has reported.
    """

    async def act(page: Page) -> None:
        field = page.locator(selector).first
        await field.evaluate(NOTE_INPUT)
        for key in keys:
            await field.press(key)
        at = await field.evaluate("field => field.typedAt")
        gap = max(after - before for before, after in itertools.pairwise(at)) / 1000
        if gap >= within * SURELY:
            raise TooSlow(f"two keys were pressed {gap:.2f} s apart, and {within} s are all that there is")

    return act


def then(*acts: Act) -> Act:
    """Do one thing after the other."""

    async def act(page: Page) -> None:
        for each in acts:
            await each(page)

    return act


def drag(start: str, by: tuple[float, float], steps: int = 1) -> Act:
    """Drag something from its middle."""

    async def act(page: Page) -> None:
        box = await page.locator(start).first.bounding_box()
        assert box is not None, f"{start} is not to be seen"
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        await page.mouse.move(x, y)
        await page.mouse.down()
        await page.mouse.move(x + by[0], y + by[1], steps=steps)
        await page.mouse.up()

    return act


def hover(selector: str) -> Act:
    """Move the pointer over something."""
    return lambda page: page.locator(selector).first.hover()

"""What a case of the walk is, and how a person's hand is told to move."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import Page

Act = Callable[[Page], Awaitable[object]]

OPTIONS = ["a", "b", "c"]


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
    """

    name: str
    make: Callable[[], Any]
    walks: Sequence[Walk]
    others: Sequence[str] = ()
    ready: str = "#it"
    errors: Sequence[str] = field(default=())


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

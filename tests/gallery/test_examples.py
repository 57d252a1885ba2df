"""The programs in `examples/`, each driven in Chromium on two pages: one of a desk, and one of a phone in the dark."""

from __future__ import annotations

import re

import pytest

from tests.support.browser import Tabs
from tests.support.gallery import EXAMPLES, NAMES, PLAYS, audience, loaded
from tests.support.serving import Serving

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "color_scheme": "dark"}
DOCUMENT = EXAMPLES.parent / "docs" / "gallery.md"


@pytest.mark.parametrize("name", NAMES)
async def test_it_does_what_it_says(name: str, serve: Serving, browser: Tabs) -> None:
    """Its idea, on both pages; and nothing sticks out of the phone's screen."""
    with loaded(name) as module:
        url = await serve(module.app)
        pages = []
        for number, options in enumerate(({}, PHONE)):
            context = await browser.context(**options, extra_http_headers=audience(name, module, number))
            context.set_default_timeout(40_000)
            pages.append(await browser.open(url, context=context))
            await pages[-1].locator("h1").wait_for()
            if later := await pages[-1].locator("#_dash-devices-floor .later").count():
                assert later == 1
                await pages[-1].locator("#_dash-devices-floor .later").click()
        await PLAYS[name](*pages, module)
        assert await pages[1].evaluate("document.documentElement.scrollWidth <= innerWidth")
        for page in pages:
            await page.close()
        await serve.stop(module.app)


def test_each_is_in_the_gallery() -> None:
    """With its picture, and its source."""
    text = DOCUMENT.read_text(encoding="utf-8")
    assert sorted(set(re.findall(r"pictures/gallery/(\w+)\.png", text))) == NAMES
    assert sorted(set(re.findall(r"\.\./examples/(\w+)\.py", text))) == NAMES
    assert all((DOCUMENT.parent / "pictures" / "gallery" / f"{name}.png").exists() for name in NAMES)
    assert sorted(PLAYS) == NAMES

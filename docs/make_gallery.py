"""Makes the pictures of the gallery, from real pages: `python -m docs.make_gallery [NAME ...]`.

Each picture has the program on a desk's screen and, in the dark, on a phone. It needs the package with its extra
`test`, and Chromium.
"""

from __future__ import annotations

import asyncio
import io
import sys
from pathlib import Path

from PIL import Image
from playwright.async_api import Page

from tests.support.browser import Tabs, launched_chromium
from tests.support.gallery import NAMES, PLAYS, audience, loaded
from tests.support.serving import Serving

PICTURES = Path(__file__).parent / "pictures" / "gallery"
DESK = {"viewport": {"width": 900, "height": 640}}
PHONE = {"viewport": {"width": 360, "height": 640}, "has_touch": True, "color_scheme": "dark"}
EDGE, GROUND = 20, "#c9d2dd"
FILLED = {"camera": 1.0, "spectrum": 19.0, "logger": 9.0}
"""Seconds until a picture that grows is full."""


async def main(names: list[str]) -> None:
    """Make the pictures of these programs."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    async with launched_chromium() as chromium:
        for name in names:
            await picture(Tabs(chromium), name)


async def picture(tabs: Tabs, name: str) -> None:
    """Play with a program on two pages, and take both."""
    serving = Serving()
    with loaded(name) as module:
        url = await serving(module.app)
        pages = []
        for number, options in enumerate((DESK, PHONE)):
            context = await tabs.context(**options, extra_http_headers=audience(name, module, number))
            page = await tabs.open(url, context=context)
            await page.locator("h1").wait_for()
            pages.append(page)
            if await page.locator("#_dash-devices-floor .later").count():
                await page.locator("#_dash-devices-floor .later").click()
        await PLAYS[name](pages[0], pages[1], module)
        await asyncio.sleep(FILLED.get(name, 0.6))
        shots = [await shot(page) for page in pages]
        await tabs.close()
        await serving.stop_all()
    width, height = sum(each.width for each in shots) + 3 * EDGE, max(each.height for each in shots) + 2 * EDGE
    joined = Image.new("RGB", (width, height), GROUND)
    joined.paste(shots[0], (EDGE, EDGE))
    joined.paste(shots[1], (2 * EDGE + shots[0].width, EDGE))
    joined.quantize(256, Image.Quantize.MAXCOVERAGE).save(PICTURES / f"{name}.png", optimize=True)


async def shot(page: Page) -> Image.Image:
    """What a page shows on its screen."""
    await page.mouse.move(0, 0)
    await page.evaluate("document.activeElement && document.activeElement.blur(); scrollTo(0, 0)")
    return Image.open(io.BytesIO(await page.screenshot()))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:] or NAMES))

"""Real pages in Debian's Chromium, driven by Playwright.

The browser is started once per session. Every page that a test opens reports its console errors and
uncaught exceptions here, and the `browser` fixture fails the test that has some it did not allow.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright, expect

TIMEOUT_MS = 15_000
expect.set_options(timeout=TIMEOUT_MS)

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Tabs in the background are pages like any other here.
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    # Each window would have two more pages, for the menu below its address bar: more than half of what a window costs.
    # Of several lists Chromium takes the last: those of Playwright's that change what pages do are here again.
    "--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup,AvoidUnnecessaryBeforeUnloadCheckSync,"
    "DestroyProfileOnBrowserClose,HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,PaintHolding,"
    "ThirdPartyStoragePartitioning,AvoidCorsURLLoaderRestartOnRedirect",
]


def chromium_path() -> str:
    """Where Chromium is; the message says how to get it."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    raise RuntimeError("Chromium is not installed: run `apt-get install chromium`")


@asynccontextmanager
async def launched_chromium() -> AsyncIterator[Browser]:
    """A headless Chromium with an empty profile of its own."""
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=chromium_path(), headless=True, args=FLAGS)
        try:
            yield chromium
        finally:
            await chromium.close()


class Tabs:
    """The pages of one test.

    Attributes:
        errors: Console errors and uncaught exceptions of all pages, as they came.
        pages: The pages that were opened, in order.
    """

    def __init__(self, chromium: Browser) -> None:
        self._chromium = chromium
        self._allowed: list[re.Pattern[str]] = []
        self._contexts: list[BrowserContext] = []
        self.errors: list[str] = []
        self.pages: list[Page] = []

    async def context(self, **options: Any) -> BrowserContext:
        """A new profile: cookies and storage of its own. Options are Playwright's."""
        context = await self._chromium.new_context(**options)
        context.set_default_timeout(TIMEOUT_MS)
        context.on("page", self._watch)
        self._contexts.append(context)
        return context

    async def open(self, url: str | None = None, *, context: BrowserContext | None = None, **options: Any) -> Page:
        """Open a tab, in a profile of its own unless the context of another tab is given."""
        context = context or await self.context(**options)
        page = await context.new_page()
        if url is not None:
            await page.goto(url)
        return page

    def allow_errors(self, *patterns: str) -> None:
        """Console and page errors that match one of these (`re.search`) are meant by the test."""
        self._allowed.extend(re.compile(pattern) for pattern in patterns)

    @property
    def unexpected_errors(self) -> list[str]:
        """The errors that the test did not allow."""
        return [e for e in self.errors if not any(pattern.search(e) for pattern in self._allowed)]

    async def screenshots(self, directory: Path, name: str) -> None:
        """A picture of every page that is still open, for a test that failed."""
        directory.mkdir(parents=True, exist_ok=True)
        for number, page in enumerate(self.pages):
            if not page.is_closed():
                await page.screenshot(path=directory / f"{name}-{number}.png", timeout=5_000)

    async def close(self) -> None:
        """Close every page and profile."""
        for context in self._contexts:
            await context.close()

    def _watch(self, page: Page) -> None:
        self.pages.append(page)
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.errors.append(f"page error: {error}"))
        page.on("crash", lambda page: self.errors.append(f"page crashed: {page.url}"))

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            where = message.location.get("url", "")
            self.errors.append(f"console error: {message.text} ({where})")

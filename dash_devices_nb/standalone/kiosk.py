"""A browser that shows the page on the whole screen of the device."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge")
OPTIONS = (
    "--kiosk",
    "--no-first-run",
    "--no-default-browser-check",
    "--noerrdialogs",
    "--disable-session-crashed-bubble",
    "--disable-pinch",
    "--overscroll-history-navigation=0",
)
CLOSE_SECONDS = 5.0
LOOK = 0.05


class Kiosk:
    """Starts the browser once the page is served. When the program starts again, its page comes back by itself.

    Args:
        say: tells the person something.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._browser: subprocess.Popen[bytes] | None = None
        self._profile: Path | None = None

    def show(self, url: str) -> None:
        """Show the page, unless the browser runs."""
        if self._browser is not None and self._browser.poll() is None:
            return
        found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
        if found is None:
            self._say(f"No browser for --kiosk was found ({', '.join(BROWSERS)}); open the address yourself.")
            return
        if self._profile is None:
            self._profile = Path(tempfile.mkdtemp(prefix="dash-devices-kiosk-"))
        command = [found, *OPTIONS, f"--user-data-dir={self._profile}", url]
        try:
            self._browser = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        except OSError as exc:
            self._say(f"The browser {found} cannot be started: {exc.strerror}. Open the address yourself.")

    async def close(self) -> None:
        """End the browser."""
        browser = self._browser
        if browser is not None and browser.poll() is None:
            browser.terminate()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_SECONDS):
                    while browser.poll() is None:
                        await asyncio.sleep(LOOK)
            if browser.poll() is None:
                browser.kill()
                browser.wait()
        if self._profile is not None:
            shutil.rmtree(self._profile, ignore_errors=True)

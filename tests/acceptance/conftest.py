"""Fixtures of the acceptance tests: apps that are served, and pages that are ready."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.support.browser import Tabs
from tests.support.serving import Serving


@pytest.fixture
async def serve(browser: Tabs, monkeypatch: pytest.MonkeyPatch, tmp_path) -> AsyncIterator[Serving]:
    """Apps of this process: ``url = await serve(app)``. They stop before the pages close."""
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))
    serving = Serving()
    yield serving
    for page in browser.pages:
        if not page.is_closed():
            await page.close()
    await serving.stop_all()

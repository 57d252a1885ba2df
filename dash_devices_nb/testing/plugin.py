"""Fixtures for pytest, which finds them by itself where dash_devices_nb is installed.

    def test_the_slider_shows(sync_tab):
        tab = sync_tab(app)
        tab.act("target", "value", 5)
        tab.expect("shown", "children", "target 5")

    async def test_two_tabs_agree(tab):  # with pytest-asyncio
        anne, ben = await tab(app), await tab(app)
        await anne.act("target", "value", 5)
        await ben.expect("target", "value", 5)

An app that does not run yet is served on a free port, without a secret; everything ends with the test.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    # Pytest loads this module always, and few tests need what stands behind it.
    from dash_devices_nb.testing.serving import AppServer, SyncTab
    from dash_devices_nb.testing.tab import Tab

try:
    import pytest_asyncio
except ImportError:
    pytest_asyncio = None  # type: ignore[assignment]


@pytest.fixture
def app_server() -> Iterator[AppServer]:
    """Serves apps: ``url = app_server.run(app)``; each runs in a thread with a loop of its own."""
    from dash_devices_nb.testing.serving import AppServer

    with AppServer() as server:
        yield server


@pytest.fixture
def sync_tab(app_server: AppServer) -> Iterator[Callable[[Any], SyncTab]]:
    """Opens tabs for tests that do not await; call it with an app or a URL."""
    from dash_devices_nb.testing.serving import open_tab

    tabs: list[SyncTab] = []

    def opened(app_or_url: Any) -> SyncTab:
        url = app_or_url if isinstance(app_or_url, str) else app_server.run(app_or_url)
        tabs.append(open_tab(url))
        return tabs[-1]

    yield opened
    for each in reversed(tabs):
        each.close()


if pytest_asyncio is not None:

    @pytest_asyncio.fixture
    async def tab(app_server: AppServer) -> AsyncIterator[Callable[[Any], Awaitable[Tab]]]:
        """Opens tabs for tests that await; await it with an app or a URL."""
        from dash_devices_nb.testing.tab import Tab

        tabs: list[Tab] = []

        async def opened(app_or_url: Any) -> Tab:
            url = app_or_url if isinstance(app_or_url, str) else app_server.run(app_or_url)
            tabs.append(await Tab(url).open())
            return tabs[-1]

        yield opened
        for each in reversed(tabs):
            await each.close()

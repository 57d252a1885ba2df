"""Fixtures for pytest, which finds them wherever dash_devices_nb is installed.

    def test_the_slider_shows(sync_tab):
        tab = sync_tab(app)
        tab.act("target", "value", 5)
        tab.expect("shown", "children", "target 5")

    async def test_two_tabs_agree(tab):  # with pytest-asyncio
        anne, ben = await tab(app), await tab(app)
        await anne.act("target", "value", 5)
        await ben.expect("target", "value", 5)

    async def test_a_viewer_may_not(tab):
        viewer = await tab(app, role="view", name="Ada")
        await viewer.act("target", "value", 5)
        await viewer.expect("target", "value", 20)

An app that does not run yet is served on a free port, without a secret; everything ends with the test.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    # Pytest always loads this module, and few tests need its imports.
    from dash_devices_nb.testing.serving import AppServer, SyncTab
    from dash_devices_nb.testing.tab import Tab

try:
    import pytest_asyncio
except ImportError:
    pytest_asyncio = None  # type: ignore[assignment]


@pytest.fixture
def app_server() -> Iterator[AppServer]:
    """Serve apps: ``url = app_server.run(app)``; each runs in a thread with a loop of its own."""
    from dash_devices_nb.testing.serving import AppServer

    with AppServer() as server:
        yield server


@pytest.fixture
def sync_tab(app_server: AppServer) -> Iterator[Callable[..., SyncTab]]:
    """Open tabs for tests that do not await; call it with an app (and `role=`, `name=`, `guest=`) or a URL."""
    from dash_devices_nb.testing.serving import open_tab

    tabs: list[SyncTab] = []

    def opened(app_or_url: Any, **who: Any) -> SyncTab:
        if not isinstance(app_or_url, str):
            app_server.run(app_or_url)
        tabs.append(open_tab(app_or_url, **who))
        return tabs[-1]

    yield opened
    for each in reversed(tabs):
        each.close()


if pytest_asyncio is not None:

    @pytest_asyncio.fixture
    async def tab(app_server: AppServer) -> AsyncIterator[Callable[..., Awaitable[Tab]]]:
        """Open tabs for tests that await: with an app (and `role=`, `name=`, `guest=`) or a URL, and `headers=`."""
        from dash_devices_nb.testing.serving import visitor
        from dash_devices_nb.testing.tab import Tab

        tabs: list[Tab] = []

        async def opened(app_or_url: Any, *, headers: Mapping[str, str] | None = None, **who: Any) -> Tab:
            url = app_or_url if isinstance(app_or_url, str) else app_server.run(app_or_url)
            identity = visitor(app_or_url, **who) if who else {}
            tabs.append(await Tab(url, {**(headers or {}), **identity}).open())
            return tabs[-1]

        yield opened
        for each in reversed(tabs):
            await each.close()

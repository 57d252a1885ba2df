"""Files that a person gives to a page: they arrive, or the person reads how much may be sent."""

from pathlib import Path

import pytest
from playwright.async_api import expect

from dash_devices_nb import Dash, Input, Output, dcc, html
from tests.support.browser import Tabs

MB = 1024 * 1024


@pytest.fixture
def app(app_server) -> Dash:
    """A callback that says how long a file is."""
    app = Dash(__name__)
    app.layout = html.Div([dcc.Upload(html.Div("file"), id="up", max_size=-1), html.Div("-", id="size")])

    @app.callback(Output("size", "children"), Input("up", "contents"), prevent_initial_call=True)
    def size(contents):
        return len(contents)

    app_server.run(app)
    return app


async def test_large_files_arrive_or_the_person_is_told(app, browser: Tabs, tmp_path):
    """Over 12 MB there was a 413, and nobody was told; beyond the app's limit a page says it, also if that is new."""

    def file(size: int) -> Path:
        (path := tmp_path / f"{size}.bin").write_bytes(bytes(size))
        return path

    browser.allow_errors("is too large", "413")
    page = await browser.open(app.url)
    for size in (13 * MB, 30 * MB):
        await page.set_input_files("#up input", file(size))
        length = len("data:application/octet-stream;base64,") + (size + 2) // 3 * 4
        await expect(page.locator("#size")).to_have_text(str(length), timeout=20_000)
    app.limits.upload = MB
    another = await browser.open(app.url)
    await another.set_input_files("#up input", file(9 * MB))
    await another.get_by_text("This is too large: 12.0 MB, and at most 5.3 MB can be sent here.").wait_for()
    await page.set_input_files("#up input", file(14 * MB))
    await page.get_by_text("This request is too large: at most 5 MB can be sent here.").wait_for()

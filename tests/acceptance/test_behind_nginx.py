"""The nginx configuration of docs/deploy.md, in a real nginx: pages behind it are live."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.async_api import expect

from dash_devices_nb import Dash, Input, Output, dcc, html
from tests.support.browser import Tabs
from tests.support.eventually import eventually
from tests.support.serving import Serving

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
DEPLOY = Path(__file__).parents[2] / "docs" / "deploy.md"
AROUND = """daemon off; pid {home}/pid; error_log {home}/error.log; worker_processes 1;
events {{}}
http {{ access_log off; client_body_temp_path {home}/body; proxy_temp_path {home}/proxy; fastcgi_temp_path {home}/f;
uwsgi_temp_path {home}/u; scgi_temp_path {home}/s;
{config} }}"""

pytestmark = pytest.mark.skipif(NGINX is None, reason="there is no nginx")


def configured(app_port: int, port: int) -> str:
    """The configuration of the page, but for the certificate and the ports."""
    (config,) = re.findall(r"```nginx\n(.*?)```", DEPLOY.read_text(encoding="utf-8"), re.DOTALL)
    config = re.sub(r"    ssl_.*\n", "", config).replace("listen 443 ssl;", f"listen 127.0.0.1:{port};")
    assert "http://127.0.0.1:8050;" in config
    return config.replace("127.0.0.1:8050", f"127.0.0.1:{app_port}")


@pytest.fixture
def home(short_directory: Path) -> Iterator[Path]:
    """The place of nginx's files; what it has said is shown if the test fails."""
    short_directory.chmod(0o755)
    yield short_directory
    print((short_directory / "error.log").read_text() if (short_directory / "error.log").exists() else "")


async def test_pages_behind_nginx_are_live(serve: Serving, browser: Tabs, home: Path) -> None:
    """Two pages share a value over their WebSockets, and come back when nginx was away."""
    app = Dash("bench")
    app.layout = html.Div([dcc.Input(id="target", value="20"), html.Div(id="shown")])
    app.callback_shared(Output("shown", "children"), Input("target", "value"))(lambda value: f"the target is {value}")
    inside = urlsplit(await serve(app)).port
    assert inside is not None
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (home / "nginx.conf").write_text(AROUND.format(home=home, config=configured(inside, port)), encoding="utf-8")
    command = [str(NGINX), "-p", str(home), "-c", str(home / "nginx.conf"), "-e", str(home / "error.log")]
    url = f"http://127.0.0.1:{port}/"

    async def answers() -> bool:
        async with httpx.AsyncClient() as client:
            try:
                return (await client.get(url)).status_code == 200
            except httpx.TransportError:
                return False

    nginx = subprocess.Popen(command)
    try:
        await eventually(answers, 15)
        one, other = await browser.open(url), await browser.open(url)
        await one.locator("#target").fill("25")
        await one.locator("#target").press("Enter")
        await expect(other.locator("#shown")).to_have_text("the target is 25")
        assert await other.evaluate("dashDevices.bridge.socket.greeted")
        nginx.terminate()
        nginx.wait(10)
        browser.allow_errors("WebSocket connection to .* failed", "ERR_", "Failed to load resource")
        app.push_mods({"target": {"value": "26"}})
        nginx = subprocess.Popen(command)
        await expect(other.locator("#shown")).to_have_text("the target is 26", timeout=20_000)
        for page in (one, other):
            await page.close()
    finally:
        nginx.terminate()
        nginx.wait(10)

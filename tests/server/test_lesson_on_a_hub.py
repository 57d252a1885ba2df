"""The recipe of docs/deploy.md for a lesson, on a real JupyterHub: a relay is a service, and guests have no account."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import SimpleNamespace

import httpx
from playwright.async_api import expect

from tests.relay.conftest import COMMAND
from tests.server.test_jupyterhub import PREFIX, TOKEN, Hub, pytestmark, running_hub  # noqa: F401 - the mark
from tests.server.test_routes_through_jupyter import Cells
from tests.support.browser import Tabs
from tests.support.eventually import eventually
from tests.support.tcp import free_port

DEPLOY = Path(__file__).parents[2] / "docs" / "deploy.md"
LOST = r"WebSocket connection to .* failed|Failed to load resource|ERR_"
LESSON = """
from dash_devices_nb import Dash, Input, Output, dcc, html
app = Dash("bench")
app.layout = html.Div([dcc.Input(id="target", value="20"), html.P(id="shown")])
app.callback_shared(Output("shown", "children"), Input("target", "value"))(lambda target: f"at {target}")
app.run(jupyter_mode="_none")
"""


def recipe(port: int) -> str:
    """The configuration of the page, but for the teacher's name, the addresses and where the command is."""
    text = DEPLOY.read_text(encoding="utf-8").partition("### A lesson for guests")[2]
    config = re.findall(r"```python\n(.*?)```", text, re.DOTALL)[0]
    for old, new in (
        ('"dash-devices-nb",', f'{sys.executable!r}, "-c", {COMMAND!r},'),
        ("http://127.0.0.1:8000", "{hub}"),
        ("teacher", "alice"),
        ('"0.0.0.0", "--port", "8081"', f'"127.0.0.1", "--port", "{port}"'),
        ("c.JupyterHub.services = ", "c.JupyterHub.services += "),
        ("c.JupyterHub.load_roles = ", "c.JupyterHub.load_roles += "),
    ):
        assert old in config
        config = config.replace(old, new)
    return config


async def test_a_relay_serves_the_guests_of_a_lesson(browser: Tabs) -> None:
    """It waits for the teacher's kernel; guests look on and act without an account, and leave when the link ends."""
    browser.allow_errors(LOST)
    port = free_port()
    relay = f"http://127.0.0.1:{port}"

    async def listens() -> bool:
        async with httpx.AsyncClient() as http:
            try:
                return (await http.get(relay, timeout=30)).status_code == 503
            except httpx.TransportError:
                return False

    async def early(hub: Hub) -> None:
        """The relay is there before the teacher's server."""
        await eventually(listens, 30)

    async with running_hub(recipe(port), early) as hub:
        kernel = (await hub.ask("POST", "/user/alice/api/kernels", json={})).json()["id"]
        jupyter = SimpleNamespace(url=f"{hub.url}/user/alice/", headers={"Authorization": f"token {TOKEN}"})
        cells = Cells(SimpleNamespace(jupyter=jupyter, kernel_id=kernel))  # type: ignore[arg-type]
        await cells.run(LESSON)
        links = [await cells.run("", f"app.share({role!r}).url") for role in ("view", "control")]
        addresses = [f"{relay}{PREFIX}?share={link.rpartition('share=')[2]}" for link in links]
        onlooker, pilot = [await browser.open(each) for each in addresses]
        for page in (onlooker, pilot):
            await expect(page.locator("#shown")).to_have_text("at 20")
            assert page.url.startswith(f"{relay}{PREFIX}")
        await pilot.locator("#target").fill("21")
        await expect(onlooker.locator("#shown")).to_have_text("at 21")
        await expect(onlooker.locator("#target")).to_be_disabled()
        await cells.run("app.push_mods({'target': {'value': '22'}})")
        for page in (onlooker, pilot):
            await expect(page.locator("#shown")).to_have_text("at 22")
        found = await cells.run("", "sorted((c.kind, str(c.role), c.pages) for c in app.clients)")
        assert found == [("page", "control", 1), ("relay", "owner", 1)]
        async with httpx.AsyncClient(follow_redirects=True) as stranger:
            assert (await stranger.get(f"{relay}{PREFIX}")).status_code == 403
            assert "/hub/login" in str((await stranger.get(hub.url + PREFIX)).url)
        await cells.run("for each in app.shares: each.revoke()")
        for page in (onlooker, pilot):
            await expect(page.locator("#_dash-devices-notices .bar")).to_contain_text("This share link was revoked")
            await page.close()
        await cells.run("app.stop()")

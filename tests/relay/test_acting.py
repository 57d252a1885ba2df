"""Pages that act through a relay: their changes, callbacks, role and the floor are the app's business."""

from __future__ import annotations

import asyncio

from playwright.async_api import expect

from dash_devices_nb import Dash, Input, Output, State, callback_context, dcc, html
from tests.relay.conftest import StartRelay, at
from tests.support.browser import Tabs
from tests.support.eventually import eventually
from tests.support.serving import Serving


async def test_a_control_link_acts_through_the_relay(serve: Serving, browser: Tabs, relay: StartRelay):
    """Changes, callbacks and files go up, answers come back; the role is lowered, and the link revoked, at once."""
    app = Dash(__name__)
    app.layout = html.Div(
        [
            dcc.Input(id="target", value="20"),
            html.P(id="shown"),
            html.Button(id="go"),
            html.P(id="went"),
            dcc.Upload(html.Button("Choose"), id="upload"),
            html.P(id="length"),
        ]
    )
    acts = []

    @app.callback_shared(Output("shown", "children"), Input("target", "value"))
    def show(target):
        acts.append((target, callback_context.client and callback_context.client.share))
        return f"at {target}"

    @app.callback(Output("went", "children"), Input("go", "n_clicks"), State("target", "value"), role="control")
    def go(clicks, target):
        return f"{clicks} to {target}"

    @app.callback(Output("length", "children"), Input("upload", "contents"), role="control", prevent_initial_call=True)
    def length(contents):
        return str(len(contents))

    url = await serve(app)
    control, view = [await asyncio.to_thread(app.share, role) for role in ("control", "view")]
    program = await relay(url)
    pilot, onlooker = [await browser.open(at(program, each.url)) for each in (control, view)]
    here = await browser.open(url)
    for text in ("21", "22", "23"):
        await pilot.fill("#target", text)
    for page in (pilot, onlooker, here):
        await expect(page.locator("#shown")).to_have_text("at 23")
    await pilot.click("#go")
    await expect(pilot.locator("#went")).to_have_text("1 to 23")
    async with pilot.expect_file_chooser() as chooser:
        await pilot.click("text=Choose")
    await (await chooser.value).set_files({"name": "a.bin", "mimeType": "application/x", "buffer": b"x" * 30_000})
    await expect(pilot.locator("#length")).to_have_text("40026")
    assert acts[-1] == ("23", control.id)
    (client,) = (each for each in app.clients if each.share == control.id)
    client.role = "view"
    await expect(pilot.locator("#target")).to_be_disabled()
    client.role = "control"
    await expect(pilot.locator("#target")).to_be_enabled()
    await here.fill("#target", "30")
    for page in (pilot, onlooker):
        await expect(page.locator("#target")).to_have_value("30")
    await asyncio.to_thread(control.revoke)
    await expect(pilot.get_by_role("status")).to_contain_text("This share link was revoked")
    await eventually(lambda: {each.kind for each in app.clients} == {"page", "relay"} and len(app.clients) == 2)

"""A share link from a cell of a real JupyterLab: shown with its code, opened on a phone without a login, revoked."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.support.browser import Tabs
from tests.support.eventually import eventually
from tests.support.jupyter import Jupyter
from tests.support.lab import LabNotebook

APP = """
from dash_devices_nb import Dash, Input, Output, dcc, html

app = Dash("lesson")
app.layout = html.Div([html.H2("Thermostat"), dcc.Slider(0, 30, 1, id="target", value=20), html.P(id="shown")])

@app.callback_shared(Output("shown", "children"), Input("target", "value"))
def show(target):
    return f"The target is {target} degrees"

app.run(jupyter_mode="_none")
"""
SHARE = """
share = app.share("view", hours=2, name="Ada")
share
"""
PHONE = {"width": 390, "height": 844}


@pytest.fixture
async def notebook(jupyter_lab: Jupyter, browser: Tabs) -> AsyncIterator[LabNotebook]:
    """The app runs, and the link is shown."""
    browser.allow_errors("Exception opening new comm", "Failed to load resource", "WebSocket connection to")
    jupyter_lab.write_notebook("share.ipynb", APP, SHARE, "print(share.url)", "share.revoke()", "app.stop()")
    notebook = await LabNotebook.open(browser, jupyter_lab, "share.ipynb")
    for cell in range(3):
        await notebook.run(cell)
    yield notebook
    await notebook.run(4)


async def test_a_phone_opens_what_the_cell_shows(notebook: LabNotebook, jupyter_lab: Jupyter, browser: Tabs) -> None:
    """Link and code are in the output; the guest's page is live and in its role; revoking says why, at once."""
    shown = notebook.output(1)
    code = shown.get_by_role("img", name="Code of the share link")
    await expect(code).to_be_visible()
    assert await code.evaluate("image => image.complete && image.naturalWidth > 100")
    await expect(shown).to_contain_text("“Ada”, view, until")
    await shot(notebook.page, "share_in_lab")
    url = (await notebook.output(2).first.inner_text()).strip()
    assert url.startswith(f"{jupyter_lab.url}dash-devices/lesson/?share=")
    assert await shown.locator("a").get_attribute("href") == url

    phone = await browser.open(url, viewport=PHONE, has_touch=True, is_mobile=True)
    await expect(phone.locator("#shown")).to_have_text("The target is 20 degrees")
    assert phone.url == f"{jupyter_lab.url}dash-devices/lesson/"
    cookies = await phone.context.cookies()
    assert [(c["name"], c["httpOnly"], c["path"]) for c in cookies if "share" in c["name"]] == [
        ("dash-devices-share", True, "/dash-devices/lesson/")
    ]
    await notebook.edit(4, "app.push_mods({'target': {'value': 25}}); [(c.role, c.name) for c in app.clients]")
    await notebook.run(4)
    await expect(phone.locator("#shown")).to_have_text("The target is 25 degrees")
    await expect(notebook.output(4).last).to_contain_text("Role.VIEW")
    await shot(phone, "share_phone")

    lab = await phone.context.new_page()
    await lab.goto(f"{jupyter_lab.url}lab")
    assert "/login" in lab.url
    await lab.close()

    await notebook.edit(4, "app.stop()")
    await notebook.run(4)
    bar = phone.locator("#_dash-devices-notices .bar")
    await expect(bar).to_have_text("The app does not run now: this page goes on when it does")
    await shot(phone, "share_waits")
    await notebook.run(0)
    await expect(bar).to_be_hidden()
    await expect(phone.locator("#shown")).to_have_text("The target is 20 degrees")

    await notebook.edit(3, "app.shares[-1].revoke()")
    await notebook.run(3)
    bar = phone.get_by_role("status").filter(has_text="This share link was revoked.")
    await expect(bar).to_be_visible()
    await shot(phone, "share_revoked")
    await phone.reload()
    await eventually(lambda: phone.evaluate("document.body.innerText.includes('This share link was revoked.')"))
    await shot(phone, "share_refused")
    await notebook.edit(4, "app.stop()")


async def shot(page: object, name: str) -> None:
    """A picture to look at, where a directory for them is named."""
    if folder := os.environ.get("PICTURES"):
        await page.screenshot(path=Path(folder) / f"{name}.png")  # type: ignore[attr-defined]

"""What outlives a kernel under `dash-devices-nb serve`: share links, and the audit log."""

from __future__ import annotations

import json
import os
import signal
import stat
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.support.browser import Tabs
from tests.support.eventually import eventually
from tests.support.served import Serve, kernel_of, save, terminated

SLOW = 60_000
MAX_BYTES = 4000
DESK = [
    f"""
    from pathlib import Path
    from dash_devices_nb import Dash, Input, Output, dcc, html
    from dash_devices_nb.app.journal import audit
    audit.MAX_BYTES = {MAX_BYTES}
    app = Dash("desk")
    app.layout = html.Div(
        [dcc.Input(id="target", value="20"), html.P(id="shown"), html.P(id="links"), html.Button("end", id="end")]
    )
    """,
    """
    @app.callback_shared(Output("shown", "children"), Input("target", "value"))
    def show(target):
        return f"{100 / int(target):g}"

    @app.callback(None, Input("end", "n_clicks"), role="owner")
    def end(clicks):
        for share in app.shares:
            share.revoke()
    """,
    "app.run()",
    """
    if not Path("links.txt").exists():
        Path("links.txt").write_text("\\n".join([app.share("control", name="Anne").url, app.share("view").url]))
    app.push_mods({"links": {"children": f"{len(app.shares)} links"}})
    """,
]


async def act(page: Page, value: str) -> None:
    """Type a value, and leave the field."""
    await page.locator("#target").fill(value, timeout=SLOW)
    await page.locator("#target").press("Enter")


def said(folder: Path) -> list[dict[str, Any]]:
    """The lines of the audit log, oldest first. Each is whole."""
    files = sorted(
        folder.glob("audit.jsonl*"), key=lambda path: -int(path.suffix[1:] if path.suffix[1:].isdigit() else 0)
    )
    return [json.loads(line) for path in files for line in path.read_text().splitlines()]


@pytest.mark.timeout(300)
async def test_a_link_and_the_audit_log_outlive_the_kernel(served: Serve, browser: Tabs, tmp_path: Path) -> None:
    """The guest's page goes on after a kill, the link opens pages of the new kernel, and both are in one log."""
    browser.allow_errors("WebSocket connection to", "ERR_", "403")
    notebook = save(tmp_path / "desk.ipynb", DESK)
    program = await served(notebook, "--audit", tmp_path / "audit.jsonl")
    links = tmp_path / "links.txt"
    await eventually(links.exists, 60)
    owner = await browser.open(program.url)
    await expect(owner.locator("#links")).to_have_text("2 links", timeout=SLOW)
    control, view = links.read_text().split()
    guest, viewer = await browser.open(control), await browser.open(view)
    for page in (guest, viewer):
        await expect(page.locator("#shown")).to_have_text("5", timeout=SLOW)
    await act(guest, "25")
    await expect(viewer.locator("#shown")).to_have_text("4")
    os.kill(kernel_of(program), signal.SIGKILL)
    await expect(guest.locator(".bar")).to_contain_text("Offline: reconnecting", timeout=SLOW)
    await eventually(lambda: program.output.count(program.url) == 2, 90)
    await expect(guest.locator("#shown")).to_have_text("5", timeout=SLOW)
    await act(guest, "50")
    late = await browser.open(control)
    for page in (guest, viewer, late, owner):
        await expect(page.locator("#shown")).to_have_text("2", timeout=SLOW)
    await expect(late.locator("#links")).to_have_text("2 links")
    await act(late, "0")
    await viewer.evaluate("dash_clientside.set_props('target', {value: '1'})")
    await owner.locator("#end").click()
    for page in (guest, viewer, late):
        await expect(page.locator(".bar")).to_contain_text("This share link was revoked", timeout=SLOW)
    answered = await late.goto(control)
    assert answered is not None
    assert answered.status == 403
    for number in range(60):
        await owner.evaluate("value => dash_clientside.set_props('target', {value})", str(number + 100))
    await expect(owner.locator("#shown")).to_have_text(f"{100 / 159:g}")
    await owner.close()
    await terminated(program)

    lines = said(tmp_path)
    events = [line["event"] for line in lines]
    assert events.count("begin") == 2
    assert events[-1] == "end"
    acts = [(line["who"].get("name"), line["what"]) for line in lines if line["event"] == "act"]
    assert [act for act in acts if act[0] == "Anne"] == [
        ("Anne", {"target.value": "25"}),
        ("Anne", {"target.value": "50"}),
        ("Anne", {"target.value": "0"}),
    ]
    owners = [what["target.value"] for name, what in acts if name != "Anne" and "target.value" in what]
    assert owners == [str(number + 100) for number in range(60)]
    assert [what for event, what in ((each["event"], each.get("what")) for each in lines) if event == "refusal"] == [
        "You may not change target.value: you may look, but not act."
    ]
    assert any(line["event"] == "error" and "show: ZeroDivisionError" in line["what"] for line in lines)
    assert [line["what"].split()[-1] for line in lines if line["event"] == "share"][-2:] == ["revoked", "revoked"]
    files = sorted(tmp_path.glob("audit.jsonl*"))
    assert len(files) >= 3
    for path in files:
        assert path.stat().st_size <= MAX_BYTES
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert all(link.partition("share=")[2] not in path.read_text() for link in (control, view) for path in files)

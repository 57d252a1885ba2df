"""The audit log: who did what, as JSON lines that rotate."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from dash_devices_nb import Dash, Input, Output, dcc, html
from dash_devices_nb.app.journal import audit
from dash_devices_nb.errors import JournalError
from dash_devices_nb.testing import AppServer, Tab


def desk(**options: Any) -> Dash:
    app = Dash("desk", **options)
    app.layout = html.Div(
        [dcc.Input(id="target", value=20), html.Button(id="go"), html.P(id="shown"), html.P(id="own")]
    )

    @app.callback_shared(Output("shown", "children"), Input("target", "value"))
    def show(target):
        return f"{100 / target:g}"

    @app.callback(Output("own", "children"), Input("go", "n_clicks"))
    def own(clicks):
        return f"own {clicks}"

    return app


def said(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


async def test_who_did_what_is_kept(app_server: AppServer, tmp_path: Path):
    """Acts with their values, refusals, shares, roles and errors, each with who it was; not what nobody did."""
    file = tmp_path / "audit.jsonl"
    app = desk(audit=file)
    url = app_server.run(app, auth="secret")
    share = app.share(role="control", name="Anne")
    token = share.url.partition("share=")[2]
    async with Tab(f"{url.split('?')[0]}?share={token}") as tab:
        await tab.act("target", "value", 25)
        await tab.expect("shown", "children", "4")
        await tab.act("go", "n_clicks", 1)
        await tab.expect("own", "children", "own 1")
        app.push_mods({"target": {"value": 50}})
        await tab.expect("shown", "children", "2")
        await tab.act("target", "value", 0)
        await tab.settled()
        app.clients[0].role = "view"
        await tab.act("target", "value", 30)
        await tab.settled()
    share.revoke()
    app_server.stop(app)
    lines = said(file)
    assert {"begin", "connect", "disconnect", "end"} < {line["event"] for line in lines}
    acts = [line for line in lines if line["event"] == "act"]
    assert [act["what"] for act in acts] == [
        {"target.value": 25},
        {"callback": "own", "inputs": {"go.n_clicks": 1}},
        {"target.value": 0},
    ]
    assert all(act["who"]["share"] == share.id and act["who"]["role"] == "control" for act in acts)
    assert all(line["app"] == "desk" and line["time"].endswith("+00:00") for line in lines)
    by_kind = {line["event"]: line for line in lines}
    assert "show: ZeroDivisionError" in by_kind["error"]["what"]
    assert "You may not change target.value" in by_kind["refusal"]["what"]
    assert "view" in by_kind["role"]["what"]
    shares = [line["what"] for line in lines if line["event"] == "share"]
    assert "was made" in shares[0]
    assert shares[1] == f"<Share {share.id}> was revoked"
    assert token not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_it_rotates_and_long_values_are_counted(
    app_server: AppServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The environment names the file of every app; old lines go to numbered files."""
    monkeypatch.setattr(audit, "MAX_BYTES", 1000)
    monkeypatch.setenv(audit.AUDIT, str(tmp_path / "audit.jsonl"))
    app = desk()
    async with Tab(app_server.run(app)) as tab:
        for number in range(1, 12):
            await tab.act("target", "value", number)
        await tab.act("target", "value", "x" * 2000)
        await tab.settled()
    app_server.stop(app)
    files = [tmp_path / "audit.jsonl", *(tmp_path / f"audit.jsonl.{number}" for number in (1, 2))]
    assert all(0 < file.stat().st_size <= 1000 for file in files)
    every = [line for file in tmp_path.glob("audit.jsonl*") for line in said(file)]
    values = [line["what"]["target.value"] for line in every if line["event"] == "act"]
    assert sorted(values, key=str) == sorted([*range(1, 12), "(2002 bytes)"], key=str)


@pytest.mark.parametrize(
    ("path", "message"), [("gone/audit.jsonl", "cannot be written to"), (3, "audit=3: give the path of a file")]
)
def test_a_file_that_cannot_be_written_is_named(path: Any, message: str, tmp_path: Path):
    """When the app is made, and not when something happens."""
    with pytest.raises(JournalError, match=message):
        desk(audit=tmp_path / path if isinstance(path, str) else path)

"""What `Dash` adds to stock Dash: the names that are documented, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import dash

from dash_devices_nb import Dash

ROOT = Path(__file__).parents[3]
NAMES = set(
    re.findall(
        r"\w+",
        """
        alarm ask batch callback_authorize_output callback_connect callback_s0 callback_s2 callback_shared callbacks
        cause_of clients console control disconnect errors events graph journal kept limits next_call notice
        output_log pause presence procedure publish push_frame push_mods push_mods_coro push_video record reload_pages
        resume route_role run_server serve share shares show step stop stop_button stream url
        """,
    )
)


def names_of(app: dash.Dash) -> set[str]:
    """The names of an app and its class that are not private."""
    return {name for name in (*dir(type(app)), *vars(app)) if not name.startswith("_")}


def test_dash_adds_the_documented_names_and_no_other():
    """Attributes of instances count, too."""
    assert names_of(Dash("bench")) - names_of(dash.Dash("stock")) == NAMES


def test_each_name_is_documented():
    """In docs/api.md, and nothing that is not there."""
    text = (ROOT / "docs/api.md").read_text(encoding="utf-8")
    assert set(re.findall(r"`app\.(\w+)", text)) == NAMES | {"callback", "run"}

"""The types of the rooms: `Any` is rare, and what cannot be typed has a name in one file of each room."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "dash_devices_nb"
ALIASES = {"app": "stock_dash/types.py", "devices": "types.py", "remote": "types.py"}
"""The names of Dash's, of drivers', and of programs' own values. They count apart."""
MOST = 10
"""Of 1,000 lines."""


@pytest.mark.parametrize("room", ["app", "components", "core", "devices", "doctor", "remote", "server", "standalone"])
def test_any_is_rare(room: str):
    """In the rooms where we know the types. The core's one alias is in `core/props/json_types.py`, and counts."""
    apart = PACKAGE / room / ALIASES[room] if room in ALIASES else None
    texts = [path.read_text(encoding="utf-8") for path in (PACKAGE / room).rglob("*.py") if path != apart]
    lines = sum(len(text.splitlines()) for text in texts)
    found = sum(len(re.findall(r"\bAny\b", text)) for text in texts)
    assert found <= MOST * lines / 1000

"""What the rooms need of the app: `Dash` has it, though mypy cannot say so, as stock Dash has no types."""

from __future__ import annotations

from typing import Any

import pytest

from dash_devices_nb import Dash
from dash_devices_nb.app.access.permissions import RoleRecorder
from dash_devices_nb.app.delivery.http_calls import Tools
from dash_devices_nb.app.delivery.routes import Served
from dash_devices_nb.app.execution.ports import Askers, CallRecorder, StockCalls
from dash_devices_nb.app.journal.call_replayer import Replayed
from dash_devices_nb.app.journal.recording_player import Player
from dash_devices_nb.app.serving.mount import Mounted
from dash_devices_nb.app.sessions.ports import App, SessionRecorder


def members(protocol: type) -> set[str]:
    """The names that a protocol asks for, its bases' too."""
    named: set[str] = set()
    for each in protocol.__mro__:
        if getattr(each, "_is_protocol", False):
            named |= {name for name in (*vars(each), *each.__annotations__) if not name.startswith("_")}
    return named


@pytest.mark.parametrize(
    ("of", "protocol"),
    [
        *((lambda app: app, each) for each in (App, Mounted, Player, Replayed, Served, StockCalls, Tools)),
        *((lambda app: app.recorder, each) for each in (CallRecorder, RoleRecorder, SessionRecorder)),
        (lambda app: app.sessions, Askers),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_an_app_has_what_its_rooms_ask_for(of: Any, protocol: type):
    """Every member of the protocol, by name."""
    assert members(protocol)
    assert {name for name in members(protocol) if not hasattr(of(Dash("bench")), name)} == set()

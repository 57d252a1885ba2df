"""What the rooms need of each other: each protocol is implemented, with the types that it says."""

from __future__ import annotations

from typing import Any

import pytest

from dash_devices_nb import Dash
from dash_devices_nb.app.api.parts import parts_of
from dash_devices_nb.app.delivery.http_calls import Tools
from dash_devices_nb.app.delivery.routes import Served
from dash_devices_nb.app.execution.ports import Askers, CallRecorder, StockCalls
from dash_devices_nb.app.journal.call_replayer import Sends, StockReplays
from dash_devices_nb.app.journal.recording_player import Player, Pushes, Waits
from dash_devices_nb.app.serving.mount import Mounted
from dash_devices_nb.app.sessions.ports import StockPages
from dash_devices_nb.app.stock_dash.dash_internals import Views


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
        *((lambda parts: parts.stock, each) for each in (Served, StockCalls, StockPages, StockReplays, Tools)),
        (lambda parts: parts.recorder, CallRecorder),
        (lambda parts: parts, Player),
        (lambda parts: parts.push, Pushes),
        (lambda parts: parts.push, Sends),
        (lambda parts: parts.serving, Waits),
        (lambda parts: parts.sessions, Askers),
        (lambda parts: parts.lifecycle, Mounted),
        (lambda parts: parts.views, Views),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_an_app_has_what_its_rooms_ask_for(of: Any, protocol: type):
    """Every member of the protocol, by name."""
    assert members(protocol)
    parts = parts_of(Dash("bench"))
    assert {name for name in members(protocol) if not hasattr(of(parts), name)} == set()

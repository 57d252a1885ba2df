import json
from types import SimpleNamespace

import pytest

from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.callbacks.dispatcher import Cause
from dash_devices_nb.core.callbacks.spec import CallbackSpec
from dash_devices_nb.core.journal.entries import CALL, CHANGE, CONNECT, DISCONNECT, PUSH, REFUSAL, ROLE, Journal
from dash_devices_nb.core.journal.recording import Recording, read, written
from dash_devices_nb.core.props.ids import Ref
from dash_devices_nb.core.props.values import PatchValue, Value
from dash_devices_nb.errors import ReplayError

TARGET, SHOWN = ("target", "value"), ('{"index":1,"type":"row"}', "children")
HEAD = b'{"format": "dash_devices_nb session", "version": 1, "app": "x", "started": 1.0, "missing": 0}\n'


def read_back(journal: Journal) -> Recording:
    return read(list(written(journal, "thermostat")), "session.jsonl")


def test_a_session_is_read_back_as_it_was():
    """Times count from the first event, clients are numbered as they came; values, causes and patches are kept."""
    journal = Journal()
    anne, ben = (Client(name, connect_time=0.0, address="::1", username=name) for name in ("anne", "ben"))
    spec = CallbackSpec("control", (Ref(*TARGET),), (), ())
    patch = PatchValue(b'{"__dash_patch_update":"__dash_patch_update","operations":[{"operation":"Append"}]}', [])
    journal.add(100.0, CONNECT, anne, "::1")
    journal.add(100.5, CONNECT, ben, "::1")
    journal.add(101.0, CHANGE, ben, {TARGET: Value.of(21), SHOWN: Value.of([1, "a"])})
    call = SimpleNamespace(name="show", triggered=(), seconds=0.1, error=ValueError("no"), weight=2)
    journal.add(101.1, CALL, ben, call)
    journal.add(102.0, CHANGE, anne, {SHOWN: Value.of(None)}, Cause(TARGET, 5))
    journal.add(103.0, CHANGE, anne, {SHOWN: Value.of(True)}, Cause())
    journal.add(104.0, PUSH, None, {SHOWN: patch})
    journal.add(105.0, PUSH, None, {SHOWN: Value(b"1.5")}, spec)
    journal.add(106.0, REFUSAL, anne, "left out")
    journal.add(107.0, DISCONNECT, anne, "")

    recording = read_back(journal)

    assert (recording.app, recording.started, recording.missing) == ("thermostat", 100.0, 0)
    assert [(event.at, event.kind, event.client, event.cause, event.again) for event in recording.events] == [
        (0.0, "connect", 1, None, False),
        (0.5, "connect", 2, None, False),
        (1.0, "change", 2, None, False),
        (1.1, "call", 2, None, False),
        (2.0, "change", 1, TARGET, False),
        (3.0, "change", 1, (), False),
        (4.0, "push", None, None, False),
        (5.0, "push", None, None, True),
        (7.0, "disconnect", 1, None, False),
    ]
    assert recording.events[2].mods == {TARGET: Value.of(21), SHOWN: Value.of([1, "a"])}
    assert recording.events[0].fields["username"] == "anne"
    assert recording.events[3].fields["error"] == "ValueError: no"
    again = recording.events[6].mods[SHOWN]
    assert isinstance(again, PatchValue)
    assert again.operations == [{"operation": "Append"}]


def test_the_first_line_says_what_the_file_is():
    """Format, version, app, and how many events the journal had dropped."""
    journal = Journal(limit=2)
    for number in range(5):
        journal.add(10.0 + number, PUSH, None, {TARGET: Value.of(number)})
    head = json.loads(next(iter(written(journal, "x"))))
    assert head == {
        "format": "dash_devices_nb session", "version": 1, "app": "x", "started": 13.0, "missing": 3,
    }  # fmt: skip
    assert read_back(Journal()).events == []


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "s.jsonl is empty; app.journal.save"),
        ([b"\x89PNG\r\n"], r"s.jsonl is not a recorded session \(line 1 does not say so\); app.journal.save\(path\)"),
        ([b'{"cells": []}\n'], r"s.jsonl is not a recorded session \(line 1"),
        ([b"[1]\n"], r"s.jsonl is not a recorded session \(line 1"),
        ([HEAD.replace(b": 1,", b": 2,")], "line 1 of s.jsonl says version 2; this dash_devices_nb reads version 1"),
        ([HEAD, b'{"at": 0.1, "t": "ch'], "s.jsonl was cut off in line 2: remove that line"),
        ([HEAD, b'{"at": 0.1, "t": "ch\n', b"{}\n"], "line 2 of s.jsonl is not JSON: "),
        ([HEAD, b"{}\n"], "line 2 of s.jsonl is not an event: KeyError 'at'"),
        ([HEAD, b"3\n"], "line 2 of s.jsonl is not an event: b'3"),
        ([HEAD, b'{"at": "x", "t": "push"}\n'], "line 2 of s.jsonl is not an event: ValueError"),
        ([HEAD, b'{"at": 0, "t": "push", "mods": {"a": 3}}\n'], "line 2 of s.jsonl is not an event: AttributeError"),
        ([HEAD.replace(b"1.0", b'"x"')], "line 1 of s.jsonl says started 'x' and missing 0; both are numbers"),
        ([HEAD.replace(b": 0", b": [1]")], "line 1 of s.jsonl says started 1.0 and missing"),
        ([HEAD, b'{"at": 1e300, "t": "push"}\n'], "line 2 of s.jsonl is not an event: ValueError at 1e.300 seconds"),
        ([HEAD, b'{"at": -1, "t": "push"}\n'], "line 2 of s.jsonl is not an event: ValueError at -1.0 seconds"),
        (
            [HEAD, b'{"at":0,"t":"push","mods":{"a":{"b":{"__dash_patch_update":1,"operations":5}}}}\n'],
            "line 2 of s.jsonl is not an event: ValueError a Patch has a list of operations, not 5",
        ),
        (
            [HEAD, b'{"at":0,"t":"push","mods":{"a":{"b":' + b"[" * 300 + b"]" * 300 + b"}}}\n"],
            "line 2 of s.jsonl is not an event: .*Recursion limit",
        ),
    ],
)
def test_what_is_no_session_is_refused(lines: list[bytes], message: str):
    """The message names the file and the line."""
    with pytest.raises(ReplayError, match=message):
        read(lines, "s.jsonl")


@pytest.mark.parametrize("said", ["half an emoji: \ud83d", None], ids=["not well-formed", "raises"])
def test_a_session_is_saved_whatever_an_error_says(said: str | None):
    """Half a surrogate pair is no UTF-8, and an error may have no text at all."""

    class Mute(Exception):
        def __str__(self) -> str:
            if said is None:
                raise ValueError("no words")
            return said

    journal = Journal()
    call = SimpleNamespace(name="show", triggered=(), seconds=0.1, error=Mute(), weight=2)
    journal.add(100.0, CALL, None, call)
    (event,) = read_back(journal).events
    assert event.fields["error"] == ("Mute" if said is None else "Mute: half an emoji: ?")


def test_what_was_let_go_is_written_as_gone():
    """Its time and its props are there; what is no part of a session, as a new role, leaves no line."""
    journal = Journal(memory=6_000)
    for number in range(2):
        journal.add(1.0, PUSH, None, {TARGET: Value.of(str(number) * 5_000)})
    journal.add(2.0, ROLE, None, "view to control")
    first, second = read_back(journal).events
    assert (first.gone, second.gone) == (True, False)

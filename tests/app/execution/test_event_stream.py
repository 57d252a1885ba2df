"""The one way in, and the stream of what has happened."""

import threading

import pytest

from dash_devices_nb.app.execution.event_stream import (
    PERFORMED,
    ActRefused,
    Changed,
    Event,
    Failed,
    Left,
    OwnSent,
    Performed,
    Pushed,
    Raised,
)
from dash_devices_nb.app.execution.runtime import Runtime
from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.callbacks.actions import Action, Refuse, Report
from dash_devices_nb.core.props.values import Value
from dash_devices_nb.errors import PatchError

ANNE = Client("anne", connect_time=0.0, address="")


@pytest.fixture
def runtime() -> Runtime:
    """One that does not run."""
    return Runtime("alone")


def test_an_event_enters_in_one_order(runtime):
    """The time, what the dispatcher receives, what is published, what is performed; all with the lock held."""
    seen: list[object] = []

    def free() -> bool:
        got: list[bool] = []
        thread = threading.Thread(target=lambda: got.append(runtime.lock.acquire(blocking=False)))
        thread.start()
        thread.join()
        return got[0]

    def receive() -> list[Action]:
        seen.append(("received", runtime.dispatcher.now > 0, free()))
        return [Refuse(ANNE, {}, "not now"), Report(ValueError("reported"))]

    def happened() -> Event:
        seen.append("made")
        return Changed(ANNE, {}, None)

    for kind in (Changed, ActRefused, Raised, Performed):
        runtime.subscribe(kind, lambda event: seen.append((type(event).__name__, free())))
    runtime.enter(receive, happened)
    assert seen == [
        ("received", True, False),
        "made",
        ("Changed", False),
        ("ActRefused", False),
        ("Raised", False),
        ("Performed", False),
    ]
    assert free()


def test_nothing_is_published_of_what_was_not_received(runtime):
    """Nor performed: who entered gets the exception."""
    seen: list[Event] = []
    for kind in (Pushed, Performed):
        runtime.subscribe(kind, seen.append)

    def receive() -> list[Action]:
        raise PatchError("does not fit")

    with pytest.raises(PatchError):
        runtime.enter(receive, lambda: Pushed(None, {}))
    assert seen == []
    runtime.enter(list, lambda: None)
    assert seen == [PERFORMED]


def test_a_push_returns_what_it_starts(runtime):
    """And is published with its values."""
    seen: list[Pushed] = []
    runtime.subscribe(Pushed, seen.append)
    mods = {("a", "v"): Value.of(1)}
    assert runtime.push(mods).over
    assert seen == [Pushed(None, mods)]
    assert runtime.dispatcher.value(("a", "v")).plain == 1


def test_a_listener_that_raises_is_reported_and_keeps_nobody_from_listening(runtime, caplog):
    """One that hears of exceptions is only logged, for a report of it would not end."""
    told: list[BaseException] = []
    heard: list[Event] = []

    def broken(event: Event) -> None:
        raise ValueError(f"not {type(event).__name__}")

    for kind in (Left, Failed, Raised, OwnSent):
        runtime.subscribe(kind, broken)
    runtime.subscribe(Left, heard.append)
    runtime.subscribe(Raised, lambda event: told.append(event.error))
    left = Left(ANNE, 0)
    runtime.publish(left)
    assert heard == [left]
    assert [str(error) for error in told] == ["not Left"]
    assert "reporting a ValueError raised" in caplog.text
    runtime.publish(Failed(None, KeyError("x"), "here"))
    assert "reporting a KeyError raised" in caplog.text
    assert len(told) == 1


def test_an_event_that_cannot_be_made_keeps_nothing_from_its_course(runtime):
    """What was received is performed."""
    told: list[str] = []
    runtime.subscribe(Raised, lambda event: told.append(str(event.error)))

    def happened() -> Event:
        raise ValueError("what happened?")

    runtime.enter(lambda: [Report(ValueError("performed"))], happened)
    assert told == ["what happened?", "performed"]

"""The recorder: it writes the journal, keeps the statistics of the callbacks, and tells who waits for a call."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from dash_devices_nb.app.recorded import NextCalls, RecordedCall, Replay
from dash_devices_nb.app.regular import RegularCall
from dash_devices_nb.core import journal as kinds
from dash_devices_nb.core.actions import Mods
from dash_devices_nb.core.ids import canonical
from dash_devices_nb.core.journal import Journal, mods_size
from dash_devices_nb.core.waves import Argument, Call


class Recorder:
    """Writes the journal of one app. From any thread: adding to it is one append.

    Args:
        again: finds how to call a recorded call again.
    """

    def __init__(self, again: Callable[[RecordedCall], Replay]) -> None:
        self.journal = Journal()
        self.next_calls = NextCalls()
        self._again = again
        self._clock = time.time

    def came(self, client: Any) -> None:
        """A client has come."""
        self.journal.add(self._clock(), kinds.CONNECT, client, client.address)

    def left(self, client: Any, skipped: int) -> None:
        """A client has left; it skipped so many messages on the way."""
        what = f"{skipped} messages skipped to the latest value" if skipped else ""
        self.journal.add(self._clock(), kinds.DISCONNECT, client, what)

    def changed(self, client: Any, mods: Mods) -> None:
        """A page changed shared props."""
        self.journal.add(self._clock(), kinds.CHANGE, client, mods, mods_size(mods.values()))

    def pushed(self, client: Any, mods: Mods) -> None:
        """The program set props, of one client or (None) of all."""
        self.journal.add(self._clock(), kinds.PUSH, client, mods, mods_size(mods.values()))

    def refused(self, client: Any, reason: str) -> None:
        """A page's change or frame was not taken."""
        self.journal.add(self._clock(), kinds.REFUSAL, client, reason)

    def failed(self, client: Any, error: BaseException, where: str) -> None:
        """Something raised that is no call."""
        self.journal.add(self._clock(), kinds.ERROR, client, f"{where}: {type(error).__name__}: {error}")

    def shared_call(self, call: Call) -> RecordedCall:
        """A shared callback is called."""
        instance = call.instance

        def values() -> tuple[dict[str, Any], dict[str, Any]]:
            return _named(instance.inputs, call.inputs), _named(instance.state, call.state)

        names = tuple(".".join(key) for key in call.triggered)
        keys = instance.input_keys + instance.output_keys
        recorded = RecordedCall(call.spec.name, call.client, names, keys, values, self._again)
        recorded.call = call
        return recorded

    def regular_call(self, call: RegularCall) -> RecordedCall:
        """A regular callback is called."""
        body = call.body
        names = tuple(map(str, body.get("changedPropIds") or ()))

        def values() -> tuple[dict[str, Any], dict[str, Any]]:
            return _named_body(body.get("inputs")), _named_body(body.get("state"))

        keys = tuple((n.rpartition(".")[0], n.rpartition(".")[2]) for n in _named_body(body.get("inputs")))
        name = call.spec.name if call.spec else str(body.get("output"))
        recorded = RecordedCall(name, call.client, names, keys, values, self._again)
        recorded.call = call
        return recorded

    def finished(self, recorded: RecordedCall, started: float, definition: Any) -> None:
        """A call has finished; `started` is of `time.perf_counter`."""
        recorded.seconds = time.perf_counter() - started
        if definition is not None:
            definition.stats.add(recorded.seconds, failed=recorded.error is not None)
        self.journal.add(self._clock(), kinds.CALL, recorded.client, recorded)
        self.next_calls.told(recorded)


def _named(slots: Any, values: tuple[Argument, ...]) -> dict[str, Any]:
    named: dict[str, Any] = {}
    for slot, value in zip(slots, values, strict=True):
        if isinstance(value, tuple):
            named.update((".".join(key), item.plain) for key, item in zip(slot, value, strict=True))
        else:
            named[".".join(slot)] = value.plain
    return named


def _named_body(part: Any) -> dict[str, Any]:
    named: dict[str, Any] = {}
    for slot in part or ():
        for item in slot if isinstance(slot, list) else [slot]:
            named[f"{canonical(item['id'])}.{item['property']}"] = item.get("value")
    return named

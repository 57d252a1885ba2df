"""The recorder: it writes the journal, keeps the statistics of the callbacks, and tells who waits for a call."""

from __future__ import annotations

import time
from collections.abc import Callable

from dash_devices_nb.app.definitions.registry import Definition
from dash_devices_nb.app.execution import event_stream as events
from dash_devices_nb.app.execution.call_record import (
    DirectRecord,
    NextCalls,
    RecordedCall,
    RegularRecord,
    Replay,
    SharedRecord,
)
from dash_devices_nb.app.execution.direct_calls import DirectCall
from dash_devices_nb.app.execution.regular_call import RegularCall
from dash_devices_nb.app.execution.runtime import Runtime, running_call
from dash_devices_nb.app.journal.journal import AppJournal
from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.callbacks.propagation import Call, Cause
from dash_devices_nb.core.journal import entries as kinds
from dash_devices_nb.core.props.mods import Mods
from dash_devices_nb.kernel.tracebacks import in_a_line


class Recorder:
    """Writes the journal of one app. From any thread: adding to it is one append.

    Args:
        again: finds how to call a recorded call again.
        app: the app's name, for files.
    """

    def __init__(self, again: Callable[[RecordedCall], Replay], app: str = "") -> None:
        self.journal = AppJournal(app=app)
        self.next_calls = NextCalls()
        self._again = again
        self._clock = time.time
        self._publish: Callable[[events.Event], None]

    def follow(self, runtime: Runtime) -> None:
        """Record what the app publishes."""
        listen, self._publish = runtime.subscribe, runtime.publish
        listen(events.Came, lambda event: self.came(event.client))
        listen(events.Left, lambda event: self.left(event.client, event.skipped))
        listen(events.Changed, lambda event: self.changed(event.client, event.mods, event.cause))
        listen(events.Pushed, lambda event: self.pushed(event.client, event.mods))
        listen(events.ActRefused, lambda event: self._note(kinds.REFUSAL, event.client, event.reason))
        listen(events.RoleChanged, lambda event: self._note(kinds.ROLE, event.client, event.what))
        listen(events.FloorChanged, lambda event: self._note(kinds.FLOOR, event.client, event.what))
        listen(events.Noted, lambda event: self._note(event.kind, event.client, event.what))
        listen(events.Dropped, lambda event: self.dropped(event.client, event.what))
        listen(events.Failed, lambda event: self.failed(event.client, event.error, event.where))
        listen(events.CallEnded, lambda event: self.finished(event.recorded, event.definition, event.mods))

    def came(self, client: Client) -> None:
        """A client has come."""
        self.journal.add(self._clock(), kinds.CONNECT, client, client.address)

    def left(self, client: Client, skipped: int) -> None:
        """A client has left; it skipped so many messages on the way."""
        what = f"{skipped} messages skipped to the latest value" if skipped else ""
        self.journal.add(self._clock(), kinds.DISCONNECT, client, what)

    def changed(self, client: Client | None, mods: Mods, cause: Cause | None = None) -> None:
        """A page changed shared props; `cause` if it was not the person."""
        self.journal.add(self._clock(), kinds.CHANGE, client, mods, cause)

    def pushed(self, client: Client | None, mods: Mods) -> None:
        """The program set props, of one client or (None) of all."""
        call = running_call.get()
        made = call if isinstance(call, Call | RegularCall) else None
        why, by = (None, None) if made is None else (made.spec, made.client)
        self.journal.add(self._clock(), kinds.PUSH, client, mods, why, by=by)

    def refused(self, client: Client | None, reason: str) -> None:
        """An act of a client was not taken. Publishes that."""
        self._publish(events.ActRefused(client, reason))

    def noted(self, kind: str, client: Client | None, what: str) -> None:
        """Something of this kind has happened that no other event says. Publishes that."""
        self._publish(events.Noted(kind, client, what))

    def _note(self, kind: str, client: Client | None, what: str) -> None:
        self.journal.add(self._clock(), kind, client, what)

    def dropped(self, client: Client | None, what: str) -> None:
        """Something was not sent to a page that is too slow for it."""
        self.journal.add(self._clock(), kinds.DROP, client, what)

    def failed(self, client: Client | None, error: BaseException, where: str) -> None:
        """Something raised that is no call."""
        self.journal.add(self._clock(), kinds.ERROR, client, f"{where}: {in_a_line(error)}")

    def shared_call(self, call: Call) -> RecordedCall:
        """A shared callback is called."""
        return SharedRecord(call.spec.name, call.client, call, self._again)

    def regular_call(self, call: RegularCall) -> RecordedCall:
        """A regular callback is called."""
        name = call.spec.name if call.spec else str(call.body.get("output"))
        if isinstance(call, DirectCall):
            return DirectRecord(name, call.client, call.kept(), self._again)
        return RegularRecord(name, call.client, call.kept(), self._again)

    def finished(self, recorded: RecordedCall, definition: Definition | None, mods: Mods | None = None) -> None:
        """A call has finished; of a shared callback, with these outputs."""
        recorded.ended()
        recorded.keep(mods)
        if definition is not None and recorded.seconds is not None:
            definition.stats.add(recorded.seconds, failed=recorded.error is not None)
        propagation = getattr(recorded.call, "propagation", None)
        self.journal.add(
            self._clock(), kinds.CALL, recorded.client, recorded, by=None if propagation is None else propagation.client
        )
        self.next_calls.told(recorded)

"""What regular callbacks set beside their answers: alternate outputs, and the answers of generators."""

from __future__ import annotations

from collections.abc import Callable

from dash_devices_nb.app.api.push import Pusher
from dash_devices_nb.app.client_session import ClientSession
from dash_devices_nb.app.execution.outputs import PlainMods
from dash_devices_nb.app.execution.runtime import Runtime
from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.callbacks.actions import Action, Refuse
from dash_devices_nb.core.callbacks.dispatcher import Dispatcher
from dash_devices_nb.core.callbacks.propagation import Cause, CauseKind
from dash_devices_nb.core.props.ids import Key, named
from dash_devices_nb.core.props.mods import Mods
from dash_devices_nb.core.props.patches import apply_patch
from dash_devices_nb.core.props.values import PatchValue, Value

FilterChanges = Callable[[ClientSession, Mods, Cause | None], list[Action]]
"""Removes from a change what the page's client may not do, and returns the refusals. With the lock held."""


class Answers:
    """Sends what regular callbacks set to the clients that asked, for one app.

    Args:
        runtime: the app's runtime.
        push: sends values to one client.
        filter_changes: removes what the client may not change.
    """

    def __init__(self, runtime: Runtime, push: Pusher, filter_changes: FilterChanges) -> None:
        self._runtime = runtime
        self._push = push
        self._filter_changes = filter_changes

    def answer_to(self, client: Client, plain: PlainMods, cause: Cause | None) -> None:
        """Send what a regular callback has set to the client that asked. For shared props, that client changes them."""
        mods = self._push.encoded(plain)
        self._push.send_to(client, mods)
        dispatcher = self._runtime.dispatcher

        def receive() -> list[Action]:
            states = {key: value for key, value in mods.items() if not self._push.is_event(key, value)}
            shared = [key for key in states if dispatcher.is_shared(key)]
            if shared and client.withheld:
                undone = {key: dispatcher.value(key) for key in shared}
                return [Refuse(client, undone, f"You may not change {named(shared)}: log in first.")]
            changes = {key: _applied(states[key], dispatcher, key) for key in shared}
            page = self._runtime.pages.get(client.id)
            called = cause is not None and cause.by_push  # by the program, which asks nobody
            refused = [] if page is None or called else self._filter_changes(page, changes, cause)
            why = None if cause is not None and cause.kind is CauseKind.OWN else cause
            return refused + (dispatcher.receive_change(client, changes, why) if changes else [])

        self._runtime.enter(receive)


def _applied(value: Value, dispatcher: Dispatcher, key: Key) -> Value:
    """A value that is none of operations."""
    if not isinstance(value, PatchValue):
        return value
    return Value.of(apply_patch(dispatcher.value(key).fresh(), value.operations))

"""Changes that a program asks for, by its WebSocket or over HTTP: each is made whole, or refused with the reason.

A page is answered otherwise: it shows its change at once, and gets the values that hold if that was refused.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dash_devices_nb.app.execution.event_stream import ActRefused, Changed
from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.callbacks.actions import Action
from dash_devices_nb.core.props.ids import Key, named
from dash_devices_nb.core.props.json_types import Json
from dash_devices_nb.core.props.mods import Mods
from dash_devices_nb.core.protocol.messages import UNSET, DoneFrame
from dash_devices_nb.core.protocol.page_frames import SetFrame

if TYPE_CHECKING:
    from dash_devices_nb.app.client_session import ClientSession
    from dash_devices_nb.app.sessions.manager import SessionManager


class Why(enum.StrEnum):
    """Why a change was refused."""

    FORBIDDEN = "forbidden"
    """By the role, the floor, or a hook of the program."""
    ABSENT = "absent"
    """There is no such component."""
    PRIVATE = "private"
    """The prop is not shared."""
    CHANGED = "changed"
    """It has changed since the revision that was given."""
    UNFIT = "unfit"
    """The value is an event, or an edit in place of what is not there any more."""


@dataclass(frozen=True)
class Outcome:
    """What came of a change.

    Attributes:
        revision: the revision at which it was made, or that of `current`.
        why: why it was refused. None: it was made.
        text: the same in a sentence.
        current: the values that hold where others were faster.
    """

    revision: int
    why: Why | None = None
    text: str = ""
    current: dict[Key, Json] = field(default_factory=dict)


class Changes:
    """Makes the changes of programs.

    Args:
        sessions: the sessions of the app.
    """

    def __init__(self, sessions: SessionManager) -> None:
        self._sessions = sessions
        self._runtime = sessions.runtime

    async def unauthorized(self, client: Client, keys: Iterable[Key]) -> list[Key]:
        """The props whose change would cause an output that the program does not authorize for this client."""
        graph = self._runtime.dispatcher.graph
        with self._runtime.lock:
            outputs = {
                key: [".".join(out) for each in graph.triggered_by(key) for out in each.output_keys or [("", "")]]
                for key in keys
            }
        refused: list[Key] = []
        for key, names in outputs.items():
            for name in names:
                if not await self._sessions.authorized(client, name if name != "." else ""):
                    refused.append(key)
                    break
        return refused

    def answer(self, page: ClientSession, frame: SetFrame, unauthorized: Collection[Key]) -> None:
        """Make the change of a program's frame, and tell it what came of that. From any thread."""
        with self._runtime.lock:  # so that nothing comes between the change and its answer
            page.accept_change(frame.sequence)
            outcome = self.make(page.client, frame.mods, frame.if_revision, unauthorized)
            current: dict[str, dict[str, Json]] = {}
            for (component_id, prop), value in outcome.current.items():
                current.setdefault(component_id, {})[prop] = value
            why = outcome.why or ""
            page.send(DoneFrame(frame.sequence, outcome.revision, why, outcome.text, {**current} if current else UNSET))
        self._runtime.flush()

    def make(
        self, client: Client, mods: Mods, if_revision: int | None = None, unauthorized: Collection[Key] = ()
    ) -> Outcome:
        """Make a change, if all of it may be made. From any thread.

        Args:
            client: who asks.
            mods: the values.
            if_revision: only if none of the props was changed after it.
            unauthorized: the props that the program does not authorize.
        """
        dispatcher = self._runtime.dispatcher
        with self._runtime.lock:
            refused = self._refusal(client, mods, if_revision, unauthorized)
            if refused is not None:
                self._runtime.publish(ActRefused(client, refused.text))
                return refused
            before = dispatcher.state.revision

            def receive() -> list[Action]:
                return dispatcher.receive_change(client, mods)

            def happened() -> Changed | None:
                taken = {key: mods[key] for key in dispatcher.changed_since(mods, before)}
                return Changed(client, taken, None) if taken else None

            self._runtime.enter(receive, happened)
            left = set(mods).difference(dispatcher.changed_since(mods, before))
            if left:
                return Outcome(0, Why.UNFIT, f"{named(left)} was not changed: the value is an event, or has no place.")
            return Outcome(self._revision(mods))

    def _refusal(
        self, client: Client, mods: Mods, if_revision: int | None, unauthorized: Collection[Key]
    ) -> Outcome | None:
        dispatcher = self._runtime.dispatcher
        if client.withheld:
            return Outcome(0, Why.FORBIDDEN, f"You may not change {named(mods)}: log in first.")
        if absent := [key for key in mods if key[0] not in dispatcher.layout and key not in dispatcher.state]:
            return Outcome(0, Why.ABSENT, f"There is no component {absent[0][0]!r:.100}.")
        if private := [key for key in mods if not dispatcher.may_be_sent(key)]:
            return Outcome(0, Why.PRIVATE, f"{named(private)} is not shared: no shared callback uses it.")
        if unauthorized:
            return Outcome(0, Why.FORBIDDEN, f"You may not change {named(unauthorized)}.")
        _, barred = self._sessions.roles.barred(client, mods)
        if barred:
            return Outcome(0, Why.FORBIDDEN, barred)
        if if_revision is not None and (stale := dispatcher.changed_since(mods, if_revision)):
            text = f"{named(stale)} was changed after revision {if_revision}."
            return Outcome(self._revision(mods), Why.CHANGED, text, {key: dispatcher.value(key).plain for key in mods})
        return None

    def _revision(self, mods: Mods) -> int:
        """The newest revision of these props."""
        entries = map(self._runtime.dispatcher.state.get, mods)
        return max((entry.revision for entry in entries if entry is not None), default=0)

"""The regular callbacks without output that a push calls in the pages that it reaches.

Such a callback acts, so it needs a role. A change of a shared prop does not call it, because it would act once for each
page. A push to one page, or a push of a prop that no shared callback uses, is different: programs render each page's
view that way. The page asks, and the app grants one call for each page, callback and push. The app trusts the page only
in that it has applied the push.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from dash_devices_nb.app.execution.event_stream import OwnSent
from dash_devices_nb.app.stock_dash.types import JsonObject
from dash_devices_nb.core.callbacks.propagation import Cause, CauseKind
from dash_devices_nb.core.props.ids import Key, Ref, canonical, output_refs
from dash_devices_nb.core.props.values import PatchValue, Value

if TYPE_CHECKING:
    from dash_devices_nb.app.client_session import ClientSession
    from dash_devices_nb.app.execution.regular_call import RegularCall
    from dash_devices_nb.app.execution.runtime import Runtime

MOST_KEPT = 10_000
"""Number of props whose reached callbacks are cached. A program may push to any number of props."""
MOST_WAITING = 1000
"""Calls of one callback in one page that may wait for each other."""


class PushGrants:
    """The calls that pushes grant, for one app.

    Args:
        runtime: its runtime.
        declared: its regular and clientside callbacks, as pages get them.
    """

    def __init__(self, runtime: Runtime, declared: Callable[[], Iterable[JsonObject]]) -> None:
        self._runtime = runtime
        self._declared = declared
        self._reached: dict[Key, frozenset[str]] = {}
        self._edges: list[tuple[list[Ref], list[Ref], str]] | None = None
        self._turns: dict[tuple[str, str], deque[RegularCall]] = {}
        runtime.subscribe(OwnSent, self._sent)

    def forget(self) -> None:
        """Callbacks were declared or removed."""
        with self._runtime.lock:
            self._reached.clear()
            self._edges = None

    def reached(self, key: Key) -> frozenset[str]:
        """The callbacks without output that a push of this prop calls in a page. With the runtime's lock held."""
        found = self._reached.get(key)
        if found is None:
            found = self._find(key)
            if len(self._reached) >= MOST_KEPT:
                self._reached.clear()
            self._reached[key] = found
        return found

    def _find(self, key: Key) -> frozenset[str]:
        if self._edges is None:
            self._edges = [
                (
                    [Ref.read(each["id"], each["property"]) for each in item["inputs"]],
                    [] if item.get("no_output") else output_refs(item["output"]),
                    item["output"] if item.get("no_output") and not item.get("clientside_function") else "",
                )
                for item in self._declared()
            ]
        left = list(self._edges)
        pending = [Ref(*key)]
        found: set[str] = set()
        while pending:
            changed = pending.pop()
            heard = [edge for edge in left if any(changed.overlaps(ref) for ref in edge[0])]
            left = [edge for edge in left if edge not in heard]
            for _, outputs, acts in heard:
                pending += outputs
                found.update([acts] if acts else [])
        return frozenset(found)

    def _sent(self, event: OwnSent) -> None:
        """Values are sent to one page only. With the lock held."""
        own = event.page.own_pushes
        for key, value in event.mods.items():
            if key not in event.lineage and self.reached(key):
                own[key] = (event.number, value)
            else:
                own.pop(key, None)

    def take(self, call: RegularCall) -> bool:
        """Whether a push grants this call. A push grants it once. From any thread."""
        cause, client = call.cause, call.client
        if cause is None or cause.key is None or client is None:
            return False
        with self._runtime.lock:
            page = self._runtime.pages.get(client.id)
            output = str(call.body.get("output"))
            known = self._pushed(page, cause) if page is not None else None
            if page is None or known is None or output not in self.reached(cause.key):
                return False
            number, value = known
            own = cause.kind is CauseKind.OWN
            made = page.granted.get((output, own), 0)
            if not made < cause.revision <= number:
                return False
            may = call.spec is not None and client.rights >= call.spec.role
            page.granted[output, own] = cause.revision if may else number
            if not may:
                _set(call.body, cause.key, value)
            return True

    # ---- one after the other

    def is_first(self, call: RegularCall) -> bool | None:
        """Whether a granted call runs now. Calls of one page and callback run in the order of their pushes.

        Returns None if too many wait. After True and False, call `ended`.
        """
        with self._runtime.lock:
            waiting = self._turns.setdefault(_turn(call), deque())
            if len(waiting) > MOST_WAITING:
                return None
            waiting.append(call)
            return len(waiting) == 1

    def ended(self, call: RegularCall) -> RegularCall | None:
        """A call has ended. Returns the call that waited for it, if any."""
        with self._runtime.lock:
            waiting = self._turns.get(_turn(call))
            if waiting is None or waiting[0] is not call:
                return None
            waiting.popleft()
            if waiting:
                return waiting[0]
            del self._turns[_turn(call)]
            return None

    def _pushed(self, page: ClientSession, cause: Cause) -> tuple[int, Value] | None:
        """The number and the value of the last push of a prop that may call something in a page."""
        assert cause.key is not None
        if cause.kind is CauseKind.OWN:
            return page.own_pushes.get(cause.key)
        dispatcher = self._runtime.dispatcher
        entry = dispatcher.state.get(cause.key)
        if entry is None or dispatcher.is_shared(cause.key) or not page.takes_shared or cause.key in entry.lineage:
            return None
        return entry.revision, entry.value


def _turn(call: RegularCall) -> tuple[str, str]:
    assert call.client is not None
    return call.client.id, str(call.body.get("output"))


def _set(body: JsonObject, key: Key, value: Value) -> None:
    """Put the pushed value into a request: without a role, a request may name no other."""
    if isinstance(value, PatchValue):
        return
    for part in ("inputs", "state"):
        for slot in body.get(part) or ():
            for item in slot if isinstance(slot, list) else [slot]:
                if (canonical(item["id"]), item["property"]) == key:
                    item["value"] = value.fresh()

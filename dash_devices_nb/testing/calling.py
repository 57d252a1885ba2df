"""Call the regular callbacks of a page in the order of Dash's renderer.

A requested callback waits while another one runs whose outputs lead to its inputs. A newer call of a callback replaces
an older one, whose answer is then dropped. A chain does not return to a callback that it went through.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from dash_devices_nb.core.props.ids import Key
from dash_devices_nb.remote.view import PERSON, Cause, View
from dash_devices_nb.testing.declared import Bound, Declared, instances


@dataclass(eq=False)
class Asked:
    """A requested call of a callback.

    Attributes:
        bound: the callback.
        changed: the changed props; none for an initial call.
        before: the callbacks that led to it.
        cause: why those props changed; known once the call is sent.
        stale: whether a newer call has replaced it.
    """

    bound: Bound
    changed: dict[Key, None] = field(default_factory=dict)
    before: frozenset[Bound] = frozenset()
    cause: Cause = PERSON
    stale: bool = False


class Calling:
    """The regular callbacks of one page.

    Args:
        view: what the page shows.
        request: sends a call with its payload. Its answer is reported to `answered`.
    """

    def __init__(self, view: View, request: Callable[[Asked, dict[str, Any]], None]) -> None:
        self._view = view
        self._request = request
        self._declared: list[Declared] = []
        self._waiting: dict[Bound, Asked] = {}
        self._running: dict[Bound, Asked] = {}

    @property
    def busy(self) -> bool:
        """Whether a callback waits or runs."""
        return bool(self._waiting or self._running)

    @property
    def pending(self) -> tuple[list[str], list[str]]:
        """The outputs of the callbacks that wait, and of those that run."""
        waiting, running = ([each.declared.output for each in some] for some in (self._waiting, self._running))
        return waiting, running

    def define(self, dependencies: Iterable[dict[str, Any]]) -> None:
        """Set the callbacks."""
        self._declared = [each for each in map(Declared.read, dependencies) if each.runs_here]
        self._waiting.clear()

    def forget(self) -> None:
        """Drop all calls: the page is loading again."""
        for asked in self._running.values():
            asked.stale = True
        self._running.clear()
        self._waiting.clear()

    def _bound(self) -> Iterable[Bound]:
        for declared in self._declared:
            yield from (bound for bound in instances(declared, self._view.props) if bound.fits(self._view.props))

    # ---- asking

    def start(self, outputs: Iterable[str] | None = None) -> None:
        """Make the initial calls of the page, or only those of these outputs."""
        wanted = None if outputs is None else set(outputs)
        for bound in self._bound():
            if bound.declared.initial and (wanted is None or bound.declared.output in wanted):
                self._ask(bound, (), frozenset())

    def came(self, ids: Iterable[str]) -> None:
        """Make the initial calls of new components."""
        new = set(ids)
        for bound in self._bound():
            lists = [ref for ref in bound.declared.inputs if ref.many]
            grown = any(ref.bind(each, bound.bindings) is not None for ref in lists for each in new)
            here = any(name in new for name, _ in bound.output_keys(self._view.props))
            if bound.declared.initial and (here or grown):
                self._ask(bound, (), frozenset())

    def changed(self, keys: Iterable[Key], before: frozenset[Bound] = frozenset()) -> None:
        """Request the callbacks that depend on changed props."""
        wanted = set(keys)
        for bound in self._bound():
            heard = [key for key in bound.input_keys(self._view.props) if key in wanted]
            if heard and bound not in before:
                self._ask(bound, heard, before)

    def _ask(self, bound: Bound, changed: Iterable[Key], before: frozenset[Bound]) -> None:
        asked = self._waiting.setdefault(bound, Asked(bound))
        asked.changed.update(dict.fromkeys(changed))
        asked.before |= before

    # ---- calling

    def go(self) -> None:
        """Send the calls that need not wait."""
        for bound, asked in list(self._waiting.items()):
            if self._held(bound):
                continue
            del self._waiting[bound]
            asked.cause = self._view.cause_of(asked.changed) if asked.changed else Cause("initial")
            if not bound.declared.outputs and asked.cause.kind not in ("person", "push", "own"):
                continue
            self._overtakes(bound)
            self._running[bound] = asked
            self._request(asked, bound.payload(self._view.props, asked.changed))

    def _overtakes(self, bound: Bound) -> None:
        """Drop the answers of earlier calls, also those of an older definition of the same callback."""
        same = (bound.declared.output, bound.bindings)
        for other in [each for each in self._running if (each.declared.output, each.bindings) == same]:
            self._running.pop(other).stale = True

    def answered(self, asked: Asked) -> bool:
        """Take an answer. Returns whether to apply it."""
        if not asked.stale:
            del self._running[asked.bound]
        return not asked.stale

    def _held(self, bound: Bound) -> bool:
        """Whether a pending call leads to this callback, and not the other way round."""
        others = [each for each in (*self._waiting, *self._running) if each != bound]
        return any(self._leads(other, bound) and not self._leads(bound, other) for other in others)

    def _leads(self, start: Bound, goal: Bound) -> bool:
        present = self._view.props
        wanted = set(goal.input_keys(present))
        every = list(self._bound())
        seen: set[Bound] = set()
        pending = [start]
        while pending:
            bound = pending.pop()
            if bound in seen:
                continue
            seen.add(bound)
            outputs = set(bound.output_keys(present))
            if outputs & wanted:
                return True
            pending += [each for each in every if outputs.intersection(each.input_keys(present))]
        return False

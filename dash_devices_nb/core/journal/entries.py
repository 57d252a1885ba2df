"""The journal: a bounded record of what happened, cheap enough to be always on.

Entries are kept as tuples, because every event makes one. They become an `Entry` when somebody looks at them. Time
comes in as an argument, in seconds since the epoch. The memory of their contents is bounded as well (see `retention`).
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from dash_devices_nb.core.journal.quotas import OWN, crowding, part_of
from dash_devices_nb.core.journal.retention import MEMORY, Retained, Retention
from dash_devices_nb.core.props.ids import canonical

LIMIT = 10_000

CONNECT, DISCONNECT, CHANGE, PUSH, CALL, DROP, REFUSAL, ROLE, FLOOR, ERROR, DEVICE, STOP, QUESTION = (
    "connect",
    "disconnect",
    "change",
    "push",
    "call",
    "drop",
    "refusal",
    "role",
    "floor",
    "error",
    "device",
    "stop",
    "question",
)
KINDS = (CONNECT, DISCONNECT, CHANGE, PUSH, CALL, DROP, REFUSAL, ROLE, FLOOR, ERROR, DEVICE, STOP, QUESTION)

_Row = tuple[int, float, float, str, Any, Any, Any]


@dataclass(frozen=True, repr=False)
class Entry:
    """One event.

    Attributes:
        number: counts the events from 1.
        time: in seconds since the epoch.
        kind: one of `KINDS`.
        client: who caused it, or None.
        what: the values by prop of a change or a push, or an `Evicted` in their place; the recorded call of a call;
        else
            a text.
        why: the `Cause` of a change that a callback of the page made; the spec of the callback that pushed; else None.
        ticks: the time on a monotonic clock, in seconds, to compare entries.
    """

    number: int
    time: float
    kind: str
    client: Any
    what: Any
    why: Any = None
    ticks: float = 0.0

    @property
    def size(self) -> int:
        """Bytes of JSON of its values, or of a call's inputs and state; 0 if it has none."""
        if isinstance(self.what, dict):
            return sum(value.size for value in self.what.values())
        return int(getattr(self.what, "size", 0))

    @property
    def cause(self) -> str:
        """What led to it: inputs of a call, the callback that pushed, or the prop that a page's callback answered."""
        if self.kind == CALL:
            return ", ".join(self.what.triggered) or "initial"
        if self.kind == CHANGE and self.why is not None:
            return f"the page, for {'.'.join(self.why.key)}" if self.why.key else "the page, at its start"
        return getattr(self.why, "name", "")

    @property
    def keys(self) -> tuple[tuple[str, str], ...]:
        """The props that it concerns."""
        if isinstance(self.what, dict):
            return tuple(self.what)
        return tuple(getattr(self.what, "keys", ()))

    def __repr__(self) -> str:
        by = f" by {self.client!r}" if self.client is not None else ""
        return f"<{self.number} {self.kind}{by}: {self.summary}>"

    @property
    def summary(self) -> str:
        """One line."""
        if isinstance(self.what, dict):
            return ", ".join(f"{c}.{p} = {short(value)}" for (c, p), value in self.what.items())
        return str(self.what)


class Journal:
    """The last events of an app.

    Large values (of 4 kB of JSON and more) of entries are kept up to `memory` bytes in all, and the tracebacks of the
    last 20 calls that raised with their frames. Older entries stay, without their large values: their calls cannot be
    replayed, and a session that is saved says what it lacks. So the journal takes at the most `memory` plus 4 kB for
    each of its `limit` entries (104 MB by default), counted in JSON, of which decoded values take a few times as much,
    and what lives in 20 tracebacks. A call that somebody has taken in hand is not touched.

    Of entries, large values and tracebacks viewers have a fifth and other guests half, once the room is full: however
    much they send, the older ones of the owner and the program stay.

    Args:
        limit: how many are kept.
        memory: in bytes of JSON.
        lock: makes `add` safe from several threads at once.
        ticks: a clock that nobody sets; None: the time of each entry is true.
    """

    def __init__(
        self,
        limit: int = LIMIT,
        memory: int = MEMORY,
        lock: AbstractContextManager[Any] | None = None,
        ticks: Callable[[], float] | None = None,
    ) -> None:
        self._ticks = ticks
        self._limit = limit
        self._rows: tuple[deque[_Row], ...] = (deque(), deque(), deque())  # by part
        self._numbers = itertools.count(1)
        self._retention = Retention(memory, lock)

    @property
    def limit(self) -> int:
        """The number of entries that are kept. It can be set."""
        return self._limit

    @limit.setter
    def limit(self, limit: int) -> None:
        if type(limit) is not int or limit < 1:
            raise ValueError(f"journal.limit = {limit!r}; it takes a whole number of entries, 1 or more")
        self._limit = limit
        self._give_way()

    @property
    def memory(self) -> int:
        """The limit in bytes of JSON of its large values. It can be set. The newest value is always kept."""
        return self._retention.memory

    @memory.setter
    def memory(self, memory: int) -> None:
        if type(memory) is not int or memory < 0:
            raise ValueError(f"journal.memory = {memory!r}; it takes a whole number of bytes, 0 or more")
        self._retention.memory = memory

    @property
    def held(self) -> int:
        """The bytes of JSON of its large values now."""
        return self._retention.bytes

    def add(self, time: float, kind: str, client: Any, what: Any, why: Any = None, *, by: Any = None) -> None:
        """Record an event: one append, for what is small.

        Args:
            time: in seconds since the epoch.
            kind: one of `KINDS`.
            client: who caused it; for a push to one client that one.
            what: see `Entry`.
            why: see `Entry`.
            by: in whose part it counts, where that is not `client`: a chain's calls are its first change's.
        """
        if by is None and kind != PUSH:
            by = client
        part = OWN if by is None else part_of(by)
        if kind == CALL:
            what = self._retention.hold(what, what.weight, part)
        elif type(what) is dict:
            what = self._retention.hold(what, sum([value.size for value in what.values()]), part)
        own, guests, viewers = rows = self._rows
        ticks = time if self._ticks is None else self._ticks()
        rows[part].append((next(self._numbers), time, ticks, kind, client, what, why))
        if len(own) + len(guests) + len(viewers) > self._limit:
            if guests or viewers:
                self._give_way()
            else:
                self._drop(OWN)

    def _give_way(self) -> None:
        """Drop entries beyond the limits. From any thread; another thread may have done it already."""
        while sum(sizes := [len(rows) for rows in self._rows]) > self._limit:
            with suppress(IndexError):
                part = crowding(sizes, self._limit)
                self._drop(min(filter(self._rows.__getitem__, range(3)), key=self._first) if part is None else part)

    def _drop(self, part: int) -> None:
        """Drop the oldest entry of a part, and its contents."""
        _, _, _, _, _, what, _ = self._rows[part].popleft()
        if type(what) is Retained:
            self._retention.drop(what, part)

    def _first(self, part: int) -> int:
        return self._rows[part][0][0]

    def __len__(self) -> int:
        return sum(map(len, self._rows))

    def __iter__(self) -> Iterator[Entry]:
        return map(_entry, self._all())

    def __getitem__(self, index: int) -> Entry:
        return _entry(self._all()[index])

    def _all(self) -> list[_Row]:
        """The rows, oldest first."""
        return sorted(itertools.chain(*[rows.copy() for rows in self._rows]), key=itemgetter(0))

    def filter(
        self,
        kind: str | None = None,
        *,
        client: Any = None,
        id: str | Mapping[str, Any] | None = None,
        since: float | None = None,
    ) -> list[Entry]:
        """The entries that match all arguments, oldest first.

        Args:
            kind: one of `KINDS`.
            client: a client, or its id.
            id: the id of a component, as in the layout.
            since: in seconds since the epoch.

        Raises:
            ValueError: an unknown kind, or a time that is no number.
        """
        if since is not None and type(since) not in (int, float):
            raise ValueError(f"since={since!r}; it takes seconds since the epoch, as time.time() gives them")
        if kind is not None and kind not in KINDS:
            raise ValueError(f"kind={kind!r}; the kinds are {', '.join(KINDS)}")
        tests: list[Callable[[Entry], bool]] = []
        if kind is not None:
            tests.append(lambda entry: entry.kind == kind)
        if client is not None:
            wanted = getattr(client, "id", client)
            tests.append(lambda entry: getattr(entry.client, "id", None) == wanted)
        if id is not None:
            name = id if isinstance(id, str) else canonical(id)
            tests.append(lambda entry: any(component_id == name for component_id, _ in entry.keys))
        if since is not None:
            tests.append(lambda entry: entry.time >= since)
        return [entry for entry in self if all(test(entry) for test in tests)]

    def calls(
        self,
        name: str | None = None,
        *,
        client: Any = None,
        id: str | Mapping[str, Any] | None = None,
        since: float | None = None,
    ) -> list[Any]:
        """The recorded calls, oldest first: of a callback by its name, and filtered as by `filter`."""
        found = [entry.what for entry in self.filter(CALL, client=client, id=id, since=since)]
        return [call for call in found if name in (None, call.name)]

    def __repr__(self) -> str:
        return f"<journal of {len(self)} entries, at most {self.limit}>"

    def clear(self) -> None:
        """Forget all entries; numbers go on."""
        for rows in self._rows:
            rows.clear()
        self._retention.clear()


def _entry(row: _Row) -> Entry:
    number, time, ticks, kind, client, what, why = row
    return Entry(number, time, kind, client, what.what if type(what) is Retained else what, why, ticks)


def short(value: Any) -> str:
    """A value as text of at most 60 characters."""
    text = repr(getattr(value, "plain", value))
    return text if len(text) <= 60 else text[:57] + "..."

"""A model of the whole: pages, their connections, callbacks and the order of changes, driven through any history.

The dispatcher and the pages' outboxes are the real ones. A connection is a queue in each direction, which loses what
is on its way when it breaks; a page follows the protocol as `client/shared.js` does. Nothing waits for anything, so
that thousands of histories fit into a minute. What must hold is in `docs/guarantees.md`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, settings, strategies
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.protocol.outbox import Outbox, Resync
from tests.core.desk import Desk, client, component

SIZE = 100
LIMIT, WINDOW, FRAMES = 6 * SIZE, 4 * SIZE, 4
INPUTS = ("a.value", "b.value")
SHARED = (*INPUTS, "sum.children", "twice.children")
VALUES = strategies.integers(0, 9)
Mods = dict[str, Any]


@dataclass(frozen=True)
class Frame:
    """What the app says: shared values of a revision, an acknowledgement, or what undoes changes up to a number."""

    mods: Mods
    revision: int = 0
    number: int = 0
    undoes: int = 0
    acked: int = 0

    def __len__(self) -> int:
        return SIZE


@dataclass(eq=False)
class Page:
    """One page, its connection, and what the app keeps of it.

    Attributes:
        shown: the values on the page.
        revision: the last of the shared state that it has applied; `revisions`: all of them.
        unacked: its own changes that the app has not acknowledged, by their number.
        newest: the number of its last change of each value.
        there, here: what is on its way to the app, and to the page.
    """

    client: Client
    shown: Mods
    revision: int
    outbox: Outbox[Frame] = field(default_factory=lambda: Outbox(limit=LIMIT, window=WINDOW, frames=FRAMES))
    connected: bool = True
    reads: bool = True
    views: bool = False
    sequence: int = 0
    taken: int = 0
    applied: int = 0
    own: int = 0
    revisions: list[int] = field(default_factory=list)
    unacked: dict[int, Mods] = field(default_factory=dict)
    newest: dict[str, int] = field(default_factory=dict)
    there: deque[tuple[int, Mods]] = field(default_factory=deque)
    here: deque[Frame] = field(default_factory=deque)

    def takes(self, frame: Frame) -> None:
        """Apply a frame, but for what it has changed itself meanwhile: its own change comes later in the order."""
        if frame.acked:
            self.unacked = {number: mods for number, mods in self.unacked.items() if number > frame.acked}
            return
        if frame.number:
            self.own = max(self.own, frame.number)
            older = {name for name, number in self.newest.items() if number <= frame.undoes}
            self.shown.update({name: value for name, value in frame.mods.items() if name in older})
            return
        self.applied += 1
        self.revision = frame.revision
        self.revisions.append(frame.revision)
        mine = {name for mods in self.unacked.values() for name in mods}
        self.shown.update({name: value for name, value in frame.mods.items() if name not in mine})


class World(RuleBasedStateMachine):
    """Everything that may happen to an app with some pages."""

    pages = Bundle("pages")

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk()
        self.all: list[Page] = []
        self.number = 0
        self.version = 0
        self.handed = 0
        self.acts: list[Any] = []
        self.made: list[Any] = []
        self.desk.callback("act", "", "a.value", function=self.made.append)
        self.sum = self.desk.callback("sum", "sum.children", " ".join(INPUTS), function=self.add)
        self.desk.callback("twice", "twice.children", "sum.children", function=lambda total: [total, total])
        self.desk.start(*[component(name.partition(".")[0], **{name.partition(".")[2]: 0}) for name in SHARED])
        self.desk.settle()
        self.deliver()

    def add(self, a: Any, b: Any) -> str:
        """What the newest definition of the callback gives."""
        return f"{a}+{b} of {self.version}"

    # ---- the app's side

    def deliver(self) -> None:
        """Queue what the dispatcher has asked to be sent."""
        for send in self.desk.sent[self.handed :]:
            mods = {".".join(name): value.plain for name, value in send.mods.items()}
            for page in self.all:
                if send.but is not page.client:
                    page.outbox.add_shared(Frame(mods, self.desk.dispatcher.state.revision), self.revision)
        self.handed = len(self.desk.sent)

    @property
    def revision(self) -> int:
        """Of the shared state."""
        return self.desk.dispatcher.state.revision

    def value(self, name: str) -> Any:
        """The shared value, which all shall show."""
        return self.desk.value(name)

    def receive(self, page: Page, sequence: int, mods: Mods) -> None:
        """The app takes a page's change: makes it, or gives back what holds."""
        if sequence <= page.taken:
            return
        page.taken = sequence
        if page.views:
            number = page.outbox.next_number()
            page.outbox.add_own(
                Frame({name: self.value(name) for name in mods}, number=number, undoes=sequence), number
            )
        else:
            if "a.value" in mods:
                self.acts.append(mods["a.value"])
            self.desk.change(page.client, mods)
            self.deliver()
        page.outbox.add_transient(Frame({}, acked=sequence))

    def send(self, page: Page) -> None:
        """Put on the way what the page's outbox gives."""
        while page.connected and (item := page.outbox.next()) is not None:
            if isinstance(item, Resync):
                entries = self.desk.dispatcher.state.since(item.revision)
                mods = {".".join(name): entry.value.plain for name, entry in entries.items()}
                page.outbox.synced(self.revision, SIZE)
                item = Frame(mods, self.revision)
            page.here.append(item)

    # ---- what may happen

    @rule(target=pages)
    def join(self) -> Page:
        """A page loads: it gets the values, and what comes after them."""
        self.number += 1
        page = Page(client(f"page {self.number}"), {name: self.value(name) for name in SHARED}, self.revision)
        page.outbox.synced(self.revision)
        self.all.append(page)
        return page

    @rule(page=consumes(pages))
    def leave(self, page: Page) -> None:
        """A page is closed, with whatever was on its way."""
        self.all.remove(page)

    @rule(page=pages, name=strategies.sampled_from(INPUTS), value=VALUES)
    def act(self, page: Page, name: str, value: int) -> None:
        """A person changes something; it shows at once."""
        page.sequence += 1
        page.shown[name] = value
        page.newest[name] = page.sequence
        page.unacked[page.sequence] = {name: value}
        if page.connected:
            page.there.append((page.sequence, {name: value}))

    @rule(name=strategies.sampled_from(INPUTS), value=VALUES)
    def push(self, name: str, value: int) -> None:
        """The program sets something."""
        if name == "a.value":
            self.acts.append(value)
        self.desk.push({name: value})
        self.deliver()

    @rule(page=pages, count=strategies.integers(1, 5))
    def hear(self, page: Page, count: int) -> None:
        """Some of what pages said arrives."""
        for _ in range(min(count, len(page.there))):
            self.receive(page, *page.there.popleft())
        self.send(page)

    @rule(page=pages, count=strategies.integers(1, 9))
    def see(self, page: Page, count: int) -> None:
        """Some of what the app said arrives, where the page reads, and is confirmed."""
        self.send(page)
        if page.reads:
            for _ in range(min(count, len(page.here))):
                page.takes(page.here.popleft())
            page.outbox.applied(page.applied)
            page.outbox.confirm(page.own)

    @rule(page=pages)
    def break_off(self, page: Page) -> None:
        """The connection is lost, with what is on its way in both directions."""
        page.connected = False
        page.there.clear()
        page.here.clear()

    @rule(page=pages)
    def come_back(self, page: Page) -> None:
        """The page says what it has, learns what of it has come, and says the rest again."""
        page.there.clear()
        page.here.clear()
        page.connected = True
        page.applied = 0
        page.outbox.resume(page.own, page.revision)
        page.unacked = {number: mods for number, mods in page.unacked.items() if number > page.taken}
        page.there.extend(sorted(page.unacked.items()))

    @rule(page=pages)
    def stall(self, page: Page) -> None:
        """The page reads no more for a while, or again."""
        page.reads = not page.reads

    @rule(page=pages)
    def demote(self, page: Page) -> None:
        """The page may look only, or act again."""
        page.views = not page.views

    @precondition(lambda self: self.desk.running)
    @rule(which=strategies.integers(0, 9))
    def finish(self, which: int) -> None:
        """A callback returns."""
        self.end(self.desk.running[which % len(self.desk.running)])

    @precondition(lambda self: any(call.spec.name == "twice" for call in self.desk.running))
    @rule()
    def fail(self) -> None:
        """A callback raises: its outputs stay, and what waits behind it runs."""
        self.desk.finish(next(call for call in self.desk.running if call.spec.name == "twice"))
        self.deliver()

    def end(self, call: Any) -> None:
        """Finish one call as its function says."""
        arguments = [argument.plain for argument in call.inputs]
        if call.spec.name == "act":
            self.made.append(arguments[0])
            self.desk.finish(call)
        elif call.spec.name == "sum":
            self.desk.finish(call, {"sum.children": self.add(*arguments)})
        else:
            self.desk.finish(call, {"twice.children": [arguments[0]] * 2})
        self.deliver()

    @rule()
    def redefine(self) -> None:
        """The cell of a callback is run again."""
        self.version += 1
        self.desk.dispatcher.remove_callback(self.sum)
        self.sum = self.desk.callback("sum", "sum.children", " ".join(INPUTS), function=self.add)
        self.deliver()

    # ---- what must hold

    @invariant()
    def revisions_only_grow(self) -> None:
        """What a page applies is a part of the one order, in that order."""
        for page in self.all:
            assert page.revisions == sorted(page.revisions)
            assert page.revision <= self.revision

    @invariant()
    def memory_is_bounded(self) -> None:
        """Whatever pages do, what waits for one does not grow."""
        for page in self.all:
            own = page.outbox.unconfirmed + page.taken
            assert page.outbox.waiting <= LIMIT + SIZE * (1 + own)
            assert page.outbox.in_flight <= WINDOW + SIZE

    @invariant()
    def one_change_one_call(self) -> None:
        """Calls are made in the order of the changes, each once."""
        assert self.made == self.acts[: len(self.made)]

    def teardown(self) -> None:
        """After quiet all agree, with the state and with what the callbacks say of it."""
        for page in self.all:
            if not page.connected:
                self.come_back(page)
            page.reads = True
        for _ in range(400):
            for page in self.all:
                self.hear(page, 9)
                self.see(page, 9)
            if self.desk.running:
                self.end(self.desk.running[0])
            busy = any(page.there or page.here or page.outbox.anything for page in self.all)
            if not busy and not self.desk.running:
                break
        else:
            pytest.fail("no quiet")
        assert self.made == self.acts
        assert self.value("sum.children") == self.add(self.value("a.value"), self.value("b.value"))
        for page in self.all:
            assert page.unacked == {}
            assert page.shown == {name: self.value(name) for name in SHARED}


def test_after_any_history_all_agree():
    """Pages act, lose their connections, stall and lose rights; callbacks are slow, raise and are defined anew."""
    run_state_machine_as_test(
        World,
        settings=settings(
            max_examples=400, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )

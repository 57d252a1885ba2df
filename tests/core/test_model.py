"""A model of the whole: pages, their connections, callbacks and the order of changes, driven through any history.

The dispatcher and the pages' outboxes are the real ones. A connection is a queue in each direction, which loses what
is on its way when it breaks; a page follows the protocol as `client/shared.js` does, and has two regular callbacks that
answer each other. An app that is stopped and runs again has forgotten its pages, and knows how far it had taken their
changes. Nothing waits for anything, so that thousands of histories fit into a minute. What must hold is in
`docs/guarantees.md`.
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
from dash_devices_nb.core.callbacks.propagation import ACTED, Cause, CauseKind
from dash_devices_nb.core.protocol.outbox import Outbox, Resync
from tests.core.desk import Desk, client, component, key

SIZE = 100
LIMIT, WINDOW, FRAMES = 6 * SIZE, 4 * SIZE, 4
INPUTS = ("a.value", "b.value", "p.value", "q.value")
SHARED = (*INPUTS, "sum.children", "twice.children", "watched.children")
ANSWERS = {"p.value": ("q.value", lambda p: (7 * p + 2) % 10), "q.value": ("p.value", lambda q: (3 * q + 1) % 10)}
"""The regular callbacks of each page, by their input: their output, and what they return."""
VALUES = strategies.integers(0, 9)
Mods = dict[str, Any]


@dataclass(frozen=True)
class Frame:
    """What the app says: shared values of a revision, an acknowledgement, what undoes changes, or a layout.

    What undoes changes up to a number has the values of a revision, as a layout has.
    """

    mods: Mods
    revision: int = 0
    number: int = 0
    undoes: int = 0
    acked: int = 0
    layout: bool = False

    def __len__(self) -> int:
        return SIZE


@dataclass(frozen=True)
class Change:
    """What a page says that it has changed, and why: None for a person."""

    mods: Mods
    cause: Cause | None = None


@dataclass(eq=False)
class Asked:
    """A regular callback that a page has asked for, by its input.

    Attributes:
        name: of the input.
        value: of the input.
        cause: why it changed.
        before: the callbacks that led to it.
    """

    name: str
    value: int
    cause: Cause | None
    before: frozenset[str]


@dataclass(eq=False)
class Page:
    """One page, its connection, and what the app keeps of it.

    Attributes:
        shown: the values on the page.
        revision: the last of the shared state that it has applied; `revisions`: all of them.
        unacked: its own changes that the app has not acknowledged, by their number.
        newest: the number of its last change of each value.
        taken, heard: the number of the last change that the app has taken, and of the last that it has heard since it
            knows the page.
        undone: the frames that undo changes, by number, and the change that the app had heard last.
        known: whether the app knows it: it does not after a restart, until the page comes back.
        causes: why each value is as it is; None: a person did it. `chains`: the callbacks that led to it.
        asked: the regular callbacks that run, by their input: a newer call takes the place of an older one.
        there, here: what is on its way to the app, and to the page. A request for the layout is a None.
        loads: whether it waits for a layout. It shows nothing then.
        early: the values that came before the layout.
        laid: the revision of its layout.
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
    heard: int = 0
    undone: list[tuple[int, int]] = field(default_factory=list)
    applied: int = 0
    own: int = 0
    revisions: list[int] = field(default_factory=list)
    unacked: dict[int, Change] = field(default_factory=dict)
    newest: dict[str, int] = field(default_factory=dict)
    known: bool = True
    causes: dict[str, Cause | None] = field(default_factory=dict)
    chains: dict[str, frozenset[str]] = field(default_factory=dict)
    asked: dict[str, Asked] = field(default_factory=dict)
    there: deque[tuple[int, Change] | None] = field(default_factory=deque)
    here: deque[Frame] = field(default_factory=deque)
    loads: bool = False
    early: list[Frame] = field(default_factory=list)
    laid: int = 0

    def takes(self, frame: Frame) -> None:
        """Take a frame. Values wait for the layout, where the page waits for one."""
        if frame.acked:
            self.unacked = {number: change for number, change in self.unacked.items() if number > frame.acked}
            return
        self.own = max(self.own, frame.number)
        if frame.layout:
            if not self.loads:
                return
            self.loads, self.laid = False, frame.revision
            self.revision = max(self.revision, frame.revision)
            for name, value in frame.mods.items():
                self.set(name, value, Cause(), frozenset())
            self.asked.clear()
            early, self.early = self.early, []
            for each in early:
                self.applies(each)
        elif self.loads:
            self.early.append(frame)
        else:
            self.applies(frame)

    def applies(self, frame: Frame) -> None:
        """Apply values, but for what it has changed itself meanwhile: its own change comes later in the order."""
        if frame.number:
            if frame.revision < self.laid:
                return
            older = {name for name, number in self.newest.items() if number <= frame.undoes}
            for name in older.intersection(frame.mods):
                self.set(name, frame.mods[name], Cause(kind=CauseKind.OWN), self.chains.get(name, frozenset()))
            return
        self.applied += 1
        if frame.revision <= self.laid:
            return
        self.revision = frame.revision
        self.revisions.append(frame.revision)
        mine = {name for change in self.unacked.values() for name in change.mods}
        for name, value in frame.mods.items():
            if name not in mine:
                self.set(name, value, Cause(key(name), frame.revision), frozenset())

    def set(self, name: str, value: Any, cause: Cause | None, chain: frozenset[str]) -> None:
        """Show a value; the regular callback that hears of it is asked for, unless it led to it."""
        changed = self.shown[name] != value
        self.shown[name], self.causes[name], self.chains[name] = value, cause, chain
        if changed and name in ANSWERS and name not in chain:
            self.asked[name] = Asked(name, value, self.cause_of(name), chain)

    def cause_of(self, name: str) -> Cause | None:
        """Why a callback is called whose input has changed: of a person's act it names the prop."""
        cause = self.causes[name]
        return Cause(key(name), ACTED) if cause is None or cause.revision == ACTED else cause

    def changes(self, name: str, value: Any, cause: Cause | None, chain: frozenset[str]) -> None:
        """Change a value; it shows at once, and is said where there is a connection."""
        self.sequence += 1
        self.newest[name] = self.sequence
        self.set(name, value, cause, chain)
        said = Cause() if cause is not None and cause.kind is CauseKind.OWN else cause
        self.unacked[self.sequence] = Change({name: value}, said)
        if self.connected:
            self.there.append((self.sequence, self.unacked[self.sequence]))

    def answered(self, asked: Asked) -> None:
        """A regular callback has returned."""
        del self.asked[asked.name]
        output, function = ANSWERS[asked.name]
        self.changes(output, function(asked.value), asked.cause, asked.before | {asked.name})


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
        self.refused = 0
        self.restarts = 0
        self.desk.callback("act", "", "a.value", function=self.made.append)
        self.sum = self.desk.callback("sum", "sum.children", "a.value b.value", function=self.add)
        self.desk.callback("twice", "twice.children", "sum.children", function=lambda total: [total, total])
        self.desk.callback("watched", "watched.children", "p.value q.value", function=lambda p, q: [p, q])
        self.start()
        self.desk.settle()
        self.deliver()

    def add(self, a: Any, b: Any) -> str:
        """What the newest definition of the callback gives."""
        return f"{a}+{b} of {self.version}"

    # ---- the app's side

    def start(self) -> None:
        """The app runs."""
        self.desk.start(*[component(name.partition(".")[0], **{name.partition(".")[2]: 0}) for name in SHARED])

    def deliver(self) -> None:
        """Queue what the dispatcher has asked to be sent."""
        for send in self.desk.sent[self.handed :]:
            mods = {".".join(name): value.plain for name, value in send.mods.items()}
            for page in self.all:
                if page.known and send.but is not page.client:
                    page.outbox.add_shared(Frame(mods, self.desk.dispatcher.state.revision), self.revision)
        self.handed = len(self.desk.sent)
        for refuse in self.desk.refused[self.refused :]:
            for page in self.all:
                if page.known and refuse.client is page.client:
                    self.undo(page, {".".join(name): value.plain for name, value in refuse.mods.items()})
        self.refused = len(self.desk.refused)

    def undo(self, page: Page, mods: Mods) -> None:
        """Give a page the values that hold, in place of what it has changed up to now."""
        number = page.outbox.next_number()
        page.undone.append((number, page.heard))
        page.outbox.add_own(Frame(mods, self.revision, number, undoes=page.taken), number)

    def lay_out(self, page: Page) -> None:
        """Give a page the layout, with the values that hold. It goes past the shared values that wait."""
        page.outbox.make_way(self.revision)
        number = page.outbox.next_number()
        layout = {name: self.value(name) for name in SHARED}
        page.outbox.add_own(Frame(layout, self.revision, number, layout=True), number)

    @property
    def revision(self) -> int:
        """Of the shared state."""
        return self.desk.dispatcher.state.revision

    def value(self, name: str) -> Any:
        """The shared value, which all shall show."""
        return self.desk.value(name)

    def receive(self, page: Page, sequence: int, change: Change) -> None:
        """The app takes a page's change: makes it, or gives back what holds.

        One that it has taken already is said again by a page that it had forgotten: what undid it may be lost.
        """
        again = sequence <= page.taken
        page.taken, page.heard = max(sequence, page.taken), max(sequence, page.heard)
        if again or page.views:
            self.undo(page, {name: self.value(name) for name in change.mods})
        else:
            if "a.value" in change.mods:
                self.acts.append(change.mods["a.value"])
            self.desk.change(page.client, change.mods, change.cause)
            self.deliver()
        page.outbox.add_transient(Frame({}, acked=page.heard))

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
        if not page.loads:
            page.changes(name, value, None, frozenset())

    @rule(page=pages)
    def answer(self, page: Page) -> None:
        """A regular callback of a page returns, where one runs."""
        if page.connected and page.asked and not page.loads:
            page.answered(next(iter(page.asked.values())))

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
            said = page.there.popleft()
            if said is None:
                self.lay_out(page)
            else:
                self.receive(page, *said)
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
    def load(self, page: Page) -> None:
        """The page gets its layout anew. It keeps what comes before that."""
        if page.connected and not page.loads:
            page.loads = True
            page.asked.clear()
            page.there.append(None)

    @rule(page=pages)
    def break_off(self, page: Page) -> None:
        """The connection is lost, with what is on its way in both directions."""
        page.connected = False
        page.there.clear()
        page.here.clear()

    @rule(page=pages)
    def come_back(self, page: Page) -> None:
        """The page says what it has, learns what of it has come, and says the rest again.

        One that the app has forgotten says all of it again; the answers that were on their way to it are lost.
        """
        page.there.clear()
        page.here.clear()
        page.connected = True
        page.applied = 0
        if page.known:
            page.outbox.resume(page.own, page.revision)
            first = page.outbox.first_unconfirmed
            page.undone = [] if first is None else [each for each in page.undone if each[0] >= first]
            acked = page.undone[0][1] - 1 if page.undone else page.heard
            page.unacked = {number: change for number, change in page.unacked.items() if number > acked}
        else:
            page.known = True
            page.client = client(f"{page.client.id} again")
            page.outbox = Outbox(limit=LIMIT, window=WINDOW, frames=FRAMES)
            page.outbox.resume(0, page.revision)
            page.own = page.heard = 0
            page.undone.clear()
            page.newest = {name: number for number, change in page.unacked.items() for name in change.mods}
            page.asked.clear()
        page.early = [frame for frame in page.early if frame.number]
        page.there.extend(sorted(page.unacked.items()))
        if page.loads:
            page.there.append(None)

    @precondition(lambda self: self.restarts < 3)
    @rule()
    def restart(self) -> None:
        """The app is stopped, which cancels its coroutines, and runs again; its pages have to come back."""
        self.restarts += 1
        for page in self.all:
            self.break_off(page)
            if page.known:
                page.known = False
                self.desk.take(self.desk.dispatcher.receive_leave(page.client.id))
        for call in [call for call in self.desk.running if call.spec.name == "twice"]:
            self.desk.finish(call)
        self.start()
        self.deliver()

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
        elif call.spec.name == "watched":
            self.desk.finish(call, {"watched.children": arguments})
        else:
            self.desk.finish(call, {"twice.children": [arguments[0]] * 2})
        self.deliver()

    @rule()
    def redefine(self) -> None:
        """The cell of a callback is run again."""
        self.version += 1
        self.desk.dispatcher.remove_callback(self.sum)
        self.sum = self.desk.callback("sum", "sum.children", "a.value b.value", function=self.add)
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
                self.answer(page)
            if self.desk.running:
                self.end(self.desk.running[0])
            busy = any(page.there or page.here or page.asked or page.outbox.anything for page in self.all)
            if not busy and not self.desk.running:
                break
        else:
            pytest.fail("no quiet")
        assert self.made == self.acts
        assert self.value("sum.children") == self.add(self.value("a.value"), self.value("b.value"))
        assert self.value("watched.children") == [self.value("p.value"), self.value("q.value")]
        for page in self.all:
            assert page.unacked == {}
            assert page.shown == {name: self.value(name) for name in SHARED}


def test_what_undoes_a_change_does_not_replace_a_newer_value_of_the_layout():
    """It came before the layout, and waits for it."""
    world = World()
    page = world.join()
    world.demote(page)
    world.act(page, "a.value", 3)
    world.load(page)
    world.hear(page, 1)
    world.push("a.value", 5)
    world.hear(page, 1)
    world.see(page, 9)
    assert page.shown["a.value"] == 5
    world.teardown()


def test_after_any_history_all_agree():
    """Pages act, answer each other, break off, stall, load, lose rights; calls are slow, raise; the app restarts."""
    run_state_machine_as_test(
        World,
        settings=settings(
            max_examples=400, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )

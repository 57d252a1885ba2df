"""A model of the whole: pages, their connections, callbacks and the order of changes, driven through any history.

The dispatcher and the pages' outboxes are the real ones. A connection is a queue in each direction, which loses what
is on its way when it breaks; a page follows the protocol as `client/shared.js` does, and has two regular callbacks that
answer each other. An app that is stopped and runs again has forgotten its pages, and knows how far it had taken their
changes. Nothing waits for anything, so that thousands of histories fit into a minute. What must hold is in
`docs/guarantees.md`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
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
from dash_devices_nb.core.protocol.own_values import OwnValues, newer
from dash_devices_nb.core.protocol.pending_ack import PendingAck
from tests.core.desk import Desk, client, component, key, values

SIZE = 100
LIMIT, WINDOW, FRAMES = 6 * SIZE, 4 * SIZE, 4
INPUTS = ("a.value", "b.value", "p.value", "q.value")
CAMERA = "camera.src"
SHARED = (*INPUTS, CAMERA, "sum.children", "twice.children", "watched.children")
CHANGED = (*INPUTS, CAMERA)
"""What persons and the program change."""
ANSWERS = {"p.value": ("q.value", lambda p: (7 * p + 2) % 10), "q.value": ("p.value", lambda q: (3 * q + 1) % 10)}
"""The regular callbacks of each page, by their input: their output, and what they return."""
VALUES = strategies.integers(0, 9)
Mods = dict[str, Any]


@dataclass(frozen=True)
class Frame:
    """What the app says: shared values of a revision, an acknowledgement, what undoes changes, or a layout.

    What undoes changes up to a number has the values of a revision, as a layout has, which also has the page's changes
    up to a number (`own`). Values for the page alone have no revision (`given`). Some are the values of a revision
    after all (`held`).
    """

    mods: Mods
    revision: int = 0
    number: int = 0
    undoes: int = 0
    acked: int = 0
    layout: bool = False
    own: int | None = 0
    given: bool = False
    held: bool = False
    image: bool = False

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
        early, later: the values, and the images, that came before the layout.
        laid: the revision of its layout.
        under_way: the numbers and values of its changes that were on their way when it asked for the layout.
        http: what the app has answered over HTTP, where the page has asked so for a layout (None: nothing yet).
        over_http: whether it has.
        image: the image that it shows as long as nothing else comes.
        given: the values that it was given alone; `mine`: each of them, and the revision then.
        ack: the acknowledgement that the app is to send.
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
    later: list[Frame] = field(default_factory=list)
    laid: int = 0
    under_way: dict[str, tuple[int, Any]] = field(default_factory=dict)
    http: Frame | None = None
    over_http: bool = False
    image: Any = None
    given: OwnValues = field(default_factory=OwnValues)
    mine: list[tuple[str, Any, int]] = field(default_factory=list)
    ack: PendingAck = field(default_factory=PendingAck)

    def takes(self, frame: Frame) -> None:
        """Take a frame. Values wait for the layout, where the page waits for one."""
        if frame.acked:
            self.unacked = {number: change for number, change in self.unacked.items() if number > frame.acked}
            return
        self.own = max(self.own, frame.number)
        if frame.layout:
            if not self.loads:
                return
            self.loads, self.laid, self.over_http, self.http = False, frame.revision, False, None
            self.revision = max(self.revision, frame.revision)
            on_its_way = {
                name
                for name, (number, _) in self.under_way.items()
                if (name in self.pending if frame.own is None else number > frame.own)
            }
            under_way = {name: self.under_way[name][1] for name in on_its_way}
            image = {} if self.image is None else {CAMERA: self.image}
            for name, value in {**frame.mods, **under_way, **image}.items():
                self.set(name, value, Cause(), frozenset())
            self.image = image.get(CAMERA)
            self.asked.clear()
            waiting, self.early, self.later = self.later + self.early, [], []
            for each in waiting:
                self.applies(each)
        elif self.loads:
            (self.later if frame.image else self.early).append(frame)
        else:
            self.applies(frame)

    def applies(self, frame: Frame) -> None:
        """Apply values, but for what it has changed itself meanwhile: its own change comes later in the order."""
        if frame.image:
            if CAMERA not in self.pending:
                self.set(CAMERA, frame.mods[CAMERA], None, frozenset())
                self.image = frame.mods[CAMERA]
            return
        if frame.given or frame.held:
            if frame.given or frame.revision >= self.laid:
                for name in set(frame.mods).difference(self.pending):
                    self.set(name, frame.mods[name], Cause(kind=CauseKind.OWN), frozenset())
            return
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
        for name, value in frame.mods.items():
            if name not in self.pending:
                self.set(name, value, Cause(key(name), frame.revision), frozenset())

    @property
    def pending(self) -> set[str]:
        """What it has changed and is not acknowledged."""
        return {name for change in self.unacked.values() for name in change.mods}

    def set(self, name: str, value: Any, cause: Cause | None, chain: frozenset[str]) -> None:
        """Show a value; the regular callback that hears of it is asked for, unless it led to it."""
        changed = self.shown[name] != value
        if name == CAMERA:
            self.image = None
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
        self.image: tuple[Any, int] | None = None
        self.images = 0
        self.acts: list[Any] = []
        self.made: list[Any] = []
        self.refused = 0
        self.restarts = 0
        self.desk.callback("act", "", "a.value", function=self.made.append)
        self.sum = self.desk.callback("sum", "sum.children", "a.value b.value", function=self.add)
        self.desk.callback("twice", "twice.children", "sum.children", function=lambda total: [total, total])
        self.desk.callback("watched", "watched.children", "p.value q.value", function=lambda p, q: [p, q])
        self.desk.callback("parked", "", CAMERA, function=lambda source: None)
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
                if CAMERA in mods:
                    page.outbox.drop_image(key(CAMERA))
                if page.known and send.but is not page.client:
                    self.pay_before(page, mods)
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
        if CAMERA in mods:
            self.pay_before(page, mods)
            self.bring(page)

    def layout(self, page: Page, number: int) -> Frame:
        """The layout, with the values that hold."""
        return Frame({name: self.value(name) for name in SHARED}, self.revision, number, layout=True, own=page.taken)

    def lay_out(self, page: Page) -> None:
        """Give a page the layout. It goes past the shared values that wait."""
        page.outbox.make_way(self.revision)
        number = page.outbox.next_number()
        page.outbox.add_own(self.layout(page, number), number)
        self.hold(page)

    def hold(self, page: Page) -> None:
        """Give a page that loads the values that are newer than what it was given alone, or as an image."""
        state = self.desk.dispatcher.state
        overtaken = page.given.overtaken(state)
        if self.image is not None:
            overtaken |= newer(state, [(key(CAMERA), self.image[1])])
        if overtaken:
            number = page.outbox.next_number()
            mods = {".".join(name): entry.value.plain for name, entry in overtaken.items()}
            page.outbox.add_own(Frame(mods, self.revision, number, held=True), number)

    def bring(self, page: Page) -> None:
        """Give a page that comes the last image, if nothing has replaced it."""
        if self.image is not None and not newer(self.desk.dispatcher.state, [(key(CAMERA), self.image[1])]):
            page.outbox.add_image(key(CAMERA), Frame({CAMERA: self.image[0]}, image=True))

    def pay(self, page: Page) -> None:
        """Queue the acknowledgement that is due."""
        page.ack.flushed()
        if page.ack.waits:
            page.outbox.add_transient(Frame({}, acked=page.ack.take()))

    def pay_before(self, page: Page, mods: Mods) -> None:
        """Queue it now if it is of changes of these props."""
        if page.ack.precedes(map(key, mods)):
            page.outbox.add_transient(Frame({}, acked=page.ack.take()))

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
        page.ack.add(page.heard, map(key, change.mods))
        if page.ack.is_due:
            page.ack.scheduled()
        if again or page.views:
            self.undo(page, {name: self.value(name) for name in change.mods})
        else:
            if "a.value" in change.mods:
                self.acts.append(change.mods["a.value"])
            self.desk.change(page.client, change.mods, change.cause)
            self.deliver()

    def send(self, page: Page) -> None:
        """Put on the way what the page's outbox gives."""
        while page.connected and (item := page.outbox.next()) is not None:
            if isinstance(item, Resync):
                entries = self.desk.dispatcher.state.since(item.revision)
                mods = {
                    ".".join(name): entry.value.plain
                    for name, entry in entries.items()
                    if not page.given.stands(name, entry)
                }
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
        self.bring(page)
        return page

    @rule(page=consumes(pages))
    def leave(self, page: Page) -> None:
        """A page is closed, with whatever was on its way."""
        self.all.remove(page)

    @rule(page=pages, name=strategies.sampled_from(CHANGED), value=VALUES)
    def act(self, page: Page, name: str, value: int) -> None:
        """A person changes something; it shows at once."""
        if not page.loads:
            page.changes(name, value, None, frozenset())

    @rule(page=pages)
    def answer(self, page: Page) -> None:
        """A regular callback of a page returns, where one runs."""
        if page.connected and page.asked and not page.loads:
            page.answered(next(iter(page.asked.values())))

    @rule(page=pages, name=strategies.sampled_from(SHARED), value=VALUES)
    def push_to(self, page: Page, name: str, value: int) -> None:
        """The program shows something to one page alone. It is shown until all are shown something else."""
        if page.known:
            self.pay_before(page, {name: value})
            page.given.give(values({name: value}), self.revision)
            page.mine.append((name, value, self.revision))
            number = page.outbox.next_number()
            page.outbox.add_own(Frame({name: value}, number=number, given=True), number)

    @rule()
    def push_image(self) -> None:
        """The program shows an image to all."""
        self.images += 1
        self.image = f"image {self.images}", self.revision
        for page in self.all:
            if page.known:
                self.pay_before(page, {CAMERA: None})
                self.bring(page)

    @rule(name=strategies.sampled_from(CHANGED), value=VALUES)
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
                frame = page.here.popleft()
                page.takes(frame)
                if frame.image:
                    page.outbox.shown(key(CAMERA))
            page.outbox.applied(page.applied)
            page.outbox.confirm(page.own)

    @rule(page=pages, over_http=strategies.booleans())
    def load(self, page: Page, over_http: bool = False) -> None:
        """The page gets its layout anew. It keeps what comes before that."""
        if page.connected and not page.loads:
            page.loads, page.over_http = True, over_http
            page.under_way = {
                name: (number, page.shown[name]) for number, each in page.unacked.items() for name in each.mods
            }
            page.asked.clear()
            if not over_http:
                page.there.append(None)

    @rule(page=pages)
    def hear_http(self, page: Page) -> None:
        """The app answers over HTTP, whatever is on its way over the page's connection."""
        if page.over_http and page.http is None:
            page.http = self.layout(page, 0) if page.known else replace(self.layout(page, 0), own=None)
            if page.known:
                self.hold(page)

    @rule(page=pages)
    def see_http(self, page: Page) -> None:
        """The answer arrives."""
        if page.http is not None:
            page.takes(page.http)

    @rule(page=pages)
    def acknowledge(self, page: Page) -> None:
        """The app acknowledges what it has of the page's changes."""
        self.pay(page)

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
            self.bring(page)
        else:
            page.known = True
            page.client = client(f"{page.client.id} again")
            page.outbox = Outbox(limit=LIMIT, window=WINDOW, frames=FRAMES)
            page.outbox.resume(0, page.revision)
            page.ack = PendingAck()
            page.given = OwnValues()
            page.early = [frame for frame in page.early if not frame.given]
            page.later.clear()
            page.image = None
            self.bring(page)
            page.own = page.heard = 0
            page.undone.clear()
            page.newest = {name: number for number, change in page.unacked.items() for name in change.mods}
            page.asked.clear()
        page.early = [frame for frame in page.early if frame.number]
        page.there.extend(sorted(page.unacked.items()))
        if page.loads and not page.over_http:
            page.there.append(None)

    @precondition(lambda self: self.restarts < 3)
    @rule()
    def restart(self) -> None:
        """The app is stopped, which cancels its coroutines, and runs again; its pages have to come back."""
        self.restarts += 1
        for page in self.all:
            self.break_off(page)
            page.http, page.over_http = None, False
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
        elif call.spec.name == "parked":
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
            assert page.outbox.waiting <= LIMIT + SIZE * (2 + own)
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
                self.pay(page)
                self.hear_http(page)
                self.see_http(page)
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
            assert not page.loads
            for name in SHARED:
                assert page.shown[name] in self.expected(page, name), name

    def expected(self, page: Page, name: str) -> list[Any]:
        """What a page may show: what all do, or what it was given alone since then."""
        entry = self.desk.dispatcher.state.get(key(name))
        changed = entry.revision if entry is not None else 0
        holds = [self.value(name)]
        if name == CAMERA and self.image is not None and self.image[1] >= changed:
            holds = [self.image[0]]
        # It may have lost the last of them, if it was away for long.
        return [*holds, *(value for given, value, at in page.mine if given == name and at >= changed)]


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


def test_a_value_for_one_page_comes_before_its_change_that_is_on_its_way():
    """The page takes it for older than its own change, as the app does."""
    world = World()
    page = world.join()
    world.act(page, "a.value", 3)
    world.push_to(page, "a.value", 9)
    world.see(page, 9)
    world.teardown()
    assert page.shown["a.value"] == 3


def test_a_value_for_one_page_comes_after_its_change_that_the_app_has():
    """The acknowledgement, which waits, goes before it."""
    world = World()
    page = world.join()
    world.act(page, "a.value", 3)
    world.hear(page, 1)
    world.push_to(page, "a.value", 9)
    world.teardown()
    assert page.shown["a.value"] == 9


def test_a_value_for_one_page_that_waits_for_a_layout_does_not_replace_a_newer_one():
    """What is in the layout comes once more behind it."""
    world = World()
    page = world.join()
    world.load(page)
    world.push_to(page, "a.value", 9)
    world.push("a.value", 5)
    world.teardown()
    assert page.shown["a.value"] == 5


def test_a_value_for_one_page_is_not_replaced_by_an_older_one_that_the_page_has_skipped():
    """A page that reads nothing skips to the latest values, behind what it was given alone."""
    world = World()
    page = world.join()
    world.stall(page)
    world.push("a.value", 5)
    for value in range(9):
        world.push("b.value", value)
    world.push_to(page, "a.value", 9)
    world.teardown()
    assert page.shown["a.value"] == 9


def test_a_layout_over_http_keeps_a_change_that_is_on_its_way():
    """It has the value before; and one that has the change, and a newer one of others, is right."""
    world = World()
    page = world.join()
    world.act(page, "a.value", 3)
    world.load(page, over_http=True)
    world.hear_http(page)
    world.see_http(page)
    assert page.shown["a.value"] == 3
    world.act(page, "a.value", 4)
    world.load(page, over_http=True)
    world.hear(page, 9)
    world.push("a.value", 5)
    world.hear_http(page)
    world.see_http(page)
    assert page.shown["a.value"] == 5
    world.teardown()


def test_an_image_that_waits_does_not_replace_a_newer_value():
    """Neither one that waits for the page, nor one that waits in the page for a layout."""
    world = World()
    page = world.join()
    world.push_image()
    world.push_image()
    world.load(page)
    world.see(page, 9)
    world.push(CAMERA, 5)
    world.teardown()
    assert page.shown[CAMERA] == 5


def test_after_any_history_all_agree():
    """Pages act, answer each other, break off, stall, load, lose rights; calls are slow, raise; the app restarts."""
    run_state_machine_as_test(
        World,
        settings=settings(
            max_examples=400, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )

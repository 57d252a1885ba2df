"""A model of the whole app: real pages through real sockets, driven through any history.

The app is served as a program serves it, each page is a `Tab` behind a network of its own, and the history decides who
does what and when callbacks return. What must hold is in `docs/guarantees.md`: some of it after each step, the rest
after quiet, when all that was held up goes on and all who were away have come back.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import sys
import tempfile
import threading
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

import pytest
from hypothesis import strategies
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, precondition, rule

from dash_devices_nb.app.api.parts import parts_of
from dash_devices_nb.app.execution import workers
from dash_devices_nb.app.sessions import manager
from dash_devices_nb.core.access.roles import Role
from dash_devices_nb.core.protocol.outbox import FRAMES, LIMIT, WINDOW
from dash_devices_nb.kernel.loops import IoThread
from dash_devices_nb.remote.link import Link
from dash_devices_nb.testing import AppServer, Tab
from dash_devices_nb.transport import serve
from tests.model.patience import FOREVER, result_of, until
from tests.model.program import HELD, INPUTS, Program
from tests.model.seats import Said, Seat
from tests.support.tcp import Network

MOST_SEATS = 4
LARGE = 120_000
"""Characters of a value of which a few are more than what may wait for a page."""
QUIET_SECONDS = 20.0
STEP_SECONDS = 15.0
"""How long after quiet, and in a step, something may take: of the time that this process was given (`patience`)."""
SHOWN = (
    *((name, "value") for name in (*INPUTS, "c")),
    *((name, "children") for name in ("sum", "twice", "latest", "watched", "last", "list")),
    ("big", "children"),
)
"""What all pages show alike."""


class DisagreementError(AssertionError):
    """The app and its pages are not as the model says. The text has the history."""


def step(**given: Any) -> Callable[[Callable[..., Any]], Any]:
    """As `rule`; the history is kept, as real time may make another one of a repetition."""

    def decorate(function: Callable[..., Any]) -> Any:
        @functools.wraps(function)
        def run(self: World, **arguments: Any) -> Any:
            self.history.append(f"{function.__name__}({', '.join(f'{k}={v!r}' for k, v in arguments.items())})")
            return function(self, **arguments)

        return rule(**given)(run)

    return decorate


class World(RuleBasedStateMachine):
    """Everything that may happen to an app with some pages."""

    seats = Bundle("seats")

    def __init__(self) -> None:
        super().__init__()
        self._exits = contextlib.ExitStack()
        directory = self._exits.enter_context(tempfile.TemporaryDirectory())
        patch = self._exits.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("JUPYTER_DATA_DIR", directory)
        patch.setattr(manager, "GRACE_SECONDS", 600.0)  # who is away for longer is so by `be_away_for_long`
        patch.setattr(serve, "HEAD_SECONDS", FOREVER)  # nobody here is slow but for the machine
        patch.setattr(Link.fetch, "__defaults__", (None, None, FOREVER))
        patch.setattr(workers.Workers.close, "__defaults__", (0.05,))  # a call that is held up when the app stops
        self.program = Program()
        self.app = self.program.app
        self.server = self._exits.enter_context(AppServer())
        self.url = self.server.run(self.app)
        self.port = int(self.url.rstrip("/").rpartition(":")[2])
        self.loop = IoThread("model")
        self.loop.start()
        self._exits.callback(self.loop.stop)
        self.all: list[Seat] = []
        self.gone: list[Seat] = []
        self.numbers = itertools.count(1)
        self.values = itertools.count(1)
        self.pushed: dict[str, list[Any]] = {name: [] for name in INPUTS}
        self.pushes: list[threading.Thread] = []
        self.stopped = False
        self.history: list[str] = []

    # ---- driving

    def do(self, coroutine: Coroutine[Any, Any, Any], within: float = STEP_SECONDS) -> Any:
        """Run something on the pages' loop."""
        name = coroutine.__qualname__
        try:
            return result_of(self.loop.submit(coroutine), within)
        except TimeoutError as error:
            raise TimeoutError(f"{name}: {error}") from error

    def program_does(self, function: Callable[[], object]) -> None:
        """Do something as a thread of the program does: where callbacks are held up, pushing waits for them."""
        if not self.program.gates.closed and not self.stopped:
            function()
            return
        thread = threading.Thread(target=function)
        self.pushes.append(thread)
        thread.start()
        thread.join(0.05)

    def to_network(self, seat: Seat, change: Callable[[Network], object]) -> None:
        """Change the network before a page, on the loop that carries its bytes.

        Another thread does not wake that loop, and what it sets may be overlooked for ever.
        """

        async def changed() -> None:
            change(seat.network)

        self.do(changed())

    def next_value(self, who: Any) -> str:
        return f"{who}.{next(self.values)}"

    def _seated(self, *, by: Seat | None, views: bool) -> Seat:
        number = next(self.numbers)
        network = Network(self.url)
        self.do(network.start())
        cookies = by.cookies if by else ""
        tab = Tab(network.url, {"Cookie": cookies} if cookies else None)
        since = len(self.program.told)
        # A first call may be held up.
        session = tab.session
        self.do(session.link.open())
        self.do(tab.reconnect(FOREVER))
        cookies = cookies or "; ".join(f"{each.name}={each.value}" for each in session.link.cookies)
        seat = Seat(number, network, tab, by.person if by else number, cookies, views, since)
        seat.clients.append(tab.client_id)
        self.all.append(seat)
        return seat

    def _client(self, seat: Seat) -> Any:
        """The app's client of a page; None where the app does not know it."""
        return next((each for each in self.app.clients if each.id == seat.tab.client_id), None)

    def _connect(self, seat: Seat) -> None:
        """The page tries to come back."""
        if seat.tab.connected:
            self._drop(seat)
        try:
            self.do(seat.tab.reconnect(FOREVER))
        except ConnectionError:
            return
        seat.clients.append(seat.tab.client_id)

    def _drop(self, seat: Seat) -> None:
        """The page loses its connection: as `Tab.drop`, which waits by the time of day."""
        session = seat.tab.session

        async def drop() -> None:
            session.link.cut()
            await seat.tab.until(lambda: not session.tasks, FOREVER, "the connection to end")

        self.do(drop())

    def _expect(self, seat: Seat, component_id: str, prop: str, expected: Any) -> None:
        """The page shows a value soon."""
        try:
            self.do(seat.tab.expect(component_id, prop, expected, FOREVER), QUIET_SECONDS)
        except TimeoutError as error:
            shown = short(seat.tab.prop(component_id, prop))
            raise AssertionError(
                f"{seat!r} shows {shown} as {component_id}.{prop}, not {expected}: {seat.unsettled}; "
                f"{self._of_app(seat)}"
            ) from error

    # ---- what may happen

    @initialize(target=seats)
    def first(self) -> Seat:
        """There are two pages."""
        return self._seated(by=None, views=False)

    @initialize(target=seats)
    def second(self) -> Seat:
        """There are two pages."""
        return self._seated(by=None, views=False)

    @precondition(lambda self: len(self.all) < MOST_SEATS and not self.stopped)
    @step(target=seats)
    def join(self) -> Seat:
        """A page loads."""
        return self._seated(by=None, views=False)

    @precondition(lambda self: len(self.all) < MOST_SEATS and not self.stopped)
    @step(target=seats, seat=seats)
    def open_another(self, seat: Seat) -> Seat:
        """A person opens a second page."""
        return self._seated(by=seat, views=seat.views)

    @precondition(lambda self: len(self.all) > 1)
    @step(seat=consumes(seats))
    def leave(self, seat: Seat) -> None:
        """A page is closed, with whatever was on its way."""
        self.all.remove(seat)
        self.gone.append(seat)
        self.to_network(seat, Network.speak)
        self.do(seat.tab.close())
        self.do(seat.network.stop())

    @step(seat=seats, name=strategies.sampled_from(INPUTS), count=strategies.integers(1, 4))
    def act(self, seat: Seat, name: str, count: int) -> None:
        """A person changes something, in one or some steps."""
        for _ in range(count):
            value = self.next_value(seat.number)
            before = seat.unacknowledged
            self.do(seat.tab.act(name, "value", value))
            sequence = max(seat.unacknowledged - before, default=seat.tab.session.sequence)
            seat.said.append(Said(name, value, sequence, could=not seat.views, could_not=seat.views))

    @step(seat=seats)
    def click(self, seat: Seat) -> None:
        """A person presses a button, which a regular callback hears."""
        seat.clicks.append(next(self.values))
        self.do(seat.tab.act("go", "n_clicks", seat.clicks[-1]))

    @step(name=strategies.sampled_from(INPUTS))
    def push(self, name: str) -> None:
        """The program sets something."""
        value = self.next_value("program")
        self.pushed[name].append(value)
        self.program_does(lambda: self.app.push_mods({name: {"value": value}}))

    @step(count=strategies.integers(1, 5))
    def push_points(self, count: int) -> None:
        """The program pushes events."""
        self.program.push_points(count)

    @step(count=strategies.integers(1, 14))
    def push_large(self, count: int) -> None:
        """The program pushes more than what may wait for a page."""
        for _ in range(count):
            self.app.push_mods({"big": {"children": self.next_value("large").ljust(LARGE, ".")}})

    @step(seat=seats, way=strategies.sampled_from(["up", "down"]), count=strategies.integers(0, 600))
    def will_break(self, seat: Seat, way: str, count: int) -> None:
        """The connection will be lost after so many bytes, in the middle of a frame."""
        if seat.tab.connected:
            self.to_network(seat, lambda network: network.spares.update({way: count}))

    @step(seat=seats)
    def break_off(self, seat: Seat) -> None:
        """The connection is lost."""
        self._drop(seat)

    @step(seat=seats)
    def be_away_for_long(self, seat: Seat) -> None:
        """A laptop sleeps until the app has forgotten its page."""
        self.to_network(seat, Network.speak)
        self._drop(seat)
        page = parts_of(self.app).runtime.pages.get(seat.tab.client_id)
        if page is None or self.stopped:
            return
        until(lambda: not page.connected, STEP_SECONDS)
        parts_of(self.app).runtime.io_loop.call_soon_threadsafe(
            parts_of(self.app).sessions._leave, page
        )  # as the grace's end does
        until(lambda: self._client(seat) is None, STEP_SECONDS)

    @precondition(lambda self: not self.stopped)
    @step(seat=seats)
    def come_back(self, seat: Seat) -> None:
        """The page comes back, from a connection that still stands, too."""
        self.to_network(seat, Network.speak)
        self.to_network(seat, lambda network: network.spares.clear())
        self._connect(seat)

    @step(seat=seats)
    def stall(self, seat: Seat) -> None:
        """Nothing reaches the page, and nothing of it arrives."""
        self.to_network(seat, Network.silence)

    @step(seat=seats)
    def go_on(self, seat: Seat) -> None:
        """All that has come meanwhile passes."""
        self.to_network(seat, Network.speak)

    @precondition(lambda self: not self.stopped)
    @step(seat=seats, views=strategies.booleans())
    def have_role(self, seat: Seat, views: bool) -> None:
        """The program lets a person act no longer, or again, in all of the pages."""
        client = self._client(seat)
        if client is None:
            return
        client.role = Role.VIEW if views else Role.CONTROL
        for each in self.all:
            if each.person == seat.person:
                each.may_act(views=views)

    @step(name=strategies.sampled_from(HELD))
    def hold(self, name: str) -> None:
        """A callback takes long from now on."""
        self.program.gates.close(name)

    @step(name=strategies.sampled_from(HELD))
    def hold_no_longer(self, name: str) -> None:
        """It does not, and what runs of it returns."""
        self.program.gates.open(name)

    @step(which=strategies.integers(0, 9), raises=strategies.booleans())
    def end_one(self, which: int, raises: bool) -> None:
        """One of the callbacks that run returns, or raises; where one does."""
        self.program.gates.free(which, raises=raises)

    @step()
    def run_cells_again(self) -> None:
        """The cells of some callbacks are run again."""
        self.program.define_cells()

    @step()
    def lay_out_anew(self) -> None:
        """The cell of the layout is run again."""
        self.program.lay_out_anew()

    @precondition(lambda self: not self.stopped)
    @step()
    def stop(self) -> None:
        """The program stops the app; its pages stay open."""
        self.server.stop(self.app)
        self.stopped = True
        for seat in self.all:
            self.to_network(seat, Network.speak)

    @precondition(lambda self: self.stopped)
    @step()
    def run_again(self) -> None:
        """The program runs the app again, where it was."""
        self.server.run(self.app, port=self.port)
        self.stopped = False

    # ---- what must hold

    @invariant()
    def one_change_one_call(self) -> None:
        """The device is called at most once for a change, and for those of a page in their order."""
        for name in ("a", "b"):
            acts = [value for value in self.program.acts[name] if value != "0"]
            assert len(acts) == len(set(acts)), f"called twice for a change of {name}: {acts}"
            for seat in (*self.all, *self.gone):
                said = [each.value for each in seat.said if each.name == name]
                mine = set(said)
                assert in_order([each for each in acts if each in mine], said)
        clicks = list(self.program.clicks)
        assert len(clicks) == len(set(clicks)), f"called twice for a click: {clicks}"
        assert len(self.program.acts["c"]) == len(set(self.program.acts["c"]))

    @invariant()
    def one_order(self) -> None:
        """What a page shows comes in the order of all."""
        for name in ("a", "b"):
            order = {value: number for number, value in enumerate(list(self.program.acts[name]))}
            for seat in self.all:
                shown = [order[value] for value in seat.tab.history(name, "value") if value in order]
                assert shown == sorted(shown), f"page {seat.number} showed {name} in another order: {shown}"

    @invariant()
    def events_once_and_in_order(self) -> None:
        """An event that no state has comes at most once, in order; all of them while the page is known."""
        for seat in self.all:
            assert seat.told == sorted(set(seat.told)), f"page {seat.number} was told {seat.told}"

    @invariant()
    def memory_is_bounded(self) -> None:
        """What waits for a page does not grow, whatever it does."""
        with parts_of(self.app).runtime.lock:
            for page in parts_of(self.app).runtime.pages.values():
                own = 2000 * page.outbox.unconfirmed
                assert page.outbox.waiting <= LIMIT + LARGE + own + 200_000
                assert page.outbox.in_flight <= WINDOW + LARGE + 1000
                assert len(page.outbox._in_flight) <= FRAMES

    # ---- after quiet

    def teardown(self) -> None:
        """All goes on; then all agree, with each other and with what was done."""
        problem = ""
        if sys.exc_info()[0] is None:
            try:
                self.come_to_rest()
                self.agree()
                self.still_works()
            except Exception as error:  # noqa: BLE001 - all that goes wrong is one fault, for the sake of its shrinking
                problem = f"{type(error).__name__}: {(str(error).splitlines() or [''])[-1]}"
        self.end()
        if problem:
            raise DisagreementError("\n  ".join([problem, "after:", *self.history]))

    def end(self) -> None:
        """Leave nothing."""
        self.program.gates.open(*HELD)
        for seat in self.all:
            self.to_network(seat, Network.speak)
            self.do(seat.tab.close())
            self.do(seat.network.stop())
        for thread in self.pushes:
            thread.join(STEP_SECONDS)
        self._exits.close()

    def come_to_rest(self) -> None:
        """Nothing is held up, nobody is away."""
        self.program.gates.open(*HELD)
        if self.stopped:
            self.run_again()
        for seat in self.all:
            self.to_network(seat, lambda network: network.spares.clear())
            self.to_network(seat, Network.speak)
        for thread in self.pushes:
            until(lambda: not thread.is_alive(), QUIET_SECONDS)  # noqa: B023 - a push waits for ever
        for seat in self.all:
            try:
                until(lambda: self._rests(seat), QUIET_SECONDS)  # noqa: B023 - called at once
            except AssertionError as error:
                raise AssertionError(
                    f"{seat!r} does not come to rest: {seat.unsettled}; {self._of_app(seat)}"
                ) from error
        self._meet()

    def _rests(self, seat: Seat) -> bool:
        """Whether the app has all of a page.

        One whose connection has ended comes back, as a page does by itself. It may have ended long ago, and the page
        hears of it only now, behind all that was under way.
        """
        page = parts_of(self.app).runtime.pages.get(seat.tab.client_id)
        if page is None or not page.connected or not seat.tab.connected or not seat.tab.session.greeted:
            self._connect(seat)
            return False
        return seat.tab.session.settled

    def _of_app(self, seat: Seat) -> str:
        """What the app has of a page."""
        page = parts_of(self.app).runtime.pages.get(seat.tab.client_id)
        if page is None:
            return "the app does not know it"
        box = page.outbox
        return (
            f"the app took {page.sequence} changes and {page.requests} requests, has {box.waiting} bytes for it and "
            f"{box.unconfirmed} frames unconfirmed, {box.in_flight} bytes are on their way, "
            f"connected: {page.connected}; {self.program.gates.waiting} wait"
        )

    def _meet(self) -> None:
        """What is pushed now has come: and so has all that was before."""
        mark = self.next_value("mark")
        self.app.push_mods({"layout": {"title": mark}})
        for seat in self.all:
            self._expect(seat, "layout", "title", mark)

    def agree(self) -> None:
        """All pages show what the model says."""
        until(self._agrees, QUIET_SECONDS)
        for seat in self.all:
            for each in seat.said:
                self._counted(seat, each)
            for number in seat.clicks:
                told = any("lost" in notice["text"] or "may not" in notice["text"] for notice in seat.tab.notices)
                assert number in self.program.clicks or told, f"the click {number} of page {seat.number} is lost"
            if not seat.lost_answers:
                assert seat.told == self.program.told[seat.since :]

    def _counted(self, seat: Seat, said: Said) -> None:
        """A change that was acknowledged has been made; or it was refused, and its person was told."""
        if said.name not in self.program.acts:
            return
        made = said.value in self.program.acts[said.name]
        who = f"page {seat.number}'s {said.name} = {said.value}"
        assert made or said.could_not, f"{who} is lost"
        assert not made or said.could, f"{who} was made by one who may only look"
        if not made and not seat.lost_answers:
            # Once in a while: of some acts in a row, a click among them, the first is told of.
            assert any("You may not" in each["text"] for each in seat.tab.notices), f"{who}: nobody was told"

    def _agrees(self) -> bool:
        program = self.program
        holds = {key: parts_of(self.app).runtime.dispatcher.value(key).plain for key in SHOWN}
        a, b = (program.acts[name][-1] if program.acts[name] else "0" for name in ("a", "b"))
        for name in INPUTS:
            for value in self.pushed[name] if name in program.acts else ():
                assert value in program.acts[name], f"the push {value} of {name} is lost"
        assert holds["a", "value"] == a
        assert holds["b", "value"] == b
        assert holds["latest", "children"] == f"latest {a}" or ("latest", a, 0) in program.raised
        sums = [each for each in program.sums if each[0] == program.version]
        assert sums, "the newest definition was not called"
        version, *args, returned = sums[-1]
        assert (version, *args) == (program.version, a, b)
        if returned:
            assert holds["sum", "children"] == f"{a}+{b} by {version}"
        assert holds["watched", "children"] == f"{holds['p', 'value']} {holds['q', 'value']}"
        for seat in self.all:
            for (component_id, prop), value in holds.items():
                shown = seat.tab.prop(component_id, prop)
                assert shown == value or (value is None and shown in (None, [])), (
                    f"page {seat.number} shows {short(shown)} as {component_id}.{prop}, not {short(value)}"
                )
            assert seat.points == program.points
            assert "".join(seat.tab.prop("list", "children")) == "".join(f"{each} " for each in program.points)
            assert seat.tab.prop("layout", "children") == str(program.layouts), f"page {seat.number}"
            told = any("lost" in notice["text"] for notice in seat.tab.notices)
            mine = seat.tab.prop("mine", "children")
            failed = ("mine", a, program.version) in program.raised
            assert mine == f"saw {a} by {program.version}" or told or failed, (
                f"page {seat.number} shows {mine!r} as its own"
            )
        return True

    def still_works(self) -> None:
        """What is done now has its effect everywhere, once."""
        seat = self.all[0]
        client = self._client(seat)
        assert client is not None
        client.role = Role.CONTROL
        value = self.next_value(seat.number)
        self.do(seat.tab.act("a", "value", value))
        number = next(self.values)
        self.do(seat.tab.act("go", "n_clicks", number))
        for each in self.all:
            self._expect(each, "latest", "children", f"latest {value}")
            self._expect(each, "mine", "children", f"saw {value} by {self.program.version}")
            self._expect(each, "twice", "children", lambda text: f" {value}+" in str(text))
            self._expect(each, "c", "value", f"click {number}")
        until(lambda: value in self.program.acts["a"] and number in self.program.clicks, QUIET_SECONDS)
        self.one_change_one_call()


def in_order(some: Iterable[Any], of: Iterable[Any]) -> bool:
    """Whether a list has nothing but what another has, in its order."""
    rest = iter(of)
    return all(each in rest for each in some)


def short(value: Any) -> str:
    """A value for a message."""
    return repr(value)[:60]

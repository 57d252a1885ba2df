"""The app of the model: its callbacks note what they are called with, and can be held up, or made to raise."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dash_devices_nb import Dash, Input, Output, Patch, dcc, html
from dash_devices_nb.core.callbacks.services import Services
from dash_devices_nb.kernel import output

INPUTS = ("a", "b", "p", "q")
"""What persons change; all are shared."""
HELD = ("act_a", "act_b", "latest", "sum", "twice", "mine", "go")
"""The callbacks that can be held up."""


class Failure(Exception):
    """What a callback raises because the history says so."""


class Gates:
    """Where the callbacks wait while the history holds them up."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._closed: set[str] = set()
        self._waiting: list[tuple[str, concurrent.futures.Future[bool]]] = []

    def close(self, name: str) -> None:
        """Calls of this callback wait from now on."""
        with self._lock:
            self._closed.add(name)

    def open(self, *names: str) -> None:
        """They do no longer, those that wait included."""
        with self._lock:
            self._closed.difference_update(names)
            free = [future for name, future in self._waiting if name in names]
            self._waiting = [each for each in self._waiting if each[0] not in names]
        for future in free:
            _settle(future, raises=False)

    @property
    def closed(self) -> bool:
        """Whether calls may wait."""
        with self._lock:
            return bool(self._closed)

    @property
    def waiting(self) -> list[str]:
        """The callbacks whose calls wait, oldest first."""
        with self._lock:
            return [name for name, _ in self._waiting]

    def free(self, which: int, *, raises: bool) -> None:
        """Let one that waits go on, or raise."""
        with self._lock:
            _, future = self._waiting.pop(which % len(self._waiting)) if self._waiting else ("", None)
        if future is not None:
            _settle(future, raises=raises)

    def _enter(self, name: str) -> concurrent.futures.Future[bool] | None:
        with self._lock:
            if name not in self._closed:
                return None
            future: concurrent.futures.Future[bool] = concurrent.futures.Future()
            self._waiting.append((name, future))
            return future

    def _leave(self, future: concurrent.futures.Future[bool]) -> None:
        with self._lock:
            self._waiting = [each for each in self._waiting if each[1] is not future]

    def passed(self, name: str) -> None:
        """Wait while this callback, a plain function, is held up. Raises Failure."""
        future = self._enter(name)
        if future is None:
            return
        try:
            raises = future.result()
        finally:
            self._leave(future)
        if raises:
            raise Failure(name)

    async def passed_coro(self, name: str) -> None:
        """As `passed`, of a coroutine."""
        future = self._enter(name)
        if future is None:
            return
        try:
            raises = await asyncio.wrap_future(future)
        finally:
            self._leave(future)
        if raises:
            raise Failure(name)


def _settle(future: concurrent.futures.Future[bool], *, raises: bool) -> None:
    if future.set_running_or_notify_cancel():
        future.set_result(raises)


@contextmanager
def run_of_cell(number: int) -> Iterator[None]:
    """What is defined within is of the same cell, in another run of it."""
    token = output._bound_to.set(output.CellOutput("cell", number, {"msg_id": f"run {number}"}))
    try:
        yield
    finally:
        output._bound_to.reset(token)


class Program:
    """The app, and what has become of it.

    Attributes:
        app: the app, not yet served.
        gates: hold its callbacks up.
        acts: the values of `a`, `b` and `c` for which the device was called, in the order of the calls.
        latest: those of `a` for which `latest` was.
        sums: the calls of `sum`: version, arguments, and whether it returned.
        raised: the calls of `latest` and `mine` that raised: name, argument, and version.
        clicks: the numbers of the clicks for which `go` was called, in the order of the calls.
        points, told: what was pushed as points of the graph, and as events that no state keeps, in that order.
        version: of the cells that are run again; `layouts`: how many layouts there have been.
    """

    def __init__(self) -> None:
        self.gates = Gates()
        self.acts: dict[str, list[Any]] = {"a": [], "b": [], "c": []}
        self.latest: list[Any] = []
        self.sums: list[tuple[int, Any, Any, bool]] = []
        self.raised: set[tuple[str, Any, int]] = set()
        self.clicks: list[int] = []
        self.points: list[int] = []
        self.told: list[int] = []
        self.version = self.layouts = 0
        self.app = Dash(__name__)
        self.app.events.add("Div", "title")
        self.app.layout = self._layout()
        self._define()
        self.define_cells()

    def _layout(self) -> Any:
        return html.Div(
            [
                *(dcc.Input(id=name, value="0") for name in (*INPUTS, "c")),
                html.Button("go", id="go", n_clicks=0),
                *(html.Div(id=name) for name in ("sum", "twice", "latest", "watched", "mine", "last", "event", "big")),
                html.Div([], id="list"),
                dcc.Graph(id="graph", figure={"data": [{"x": [], "y": []}]}),
                html.Div(str(self.layouts), id="layout"),
            ]
        )

    def _define(self) -> None:
        app, gates = self.app, self.gates

        @app.callback_shared(None, Input("a", "value"))
        def act_a(a):
            self.acts["a"].append(a)
            gates.passed("act_a")

        @app.callback_shared(None, Input("b", "value"))
        async def act_b(b):
            self.acts["b"].append(b)
            await gates.passed_coro("act_b")

        @app.callback_shared(None, Input("c", "value"))
        def act_c(c):
            self.acts["c"].append(c)

        @app.callback_shared(Output("latest", "children"), Input("a", "value"), service=Services.SHARED_MOST_RECENT)
        def latest(a):
            self.latest.append(a)
            self._pass("latest", a, 0)
            return f"latest {a}"

        @app.callback_shared(Output("twice", "children"), Input("sum", "children"))
        async def twice(total):
            app.push_mods({"last": {"children": f"last {total}"}})
            await gates.passed_coro("twice")
            return f"twice {total}"

        @app.callback_shared(Output("watched", "children"), Input("p", "value"), Input("q", "value"))
        def watched(p, q):
            return f"{p} {q}"

        # These two answer each other, in every page.
        @app.callback(Output("p", "value"), Input("q", "value"), prevent_initial_call=True)
        def ping(q):
            return f"p({q})"

        @app.callback(Output("q", "value"), Input("p", "value"), prevent_initial_call=True)
        async def pong(p):
            return f"q({p})"

        @app.callback(None, Input("go", "n_clicks"))
        def go(n_clicks):
            self.clicks.append(n_clicks)
            gates.passed("go")
            app.push_mods({"c": {"value": f"click {n_clicks}"}})

    def define_cells(self) -> None:
        """Run the cells of these callbacks, for the first time or again."""
        self.version += 1
        app, gates, version = self.app, self.gates, self.version

        with run_of_cell(version):

            @app.callback_shared(Output("sum", "children"), Input("a", "value"), Input("b", "value"))
            def sum_(a, b):
                try:
                    gates.passed("sum")
                except Failure:
                    self.sums.append((version, a, b, False))
                    raise
                self.sums.append((version, a, b, True))
                return f"{a}+{b} by {version}"

            @app.callback(Output("mine", "children"), Input("a", "value"))
            def mine(a):
                self._pass("mine", a, version)
                return f"saw {a} by {version}"

    def _pass(self, name: str, argument: Any, version: int) -> None:
        """Wait at the gate; note if the history lets the call raise: its output stays as it is."""
        try:
            self.gates.passed(name)
        except Failure:
            self.raised.add((name, argument, version))
            raise

    def lay_out_anew(self) -> None:
        """Run the cell of the layout again."""
        self.layouts += 1
        self.app.layout = self._layout()

    def push_points(self, count: int) -> None:
        """Push points: an event that the state has, an item of a list, and an event that no state has."""
        for _ in range(count):
            number = len(self.points) + 1
            more = Patch()
            more.append(f"{number} ")
            self.points.append(number)
            self.told.append(number)
            self.app.push_mods(
                {
                    "graph": {"extendData": [{"x": [[number]], "y": [[number]]}, [0]]},
                    "list": {"children": more},
                    "event": {"title": number},
                }
            )

"""What a program sends to the pages: mods, batches of them, camera images, points of plots."""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from dash_devices_nb.app.api.decorators import Callbacks
from dash_devices_nb.app.delivery.batches import Batch
from dash_devices_nb.app.delivery.images import image_frame
from dash_devices_nb.app.execution.connect_hooks import present_at_event
from dash_devices_nb.app.execution.outputs import PlainMods, mods_of
from dash_devices_nb.app.execution.runtime import running_call
from dash_devices_nb.app.journal.recorder import Recorder
from dash_devices_nb.app.stock_dash import dash_internals
from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.access.roles import Role
from dash_devices_nb.core.callbacks.actions import Action, Refuse
from dash_devices_nb.core.callbacks.dispatcher import Dispatcher
from dash_devices_nb.core.callbacks.propagation import Cause, Propagation
from dash_devices_nb.core.props.ids import Key, canonical, named
from dash_devices_nb.core.props.mods import Mods
from dash_devices_nb.core.props.patches import apply_patch
from dash_devices_nb.core.props.values import PatchValue, Value
from dash_devices_nb.errors import InvalidModsError, UnknownPropError

log = logging.getLogger(__name__)
_batch: ContextVar[Batch | None] = ContextVar("dash_devices_nb_batch", default=None)


class Pushing(Callbacks):
    """Pushing to the pages."""

    recorder: Recorder

    @property
    def clients(self) -> list[Client]:
        """Who is there: a snapshot. From any thread.

        In a connect hook: who was there when that client had just come or left. A coroutine hook sees who is there now
        after its first wait.
        """
        at_event = present_at_event(self.runtime)
        if at_event is not None:
            return list(at_event)
        with self.runtime.lock:
            return [page.client for page in self.runtime.pages.values()]

    def push_mods(self, mods: Any, client: Any = None) -> None:
        """Set props in the pages, of all clients or of one.

        From any thread, a cell, a callback of either kind, before `run`, and with nobody connected. When it returns,
        the shared state holds the values. It waits for the shared callbacks that hang on them, at most 30 s, unless it
        is called in a coroutine (there `await push_mods_coro()` waits) or waiting would never end. In a regular
        callback it waits for those that have outputs; those without, which act, are called when the callback has
        returned, or 0.25 s after the push. In a shared callback it waits for nothing.

        Args:
            mods: `{id: {prop: value}}`, an `Output` with a value, or a list or tuple of those.
            client: one of `app.clients`, a list of them, or a role, such as "view": those who have it now. None: all;
                who comes later gets the value too.

        Raises:
            InvalidModsError, InvalidValueError, UnknownPropError, PatchError: nothing was changed. With the app's
                `suppress_callback_exceptions` a prop that a component does not have is pushed, and the log tells it.
        """
        self._wait(self._push(mods, client))

    async def push_mods_coro(self, mods: Any, client: Any = None) -> None:
        """As `push_mods`, and waits for the shared callbacks without blocking the loop."""
        propagation = self._push(mods, client)
        if propagation is not None:
            await self.runtime.wait_async(propagation)

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Collect the pushes of this thread, or task, and send them as one message at the end.

        The values are checked as they are pushed. The end waits as `push_mods` does. If the body raises, what was
        pushed before is sent all the same.
        """
        if _batch.get() is not None:
            yield
            return
        batch = Batch(self._is_event)
        token = _batch.set(batch)
        try:
            yield
        finally:
            _batch.reset(token)
            for client, mods in batch.parts():
                if client is not None:
                    self.send_to(client, mods)
                else:
                    self._wait(self.push_values(mods))

    def push_frame(self, component_id: Any, image: Any, mime: str | None = None, *, client: Any = None) -> None:
        """Show a camera image in an `html.Img` (its `src`), the newest wins, at the rate that each page can take.

        From any thread. The bytes travel as they are, without base64. Who comes later gets the last image.

        Args:
            component_id: of the `html.Img`, or of the `html.Canvas` for `mime="raw"`.
            image: encoded bytes (JPEG, PNG, WebP, ...), or an array of uint8 of the shape (height, width),
                (height, width, 3) RGB or (height, width, 4) RGBA, which is made a JPEG by Pillow or OpenCV.
            mime: of the bytes; seen by their first bytes where it is None. "raw": the array, drawn on a canvas.
            client: one of `app.clients`, a list of them, or a role; None: all.

        Raises:
            InvalidValueError: the image is none of those, or there is no encoder.
        """
        place = (_key(component_id), "src")
        frame = image_frame(place, image, mime)
        with self.runtime.lock:
            if client is None:
                self.sessions.images[place] = frame
                pages = list(self.runtime.pages.values())
            else:
                wanted = {one.id for one in self.chosen(client)}
                pages = [page for page in self.runtime.pages.values() if page.client.id in wanted]
            for page in pages:
                page.send_image(place, frame, own=client is not None)
        self.runtime.flush()

    def stream(
        self,
        component_id: Any,
        x: Any,
        y: Any,
        *,
        traces: list[int] | None = None,
        max_points: int | None = None,
        client: Any = None,
    ) -> None:
        """Add points to the traces of a `dcc.Graph` without sending the others again.

        From any thread. Who comes later gets the window that the others see.

        Args:
            component_id: of the graph.
            x: the new x of one trace, shape (points,), or of several, shape (traces, points).
            y: the new y, of the same shape.
            traces: the numbers of the traces; the first ones by default.
            max_points: how many points a trace keeps; None: all.
            client: one of `app.clients`, a list of them, or a role; None: all.

        Raises:
            InvalidModsError: `x` and `y` do not fit each other.
        """
        xs, ys = _rows(x), _rows(y)
        numbers = list(range(len(ys))) if traces is None else list(traces)
        if [len(row) for row in xs] != [len(row) for row in ys] or len(numbers) != len(ys):
            raise InvalidModsError(
                f"stream got x of {[len(row) for row in xs]} points, y of {[len(row) for row in ys]} and "
                f"{len(numbers)} traces; x and y take as many points for each of the traces"
            )
        data: list[Any] = [{"x": xs, "y": ys}, numbers]
        self.push_mods(
            {_key(component_id): {"extendData": data if max_points is None else [*data, max_points]}}, client
        )

    def chosen(self, given: Any) -> list[Client]:
        """The clients that are meant: one, several, or those of a role.

        Raises:
            InvalidModsError: neither clients nor a role.
        """
        if isinstance(given, str) and given in set(Role):
            return [client for client in self.clients if client.role == given]
        several = list(given) if isinstance(given, list | tuple | set | frozenset) else [given]
        for one in several:
            if not isinstance(one, Client):
                raise InvalidModsError(
                    f"push_mods got the client {one!r:.100}; it takes one of app.clients, or None; or several of them, "
                    f"or a role: {', '.join(map(repr, map(str, Role)))}"
                )
        return several

    # ---- inside

    def _wait(self, propagation: Propagation | None) -> None:
        if propagation is not None and not self.must_not_block():
            self.runtime.wait(propagation)
            self.pump()

    def _push(self, mods: Any, client: Any) -> Propagation | None:
        encoded = self._encoded(mods_of(mods))
        batch = _batch.get()
        if client is not None:
            for one in self.chosen(client):
                if batch is not None:
                    batch.add(one, encoded)
                else:
                    self.send_to(one, dict(encoded))
            return None
        if batch is not None:
            batch.add(None, encoded)
            return None
        return self.push_values(encoded)

    def push_values(self, mods: Mods) -> Propagation:
        """Set encoded values for all. Returns the propagation that this starts."""
        with self.runtime.lock:
            self.runtime.tick()
            actions, propagation = self.runtime.dispatcher.receive_push(mods, running_call.get())
            self.runtime.account(self.recorder.pushed, None, mods)
            self.runtime.perform(actions)
        return propagation

    def push_to(self, client: Client, plain: PlainMods) -> None:
        """Send values to one client."""
        self.send_to(client, self._encoded(plain))

    def answer_to(self, client: Client, plain: PlainMods, cause: Cause | None) -> None:
        """Send what a regular callback set to the client that asked; shared props are changed by that client."""
        mods = self._encoded(plain)
        self.send_to(client, mods)
        dispatcher = self.runtime.dispatcher

        def receive() -> list[Action]:
            states = {key: value for key, value in mods.items() if not self._is_event(key, value)}
            shared = [key for key in states if dispatcher.is_shared(key)]
            if shared and client.withheld:
                undone = {key: dispatcher.value(key) for key in shared}
                return [Refuse(client, undone, f"You may not change {named(shared)}: log in first.")]
            changes = {key: _applied(states[key], dispatcher, key) for key in shared}
            page = self.runtime.pages.get(client.id)
            called = cause is not None and (cause.pushed or cause.own)  # by the program, which asks nobody
            refused = [] if page is None or called else self.sessions.roles.filter_changes(page, changes, cause)
            why = None if cause is not None and cause.own else cause
            return refused + (dispatcher.receive_change(client, changes, why) if changes else [])

        self.runtime.enter(receive)

    def send_to(self, client: Client, mods: Mods) -> None:
        """As `push_to`, encoded. Components in the values get the shared values that were kept for them."""
        for key, value in mods.items():
            if value.may_hold_components and not hasattr(value, "operations"):
                tree = value.fresh()
                receive = self.runtime.dispatcher.receive_answer
                self.runtime.enter(functools.partial(receive, client.id, [(key, tree)], withheld=client.withheld))
                mods[key] = dash_internals.encode(tree)
        self.runtime.account(self.recorder.pushed, client, mods)
        store = self.runtime.dispatcher.store
        self.runtime.send_own(client, store.events.marked(mods, store.layout))

    def _is_event(self, key: Key, value: Value) -> bool:
        store = self.runtime.dispatcher.store
        return store.events.is_event(key, value, store.layout)

    def _encoded(self, plain: PlainMods) -> Mods:
        for key, _ in plain:
            try:
                self._check(key)
            except UnknownPropError as error:
                if not self.config.suppress_callback_exceptions:
                    raise
                _warn_once(str(error))
        return {key: dash_internals.encode(value, f"{key[0]}.{key[1]}") for key, value in plain}

    def check_declared(self) -> None:
        """Say of each shared callback which props its components do not have: under its cell, and in `app.errors`."""
        if self.config.suppress_callback_exceptions:
            return
        for callback in list(self.shared.callbacks.values()):
            for ref in callback.spec.refs:
                try:
                    self._check(ref.key)
                except UnknownPropError as error:
                    wrong = UnknownPropError(f"{callback.spec}: {error}")
                    self.runtime.errors.append(wrong)
                    self.recorder.failed(None, wrong, callback.spec.name)
                    callback.output.show_exception(wrong)

    def _check(self, key: Key) -> None:
        """Refuse a prop that a known component does not have."""
        component = self.runtime.dispatcher.layout.by_id.get(key[0])
        props = dash_internals.props_of(*component.kind) if component else None
        if component is None or props is None or key[1] in props or key[1].startswith(("data-", "aria-")):
            return
        raise UnknownPropError(
            f"{key[0]!r} is a {component.kind[1]}, which has no prop {key[1]!r}; it has {', '.join(sorted(props))}"
        )


@functools.lru_cache(maxsize=1000)
def _warn_once(text: str) -> None:
    """Log what is let through, once for each prop: programs push several times a second."""
    log.warning("%s; pushed all the same, since suppress_callback_exceptions is set", text)


def _applied(value: Value, dispatcher: Dispatcher, key: Key) -> Value:
    """A value that is none of operations."""
    if not isinstance(value, PatchValue):
        return value
    return Value.of(apply_patch(dispatcher.value(key).fresh(), value.operations))


def _key(component_id: Any) -> str:
    return component_id if isinstance(component_id, str) else canonical(component_id)


def _rows(points: Any) -> list[list[Any]]:
    """Points as a list for each trace."""
    plain = points.tolist() if hasattr(points, "tolist") else list(points)
    rows = [row.tolist() if hasattr(row, "tolist") else row for row in plain]
    if rows and all(isinstance(row, list | tuple) for row in rows):
        return [list(row) for row in rows]
    return [rows]

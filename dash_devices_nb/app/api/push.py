"""Pushing to pages: mods, batches of mods, camera images, points of plots."""

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
        """The clients that are there, as a snapshot. From any thread.

        In a connect hook: the clients just after that client joined or left. After the first wait of a coroutine hook:
        the clients that are there now.
        """
        at_event = present_at_event(self.runtime)
        if at_event is not None:
            return list(at_event)
        with self.runtime.lock:
            return [page.client for page in self.runtime.pages.values()]

    def push_mods(self, mods: Any, client: Any = None) -> None:
        """Set props in the pages of all clients, or of some.

        It may be called from any thread, a cell or a callback, before `run`, and with nobody connected. When it
        returns, the shared state has the values. It also waits for the shared callbacks that depend on them, for at
        most 30 s. It does not wait in a coroutine (`await push_mods_coro()` does), nor where the wait would be a
        deadlock. In a regular callback, it waits for shared callbacks with outputs. Those without outputs act, and are
        called when the regular callback has returned, or 0.25 s after the push. In a shared callback, it does not wait.

        Args:
            mods: `{id: {prop: value}}`, an `Output` with a value, or a list or tuple of those.
            client: one of `app.clients`, a list of them, or a role such as "view" (the clients that have it now). None:
                all clients; those that join later get the values too.

        Raises:
            InvalidModsError, InvalidValueError, UnknownPropError, PatchError: nothing was changed. With the app's
                `suppress_callback_exceptions`, an unknown prop of a component is pushed, and logged.
        """
        self._wait(self._push(mods, client))

    async def push_mods_coro(self, mods: Any, client: Any = None) -> None:
        """Like `push_mods`. Waits for the shared callbacks without blocking the loop."""
        propagation = self._push(mods, client)
        if propagation is not None:
            await self.runtime.wait_async(propagation)

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Collect the pushes of this thread or task, and send them as one message at the end.

        Values are checked when they are pushed. The end of the block waits like `push_mods`. If the body raises, the
        pushes before that are sent.
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
        """Show a camera image in an `html.Img` (its `src`). Each page gets the newest image, at its own rate.

        From any thread. The bytes are sent as they are, without base64. Clients that join later get the last image.

        Args:
            component_id: the id of the `html.Img`, or of the `html.Canvas` for `mime="raw"`.
            image: encoded bytes (JPEG, PNG, WebP, ...), or an array of uint8 with the shape (height, width),
                (height, width, 3) for RGB or (height, width, 4) for RGBA. Pillow or OpenCV encodes an array as JPEG.
            mime: the media type of the bytes. None: it is detected. "raw": the array is drawn on a canvas.
            client: one of `app.clients`, a list of them, or a role. None: all.

        Raises:
            InvalidValueError: the image is something else, or there is no encoder.
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
        """Add points to the traces of a `dcc.Graph`. Only the new points are sent.

        From any thread. Clients that join later get the window that the others see.

        Args:
            component_id: the id of the graph.
            x: the new x values: shape (points,) for one trace, (traces, points) for several.
            y: the new y values, with the same shape.
            traces: the indices of the traces. Default: the first ones.
            max_points: the number of points that a trace keeps. None: all.
            client: one of `app.clients`, a list of them, or a role. None: all.

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
        """The clients that an argument names: one, several, or those of a role.

        Raises:
            InvalidModsError: it names neither clients nor a role.
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
        """Set encoded values for all clients. Returns the propagation that starts."""
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
        """Send what a regular callback has set to the client that asked. For shared props, that client changes them."""
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
        """Like `push_to`, for encoded values. Components in them get their shared values."""
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
        """Report unknown props of shared callbacks: under the cell of each, and in `app.errors`."""
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

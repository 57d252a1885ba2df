"""Pushing to pages: mods, batches of mods, camera images, points of plots, notices."""

from __future__ import annotations

import functools
import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol, TypeAlias, runtime_checkable

from dash_devices_nb.app.definitions.declare import SharedCallback
from dash_devices_nb.app.delivery.batches import Batch
from dash_devices_nb.app.delivery.images import image_frame
from dash_devices_nb.app.delivery.video import VideoStream
from dash_devices_nb.app.execution.connect_hooks import clients_of
from dash_devices_nb.app.execution.event_stream import Failed, Pushed
from dash_devices_nb.app.execution.outputs import PlainMods, mods_of
from dash_devices_nb.app.execution.runtime import Runtime
from dash_devices_nb.app.serving.serving_state import ServingState
from dash_devices_nb.app.sessions.latest_images import LatestImages
from dash_devices_nb.app.stock_dash import dash_internals
from dash_devices_nb.app.stock_dash.put_aside import is_array
from dash_devices_nb.app.stock_dash.types import Array, Config, PropValue
from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.access.roles import Role
from dash_devices_nb.core.callbacks.propagation import Propagation
from dash_devices_nb.core.props.arrays import ARRAY_PROPS
from dash_devices_nb.core.props.ids import Key, canonical
from dash_devices_nb.core.props.mods import Mods
from dash_devices_nb.core.props.values import Value
from dash_devices_nb.errors import InvalidModsError, InvalidValueError, UnknownPropError

LEVELS = ("info", "warning", "error")

Recipients: TypeAlias = Client | str | Collection[Client] | None
"""A client, several, those of a role, or (None) all."""
ComponentId: TypeAlias = str | Mapping[str, object]

log = logging.getLogger(__name__)
_batch: ContextVar[Batch | None] = ContextVar("dash_devices_nb_batch", default=None)


@runtime_checkable
class _Array(Protocol):
    def tolist(self) -> PropValue:
        """The values as a list, as of numpy and pandas."""


Points: TypeAlias = _Array | Iterable[object]


class Settings(Protocol):
    """The settings of stock Dash."""

    @property
    def config(self) -> Config:
        """As in stock Dash."""


class Pusher:
    """Pushes to the pages of one app.

    Args:
        runtime: the app's runtime.
        stock: the app's side of stock Dash.
        serving: says where a push may wait.
        images: the latest images.
    """

    def __init__(self, runtime: Runtime, stock: Settings, serving: ServingState, images: LatestImages) -> None:
        self._runtime = runtime
        self._stock = stock
        self._serving = serving
        self._images = images
        self._videos: dict[Key, VideoStream] = {}

    # ---- the public interface

    def push_mods(self, mods: object, to: Recipients) -> None:
        """Set props, and wait for the shared callbacks where that is allowed."""
        propagation = self._push(mods, to)
        if propagation is not None:
            self._serving.wait(propagation)

    async def push_mods_coro(self, mods: object, to: Recipients) -> None:
        """Set props, and await the shared callbacks."""
        propagation = self._push(mods, to)
        if propagation is not None:
            await self._runtime.wait_async(propagation)

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Collect the pushes of this thread or task, and send them as one message at the end."""
        if _batch.get() is not None:
            yield
            return
        batch = Batch(self.is_event)
        token = _batch.set(batch)
        try:
            yield
        finally:
            _batch.reset(token)
            for client, mods in batch.parts():
                if client is not None:
                    self.send_to(client, mods)
                else:
                    self._serving.wait(self.push_values(mods))

    def push_frame(self, component_id: ComponentId, image: object, mime: str | None, to: Recipients) -> None:
        """Show a camera image."""
        place = (_key(component_id), "src")
        frame = image_frame(place, image, mime)
        self._images.show(place, frame, None if to is None else self.chosen(to))

    def push_video(
        self,
        component_id: ComponentId,
        picture: object,
        key: bool | None,
        quality: int,
        bitrate: int | None,
        to: Recipients,
    ) -> bool:
        """Show the next picture of a video. Returns whether a page waits for a key frame."""
        place = (_key(component_id), "src")
        component = self._runtime.dispatcher.layout.by_id.get(place[0])
        if component is not None and component.kind[1] != "Canvas":
            raise InvalidValueError(f"push_video takes the id of an html.Canvas; {place[0]!r} is a {component.kind[1]}")
        with self._runtime.lock:
            stream = self._videos.get(place) or VideoStream(place, self._images.videos)
            self._videos[place] = stream
        return stream.push(picture, key, quality, bitrate, None if to is None else self.chosen(to))

    def stream(
        self,
        component_id: ComponentId,
        x: Points,
        y: Points,
        traces: list[int] | None,
        max_points: int | None,
        to: Recipients,
    ) -> None:
        """Add points to the traces of a graph."""
        xs, ys = _rows(x), _rows(y)
        numbers = list(range(len(ys))) if traces is None else list(traces)
        if [len(row) for row in xs] != [len(row) for row in ys] or len(numbers) != len(ys):
            raise InvalidModsError(
                f"stream got x of {[len(row) for row in xs]} points, y of {[len(row) for row in ys]} and "
                f"{len(numbers)} traces; x and y take as many points for each of the traces"
            )
        data: list[object] = [{"x": xs, "y": ys}, numbers]
        self.push_mods({_key(component_id): {"extendData": data if max_points is None else [*data, max_points]}}, to)

    def notice(self, text: object, to: Recipients, level: str) -> None:
        """Show a notice in the pages."""
        if level not in LEVELS:
            raise InvalidModsError(f"level={level!r:.100}; accepted are {', '.join(map(repr, LEVELS))}")
        with self._runtime.lock:
            wanted = None if to is None else {client.id for client in self.chosen(to)}
            for page in self._runtime.pages.values():
                if wanted is None or page.client.id in wanted:
                    page.send_notice(level, str(text))
        self._runtime.flush()

    def chosen(self, given: Recipients) -> list[Client]:
        """The clients that an argument names: one, several, or those of a role.

        Raises:
            InvalidModsError: it names neither clients nor a role.
        """
        if isinstance(given, str) and given in set(Role):
            return [client for client in clients_of(self._runtime) if client.role == given]
        several = list(given) if isinstance(given, list | tuple | set | frozenset) else [given]
        clients: list[Client] = []
        for one in several:
            if not isinstance(one, Client):
                raise InvalidModsError(
                    f"push_mods got the client {one!r:.100}; it takes one of app.clients, or None; or several of them, "
                    f"or a role: {', '.join(map(repr, map(str, Role)))}"
                )
            clients.append(one)
        return clients

    # ---- for the other rooms

    def push_without_waiting(self, mods: object) -> Propagation | None:
        """Set props in the pages of all clients. Returns the propagation that starts; None in a batch. From any thread.

        Raises what `push_mods` raises.
        """
        return self._push(mods, None)

    def _push(self, mods: object, to: Recipients) -> Propagation | None:
        encoded = self.encoded(mods_of(mods))
        batch = _batch.get()
        if to is not None:
            for one in self.chosen(to):
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
        return self._runtime.push(mods)

    def push_to(self, client: Client, plain: PlainMods) -> None:
        """Send values to one client."""
        self.send_to(client, self.encoded(plain))

    def send_to(self, client: Client, mods: Mods) -> None:
        """Like `push_to`, for encoded values. Components in them get their shared values."""
        for key, value in mods.items():
            if value.may_hold_components and not hasattr(value, "operations"):
                tree = value.fresh()
                receive = self._runtime.dispatcher.receive_answer
                self._runtime.enter(functools.partial(receive, client.id, [(key, tree)], withheld=client.withheld))
                mods[key] = dash_internals.encode(tree)
        self._runtime.publish(Pushed(client, mods))
        store = self._runtime.dispatcher.store
        self._runtime.send_own(client, store.events.marked(mods, store.layout))

    def is_event(self, key: Key, value: Value) -> bool:
        """Whether a value is of an event prop."""
        store = self._runtime.dispatcher.store
        return store.events.is_event(key, value, store.layout)

    def encoded(self, plain: PlainMods) -> Mods:
        """Encode values to JSON. Raises InvalidValueError, UnknownPropError."""
        for key, _ in plain:
            try:
                self.check(key)
            except UnknownPropError as error:
                if not self._stock.config.suppress_callback_exceptions:
                    raise
                _warn_once(str(error))
        return {
            key: dash_internals.encode(value, f"{key[0]}.{key[1]}", arrays=key[1] in ARRAY_PROPS)
            for key, value in plain
        }

    def check_declared(self, callbacks: Iterable[SharedCallback]) -> None:
        """Report unknown props of shared callbacks: under the cell of each, and in `app.errors`."""
        if self._stock.config.suppress_callback_exceptions:
            return
        for callback in list(callbacks):
            for ref in callback.spec.refs:
                try:
                    self.check(ref.key)
                except UnknownPropError as error:
                    wrong = UnknownPropError(f"{callback.spec}: {error}")
                    self._runtime.errors.append(wrong)
                    self._runtime.publish(Failed(None, wrong, callback.spec.name))
                    callback.output.show_exception(wrong)

    def check(self, key: Key) -> None:
        """Refuse a prop that a known component does not have. Raises UnknownPropError."""
        component = self._runtime.dispatcher.layout.by_id.get(key[0])
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


def _key(component_id: ComponentId) -> str:
    return component_id if isinstance(component_id, str) else canonical(component_id)


def _rows(points: Points) -> list[Sequence[object]]:
    """Points as a list, or a numpy array, for each trace."""
    if is_array(points):
        array: Array = points
        return [array] if array.ndim == 1 else list(array)
    plain: list[PropValue] = points.tolist() if isinstance(points, _Array) else list(points)
    rows = [row.tolist() if isinstance(row, _Array) and not is_array(row) else row for row in plain]
    if rows and all(isinstance(row, list | tuple) or is_array(row) for row in rows):
        return [row if is_array(row) else list(row) for row in rows]
    return [rows]

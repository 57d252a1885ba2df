"""The same without `await`: `device = connect(url)`. Each device has a thread of its own with an event loop."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from types import TracebackType

from dash_devices_nb.kernel.loops import IoThread
from dash_devices_nb.remote.device import CALL_WITHIN, WITHIN, AsyncDevice, AsyncProp, AsyncWatch, Id, Names
from dash_devices_nb.remote.session import Image, Update
from dash_devices_nb.remote.types import Argument, Props, PropValue, Returned

_numbers = itertools.count(1)


class Prop:
    """A prop of an app; see `AsyncProp`."""

    def __init__(self, prop: AsyncProp, thread: IoThread) -> None:
        self._prop, self._thread = prop, thread

    @property
    def value(self) -> PropValue:
        """Its current value; None if the component has no such prop."""
        return self._prop.value

    @property
    def revision(self) -> int:
        """A revision since which it has not changed; for `set(..., if_revision=)`."""
        return self._prop.revision

    @property
    def update(self) -> Update:
        """The value with its revision."""
        return self._prop.update

    @property
    def image(self) -> Image | None:
        """The last image of `app.push_frame` for it, or None."""
        return self._prop.image

    def set(self, value: PropValue, *, if_revision: int | None = None, within: float = WITHIN) -> int:
        """Set it, as a person does. Returns the revision once the change is ordered; see `Device.batch`."""
        return self._thread.call(self._prop.set(value, if_revision=if_revision, within=within))

    def watch(self, within: float | None = None) -> Watch:
        """Iterate over its values, as (value, revision): the current one, and then the newest after each change.

        With `within`, TimeoutError is raised when nothing has changed for so many seconds.
        """
        return Watch(self._prop.watch(), self._thread, within)


class Watch(Iterator[Update]):
    """The values of a prop, newest only: what changes while nobody asks is skipped."""

    def __init__(self, watch: AsyncWatch, thread: IoThread, within: float | None) -> None:
        self._watch, self._thread, self._within = watch, thread, within

    def __next__(self) -> Update:
        newest = self._thread.call(self._next(), self._within)
        if newest is None:
            raise StopIteration
        return newest

    async def _next(self) -> Update | None:
        return await anext(self._watch, None)

    def close(self) -> None:
        """Stop watching."""
        self._thread.call(self._watch.aclose())


class Component(Prop):
    """A component of an app. As a prop it is its `value`; `component["figure"]` is another one."""

    def __init__(self, device: AsyncDevice, component_id: Id, thread: IoThread) -> None:
        self._component = device[component_id]
        super().__init__(self._component, thread)

    def __getitem__(self, prop: str) -> Prop:
        return Prop(self._component[prop], self._thread)

    @property
    def props(self) -> Props:
        """The current values of all its props."""
        return self._component.props


class Device:
    """An app, as a program has it; see `AsyncDevice`, which has the same methods."""

    def __init__(self, device: AsyncDevice, thread: IoThread) -> None:
        self._device, self._thread = device, thread

    def __enter__(self) -> Device:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leave. Does nothing if it has left."""
        if self._thread.running:
            self._thread.call(self._device.close())
            self._thread.stop()

    def __getitem__(self, component_id: Id) -> Component:
        return Component(self._device, component_id, self._thread)

    def prop(self, name: str | tuple[Id, str]) -> Prop:
        """A prop by "id.prop", or (id, prop)."""
        return Prop(self._device.prop(name), self._thread)

    def batch(self, values: Names, *, if_revision: int | None = None, within: float = WITHIN) -> int:
        """Set several props by one change: all, or none of them; see `AsyncDevice.batch`."""
        return self._thread.call(self._device.batch(values, if_revision=if_revision, within=within))

    def call(self, callback: str, /, *, within: float = CALL_WITHIN, **arguments: Argument) -> Returned:
        """Call a callback that was declared with `api_endpoint=callback`; see `AsyncDevice.call`."""
        return self._thread.call(self._device.call(callback, within=within, **arguments))

    def request_control(self, want: bool = True) -> None:
        """Request the floor. False withdraws the request, or gives the floor back."""
        self._thread.call(self._device.request_control(want))

    @property
    def ids(self) -> list[str]:
        """The ids of the components; dict ids as JSON."""
        return self._device.ids

    @property
    def connected(self) -> bool:
        """Whether there is a connection. If not, the values are the last known ones."""
        return self._device.connected

    @property
    def client_id(self) -> str:
        """The id of its `Client` in the app."""
        return self._device.client_id

    @property
    def role(self) -> str:
        """Its role: "view", "control" or "owner"."""
        return self._device.role

    @property
    def rights(self) -> str:
        """What it may do now: its role, with what the floor gives or takes."""
        return self._device.rights

    @property
    def notices(self) -> list[dict[str, str]]:
        """The last notices of the app, oldest first: dicts with `level`, `title` and `text`."""
        return self._device.notices


def connect(
    url: str,
    *,
    name: str = "",
    headers: Mapping[str, str] | None = None,
    within: float = WITHIN,
    patience: float = 30.0,
) -> Device:
    """Connect a program to an app by the address of its page, or by a share link.

    Raises:
        RemoteError: nobody answers, it is no app, the app refuses, or it speaks another version of the protocol.
    """
    thread = IoThread(f"dash-devices-remote-{next(_numbers)}")
    thread.start()
    try:
        return Device(thread.call(_opened(url, name, headers, within, patience)), thread)
    except BaseException:
        thread.stop()
        raise


async def _opened(
    url: str, name: str, headers: Mapping[str, str] | None, within: float, patience: float
) -> AsyncDevice:
    # Made here: what it waits with belongs to this loop.
    return await AsyncDevice(url, name=name, headers=headers, within=within, patience=patience).open()

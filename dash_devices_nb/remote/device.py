"""An app, for coroutines of a program: `async with connect_async(url) as device`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import TypeAlias

from dash_devices_nb.core.props.ids import Key, canonical
from dash_devices_nb.remote.session import Image, ProgramSession, Update, Watcher
from dash_devices_nb.remote.types import Argument, Props, PropValue, Returned

Id: TypeAlias = str | Mapping[str, PropValue]
Names: TypeAlias = Mapping[str, PropValue] | Mapping[tuple[Id, str], PropValue]
WITHIN = 10.0
"""Seconds in which an app answers."""
CALL_WITHIN = 60.0
"""Seconds in which a callback of the app returns."""


def key_of(name: str | tuple[Id, str]) -> Key:
    """Split "target.value", or ("target", "value"), into the id and the prop.

    Raises:
        ValueError: it is neither.
    """
    match name:
        case (str() | Mapping() as component_id, str() as prop) if component_id and prop:
            return canonical(component_id), prop
        case str() if all(parts := name.rpartition(".")):
            return parts[0], parts[2]
    raise ValueError(f"{name!r} names no prop; 'target.value' does, or ('target', 'value').")


class AsyncProp:
    """A prop of an app."""

    def __init__(self, session: ProgramSession, key: Key) -> None:
        self._session = session
        self.key = key

    @property
    def value(self) -> PropValue:
        """Its current value; None if the component has no such prop."""
        return self._session.newest(self.key).value

    @property
    def revision(self) -> int:
        """A revision since which it has not changed; for `set(..., if_revision=)`."""
        return self._session.newest(self.key).revision

    @property
    def update(self) -> Update:
        """The value with its revision."""
        return self._session.newest(self.key)

    @property
    def image(self) -> Image | None:
        """The last image of `app.push_frame` for it, or None."""
        return self._session.images.get(self.key)

    async def set(self, value: PropValue, *, if_revision: int | None = None, within: float = WITHIN) -> int:
        """Set it, as a person does. Returns the revision once the change is ordered; see `AsyncDevice.batch`."""
        return await self._session.set({self.key: value}, if_revision, within)

    def watch(self) -> AsyncWatch:
        """Iterate over its values, as (value, revision): the current one, and then the newest after each change."""
        return AsyncWatch(self._session, self.key)


class AsyncWatch(AsyncIterator[Update]):
    """The values of a prop. Values that are not taken in time are skipped."""

    def __init__(self, session: ProgramSession, key: Key) -> None:
        self._session, self._key = session, key
        self._watcher: Watcher | None = None

    async def __anext__(self) -> Update:
        if self._watcher is None:
            self._watcher = self._session.watch(self._key)
        return await self._session.next(self._watcher)

    async def aclose(self) -> None:
        """Stop watching."""
        if self._watcher is not None:
            self._session.unwatch(self._watcher)


class AsyncComponent(AsyncProp):
    """A component of an app. As a prop it is its `value`; `component["figure"]` is another one."""

    def __init__(self, session: ProgramSession, component_id: str) -> None:
        super().__init__(session, (component_id, "value"))

    def __getitem__(self, prop: str) -> AsyncProp:
        return AsyncProp(self._session, (self.key[0], prop))

    @property
    def props(self) -> Props:
        """The current values of all its props."""
        component_id = self._session.known(self.key[0])
        return {
            prop: self._session.newest((component_id, prop)).value for prop in self._session.view.props[component_id]
        }


class AsyncDevice:
    """An app, seen by a program. The program is a client of the app, with the role of its link, and `kind` "program".

    Args:
        url: the address of the page: as `app.url` or a share link has it.
        name: the name that others see; for guests.
        headers: more headers, such as `Authorization` for a Jupyter server.
        within: how long the app may take to answer at first, in seconds.
        patience: how long the connection may be lost before the device gives up, in seconds.
    """

    def __init__(
        self,
        url: str,
        *,
        name: str = "",
        headers: Mapping[str, str] | None = None,
        within: float = WITHIN,
        patience: float = 30.0,
    ) -> None:
        self._session = ProgramSession(url, headers, name, patience)
        self._within = within

    async def open(self) -> AsyncDevice:
        """Connect. Raises RemoteError with the reason if that is impossible."""
        await self._session.open(self._within)
        return self

    async def close(self) -> None:
        """Leave. Does nothing if it has left."""
        await self._session.close()

    async def __aenter__(self) -> AsyncDevice:
        return await self.open()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __getitem__(self, component_id: Id) -> AsyncComponent:
        return AsyncComponent(self._session, self._session.known(canonical(component_id)))

    def prop(self, name: str | tuple[Id, str]) -> AsyncProp:
        """A prop by "id.prop", or (id, prop)."""
        component_id, prop = key_of(name)
        return self[component_id][prop]

    async def batch(self, values: Names, *, if_revision: int | None = None, within: float = WITHIN) -> int:
        """Set several props by one change: all, or none of them. Returns its revision once it is ordered.

        Args:
            values: by "id.prop", or (id, prop).
            if_revision: only if none of them was changed after this revision.
            within: how long to wait for the answer, in seconds.

        Raises:
            RefusedError: the app refuses it; `why` and the text say why.
            UncertainError: the connection was lost, and it is not known whether the change was made.
            RemoteError: there is no connection.
            LookupError: there is no such component.
            InvalidValueError: a value is no JSON.
        """
        return await self._session.set({key_of(name): value for name, value in values.items()}, if_revision, within)

    async def call(self, callback: str, /, *, within: float = CALL_WITHIN, **arguments: Argument) -> Returned:
        """Call a callback that was declared with `api_endpoint=callback`, and return what it returns.

        Raises:
            RefusedError: this program may not.
            LookupError: there is no such callback.
            RemoteError: the arguments do not fit, the callback has raised, or nobody answers.
        """
        return await self._session.call(callback, arguments, within)

    async def request_control(self, want: bool = True) -> None:
        """Request the floor. False withdraws the request, or gives the floor back."""
        await self._session.floor(want)

    @property
    def ids(self) -> list[str]:
        """The ids of the components; dict ids as JSON."""
        return list(self._session.view.props)

    @property
    def connected(self) -> bool:
        """Whether there is a connection. If not, the values are the last known ones."""
        return self._session.ready

    @property
    def client_id(self) -> str:
        """The id of its `Client` in the app."""
        return self._session.client

    @property
    def role(self) -> str:
        """Its role: "view", "control" or "owner"."""
        return str(self._session.role.get("role", ""))

    @property
    def rights(self) -> str:
        """What it may do now: its role, with what the floor gives or takes."""
        return str(self._session.role.get("rights", ""))

    @property
    def notices(self) -> list[dict[str, str]]:
        """The last notices of the app, oldest first: dicts with `level`, `title` and `text`."""
        return list(self._session.notices)


def connect_async(url: str, **options: Argument) -> AsyncDevice:
    """Make a device that connects when `async with` enters it; see `AsyncDevice` for the options."""
    return AsyncDevice(url, **options)

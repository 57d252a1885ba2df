"""`Tab`: a page without a browser.

It does what the page's script and Dash's renderer do, over the same WebSocket: it loads the layout, keeps the props of
its components, sends what a person changes, asks for regular callbacks and applies what the app sends. It runs no
JavaScript: clientside callbacks and background callbacks are left out, and components only hold their props.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

import websockets

from dash_devices_nb.core.props.ids import canonical
from dash_devices_nb.testing.link import Link
from dash_devices_nb.testing.session import Session
from dash_devices_nb.testing.view import PERSON


class Tab:
    """One tab on an app.

        async with Tab(app.url) as tab:
            await tab.act("slider", "value", 5)
            await tab.expect("shown", "children", "target 5")

    Ids are strings, or dicts as in the layout. All methods belong to the event loop that opens the tab.

    Args:
        url: the page's URL, with its `?token=` if it has one.
        headers: more headers for all that the tab asks for.
    """

    def __init__(self, url: str, headers: Mapping[str, str] | None = None) -> None:
        self._session = Session(Link(url, headers))

    # ---- the life of a tab

    async def open(self, within: float = 10.0) -> Tab:
        """Load the page and wait until it is connected, has its layout, and its first callbacks are answered.

        Raises:
            ConnectionError: nobody answers, the app refuses, or it takes longer than `within` seconds.
        """
        try:
            await self._session.link.open()
            await self.reconnect(within)
            await self.settled(within)
        except BaseException:
            await self.close()
            raise
        return self

    async def __aenter__(self) -> Tab:
        return await self.open()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def drop(self) -> None:
        """Lose the connection abruptly, as when the network fails; the app waits for the tab to come back."""
        self._session.link.cut()
        await self._until(lambda: not self._session.tasks, 5.0, "the connection to end")

    async def reconnect(self, within: float = 10.0) -> None:
        """Connect again, as the same client if the app still knows it, and wait until the app greets back.

        Raises:
            ConnectionError: nobody answers, the app refuses, or it takes longer than `within` seconds.
        """
        session = self._session
        if session.link.connected:
            await self.drop()
        try:
            await session.connect()
        except (OSError, websockets.InvalidHandshake) as error:
            raise ConnectionError(f"no WebSocket at {session.link.url}: {error}") from error
        await self._until(
            lambda: (session.greeted and session.loaded) or session.closed_by, within, "the app to greet back"
        )
        if session.closed_by:
            code, reason = session.closed_by
            raise ConnectionError(f"the app closed the connection: {code} {reason}")

    async def close(self) -> None:
        """Leave, as when a person closes the tab. Does nothing if it has left."""
        await self._session.close()

    # ---- what a person does and sees

    async def act(self, component_id: str | Mapping[str, Any], prop: str, value: Any) -> None:
        """Change a prop as a person does: a shared one is sent, and the page's callbacks are called.

        Returns once all of it is sent; without a connection it is sent when there is one again.

        Raises:
            LookupError: the page has no such component.
        """
        session = self._session
        key = self._known(component_id), prop
        session.set(key, value, PERSON)
        session.tell(key[0], {prop: value}, PERSON)
        session.calling.changed([key])
        await session.proceed()

    def prop(self, component_id: str | Mapping[str, Any], prop: str) -> Any:
        """What the page shows now; None where a component does not have the prop.

        Raises:
            LookupError: the page has no such component.
        """
        return self._session.view.props[self._known(component_id)].get(prop)

    def image(self, component_id: str | Mapping[str, Any], prop: str = "src") -> tuple[dict[str, Any], bytes] | None:
        """The last image of `app.push_frame`: header (`mime`; for "raw" `w`, `h`, `d`) and bytes, or None."""
        return self._session.images.get((canonical(component_id), prop))

    async def expect(self, component_id: str | Mapping[str, Any], prop: str, expected: Any, within: float = 2.0) -> Any:
        """Wait until a prop has a value, and return it.

        Args:
            component_id: the component, which may come later.
            prop: its prop.
            expected: the value, or a function that says whether a value is meant.
            within: how long, in seconds.

        Raises:
            AssertionError: it has another value; the message shows it, and what the app told the person.
        """
        name = canonical(component_id)
        props = self._session.view

        def seen() -> bool:
            if name not in props.props:
                return False
            value = props.props[name].get(prop)
            return bool(expected(value)) if callable(expected) else bool(value == expected)

        try:
            await self._until(seen, within, "")
        except ConnectionError:
            raise AssertionError(self._disappointed(name, prop, expected, within)) from None
        return props.props[name].get(prop)

    async def settled(self, within: float = 5.0) -> None:
        """Wait until the app has taken all changes of this tab and answered all its callbacks.

        Raises:
            ConnectionError: it takes longer than `within` seconds.
        """
        await self._until(lambda: self._session.settled, within, "the app to answer everything")

    def history(self, component_id: str | Mapping[str, Any], prop: str) -> list[Any]:
        """All values that the page was given for a prop since it was opened, by whomever, oldest first."""
        key = canonical(component_id), prop
        return [value for changed, value in self._session.shown if changed == key]

    @property
    def ids(self) -> list[str]:
        """The ids of the components in the page; a dict id as JSON."""
        return list(self._session.view.props)

    @property
    def role(self) -> dict[str, Any]:
        """What the page was told last of its role and the floor: `role`, `rights`, `name`, `floor`, `holder`, ..."""
        return self._session.role

    @property
    def notices(self) -> list[dict[str, str]]:
        """What the app has told the person, oldest first: dicts with `level`, `title` and `text`."""
        return self._session.notices

    async def say_name(self, name: str) -> None:
        """Give a name, as a guest does."""
        await self.send({"t": "name", "name": name})

    async def request_control(self, want: bool = True) -> None:
        """Ask for the floor; False: ask no longer, or give it back."""
        await self.send({"t": "floor", "want": want})

    # ---- what a test wants to know beside

    @property
    def client_id(self) -> str:
        """The id of this tab's `Client`; empty before it is open."""
        return self._session.client

    @property
    def connected(self) -> bool:
        """Whether there is a connection."""
        return self._session.link.connected

    @property
    def closed_by(self) -> tuple[int, str] | None:
        """Code and reason with which the last connection ended; None while it stands."""
        return self._session.closed_by

    @property
    def asked(self) -> list[str]:
        """The outputs of the regular callbacks that the tab has asked for, oldest first."""
        return self._session.asked

    async def fetch(self, path: str) -> tuple[int, str]:
        """Ask for a file or route of the app, with the tab's cookies. Returns the status and the text."""
        answer = await self._session.link.fetch(path)
        return answer.status, answer.text

    async def send(self, frame: Mapping[str, Any] | str | bytes) -> None:
        """Send a frame of the test's own, well-formed or not."""
        self._session.link.send(frame)
        await self._session.link.flush()

    # ---- inside

    def _known(self, component_id: str | Mapping[str, Any]) -> str:
        name = canonical(component_id)
        if name not in self._session.view.props:
            raise LookupError(f"the page has no component {name!r}; it has {', '.join(self.ids) or 'none'}")
        return name

    def _disappointed(self, name: str, prop: str, expected: Any, within: float) -> str:
        props = self._session.view.props.get(name)
        wanted = "as expected" if callable(expected) else repr(expected)
        fact = f"{name}.{prop} is {props.get(prop)!r}" if props is not None else f"there is no component {name!r}"
        lines = [f"{fact}, not {wanted}, after {within:g} s"]
        lines += [f"  the page was told: {each['title']} {each['text']}" for each in self.notices]
        if not self.connected:
            lines.append("  the tab has no connection")
        return "\n".join(lines)

    async def _until(self, condition: Callable[[], object], within: float, what: str) -> None:
        """Wait for a condition, asked again whenever something has come. Raises ConnectionError."""
        changed = self._session.changed
        try:
            async with asyncio.timeout(within):
                while not condition():
                    changed.clear()
                    await changed.wait()
        except TimeoutError:
            raise ConnectionError(f"waited {within:g} s for {what}") from None

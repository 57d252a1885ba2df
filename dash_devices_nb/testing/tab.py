"""`Tab`: a page without a browser.

It does what the page's script and Dash's renderer do, over the same WebSocket: it loads the layout, keeps the props of
its components, sends a person's changes, requests regular callbacks and applies what the app sends. It runs no
JavaScript, so clientside and background callbacks are not called, and components only hold their props.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

import websockets

from dash_devices_nb.core.props.ids import canonical, stop_name
from dash_devices_nb.remote.link import Link
from dash_devices_nb.remote.view import PERSON
from dash_devices_nb.testing.session import Session


class Tab:
    """One tab on an app.

        async with Tab(app.url) as tab:
            await tab.act("slider", "value", 5)
            await tab.expect("shown", "children", "target 5")

    Ids are strings, or dicts as in the layout. All methods belong to the event loop that opens the tab.

    Args:
        url: the page's URL, with its `?token=` if it has one.
        headers: additional headers for all requests.

    Attributes:
        session: the frames that the tab and the app exchange, for tests of the protocol itself.
    """

    def __init__(self, url: str, headers: Mapping[str, str] | None = None) -> None:
        self.session = Session(Link(url, headers))

    # ---- the life of a tab

    async def open(self, within: float = 10.0) -> Tab:
        """Load the page and wait until it is connected, has its layout, and its first callbacks are answered.

        Raises:
            ConnectionError: nobody answers, the app refuses the tab, or it takes longer than `within` seconds.
        """
        try:
            await self.session.link.open()
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
        """Lose the connection abruptly, as when the network fails. The app waits for the tab to come back."""
        self.session.link.cut()
        await self._until(lambda: not self.session.tasks, 5.0, "the connection to end")

    async def reconnect(self, within: float = 10.0) -> None:
        """Connect again, as the same client if the app still knows it, and wait for the app's welcome.

        Raises:
            ConnectionError: nobody answers, the app refuses, or it takes longer than `within` seconds.
        """
        session = self.session
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
        await self.session.close()

    # ---- what a person does and sees

    async def act(self, component_id: str | Mapping[str, Any], prop: str, value: Any) -> None:
        """Change a prop as a person does: a shared prop is sent, and the page's callbacks are called.

        Returns once everything is sent. Without a connection it is sent after the next `reconnect`.

        Raises:
            LookupError: the page has no such component.
        """
        session = self.session
        key = self._known(component_id), prop
        session.set(key, value, PERSON)
        session.tell(key[0], {prop: value}, PERSON)
        session.calling.changed([key])
        await session.proceed()

    def prop(self, component_id: str | Mapping[str, Any], prop: str) -> Any:
        """Return the current value of a prop; None if the component does not have it.

        Raises:
            LookupError: the page has no such component.
        """
        return self.session.view.props[self._known(component_id)].get(prop)

    def props(self, component_id: str | Mapping[str, Any]) -> dict[str, Any]:
        """A copy of all props of a component.

        Raises:
            LookupError: the page has no such component.
        """
        return dict(self.session.view.props[self._known(component_id)])

    def image(self, component_id: str | Mapping[str, Any], prop: str = "src") -> tuple[dict[str, Any], bytes] | None:
        """Return the last image of `app.push_frame`: header (`mime`; for "raw" `w`, `h`, `d`) and bytes, or None."""
        return self.session.images.get((canonical(component_id), prop))

    async def expect(self, component_id: str | Mapping[str, Any], prop: str, expected: Any, within: float = 2.0) -> Any:
        """Wait until a prop has a value, and return it.

        Args:
            component_id: the component, which may appear later.
            prop: its prop.
            expected: the value, or a function that returns whether a value is accepted.
            within: how long, in seconds.

        Raises:
            AssertionError: the prop has another value. The message shows it, and the notices of the app.
        """
        name = canonical(component_id)
        props = self.session.view

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

    async def until(self, condition: Callable[[], object], within: float = 5.0, what: str = "it") -> None:
        """Wait until a condition holds. It is checked whenever something has arrived.

        Args:
            condition: returns something true when it holds.
            within: how long, in seconds.
            what: names the condition in the error.

        Raises:
            AssertionError: the condition does not hold in time.
        """
        try:
            await self._until(condition, within, what)
        except ConnectionError as error:
            raise AssertionError(str(error)) from None

    async def settled(self, within: float = 5.0) -> None:
        """Wait until the app has acknowledged all changes of this tab and answered all its callbacks.

        Raises:
            ConnectionError: it takes longer than `within` seconds.
        """
        await self._until(lambda: self.session.settled, within, "the app to answer everything")

    def history(self, component_id: str | Mapping[str, Any], prop: str) -> list[Any]:
        """Return all values that a prop has had since the page was opened, oldest first."""
        key = canonical(component_id), prop
        return [value for changed, value in self.session.shown if changed == key]

    @property
    def ids(self) -> list[str]:
        """The ids of the page's components; dict ids as JSON."""
        return list(self.session.view.props)

    @property
    def role(self) -> dict[str, Any]:
        """The page's role and the floor, as last received: `role`, `rights`, `name`, `floor`, `holder`, ..."""
        return self.session.role

    @property
    def notices(self) -> list[dict[str, str]]:
        """The notices of the app, oldest first: dicts with `level`, `title` and `text`."""
        return self.session.notices

    async def say_name(self, name: str) -> None:
        """Set a name, as a guest does."""
        await self.send({"t": "name", "name": name})

    @property
    def question(self) -> dict[str, Any]:
        """The question of `app.ask()`, as last received: `text`, `options`, `mine`, `open`, `counts`; {} if none."""
        question = self.session.question
        return question if question.get("n") else {}

    async def answer(self, option: str) -> None:
        """Answer the question with one of its options, as a person does.

        Raises:
            LookupError: no question is asked, or it has no such option.
        """
        options = self.question.get("options", [])
        if option not in options:
            raise LookupError(f"the question has no option {option!r}; it has {', '.join(options) or 'none'}")
        await self.send({"t": "choice", "n": self.question["n"], "option": options.index(option)})

    async def request_control(self, want: bool = True) -> None:
        """Request the floor. False withdraws the request or gives the floor back."""
        await self.send({"t": "floor", "want": want})

    async def press_stop(self, label: str = "STOP") -> tuple[int, str]:
        """Press a button of `app.stop_button`, and return the status and text of the answer: 200 if it has stopped."""
        key = {"X-Dash-Devices-Client": f"{self.session.client}.{self.session.key}"}
        answer = await self.session.link.fetch(f"_dash-devices/stop/{stop_name(label)}", {}, key)
        return answer.status, answer.text

    async def watch(self, *signals: str) -> None:
        """Show these signals of devices, and no others, as the views of a page do. The app polls and sends them.

        Before the first call, the tab gets what others make the app poll.

        Args:
            signals: the ids, such as "ls/A/temperature".
        """
        self.session.watch(signals)
        await self.session.link.flush()

    # ---- more for tests

    @property
    def client_id(self) -> str:
        """The id of this tab's `Client`; empty before it is open."""
        return self.session.client

    @property
    def connected(self) -> bool:
        """Whether there is a connection."""
        return self.session.link.connected

    @property
    def closed_by(self) -> tuple[int, str] | None:
        """Close code and reason of the last connection; None while it is open."""
        return self.session.closed_by

    @property
    def unacknowledged(self) -> set[int]:
        """The sequence numbers of the changes that the app has not acknowledged yet."""
        return self.session.unacknowledged

    @property
    def cookies(self) -> dict[str, str]:
        """The tab's cookies, by name."""
        return {cookie.name: cookie.value or "" for cookie in self.session.link.cookies}

    def shares(self, component_id: str | Mapping[str, Any], prop: str) -> bool:
        """Whether a prop is shared, as far as this tab knows."""
        return self.session.is_shared((canonical(component_id), prop))

    async def reload(self) -> None:
        """Read the layout and the callbacks again, as `app.reload_pages()` makes a page do."""
        self.session.load()
        await self.session.proceed()

    @property
    def asked(self) -> list[str]:
        """The outputs of the regular callbacks that the tab has requested, oldest first."""
        return self.session.asked

    async def fetch(self, path: str) -> tuple[int, str]:
        """Request a file or route of the app, with the tab's cookies. Returns the status and the text."""
        answer = await self.session.link.fetch(path)
        return answer.status, answer.text

    async def send(self, frame: Mapping[str, Any] | str | bytes) -> None:
        """Send a frame that the test has made, well-formed or not."""
        self.session.link.send(frame)
        await self.session.link.flush()

    # ---- inside

    def _known(self, component_id: str | Mapping[str, Any]) -> str:
        name = canonical(component_id)
        if name not in self.session.view.props:
            raise LookupError(f"the page has no component {name!r}; it has {', '.join(self.ids) or 'none'}")
        return name

    def _disappointed(self, name: str, prop: str, expected: Any, within: float) -> str:
        props = self.session.view.props.get(name)
        wanted = "as expected" if callable(expected) else repr(expected)
        fact = f"{name}.{prop} is {props.get(prop)!r}" if props is not None else f"there is no component {name!r}"
        lines = [f"{fact}, not {wanted}, after {within:g} s"]
        lines += [f"  the page was told: {each['title']} {each['text']}" for each in self.notices]
        if not self.connected:
            lines.append("  the tab has no connection")
        return "\n".join(lines)

    async def _until(self, condition: Callable[[], object], within: float, what: str) -> None:
        """Wait for a condition, checked whenever something has arrived. Raises ConnectionError."""
        changed = self.session.changed
        try:
            async with asyncio.timeout(within):
                while not condition():
                    changed.clear()
                    await changed.wait()
        except TimeoutError:
            raise ConnectionError(f"waited {within:g} s for {what}") from None

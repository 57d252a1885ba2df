"""What the sessions of an app need of the app: who implements it is the public class."""

from __future__ import annotations

from typing import Any, Protocol

from dash_devices_nb.app.access.permissions import RoleRecorder
from dash_devices_nb.app.execution.outputs import PlainMods
from dash_devices_nb.app.execution.ports import CallRecorder, StockCalls
from dash_devices_nb.app.serving.mount import Mount
from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.callbacks.propagation import Cause
from dash_devices_nb.core.props.mods import Mods
from dash_devices_nb.kernel.outputlog import OutputLog


class SessionRecorder(CallRecorder, RoleRecorder, Protocol):
    """Takes down who comes and goes, and what becomes of what pages say. From any thread."""

    def came(self, client: Client) -> None:
        """A client has come."""

    def left(self, client: Client, skipped: int) -> None:
        """A client has left; it skipped so many messages on the way."""

    def changed(self, client: Client | None, mods: Mods, cause: Cause | None = None) -> None:
        """A page changed shared props; `cause` if it was not the person."""

    def dropped(self, client: Client | None, what: str) -> None:
        """Something was not sent to a page that is too slow for it."""


class Guarded(Protocol):
    """The guard of the pages' WebSocket."""

    @property
    def guarded(self) -> bool:
        """Whether the program guards it."""


class App(StockCalls, Protocol):
    """An app, as its sessions know it."""

    output_log: OutputLog
    holds: str

    @property
    def recorder(self) -> SessionRecorder:
        """Takes down what happens."""

    @property
    def admission(self) -> Guarded:
        """The guard of the pages' WebSocket."""

    @property
    def mount(self) -> Mount | None:
        """Where the app is served."""

    @property
    def clients(self) -> list[Client]:
        """Who is there."""

    def page_dependencies(self) -> list[dict[str, Any]]:
        """The regular and clientside callbacks, as pages get them."""

    def new_libraries(self) -> list[dict[str, Any]]:
        """The component libraries that the open pages have not loaded."""

    def socket_outputs(self) -> list[str]:
        """The callbacks that pages ask for over the WebSocket."""

    def inline_scripts(self) -> list[str]:
        """The texts of the clientside callbacks."""

    def reload_state(self) -> dict[str, Any]:
        """What stock Dash's hot reload asks for."""

    def get_layout(self) -> Any:
        """The layout, as the program gives it."""

    def streams(self, output: Any) -> bool:
        """Whether a callback was declared with `websocket=True`."""

    def session_of(self, headers: dict[str, str], cookies: dict[str, str]) -> dict[str, Any]:
        """Quart's session of a browser."""

    def push_to(self, client: Client, plain: PlainMods) -> None:
        """Send values to one client."""

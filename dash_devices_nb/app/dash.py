"""`Dash`: stock Dash, whose pages show the state of one live device."""

from __future__ import annotations

import functools
import inspect
import sys
from typing import Any

import quart

from dash_devices_nb.app import stock
from dash_devices_nb.app.asgi import Front
from dash_devices_nb.app.callbacks import Callbacks
from dash_devices_nb.app.calls import SharedCalls
from dash_devices_nb.app.definitions import Definitions
from dash_devices_nb.app.hub import Hub
from dash_devices_nb.app.outputs import PlainMods, mods_of
from dash_devices_nb.app.recorded import RecordedCall
from dash_devices_nb.app.recorder import Recorder
from dash_devices_nb.app.regular import RegularCall, RegularCalls
from dash_devices_nb.app.replaying import Replays
from dash_devices_nb.app.runtime import Runtime
from dash_devices_nb.core.actions import Mods
from dash_devices_nb.core.clients import Client
from dash_devices_nb.core.ids import Key
from dash_devices_nb.core.journal import Journal
from dash_devices_nb.core.lanes import Laned
from dash_devices_nb.core.services import Services, check_callback_service, check_server_service
from dash_devices_nb.core.waves import Call, Wave
from dash_devices_nb.errors import InvalidModsError, RunError, UnknownPropError
from dash_devices_nb.kernel.guard import InterruptGuard
from dash_devices_nb.kernel.output import CellOutput


class Dash(Callbacks):
    """A Dash app whose pages show the state of one live device.

    Takes all that `dash.Dash` takes. It runs on Quart; `app.server` is the Quart app.

    Args:
        name: as in stock Dash.
        server: True, a `quart.Quart` to use, or False and `init_app` later.
        server_service: `Services.PUSHER_ALL`: all of a page's traffic but files travels over its WebSocket;
            `Services.NORMAL`: layout, dependencies and regular callbacks over HTTP.
        callback_service: the service of `callback` where it names none.

    Raises:
        ServiceError: a service that means nothing.
        RunError: a server or backend that is not Quart.
    """

    def __init__(
        self,
        name: str | None = None,
        server: Any = True,
        *,
        server_service: int = Services.PUSHER_ALL,
        callback_service: int = Services.S0,
        **kwargs: Any,
    ) -> None:
        self.server_service = check_server_service(server_service)
        self.callback_service = check_callback_service(callback_service)
        name = name if name is not None else _caller_name()
        self.runtime = Runtime(name)
        self.runtime.runs_with(self._run_call)
        self.runtime.on_error = self._report
        self.recorder = Recorder(Replays(self).of)
        self.runtime.on_refusal = self.recorder.refused
        self.callbacks = Definitions(self.changed)
        self._guard = InterruptGuard(self.runtime.running)
        self.regular = RegularCalls(self, self.runtime)
        self.shared = SharedCalls(self, self.runtime, self._check)
        self.hub = Hub(self, self.runtime, self.regular)
        if kwargs.pop("backend", "quart") not in ("quart", None, stock.Backend):
            raise RunError("dash_devices_nb runs on Quart: leave out backend=, or give backend='quart'")
        if not isinstance(server, bool | quart.Quart | None):
            raise RunError(f"server={server!r}: dash_devices_nb runs on Quart; give a quart.Quart, True or False")
        super().__init__(name, server in (True, None), backend=stock.Backend, **kwargs)
        if isinstance(server, quart.Quart):
            self.init_app(server)

    def init_app(self, app: Any = None, **kwargs: Any) -> None:
        """As in stock Dash; `app` is a `quart.Quart`."""
        super().init_app(app, **kwargs)
        if not isinstance(self.server.asgi_app, Front):
            self.server.asgi_app = Front(self, self.server.asgi_app)
            self.server.after_serving(self.end)

    # ---- clients and pushes

    @property
    def clients(self) -> list[Client]:
        """Who is there: a snapshot. From any thread."""
        with self.runtime.lock:
            return [page.client for page in self.runtime.pages.values()]

    def push_mods(self, mods: Any, client: Any = None) -> None:
        """Set props in the pages, of all clients or of one.

        From any thread, a cell, a callback of either kind, before `run`, and with nobody connected. When it returns,
        the shared
        state holds the values. It waits for the shared callbacks that hang on them, at most 30 s, unless it is called
        in a coroutine (there `await push_mods_coro()` waits) or waiting would never end.

        Args:
            mods: `{id: {prop: value}}`, an `Output` with a value, or a list or tuple of those.
            client: one of `app.clients`, or a list of them; None: all, the prop is shared from then on.

        Raises:
            InvalidModsError, InvalidValueError, UnknownPropError, PatchError: nothing was changed.
        """
        wave = self._push(mods, client)
        if wave is not None and not self.must_not_block():
            self.runtime.wait(wave)
            self.pump()

    async def push_mods_coro(self, mods: Any, client: Any = None) -> None:
        """As `push_mods`, and waits for the shared callbacks without blocking the loop."""
        wave = self._push(mods, client)
        if wave is not None:
            await self.runtime.wait_async(wave)

    def _push(self, mods: Any, client: Any) -> Wave | None:
        plain = mods_of(mods)
        if client is not None:
            for one in client if isinstance(client, list | tuple | set) else [client]:
                if not isinstance(one, Client):
                    raise InvalidModsError(f"push_mods got the client {one!r}; it takes one of app.clients, or None")
                self.push_to(one, plain)
            return None
        return self.push_values(self._encoded(plain))

    def push_values(self, mods: Mods) -> Wave:
        """Set encoded values for all. Returns the wave that this starts."""
        with self.runtime.lock:
            actions, wave = self.runtime.dispatcher.receive_push(mods)
            self.recorder.pushed(None, mods)
            self.runtime.perform(actions)
        return wave

    def push_to(self, client: Client, plain: PlainMods) -> None:
        """Send values to one client; components in them get the shared values that were kept for them."""
        encoded = self._encoded(plain)
        for key, value in encoded.items():
            if value.may_hold_components and not hasattr(value, "operations"):
                tree = value.fresh()
                self.runtime.enter(functools.partial(self.runtime.dispatcher.receive_components, tree))
                encoded[key] = stock.encode(tree)
        self.recorder.pushed(client, encoded)
        self.runtime.send_own(client, encoded)

    def _encoded(self, plain: PlainMods) -> dict[Key, Any]:
        for key, _ in plain:
            self._check(key)
        return {key: stock.encode(value, f"{key[0]}.{key[1]}") for key, value in plain}

    def _check(self, key: Key) -> None:
        """Refuse a prop that a known component does not have."""
        component = self.runtime.dispatcher.layout.by_id.get(key[0])
        props = stock.props_of(*component.kind) if component else None
        if component is None or props is None or key[1] in props or key[1].startswith(("data-", "aria-")):
            return
        raise UnknownPropError(
            f"{key[0]!r} is a {component.kind[1]}, which has no prop {key[1]!r}; it has {', '.join(sorted(props))}"
        )

    # ---- looking

    @property
    def journal(self) -> Journal:
        """What happened: connects, changes, calls, pushes, refusals, errors."""
        return self.recorder.journal

    @property
    def errors(self) -> list[BaseException]:
        """The last exceptions of callbacks, newest last; `%debug` enters the newest."""
        return list(self.runtime.errors)

    def pause(self) -> None:
        """Hold the callbacks: changes are shown, their calls wait in order, and the pages say so. From any thread."""
        self.runtime.pause()

    def step(self) -> str:
        """Let one held call run, and return what it is.

        Raises:
            RunError: the callbacks are not paused, or none waits.
        """
        if not self.runtime.gate.closed:
            raise RunError("The callbacks are not paused; app.pause() holds them, then app.step() lets one run.")
        call = self.runtime.step()
        if call is None:
            raise RunError("No call waits; act on a page, or app.resume().")
        return str(call)

    def resume(self) -> None:
        """Run what was held, in order. Does nothing if the callbacks are not paused. From any thread."""
        if self.runtime.gate.closed:
            self.runtime.resume()

    async def next_call(self, name: str | None = None, timeout: float = 30.0) -> RecordedCall:
        """Wait for the next call of a callback (of any, without a name), and take it in hand.

        Raises:
            ReplayError: there was none within `timeout` seconds.
        """
        return await self.recorder.next_calls.next(name, timeout)

    # ---- running

    def _run_call(self, call: Laned) -> None:
        if isinstance(call, Call):
            self.shared.run(call)
        elif isinstance(call, RegularCall):
            self.regular.run(call)

    def _report(self, error: BaseException, call: Laned | None, client: Client | None) -> None:
        """A callback has raised: keep it, show it under its cell, tell the page that caused it."""
        self.runtime.errors.append(error)
        spec = call.spec if isinstance(call, Call | RegularCall) else None
        shared = self.shared.callbacks.get(call.spec) if isinstance(call, Call) else None
        output = shared.output if shared else getattr(spec, "output", None) or CellOutput.here()
        output.show_exception(error)
        for_debugger(error)
        name = spec.name if spec else "a callback"
        if call is None:
            self.recorder.failed(client, error, name)
        page = self.runtime.pages.get(client.id) if client else None
        if page is None or (isinstance(call, RegularCall) and self.debugging):
            return
        html = self.error_page(error) if isinstance(error, Exception) and self.debugging else ""
        with self.runtime.lock:
            page.send_notice("error", f"{type(error).__name__}: {error}", f"{name} failed", html)
        self.runtime.flush()


def for_debugger(error: BaseException) -> None:
    """Let `%debug` find an exception that no cell raised."""
    sys.last_type, sys.last_value, sys.last_traceback = type(error), error, error.__traceback__
    sys.last_exc = error  # type: ignore[attr-defined,unused-ignore]


def _caller_name() -> str:
    for frame in inspect.stack():
        if frame.function == "<module>":
            return str(frame.frame.f_globals.get("__name__", "__main__"))
    return "__main__"

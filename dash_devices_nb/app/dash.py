"""`Dash`: stock Dash, whose pages show the state of one live device."""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Callable
from typing import Any, TypeVar

import dash
import quart

from dash_devices_nb.app import stock
from dash_devices_nb.app.asgi import Front
from dash_devices_nb.app.calls import SharedCalls
from dash_devices_nb.app.declare import SharedCallback, lane_of, normal_arguments, shared_spec, split_service
from dash_devices_nb.app.embed import Embedded
from dash_devices_nb.app.hub import Hub
from dash_devices_nb.app.outputs import PlainMods, is_alternate, mods_of
from dash_devices_nb.app.regular import RegularCall, RegularCalls, RegularSpec
from dash_devices_nb.app.runtime import Runtime
from dash_devices_nb.core.clients import Client
from dash_devices_nb.core.ids import Key
from dash_devices_nb.core.lanes import Laned
from dash_devices_nb.core.services import Services, check_callback_service, check_server_service
from dash_devices_nb.core.waves import Call, Wave
from dash_devices_nb.errors import InvalidModsError, RunError, UnknownPropError
from dash_devices_nb.kernel.output import CellOutput

F = TypeVar("F", bound=Callable[..., Any])
log = logging.getLogger("dash_devices_nb")


class Dash(Embedded):
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

    # ---- declaring callbacks

    def callback(self, *args: Any, service: int | None = None, lock: Any = None, **kwargs: Any) -> Callable[[F], F]:
        """A callback, as in stock Dash, or of another service.

        Args:
            args: output, inputs, state (and, as in the original, a service as the fourth), in any order that
                stock Dash takes. The output may be None.
            service: how it is called and who gets its outputs; None: the app's `callback_service`.
            lock: for serialized services: callbacks with the same lock do not overlap.
            kwargs: all of stock Dash's keywords.

        Raises:
            ServiceError: bits that clash.
            DeclarationError: a shared callback that cannot be declared so.
        """
        args, positional = split_service(args)
        chosen = next((s for s in (service, positional) if s is not None), self.callback_service)
        flags = check_callback_service(chosen)
        if flags.shared:
            return self._shared_callback(args, kwargs, flags, lock)
        args, kwargs = normal_arguments(args, kwargs)
        decorate = super().callback(*args, **kwargs)
        declared = self.last_declared()
        if declared["no_output"] or flags & Services.NO_CLIENT_INITIAL_CALLBACK:
            declared["prevent_initial_call"] = True

        def wrap(function: F) -> F:
            name = getattr(function, "__name__", "callback")
            spec = RegularSpec(name, flags, lane_of(flags, lock), CellOutput.here())
            self.regular.specs[declared["output"]] = spec
            decorate(function if declared["background"] else self._with_alternates(function, declared["no_output"]))
            self.changed()
            return function

        return wrap

    def callback_shared(
        self, *args: Any, service: int = Services.SHARED, lock: Any = None, **kwargs: Any
    ) -> Callable[[F], F]:
        """A callback of one device that all clients share.

        Its outputs go to all clients. Its calls do not overlap and come in the order of the changes. It is called
        once when the app starts (unless it has no output), and then for each change, whoever made it. Chains run on
        the server. A plain function runs in a thread, a coroutine on the callback loop.

        Args:
            args: output (one, several, or None), inputs, state; in any order that stock Dash takes.
            service: a shared service, such as `Services.SHARED_MOST_RECENT`.
            lock: a name, a `threading.Lock` or an `asyncio.Lock`: callbacks with the same one do not overlap.
            kwargs: `output`, `inputs`, `state`, `prevent_initial_call` and `on_error`, as in stock Dash.

        Raises:
            DuplicateOutputError, CallbackCycleError, DeclarationError, ServiceError.
        """
        return self.callback(*args, service=service, lock=lock, **kwargs)

    def callback_s0(self, *args: Any, **kwargs: Any) -> Callable[[F], F]:
        """A regular callback, whatever the app's `callback_service` is."""
        return self.callback(*args, service=Services.S0, **kwargs)

    def callback_s2(self, *args: Any, **kwargs: Any) -> Callable[[F], F]:
        """A regular callback whose calls travel over the WebSocket and do not overlap: one of N devices."""
        return self.callback(*args, service=Services.S2, **kwargs)

    def clientside_callback(self, clientside_function: Any, *args: Any, **kwargs: Any) -> None:
        """As in stock Dash; the output may be None, the inputs may be shared."""
        args, kwargs = normal_arguments(args, kwargs)
        super().clientside_callback(clientside_function, *args, **kwargs)
        self.changed()

    def callback_connect(self, function: F) -> F:
        """Call `function(client, connect)` when a client comes (True) or has left (False).

        A plain function or a coroutine; several are allowed. What it returns, mods as for `push_mods`, goes to that
        client.
        """
        self.hub.connect_hooks.append((function, CellOutput.here()))
        return function

    def callback_authorize_output(self, function: F) -> F:
        """Ask `function(client, output_id)` before a client's callback; False refuses it.

        `output_id` is "id.prop", or "" for a callback without output. A change of a shared prop is refused, and undone
        on that page, if one of the callbacks that it would call is.
        """
        self.hub.authorizers.append(function)
        return function

    def _shared_callback(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], service: Services, lock: Any
    ) -> Callable[[F], F]:
        def wrap(function: F) -> F:
            spec, grouping, indices = shared_spec(args, kwargs, function, service=service, lock=lock)
            shared = SharedCallback(spec, function, grouping, indices, kwargs.get("on_error"), lock, CellOutput.here())
            self.shared.callbacks[spec] = shared
            try:
                self.runtime.enter(lambda: self.runtime.dispatcher.add_callback(spec))
            except Exception:
                del self.shared.callbacks[spec]
                raise
            self.changed()
            return function

        return wrap

    def _with_alternates(self, function: Callable[..., Any], no_output: bool) -> Callable[..., Any]:
        """Let a regular callback return alternate outputs, and anything where it has no output."""

        def result(returned: Any) -> Any:
            if is_alternate(returned):
                self._alternate(mods_of(returned, f"the alternate output of {function.__name__}"))
                return None if no_output else dash.no_update
            return None if no_output else returned

        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def wrapped_coroutine(*args: Any, **kwargs: Any) -> Any:
                return result(await function(*args, **kwargs))

            return wrapped_coroutine

        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            return result(function(*args, **kwargs))

        return wrapped

    def _alternate(self, plain: PlainMods) -> None:
        context = stock.current_context()
        client = getattr(context, "client", None)
        if client is not None and client.id in self.runtime.pages:
            self.push_to(client, plain)
            return
        for (component_id, prop), value in plain:
            context.updated_props.setdefault(component_id, {})[prop] = value

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
        encoded = self._encoded(plain)
        with self.runtime.lock:
            actions, wave = self.runtime.dispatcher.receive_push(encoded)
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

    # ---- running

    def _run_call(self, call: Laned) -> None:
        if isinstance(call, Call):
            self.shared.run(call)
        elif isinstance(call, RegularCall):
            self.regular.run(call)

    def _report(self, error: BaseException, call: Call | None, client: Client | None) -> None:
        """A callback has raised: keep it, show it under its cell, tell the page that caused it."""
        self.runtime.errors.append(error)
        output = self.shared.callbacks[call.spec].output if call and call.spec in self.shared.callbacks else None
        (output or CellOutput.here()).show_exception(error)
        name = call.spec.name if call else "a callback"
        page = self.runtime.pages.get(client.id) if client else None
        if page is not None:
            html = self.error_page(error) if isinstance(error, Exception) and self.debugging else ""
            with self.runtime.lock:
                page.send_notice("error", f"{type(error).__name__}: {error}", f"{name} failed", html if call else "")
            self.runtime.flush()


def _caller_name() -> str:
    for frame in inspect.stack():
        if frame.function == "<module>":
            return str(frame.frame.f_globals.get("__name__", "__main__"))
    return "__main__"

"""The decorators of `Dash`, which declare callbacks."""

from __future__ import annotations

import functools
import hashlib
import inspect
from collections.abc import Callable, Iterable
from contextlib import aclosing
from typing import Any, TypeVar

import dash

from dash_devices_nb.app.access.permissions import role_needed
from dash_devices_nb.app.api.run import Embedded
from dash_devices_nb.app.definitions.declare import (
    SharedCallback,
    check_keywords,
    name_of,
    normal_arguments,
    plain,
    queue_key_of,
    says_none,
    shared_spec,
    split_service,
)
from dash_devices_nb.app.definitions.registry import CallbackRegistry, Definition, Stats
from dash_devices_nb.app.execution.generators import in_steps
from dash_devices_nb.app.execution.outputs import PlainMods, is_alternate, mods_of
from dash_devices_nb.app.execution.regular_call import RegisteredCallback, RegularSpec
from dash_devices_nb.app.execution.shared_calls import SharedCalls
from dash_devices_nb.app.stock_dash import dash_internals
from dash_devices_nb.core.access.roles import Role
from dash_devices_nb.core.callbacks.propagation import Cause
from dash_devices_nb.core.callbacks.services import Services, check_callback_service
from dash_devices_nb.kernel.output import CellOutput

F = TypeVar("F", bound=Callable[..., Any])


class Callbacks(Embedded):
    """The decorators.

    Attributes:
        callbacks: the declared callbacks, with their cells and statistics.
    """

    callbacks: CallbackRegistry
    shared: SharedCalls
    callback_service: Services

    def callback(
        self,
        *args: Any,
        service: int | None = None,
        lock: Any = None,
        chain: bool = False,
        role: str | None = None,
        **kwargs: Any,
    ) -> Callable[[F], F]:
        """Declare a callback, as in stock Dash, or with another service.

        Args:
            args: output, inputs, state (and a service as the fourth, as in `dash_devices`), in any order that stock
            Dash
                accepts. With the output None, the callback acts, and has no initial call. Without any output, as in
                stock Dash, it is called when a page loads, unless `prevent_initial_call`.
            service: how it is called, and who gets its outputs. None: the app's `callback_service`.
            lock: for serialized services. Callbacks with the same lock do not overlap.
            chain: for a regular callback. The server calls it as soon as another's answer sets its input, so a chain
                costs the page one trip. It may be called with values that lead to nothing.
            role: the role that a client needs to call it: "view", "control" or "owner". None: "control" if it acts (a
                shared one, a serialized one, one without output), else "view". A change of a shared prop requires the
                highest role of the callbacks that it calls. Callbacks further down the chain are not checked.
            kwargs: all keywords of stock Dash.

        Raises:
            ServiceError: bits of the service clash.
            DeclarationError: a shared callback cannot be declared like this.
            RoleError: the role is unknown.
        """
        args, positional = split_service(args)
        chosen = next((s for s in (service, positional) if s is not None), self.callback_service)
        flags = check_callback_service(chosen)
        only_acts = says_none(args, kwargs)
        args, kwargs = normal_arguments(args, kwargs)
        wanted = None if role is None else Role(role)
        if flags.shared:
            check_keywords(kwargs, chain=chain)
            return lambda function: self._declare_shared(function, args, kwargs, flags, lock, wanted)
        return lambda function: self._declare_regular(
            function, args, kwargs, flags, lock, wanted, chain=chain, only_acts=only_acts
        )

    def callback_shared(
        self, *args: Any, service: int = Services.SHARED, lock: Any = None, role: str | None = None, **kwargs: Any
    ) -> Callable[[F], F]:
        """Declare a shared callback: one device, which all clients share.

        Its outputs go to all clients. Its calls do not overlap, and come in the order of the changes. It is called once
        when the app starts (if it has an output), and then for each change, whoever made it. Chains run on the server.
        A plain function runs in a thread, a coroutine on the callback loop.

        Args:
            args: output (one, several, or None), inputs, state, in any order that stock Dash accepts.
            service: a shared service, such as `Services.SHARED_MOST_RECENT`.
            lock: a name, a `threading.Lock` or an `asyncio.Lock`. Callbacks with the same lock do not overlap.
            role: the role that a client needs to call it. None: "control".
            kwargs: `output`, `inputs`, `state`, `prevent_initial_call` and `on_error`, as in stock Dash.

        Raises:
            DuplicateOutputError, CallbackCycleError, DeclarationError, ServiceError, RoleError.
        """
        return self.callback(*args, service=service, lock=lock, role=role, **kwargs)

    def callback_s0(self, *args: Any, **kwargs: Any) -> Callable[[F], F]:
        """Declare a regular callback, whatever the app's `callback_service` is."""
        return self.callback(*args, service=Services.S0, **kwargs)

    def callback_s2(self, *args: Any, **kwargs: Any) -> Callable[[F], F]:
        """Declare a regular callback whose calls go over the WebSocket and do not overlap: one of N devices."""
        return self.callback(*args, service=Services.S2, **kwargs)

    def clientside_callback(self, clientside_function: Any, *args: Any, **kwargs: Any) -> None:
        """As in stock Dash. The output may be None, and inputs may be shared."""
        args, kwargs = normal_arguments(args, kwargs)

        def declare() -> None:
            super(Callbacks, self).clientside_callback(clientside_function, *args, **kwargs)
            self._apart()

        outputs, inputs, state, _, _ = dash_internals.dependencies_of(args, kwargs)
        self._define("clientside", "clientside", inputs, state, dash_internals.flat_grouping(outputs), declare)

    def callback_connect(self, function: F) -> F:
        """Call `function(client, connect)` when a client joins (True) or has left (False).

        It is a plain function or a coroutine function; there may be several. Each is called for one event after the
        other, and `app.clients` lists the clients at that event. Mods that it returns, as for `push_mods`, are sent to
        that client.
        """
        hook = self.sessions.connect_hook(function, CellOutput.here())
        self._define_hook("connect", function, self.sessions.connect_hooks, hook)
        return function

    def callback_authorize_output(self, function: F) -> F:
        """Call `function(client, output_id)` before a callback of a client. False refuses the call.

        `output_id` is "id.prop", or "" for a callback without output. If a change of a shared prop would call a refused
        callback, the change is refused, and undone on that page.
        """
        self._define_hook("authorize", function, self.sessions.authorizers, function)
        return function

    # ---- how they are declared

    def _declare_shared(
        self,
        function: F,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        service: Services,
        lock: Any,
        role: Role | None,
    ) -> F:
        needed = role_needed(role, service, has_output=True)
        prevents = bool(self.config.prevent_initial_callbacks)
        spec, grouping, indices = shared_spec(
            args, kwargs, function, service=service, lock=lock, role=needed, prevents=prevents
        )
        output = CellOutput.here()
        callback = SharedCallback(spec, function, grouping, indices, kwargs.get("on_error"), lock, output)
        spec.driver.append(callback)
        dispatcher = self.runtime.dispatcher

        def put() -> None:
            self.shared.callbacks[spec] = callback
            try:
                self.runtime.enter(lambda: dispatcher.add_callback(spec, hold=self.callbacks.running is not None))
            except Exception:
                del self.shared.callbacks[spec]
                raise

        def withdraw() -> None:
            with self.runtime.lock:
                dispatcher.remove_callback(spec)
            self.shared.callbacks.pop(spec, None)

        definition = Definition(
            "shared",
            spec.name,
            _names(spec.inputs),
            _names(spec.state),
            _names(spec.outputs),
            output,
            withdraw,
            put,
            _qualname(function),
        )
        callback.definition = definition
        self.callbacks.add(definition, put)
        return function

    def _declare_regular(
        self,
        function: F,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        service: Services,
        lock: Any,
        role: Role | None,
        *,
        chain: bool,
        only_acts: bool,
    ) -> F:
        name = name_of(function)
        dash_internals.check_generator(function, name)
        spec = RegularSpec(name, service, queue_key_of(service, lock), CellOutput.here(), function)

        def declare() -> None:
            decorate = super(Callbacks, self).callback(*args, **kwargs)
            no_output = bool(self.last_declared()["no_output"])
            in_background = kwargs.get("background")
            decorate(function if in_background else self._with_alternates(function, only_acts, no_output))
            declared = self._apart()
            spec.role = role_needed(role, service, has_output=not declared["no_output"])
            if only_acts or service & Services.NO_CLIENT_INITIAL_CALLBACK:
                declared["prevent_initial_call"] = True
            self.regular.specs[declared["output"]] = spec
            if chain and not declared["background"] and not declared["no_output"]:
                self.regular.speculation.outputs.add(declared["output"])
            if path := kwargs.get("api_endpoint"):
                self.serves_api(path, declared["output"])

        outputs, inputs, state, _, _ = dash_internals.dependencies_of(args, kwargs)
        flat = [outputs] if isinstance(outputs, dash.Output) else dash_internals.flat_grouping(outputs)
        spec.definition = self._define("regular", name, inputs, state, flat, declare, _qualname(function), spec)
        return function

    def _apart(self) -> dict[str, Any]:
        """Tell the callback that was just declared from others without output on the same inputs.

        Stock Dash names those after their inputs, and calls the newest for all of them. Returns its declaration.
        """
        declared = self.last_declared()
        if declared["no_output"]:
            name = first = declared["output"]
            number = 1
            while self.regular.newest(name) is not None:
                number += 1
                name = hashlib.sha256(f"{first} {number}".encode()).hexdigest()
            if name != first:
                self.rename_last(name)
                self.register(first, older.registered if (older := self.regular.newest(first)) else None)
        return declared

    def _define(
        self,
        kind: str,
        name: str,
        inputs: list[Any],
        state: list[Any],
        outputs: list[Any],
        declare: Callable[[], None],
        qualname: str = "",
        spec: RegularSpec | None = None,
    ) -> Definition:
        """Declare a callback that Dash keeps in its tables: a list, and by output how to call it.

        Stock Dash lets several have one output, of which the newest is called; so each is known by its place in the
        list, and when one goes the newest that is left is called.
        """
        registration: RegisteredCallback
        place = -1

        def put() -> None:
            nonlocal registration
            declare()
            registration = RegisteredCallback(*self.registered_last(), spec)
            self.regular.registrations.append(registration)
            self.regular.declared.add(registration.output)
            with self.runtime.lock:
                self.sessions.returning.declares(registration.output)

        def withdraw() -> None:
            nonlocal place
            place = self.take_out(registration.declared)
            self.regular.registrations.remove(registration)
            left = self.regular.newest(registration.output)
            self.register(registration.output, left.registered if left else None)

        def restore() -> None:
            self.put_back(place, registration.declared)
            self.regular.registrations.append(registration)
            self.regular.newest(registration.output)
            self.register(registration.output, registration.registered)

        definition = Definition(
            kind,
            name,
            _names(inputs),
            _names(state),
            _names(outputs),
            CellOutput.here(),
            withdraw,
            restore,
            qualname,
        )
        self.callbacks.add(definition, put)
        return definition

    def _define_hook(self, kind: str, function: Callable[..., Any], hooks: list[Any], hook: Any) -> None:
        definition = Definition(
            kind,
            name_of(function),
            (),
            (),
            (),
            CellOutput.here(),
            lambda: hooks.remove(hook),
            lambda: hooks.append(hook),
            _qualname(function),
            getattr(hook, "stats", None) or Stats(),
        )
        self.callbacks.add(definition, lambda: hooks.append(hook))

    # ---- alternate outputs of regular callbacks

    def _with_alternates(self, function: Callable[..., Any], only_acts: bool, no_output: bool) -> Callable[..., Any]:
        """Let a regular callback return alternate outputs, and anything where its output is None.

        One that names no output at all is stock Dash's, which raises if it returns something.
        """
        nothing = None if no_output else dash.no_update

        def result(returned: Any) -> Any:
            if is_alternate(returned):
                self._alternate(mods_of(returned, f"the alternate output of {name_of(function)}"))
                return nothing
            return None if only_acts else returned

        if inspect.isasyncgenfunction(function):

            @functools.wraps(function)
            async def wrapped_generator(*args: Any, **kwargs: Any) -> Any:
                async with aclosing(function(*args, **kwargs)) as answers:
                    async for returned in answers:
                        yield result(returned)

            return wrapped_generator

        if inspect.isgeneratorfunction(function):

            @functools.wraps(function)
            async def wrapped_steps(*args: Any, **kwargs: Any) -> Any:
                async with aclosing(in_steps(function(*args, **kwargs), self.regular.step)) as answers:
                    async for returned in answers:
                        yield result(returned)

            return wrapped_steps

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
        context = dash_internals.current_context()
        client = getattr(context, "client", None)
        if client is not None and client.id in self.runtime.pages:
            self.answer_to(client, plain, getattr(context, "cause", None))
            return
        for (component_id, prop), value in plain:
            context.updated_props.setdefault(component_id, {})[prop] = value

    def answer_to(self, client: Any, plain: PlainMods, cause: Cause | None) -> None:
        """Send what a regular callback set to the client that asked."""
        raise NotImplementedError


def _qualname(function: Callable[..., Any]) -> str:
    return str(getattr(plain(function), "__qualname__", ""))


def _names(dependencies: Iterable[Any]) -> tuple[str, ...]:
    return tuple(map(str, dependencies))

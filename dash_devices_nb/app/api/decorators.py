"""What the decorators of `Dash` do: they declare callbacks."""

from __future__ import annotations

import functools
import hashlib
import inspect
from collections.abc import Callable, Iterable
from contextlib import aclosing
from typing import TypeVar

import dash

from dash_devices_nb.app.access.permissions import role_needed
from dash_devices_nb.app.definitions.declare import (
    Lock,
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
from dash_devices_nb.app.execution.regular_calls import RegularCalls
from dash_devices_nb.app.execution.regular_registry import RegularRegistry
from dash_devices_nb.app.execution.runtime import Runtime
from dash_devices_nb.app.execution.shared_calls import SharedCalls
from dash_devices_nb.app.sessions.manager import SessionManager
from dash_devices_nb.app.stock_dash import dash_internals
from dash_devices_nb.app.stock_dash.types import (
    Argument,
    Arguments,
    Dependency,
    Function,
    JsonObject,
    Keywords,
    Returned,
)
from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.access.roles import Role
from dash_devices_nb.core.callbacks.propagation import Cause
from dash_devices_nb.core.callbacks.services import Services, check_callback_service
from dash_devices_nb.kernel.output import CellOutput

T = TypeVar("T")
F = TypeVar("F", bound=Function)


class Declarations:
    """Declares the callbacks of one app.

    Args:
        stock: the app's side of stock Dash.
        runtime: its runtime.
        callbacks: its definitions.
        shared: its shared callbacks.
        registry: its regular callbacks.
        regular: runs the regular callbacks.
        sessions: its sessions.
        answer_to: sends what a regular callback has set to the client that asked.
        service: the service of callbacks that name none.
    """

    def __init__(
        self,
        stock: dash_internals.StockDash,
        runtime: Runtime,
        callbacks: CallbackRegistry,
        shared: SharedCalls,
        registry: RegularRegistry,
        regular: RegularCalls,
        sessions: SessionManager,
        answer_to: Callable[[Client, PlainMods, Cause | None], None],
        service: Services,
    ) -> None:
        self._stock = stock
        self._runtime = runtime
        self._callbacks = callbacks
        self._shared = shared
        self._registry = registry
        self._regular = regular
        self._sessions = sessions
        self._answer_to = answer_to
        self._service = service

    def callback(
        self,
        args: Arguments,
        kwargs: Keywords,
        service: int | None,
        lock: Lock,
        role: str | None,
        *,
        chain: bool,
    ) -> Callable[[F], F]:
        """Make the decorator that declares a callback."""
        args, positional = split_service(args)
        chosen = next((s for s in (service, positional) if s is not None), self._service)
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

    def clientside_callback(self, clientside_function: object, args: Arguments, kwargs: Keywords) -> None:
        """Declare a clientside callback."""
        args, kwargs = normal_arguments(args, kwargs)

        def declare(definition: Definition) -> None:
            self._stock.clientside_callback(clientside_function, *args, **kwargs)
            self._apart()

        outputs, inputs, state, _, _ = dash_internals.dependencies_of(args, kwargs)
        self._define("clientside", "clientside", inputs, state, dash_internals.flat_grouping(outputs), declare)

    def connect_hook(self, function: Function) -> None:
        """Declare a connect hook."""
        hook = self._sessions.connect_hook(function, CellOutput.here())
        self._define_hook("connect", function, self._sessions.connect_hooks, hook)

    def authorize_hook(self, function: Function) -> None:
        """Declare an authorize hook."""
        self._define_hook("authorize", function, self._sessions.authorizers, function)

    # ---- how they are declared

    def _declare_shared(
        self,
        function: F,
        args: Arguments,
        kwargs: Keywords,
        service: Services,
        lock: Lock,
        role: Role | None,
    ) -> F:
        needed = role_needed(role, service, has_output=True)
        prevents = bool(self._stock.config.prevent_initial_callbacks)
        spec, grouping, indices = shared_spec(
            args, kwargs, function, service=service, lock=lock, role=needed, prevents=prevents
        )
        output = CellOutput.here()
        dispatcher = self._runtime.dispatcher

        def put() -> None:
            self._shared.callbacks[spec] = callback
            try:
                self._runtime.enter(lambda: dispatcher.add_callback(spec, hold=self._callbacks.running is not None))
            except Exception:
                del self._shared.callbacks[spec]
                raise

        def withdraw() -> None:
            with self._runtime.lock:
                dispatcher.remove_callback(spec)
            self._shared.callbacks.pop(spec, None)

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
        callback = SharedCallback(spec, function, grouping, indices, kwargs.get("on_error"), lock, output, definition)
        spec.driver.append(callback)
        self._callbacks.add(definition, put)
        return function

    def _declare_regular(
        self,
        function: F,
        args: Arguments,
        kwargs: Keywords,
        service: Services,
        lock: Lock,
        role: Role | None,
        *,
        chain: bool,
        only_acts: bool,
    ) -> F:
        name = name_of(function)
        dash_internals.check_generator(function, name)
        output = CellOutput.here()

        def declare(definition: Definition) -> RegularSpec:
            decorate = self._stock.callback(*args, **kwargs)
            no_output = bool(self._stock.last_declared()["no_output"])
            in_background = kwargs.get("background")
            decorate(function if in_background else self._with_alternates(function, only_acts, no_output))
            declared = self._apart()
            needed = role_needed(role, service, has_output=not declared["no_output"])
            spec = RegularSpec(name, service, queue_key_of(service, lock), output, function, definition, needed)
            if only_acts or service & Services.NO_CLIENT_INITIAL_CALLBACK:
                declared["prevent_initial_call"] = True
            self._registry.specs[declared["output"]] = spec
            if chain and not declared["background"] and not declared["no_output"]:
                self._regular.speculation.outputs.add(declared["output"])
            if path := kwargs.get("api_endpoint"):
                self._stock.serves_api(path, declared["output"])
            return spec

        outputs, inputs, state, _, _ = dash_internals.dependencies_of(args, kwargs)
        flat = [outputs] if isinstance(outputs, dash.Output) else dash_internals.flat_grouping(outputs)
        self._define("regular", name, inputs, state, flat, declare, _qualname(function))
        return function

    def _apart(self) -> JsonObject:
        """Tell the callback that was just declared from others without output on the same inputs.

        Stock Dash names those after their inputs, and calls the newest for all of them. Returns its declaration.
        """
        declared = self._stock.last_declared()
        if declared["no_output"]:
            name = first = declared["output"]
            number = 1
            while self._registry.newest(name) is not None:
                number += 1
                name = hashlib.sha256(f"{first} {number}".encode()).hexdigest()
            if name != first:
                self._stock.rename_last(name)
                self._stock.register(first, older.registered if (older := self._registry.newest(first)) else None)
        return declared

    def _define(
        self,
        kind: str,
        name: str,
        inputs: list[Dependency],
        state: list[Dependency],
        outputs: list[Dependency],
        declare: Callable[[Definition], RegularSpec | None],
        qualname: str = "",
    ) -> None:
        """Declare a callback that Dash keeps in its tables: a list, and by output how to call it.

        Stock Dash lets several have one output, of which the newest is called; so each is known by its place in the
        list, and when one goes the newest that is left is called.
        """
        registration: RegisteredCallback
        place = -1

        def put() -> None:
            nonlocal registration
            spec = declare(definition)
            registration = RegisteredCallback(*self._stock.registered_last(), spec)
            self._registry.registrations.append(registration)
            self._registry.declared.add(registration.output)
            with self._runtime.lock:
                self._sessions.returning.declares(registration.output)

        def withdraw() -> None:
            nonlocal place
            place = self._stock.take_out(registration.declared)
            self._registry.registrations.remove(registration)
            left = self._registry.newest(registration.output)
            self._stock.register(registration.output, left.registered if left else None)

        def restore() -> None:
            self._stock.put_back(place, registration.declared)
            self._registry.registrations.append(registration)
            self._registry.newest(registration.output)
            self._stock.register(registration.output, registration.registered)

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
        self._callbacks.add(definition, put)

    def _define_hook(self, kind: str, function: Function, hooks: list[T], hook: T) -> None:
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
        self._callbacks.add(definition, lambda: hooks.append(hook))

    # ---- alternate outputs of regular callbacks

    def _with_alternates(self, function: Function, only_acts: bool, no_output: bool) -> Function:
        """Let a regular callback return alternate outputs, and anything where its output is None.

        One that names no output at all is stock Dash's, which raises if it returns something.
        """
        nothing = None if no_output else dash.no_update

        def result(returned: Returned) -> Returned:
            if is_alternate(returned):
                self._alternate(mods_of(returned, f"the alternate output of {name_of(function)}"))
                return nothing
            return None if only_acts else returned

        if inspect.isasyncgenfunction(function):

            @functools.wraps(function)
            async def wrapped_generator(*args: Argument, **kwargs: Argument) -> Returned:
                async with aclosing(function(*args, **kwargs)) as answers:
                    async for returned in answers:
                        yield result(returned)

            return wrapped_generator

        if inspect.isgeneratorfunction(function):

            @functools.wraps(function)
            async def wrapped_steps(*args: Argument, **kwargs: Argument) -> Returned:
                async with aclosing(in_steps(function(*args, **kwargs), self._regular.step)) as answers:
                    async for returned in answers:
                        yield result(returned)

            return wrapped_steps

        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def wrapped_coroutine(*args: Argument, **kwargs: Argument) -> Returned:
                return result(await function(*args, **kwargs))

            return wrapped_coroutine

        @functools.wraps(function)
        def wrapped(*args: Argument, **kwargs: Argument) -> Returned:
            return result(function(*args, **kwargs))

        return wrapped

    def _alternate(self, plain: PlainMods) -> None:
        context = dash_internals.current_context()
        client = getattr(context, "client", None)
        if client is not None and client.id in self._runtime.pages:
            self._answer_to(client, plain, getattr(context, "cause", None))
            return
        for (component_id, prop), value in plain:
            context.updated_props.setdefault(component_id, {})[prop] = value


def _qualname(function: Function) -> str:
    return str(getattr(plain(function), "__qualname__", ""))


def _names(dependencies: Iterable[Dependency]) -> tuple[str, ...]:
    return tuple(map(str, dependencies))

"""From the arguments of a callback decorator to what the dispatcher needs."""

from __future__ import annotations

import asyncio
import functools
import inspect
import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

import dash
from dash.dependencies import Wildcard

from dash_devices_nb.app.stock_dash import dash_internals
from dash_devices_nb.core.access.roles import Role
from dash_devices_nb.core.callbacks.services import Services, check_callback_service
from dash_devices_nb.core.callbacks.spec import CallbackSpec
from dash_devices_nb.core.props.ids import Ref, Wild, canonical
from dash_devices_nb.errors import DeclarationError

_SHARED_KEYWORDS = ("output", "inputs", "state", "prevent_initial_call", "on_error")
_THREAD_LOCKS = (type(threading.Lock()), type(threading.RLock()))


@dataclass(eq=False)
class SharedCallback:
    """A shared callback with its function.

    Attributes:
        spec: what the dispatcher knows of it.
        function: the program's function.
        grouping: its outputs, as they were grouped.
        indices: where each argument of the function comes from.
        on_error: what to call with an exception, or None.
        lock: a lock of the program's to hold during a call, or None.
        output: where what it prints goes to.
        definition: its place in `app.callbacks`.
    """

    spec: CallbackSpec
    function: Callable[..., Any]
    grouping: Any
    indices: Any
    on_error: Callable[[Exception], Any] | None
    lock: Any
    output: Any
    definition: Any = None


def split_service(args: tuple[Any, ...]) -> tuple[tuple[Any, ...], Any]:
    """Take a service out of the positional arguments, where the original has it: fourth."""
    services = [arg for arg in args if isinstance(arg, int) and not isinstance(arg, bool)]
    if len(services) > 1:
        raise DeclarationError(f"a callback has one service, not {services!r}")
    rest = tuple(arg for arg in args if not (isinstance(arg, int) and not isinstance(arg, bool)))
    return rest, services[0] if services else None


def says_none(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether the output is said to be None, as in the original, rather than left out, as in stock Dash."""
    return kwargs.get("output", ()) is None or (bool(args) and args[0] is None)


def normal_arguments(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Make the original's arguments Dash's.

    An output None is no output, `state` may come alone by its name, and the original's programs give None for a state
    or a service (the fourth) that is none.

    Raises:
        DeclarationError: there is a None in another place.
    """
    kwargs = dict(kwargs)
    _check_nones(args)
    if "output" in kwargs and kwargs["output"] is None:
        del kwargs["output"]
    args = tuple(arg for arg in args if arg is not None)
    if kwargs.get("state", ()) is None or kwargs.get("state") in ((), []):
        kwargs.pop("state", None)
    if "state" in kwargs and "inputs" not in kwargs:
        state = kwargs.pop("state")
        args = (*args, list(state) if isinstance(state, list | tuple) else [state])
    return args, kwargs


def _check_nones(args: tuple[Any, ...]) -> None:
    """Refuse a None that stands for none of what the original lets be None. Raises DeclarationError."""
    for place, arg in enumerate(args):
        ends = all(later is None for later in args[place:])
        if arg is None and place != 0 and not (ends and place in (2, 3)):
            raise DeclarationError(
                f"a callback got None as argument {place + 1} of {len(args)}; None stands for the output (the first), "
                "the state (the third) or the service (the fourth): callback(None, [Input(...)], None, None)"
            )


def shared_spec(
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    function: Callable[..., Any],
    *,
    service: Any,
    lock: Any,
    role: Role = Role.CONTROL,
    prevents: bool = False,
) -> tuple[CallbackSpec, Any, Any]:
    """The spec, the grouping of the outputs and the indices of the arguments of a shared callback.

    `prevents` is the app's `prevent_initial_callbacks`, which counts where the callback says nothing.

    Raises:
        DeclarationError, ServiceError: it cannot be declared so.
    """
    args, kwargs = normal_arguments(args, kwargs)
    grouping, inputs, state, indices, prevent = dash_internals.dependencies_of(args, kwargs)
    outputs = [grouping] if isinstance(grouping, dash.Output) else dash_internals.flat_grouping(grouping)
    name = name_of(function)
    if not inputs:
        raise DeclarationError(f"the shared callback {name} has no Input; it would never be called")
    if any(getattr(each, "partial_pattern", False) for each in (*inputs, *state, *outputs)):
        raise DeclarationError(
            f"the shared callback {name} has partial_pattern=True, which regular callbacks take; name all keys"
        )
    flags = check_callback_service(service)
    coroutine = inspect.iscoroutinefunction(function)
    check_lock(lock, name, coroutine=coroutine)
    spec = CallbackSpec(
        name=name,
        inputs=tuple(map(ref_of, inputs)),
        state=tuple(map(ref_of, state)),
        outputs=tuple(map(ref_of, outputs)),
        service=flags,
        queue_key=queue_key_of(flags, lock),
        initial=not (prevents if prevent is None else prevent),
        coroutine=coroutine,
        several=not isinstance(grouping, dash.Output),
        allow_duplicate=frozenset(n for n, out in enumerate(outputs) if out.allow_duplicate),
        role=role,
        optional=frozenset(n for n, each in enumerate(inputs) if each.allow_optional),
    )
    return spec, grouping, indices


def check_keywords(kwargs: dict[str, Any], *, chain: bool) -> None:
    """Refuse what a shared callback cannot follow. Raises DeclarationError."""
    unknown = [name for name in kwargs if name not in _SHARED_KEYWORDS]
    if unknown:
        raise DeclarationError(
            f"a shared callback does not take {', '.join(unknown)}; it takes {', '.join(_SHARED_KEYWORDS)}, service, "
            "lock and role"
        )
    if chain:
        raise DeclarationError("chain= is for regular callbacks; shared ones chain on the server by themselves")


def name_of(function: Any) -> str:
    """How to call a callback: its function's name, that of a partial's function, or of the class of an object."""
    function = plain(function)
    return str(getattr(function, "__name__", type(function).__name__))


def plain(function: Any) -> Any:
    """The function of a `functools.partial`, any other as it is."""
    while isinstance(function, functools.partial):
        function = function.func
    return function


def queue_key_of(service: Services, lock: Any) -> Hashable | None:
    """The serial queue of a callback: its lock's, or its own if it is serialized."""
    if lock is not None:
        return lock if isinstance(lock, str | int) else id(lock)
    return object() if service & Services.SERIALIZED_CALLBACK else None


def check_lock(lock: Any, name: str, *, coroutine: bool) -> None:
    """Refuse what cannot serve as `lock=`. Raises DeclarationError."""
    if lock is None or isinstance(lock, str | int):
        return
    if isinstance(lock, asyncio.Lock):
        if not coroutine:
            raise DeclarationError(
                f"lock= of {name} is an asyncio.Lock, but {name} is a plain function; give a threading.Lock or a name"
            )
    elif not isinstance(lock, _THREAD_LOCKS):
        raise DeclarationError(
            f"lock= of {name} is {lock!r}; it takes a name (string), a threading.Lock or RLock, or an asyncio.Lock"
        )
    elif coroutine:
        raise DeclarationError(
            f"lock= of {name} is a thread lock, but {name} is a coroutine; give an asyncio.Lock or a name"
        )


def ref_of(dependency: Any) -> Ref:
    """A Dash dependency as the core knows it."""
    component_id = dependency.component_id
    prop = dependency.component_property
    if isinstance(component_id, str):
        return Ref(component_id, prop)
    if not dependency.has_wildcard():
        return Ref(canonical(component_id), prop)
    pattern = tuple(
        (key, Wild[value.name] if isinstance(value, Wildcard) else value) for key, value in sorted(component_id.items())
    )
    return Ref(dependency.component_id_str(), prop, pattern)

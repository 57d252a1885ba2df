"""Reads the arguments of a callback decorator."""

from __future__ import annotations

import asyncio
import functools
import inspect
import threading
from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TypeAlias

import dash
from dash.dependencies import Wildcard

from dash_devices_nb.app.definitions.registry import Definition
from dash_devices_nb.app.stock_dash import dash_internals
from dash_devices_nb.app.stock_dash.types import Arguments, Dependency, Function, Grouping, Keywords, Returned
from dash_devices_nb.core.access.roles import Role
from dash_devices_nb.core.callbacks.services import Services, check_callback_service
from dash_devices_nb.core.callbacks.spec import CallbackSpec
from dash_devices_nb.core.props.ids import Ref, Wild, canonical
from dash_devices_nb.errors import DeclarationError
from dash_devices_nb.kernel.output import CellOutput

_SHARED_KEYWORDS = ("output", "inputs", "state", "prevent_initial_call", "on_error")
Lock: TypeAlias = str | int | AbstractContextManager[object] | asyncio.Lock | None
"""What `lock=` takes: a name, a thread's lock, or a coroutine's."""
_THREAD_LOCKS = (type(threading.Lock()), type(threading.RLock()))
_OF_A_LOCK = ("acquire", "release", "__enter__", "__exit__")
"""What an object has that can take a lock's place, such as the lock of a device's bus."""


@dataclass(eq=False)
class SharedCallback:
    """A shared callback with its function.

    Attributes:
        spec: what the dispatcher knows of it.
        function: the program's function.
        grouping: its outputs, as the program grouped them.
        indices: where each argument of the function comes from.
        on_error: called with an exception. None: the app's own handler.
        lock: a lock of the program that is held during a call, or None.
        output: the cell that gets its output.
        definition: its place in `app.callbacks`.
    """

    spec: CallbackSpec
    function: Function
    grouping: Grouping
    indices: Grouping
    on_error: Callable[[Exception], Returned] | None
    lock: Lock
    output: CellOutput
    definition: Definition


def split_service(args: Arguments) -> tuple[Arguments, int | None]:
    """Split the service from the positional arguments. `dash_devices` takes it as the fourth."""
    services = [arg for arg in args if isinstance(arg, int) and not isinstance(arg, bool)]
    if len(services) > 1:
        raise DeclarationError(f"a callback has one service, not {services!r}")
    rest = tuple(arg for arg in args if not (isinstance(arg, int) and not isinstance(arg, bool)))
    return rest, services[0] if services else None


def says_none(args: Arguments, kwargs: Keywords) -> bool:
    """Whether the output is None, as `dash_devices` allows, rather than left out, as stock Dash allows."""
    return kwargs.get("output", ()) is None or (bool(args) and args[0] is None)


def normal_arguments(args: Arguments, kwargs: Keywords) -> tuple[Arguments, Keywords]:
    """Turn arguments as `dash_devices` takes them into those of stock Dash.

    The output None means no output. `state` may be the only keyword. Programs for `dash_devices` give None for a
    missing state or service (the fourth argument).

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


def _check_nones(args: Arguments) -> None:
    """Refuse a None that means nothing. Raises DeclarationError."""
    for place, arg in enumerate(args):
        ends = all(later is None for later in args[place:])
        if arg is None and place != 0 and not (ends and place in (2, 3)):
            raise DeclarationError(
                f"a callback got None as argument {place + 1} of {len(args)}; None stands for the output (the first), "
                "the state (the third) or the service (the fourth): callback(None, [Input(...)], None, None)"
            )


def shared_spec(
    args: Arguments,
    kwargs: Keywords,
    function: Function,
    *,
    service: int,
    lock: Lock,
    role: Role = Role.CONTROL,
    prevents: bool = False,
) -> tuple[CallbackSpec, Grouping, Grouping]:
    """Make the spec of a shared callback. Also returns the grouping of its outputs and the indices of its arguments.

    `prevents` is the app's `prevent_initial_callbacks`. It applies if the callback itself says nothing.

    Raises:
        DeclarationError, ServiceError: a shared callback cannot be declared like this.
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


def check_keywords(kwargs: Keywords, *, chain: bool) -> None:
    """Refuse keywords that a shared callback does not support. Raises DeclarationError."""
    unknown = [name for name in kwargs if name not in _SHARED_KEYWORDS]
    if unknown:
        raise DeclarationError(
            f"a shared callback does not take {', '.join(unknown)}; it takes {', '.join(_SHARED_KEYWORDS)}, service, "
            "lock and role"
        )
    if chain:
        raise DeclarationError("chain= is for regular callbacks; shared ones chain on the server by themselves")


def name_of(function: Function) -> str:
    """The name of a callback: of its function, of the function of a partial, or of the class of a callable object."""
    function = plain(function)
    return str(getattr(function, "__name__", type(function).__name__))


def plain(function: Function) -> Function:
    """Unwrap a `functools.partial`."""
    while isinstance(function, functools.partial):
        function = function.func
    return function


def queue_key_of(service: Services, lock: Lock) -> Hashable | None:
    """The serial queue of a callback: the queue of its lock, or its own if it is serialized."""
    if lock is not None:
        return lock if isinstance(lock, str | int) else id(lock)
    return object() if service & Services.SERIALIZED_CALLBACK else None


def check_lock(lock: Lock, name: str, *, coroutine: bool) -> None:
    """Check the argument `lock=`. Raises DeclarationError."""
    if lock is None or isinstance(lock, str | int):
        return
    if isinstance(lock, asyncio.Lock):
        if not coroutine:
            raise DeclarationError(
                f"lock= of {name} is an asyncio.Lock, but {name} is a plain function; give a threading.Lock or a name"
            )
    elif not isinstance(lock, _THREAD_LOCKS) and not all(hasattr(lock, each) for each in _OF_A_LOCK):
        raise DeclarationError(
            f"lock= of {name} is {lock!r}; it takes a name (string), a threading.Lock or RLock, or an asyncio.Lock"
        )
    elif coroutine:
        raise DeclarationError(
            f"lock= of {name} is a thread lock, but {name} is a coroutine; give an asyncio.Lock or a name"
        )


def ref_of(dependency: Dependency) -> Ref:
    """Turn a Dash dependency into a `Ref`."""
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

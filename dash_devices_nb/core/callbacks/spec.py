"""The declaration of a shared callback, and the callbacks that it resolves to.

A declaration without `MATCH` resolves to one callback. With `MATCH` it resolves to one callback for each combination of
values among the known components.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias, TypeGuard, cast

from dash_devices_nb.core.access.roles import Role
from dash_devices_nb.core.callbacks.services import Services
from dash_devices_nb.core.props.ids import Bindings, Key, Ref


@dataclass(frozen=True, eq=False)
class CallbackSpec:
    """A callback that the server dispatches.

    Attributes:
        name: the function's name, for messages.
        inputs, state, outputs: its dependencies, flat.
        service: its service.
        queue_key: calls with equal keys run one after the other. None: they run concurrently.
        initial: whether it has an initial call.
        coroutine: whether it runs on the callback loop rather than in a worker.
        several: whether it returns a value for each output (a list of outputs) rather than one.
        allow_duplicate: indices of outputs that may have another callback.
        role: what a client needs to call it.
        optional: indices of inputs whose component may be missing. Its value is None then.
        driver: what the driver runs for it. It is kept here, so that it lives as long as calls of a removed callback
        do.
    """

    name: str
    inputs: tuple[Ref, ...]
    state: tuple[Ref, ...]
    outputs: tuple[Ref, ...]
    service: Services = Services.SHARED
    queue_key: Hashable | None = None
    initial: bool = True
    coroutine: bool = False
    several: bool = False
    allow_duplicate: frozenset[int] = field(default_factory=frozenset)
    role: Role = Role.CONTROL
    optional: frozenset[int] = field(default_factory=frozenset)
    driver: list[object] = field(default_factory=list, repr=False)

    @property
    def refs(self) -> tuple[Ref, ...]:
        """All dependencies."""
        return self.inputs + self.state + self.outputs

    # Each is asked for every change, and `&` of an IntFlag makes an object.
    @cached_property
    def most_recent(self) -> bool:
        """Whether a newer waiting call replaces an older one."""
        return bool(self.service & Services.MOST_RECENT)

    @cached_property
    def shows_others(self) -> bool:
        """Whether a change of its inputs is sent to the other clients at once."""
        return bool(self.service & Services.SHARE_WITH_OTHER_CLIENTS)

    def __str__(self) -> str:
        outputs = ", ".join(map(str, self.outputs)) or "None"
        return f"{self.name}({', '.join(map(str, self.inputs))}) -> {outputs}"


Slot: TypeAlias = Key | tuple[Key, ...]
"""Where one argument or output goes: one prop, or a list of props (`ALL`, `ALLSMALLER`)."""


@dataclass(frozen=True)
class ResolvedCallback:
    """A callback whose wildcards are resolved to components.

    Attributes:
        spec: its declaration.
        bindings: the values of its MATCH keys.
        inputs, state, outputs: its props, in the order of the declaration.
    """

    spec: CallbackSpec
    bindings: Bindings
    inputs: tuple[Slot, ...] = field(compare=False)
    state: tuple[Slot, ...] = field(compare=False)
    outputs: tuple[Slot, ...] = field(compare=False)

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        """Propagations look instances up a dozen times a change."""
        return hash((self.spec, self.bindings))

    @cached_property
    def input_keys(self) -> tuple[Key, ...]:
        """All its input props, flat."""
        return flat(self.inputs)

    @cached_property
    def output_keys(self) -> tuple[Key, ...]:
        """All its output props, flat."""
        return flat(self.outputs)


def flat(slots: tuple[Slot, ...]) -> tuple[Key, ...]:
    """The props of some slots."""
    keys: list[Key] = []
    for slot in slots:
        keys.extend([slot] if is_one(slot) else cast("tuple[Key, ...]", slot))
    return tuple(keys)


def is_one(slot: Slot) -> TypeGuard[Key]:
    """Whether a slot is one prop, and not a list of props."""
    return bool(slot) and isinstance(slot[0], str)

"""The types of values that drivers, programs and pages give, and that have no type of their own. Each has one name.

An alias says what a value is to us. `object` is for a value that we only pass on or look at with `isinstance`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

# ---- what a driver gives

SignalValue: TypeAlias = Any
"""The value of a signal, as its driver gives or takes it: a number, a text, an array, a member of an enum."""
Choices: TypeAlias = tuple[SignalValue, ...]
"""The values that a signal takes, or () for any."""
Range: TypeAlias = tuple[float | None, float | None]
"""The lowest and the highest number. None: no limit."""
Foreign: TypeAlias = Any
"""An object of a driver's library, whose attributes are read by name."""
Described: TypeAlias = dict[str, Any]
"""What a library says about a signal, by name."""
Hint: TypeAlias = object
"""An annotation of a program: a type, a text, or any expression."""
Extras: TypeAlias = list[Any]
"""What `Annotated` adds to a type."""

# ---- what a program gives

Function: TypeAlias = Callable[..., Any]
"""A function of a program."""
Arguments: TypeAlias = dict[str, Any]
"""The arguments of a procedure, by name."""
Argument: TypeAlias = Any
"""One of them, or one option that is passed on."""
Returned: TypeAlias = Any
"""What a program's function returned."""

# ---- pages

PropValue: TypeAlias = Any
"""The value of a prop, as Dash takes it: JSON."""
Props: TypeAlias = dict[str, PropValue]
"""Props of a component, or an object within one."""
PropMods: TypeAlias = dict[str, Props]
"""Props to set, by the id of their component."""
Component: TypeAlias = Any
"""A component of Dash, which has no types."""

"""The types of plain JSON values."""

from typing import Any, TypeAlias

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"
"""A JSON value of which nothing is known: whoever looks into it narrows it first."""

Plain: TypeAlias = Any
"""The plain value of a prop, as Dash and its components have it: JSON of a shape that only they know. This is the one
place where the core gives up on types. Use it for such values alone."""

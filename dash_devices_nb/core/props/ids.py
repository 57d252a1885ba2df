"""Component ids: a string, or a dict that patterns with `ALL`, `MATCH` and `ALLSMALLER` can match.

In the core an id is always a string. A dict id is its JSON with sorted keys and no spaces, as Dash writes it
(documented under "pattern-matching callbacks").
"""

from __future__ import annotations

import enum
import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from dash_devices_nb.core.props.json_types import Json

Key: TypeAlias = tuple[str, str]
"""A prop: (id, property)."""
Bindings: TypeAlias = tuple[tuple[str, Json], ...]
"""The values of the MATCH keys of a resolved callback, sorted by key."""


LONGEST = 10_000
"""The longest dict id, in characters. A longer one matches no pattern: only a page can have made it up."""


class Wild(enum.Enum):
    """The wildcards of a pattern."""

    MATCH = "MATCH"
    ALL = "ALL"
    ALLSMALLER = "ALLSMALLER"


def canonical(component_id: str | Mapping[str, object]) -> str:
    """The id as a string: itself, or a dict as sorted compact JSON."""
    if isinstance(component_id, str):
        return component_id
    pairs = (f"{json.dumps(k)}:{json.dumps(component_id[k])}" for k in sorted(component_id))
    return "{" + ",".join(pairs) + "}"


def named(keys: Collection[Key]) -> str:
    """Props as text for a message. Only the first few are named, and long ids are cut."""
    names = ", ".join(f"{component_id:.60}.{prop:.60}" for component_id, prop in list(keys)[:3])
    return names if len(keys) <= 3 else f"{names} and {len(keys) - 3} more"


def parsed(component_id: str) -> dict[str, Json] | None:
    """The dict of a dict id, or None for a string id. The result is shared: do not change it."""
    if not component_id.startswith("{") or len(component_id) > LONGEST:
        return None
    return _parsed(component_id)


@lru_cache(maxsize=4096)
def _parsed(component_id: str) -> dict[str, Json] | None:
    try:
        value = json.loads(component_id)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


@dataclass(frozen=True)
class Ref:
    """A dependency of a callback: a prop of one component, or of all components that match a pattern.

    Attributes:
        id: the canonical id, or the pattern as text.
        prop: the property.
        pattern: sorted (key, value or `Wild`) pairs; empty for a plain id.
    """

    id: str
    prop: str
    pattern: tuple[tuple[str, Json | Wild], ...] = ()

    @classmethod
    def read(cls, component_id: str, prop: str) -> Ref:
        """Parse a dependency as pages get it: the pattern is JSON, with wildcards such as ["ALL"]."""
        values = parsed(component_id)
        if values is None:
            return cls(component_id, prop)
        pattern = tuple((k, Wild[str(v[0])] if isinstance(v, list) else v) for k, v in sorted(values.items()))
        if not any(isinstance(value, Wild) for _, value in pattern):
            return cls(canonical(values), prop)
        return cls(component_id, prop, pattern)

    @property
    def key(self) -> Key:
        """(id, prop)."""
        return (self.id, self.prop)

    @property
    def many(self) -> bool:
        """Whether it has a list of values (`ALL`, `ALLSMALLER`)."""
        return any(v in (Wild.ALL, Wild.ALLSMALLER) for _, v in self.pattern)

    @property
    def match_keys(self) -> tuple[str, ...]:
        """The keys that have `MATCH`."""
        return tuple(k for k, v in self.pattern if v is Wild.MATCH)

    def __str__(self) -> str:
        return f"{self.id}.{self.prop}"

    def bind(self, component_id: str, bindings: Bindings | None = None) -> Bindings | None:
        """Match a component against the pattern.

        Args:
            component_id: a canonical id.
            bindings: the values that the MATCH keys must have. None: any values.

        Returns:
            The values of the MATCH keys, or None if the component does not match.
        """
        if not self.pattern:
            return () if component_id == self.id else None
        values = parsed(component_id)
        if values is None or len(values) != len(self.pattern):
            return None
        known = None if bindings is None else dict(bindings)
        found: list[tuple[str, Json]] = []
        for key, wanted in self.pattern:
            if key not in values:
                return None
            value = values[key]
            if wanted is Wild.ALL:
                continue
            if wanted is Wild.MATCH:
                if known is not None and key in known and known[key] != value:
                    return None
                found.append((key, value))
            elif wanted is Wild.ALLSMALLER:
                if known is not None and key in known and not _smaller(value, known[key]):
                    return None
            elif wanted != value:
                return None
        return tuple(found)

    def overlaps(self, other: Ref) -> bool:
        """Whether one component could match both."""
        if self.prop != other.prop:
            return False
        if not self.pattern:
            return other.bind(self.id) is not None
        if not other.pattern:
            return self.bind(other.id) is not None
        mine, theirs = dict(self.pattern), dict(other.pattern)
        return mine.keys() == theirs.keys() and all(
            isinstance(mine[k], Wild) or isinstance(theirs[k], Wild) or mine[k] == theirs[k] for k in mine
        )


def output_refs(output: str) -> list[Ref]:
    """The outputs of a callback, parsed from Dash's text for them. Marks of duplicates are left out."""
    names = output[2:-2].split("...") if output.startswith("..") else [output]
    parts = [name.rpartition(".") for name in names]
    return [Ref.read(component_id, prop.partition("@")[0]) for component_id, _, prop in parts]


def _smaller(value: Json, than: Json) -> bool:
    try:
        return bool(value < than)  # type: ignore[operator]
    except TypeError:
        return False


def stop_name(label: str) -> str:
    """The part of an address that stands for a stop button: different for different labels, such as "+" and "-"."""
    readable = "".join(each if each.isascii() and each.isalnum() else "-" for each in label.lower())
    return f"{readable[:40]}-{hashlib.sha256(label.encode()).hexdigest()[:12]}"

"""Values of props, each with its JSON, which is encoded once for all pages."""

from __future__ import annotations

import orjson

from dash_devices_nb.core.props.arrays import Arrays
from dash_devices_nb.core.props.json_limits import written
from dash_devices_nb.core.props.json_types import Plain

COMPONENT_MARK = b'"namespace":'
"""Occurs in the JSON of every value with components (and, harmlessly, in some others)."""

PATCH = "__dash_patch_update"
"""Occurs in the JSON of every `Patch` of Dash, and in no other value."""
BRACKETS = (b"[", b"{")
SMALL = 4096
_UNKNOWN: Plain = object()
"""Marks a plain object that was not made yet, or was released."""


class Value:
    """An immutable value: its JSON and the plain Python object. Each is made from the other on first use.

    It is thread-safe: making one twice gives equal results.

    Attributes:
        arrays: its JSON in pieces, with its arrays as bytes. None: it is sent as JSON to every page.
    """

    __slots__ = ("_holds", "_json", "_plain", "arrays")

    def __init__(self, json: bytes | None, arrays: Arrays | None = None) -> None:
        self._json = json
        self.arrays = arrays
        self._plain = _UNKNOWN
        self._holds: bool | None = None

    @classmethod
    def of(cls, plain: Plain) -> Value:
        """Make a value of a plain object (dict, list, str, int, float, bool, None), which must not change any more."""
        value = cls(None)
        value._plain = plain
        return value

    @property
    def json(self) -> bytes:
        """The value as JSON."""
        plain = self._plain  # before the JSON is asked for: it is let go once that is there
        if self._json is None:
            json = written(plain) if self.arrays is None else self.arrays.json
            # A copy: orjson leaves the object as large as its buffer was, 4 kB for a number.
            self._json = memoryview(json).tobytes() if len(json) < SMALL else json
            if len(json) >= SMALL and isinstance(plain, str):  # a long text is not kept twice
                self._plain = _UNKNOWN
        return self._json

    @property
    def plain(self) -> Plain:
        """The value as a plain object. Readers share it: do not change it, use `fresh()` for that."""
        plain = self._plain
        if plain is _UNKNOWN:
            plain = self._plain = orjson.loads(self.json)
        return plain

    def fresh(self) -> Plain:
        """The value as a new object, which the caller owns."""
        plain = self._plain
        return orjson.loads(self.json) if plain is _UNKNOWN or isinstance(plain, dict | list) else plain

    @property
    def size(self) -> int:
        """The bytes that it takes: those of its JSON, or of its arrays and what is around them."""
        return len(self.json) if self.arrays is None else self.arrays.size

    @property
    def may_hold_components(self) -> bool:
        """False if the value surely has no component."""
        if self._holds is None:
            # To look through a long text takes longer than to encode it, so it is done once, and never for a string.
            pieces = (self.json,) if self.arrays is None else self.arrays.pieces
            self._holds = pieces[0][:1] in BRACKETS and any(COMPONENT_MARK in piece for piece in pieces)
        return self._holds

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Value):
            return False
        if self.arrays is not None and other.arrays is not None:
            return self.arrays == other.arrays
        return self.json == other.json

    def __hash__(self) -> int:
        return hash(self.json)

    def __repr__(self) -> str:
        text = self.json.decode()
        return f"Value({text if len(text) <= 60 else text[:57] + '...'})"


class PatchValue(Value):
    """A list of `Patch` operations, to be applied to the current value.

    Its JSON is that of Dash's `Patch`. Pages apply it themselves.
    """

    __slots__ = ("operations",)

    def __init__(self, json: bytes, operations: list[dict[str, Plain]], arrays: Arrays | None = None) -> None:
        super().__init__(json, arrays)
        self.operations = operations

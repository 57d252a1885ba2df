"""Arrays of numbers in values: kept as bytes, and sent to pages as bytes.

JSON of a spectrum takes longer to write and to read than to draw. So a value may have, beside its JSON, the same JSON
in pieces, with the bytes of its arrays between them. Pages that can take bytes get those; everybody else, callbacks and
the journal included, sees the JSON as stock Dash has it, which is written only when somebody asks for it.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

ARRAY_PROPS = frozenset({"figure", "extendData", "prependData", "lines", "addLines"})
"""The props whose arrays are sent as bytes: those of a `dcc.Graph` and of a `Waterfall`. Others want lists."""
LEAST = 256
"""The bytes from which on an array is sent as such. For fewer, JSON is as good."""


@dataclass(frozen=True, slots=True)
class Packed:
    """An array that Plotly has packed, `{"dtype", "bdata", "shape"}`: this is its `bdata`, which is base64 in JSON."""

    data: bytes

    @property
    def json(self) -> bytes:
        """As in JSON."""
        return b'"%s"' % base64.b64encode(self.data)

    def placed(self, offset: int) -> bytes:
        """As in a binary frame: where the bytes are."""
        return b"[%d,%d]" % (offset, len(self.data))


@dataclass(frozen=True, slots=True)
class Numbers:
    """An array that is a list in JSON.

    Attributes:
        data: the numbers, little endian, row by row.
        dtype: their type, as Plotly names it: "f4", "f8", "i2"...
        shape: one or two dimensions.
        write: writes the array as a JSON list.
        thin: thins each row to at most so many numbers, each the highest of its part.
    """

    data: bytes
    dtype: str
    shape: tuple[int, ...]
    write: Callable[[Numbers], bytes]
    thin: Callable[[Numbers, int], Numbers]

    @property
    def json(self) -> bytes:
        """As in JSON."""
        return self.write(self)

    def placed(self, offset: int) -> bytes:
        """As in a binary frame: what it is, and where the bytes are. `list`: it is a list wherever it is JSON."""
        shape = ", ".join(map(str, self.shape)).encode()
        where = b"[%d,%d]" % (offset, len(self.data))
        return b'{"dtype":"%s","bdata":%s,"shape":"%s","list":1}' % (self.dtype.encode(), where, shape)


Array: TypeAlias = Packed | Numbers


@dataclass(frozen=True, slots=True)
class Arrays:
    """A value's JSON in pieces, and the arrays between them: one less than pieces."""

    pieces: tuple[bytes, ...]
    between: tuple[Array, ...]

    @property
    def size(self) -> int:
        """Bytes of the pieces and of the arrays."""
        return sum(map(len, self.pieces)) + sum([len(array.data) for array in self.between])

    @property
    def json(self) -> bytes:
        """The value as JSON."""
        return self._joined([array.json for array in self.between])

    def placed(self, offset: int) -> tuple[list[bytes], list[bytes]]:
        """The value as in a binary frame, with its arrays from `offset` on: the JSON and the bytes, each in parts."""
        parts = [self.pieces[0]]
        data: list[bytes] = []
        for array, piece in zip(self.between, self.pieces[1:], strict=True):
            parts += array.placed(offset), piece
            padded = aligned(len(array.data))
            data += array.data, bytes(padded - len(array.data))
            offset += padded
        return parts, data

    def within(self, before: bytes, after: bytes) -> Arrays:
        """With more JSON around it."""
        first, *others = self.pieces
        *inner, last = (before + first, *others)
        return Arrays((*inner, last + after), self.between)

    def _joined(self, texts: Sequence[bytes]) -> bytes:
        parts = [self.pieces[0]]
        for text, piece in zip(texts, self.pieces[1:], strict=True):
            parts += text, piece
        return b"".join(parts)


ALIGNMENT = 8
"""A browser reads numbers of so many bytes only at multiples of it."""


def aligned(length: int) -> int:
    """The next multiple of `ALIGNMENT`."""
    return -(-length // ALIGNMENT) * ALIGNMENT


def cut(json: bytes, token: bytes, arrays: Sequence[Array]) -> Arrays | None:
    """Cut a value's JSON where its arrays belong.

    Args:
        json: the JSON, in which a string stands for each array.
        token: how these strings begin, and no other. The place in `arrays` follows, as digits.
        arrays: the arrays.

    Returns:
        None if there is none.
    """
    if not arrays:
        return None
    pieces: list[bytes] = []
    between: list[Array] = []
    mark = b'"' + token
    at = 0
    while (place := json.find(mark, at)) >= 0:
        end = json.index(b'"', place + len(mark))
        pieces.append(json[at:place])
        between.append(arrays[int(json[place + len(mark) : end])])
        at = end + 1
    return Arrays((*pieces, json[at:]), tuple(between))

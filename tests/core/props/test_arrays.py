"""Values whose arrays are bytes: cut from JSON, placed in a binary frame, and JSON again for whoever asks."""

import json
import struct
from array import array

import pytest

from dash_devices_nb.core.props.arrays import ALIGNMENT, Arrays, Numbers, Packed, cut
from dash_devices_nb.core.props.event_props import MARK, EventValue
from dash_devices_nb.core.props.values import Value
from dash_devices_nb.core.protocol.frames import Frame
from dash_devices_nb.core.protocol.messages import OwnModsFrame, SharedModsFrame

BYTES = array("d", [1.5, 2.5, 3.5]).tobytes()


def as_list(numbers: Numbers) -> bytes:
    return json.dumps(array("d", numbers.data).tolist(), separators=(",", ":")).encode()


NUMBERS = Numbers(BYTES, "f8", (3,), as_list, lambda numbers, most: numbers)
PACKED = Packed(BYTES[:5])


def value() -> Value:
    """A value with an array of each kind."""
    text = b'{"y":"@0","bdata":"@1","z":"a@0"}'
    return Value(None, cut(text, b"@", [NUMBERS, PACKED]))


def read(message: bytes) -> tuple[dict, bytes]:
    """The JSON of a binary frame, and the bytes behind it."""
    zero, length = struct.unpack_from("!II", message)
    assert zero == 0
    start = -(-(8 + length) // ALIGNMENT) * ALIGNMENT
    return json.loads(message[8 : 8 + length]), message[start:]


def test_json_is_cut_only_where_a_string_stands_for_an_array():
    """Other strings stay, also those that have the token inside."""
    arrays = value().arrays
    assert arrays is not None
    assert arrays.pieces == (b'{"y":', b',"bdata":', b',"z":"a@0"}')
    assert cut(b'{"y":"@0"}', b"@", []) is None


def test_who_asks_for_json_gets_lists_and_base64():
    """As stock Dash has them."""
    assert json.loads(value().json) == {"y": [1.5, 2.5, 3.5], "bdata": "AAAAAAA=", "z": "a@0"}
    assert value().plain["y"] == [1.5, 2.5, 3.5]


def test_sizes_count_the_bytes_without_writing_json():
    """The journal and the limits ask for each value's size."""
    one = value()
    assert one.size == sum(map(len, one.arrays.pieces)) + len(BYTES) + 5
    assert one._json is None


def test_values_with_the_same_arrays_are_equal():
    """Also one with arrays and one with JSON."""
    other = Value(None, cut(b'{"y":"@0","bdata":"@1","z":"a@0"}', b"@", [NUMBERS, Packed(b"other")]))
    assert value() == value()
    assert value() != other
    assert value() == Value(value().json)


def test_components_are_looked_for_in_the_pieces():
    """Not in the bytes, and without writing JSON."""
    assert not value().may_hold_components
    with_one = Value(None, cut(b'[{"namespace":"html"},"@0"]', b"@", [NUMBERS]))
    assert with_one.may_hold_components
    assert not Value(None, cut(b'"@0"', b"@", [NUMBERS])).may_hold_components


@pytest.mark.parametrize("frame", [SharedModsFrame, lambda mods, r: OwnModsFrame(mods, r)])
def test_a_binary_frame_has_the_bytes_where_it_says(frame):
    """At multiples of eight; values without arrays are JSON in it as ever."""
    made = frame({("graph", "figure"): value(), ("a", "b"): Value(b"1")}, 7)
    message = made.encoded(4, arrays=True)
    assert Frame(message).binary
    head, data = read(message)
    assert head["a"] == [["graph", "figure"]]
    mods = head["frame"]["m"]
    assert mods["a"] == {"b": 1}
    y, packed = mods["graph"]["figure"]["y"], mods["graph"]["figure"]["bdata"]
    assert (y["dtype"], y["shape"], y["list"]) == ("f8", "3", 1)
    for (offset, length), wanted in ((y["bdata"], BYTES), (packed, BYTES[:5])):
        assert offset % ALIGNMENT == 0
        assert data[offset : offset + length] == wanted
    expected = json.loads(b"".join(frame({("a", "b"): Value(b"1")}, 7).encoded(4)))
    assert {**head["frame"], "m": 0} == {**expected, "m": 0}


def test_two_values_with_arrays_share_one_frame():
    """The bytes of the second are behind those of the first."""
    mods = {("g", name): Value(None, cut(b'"@0"', b"@", [Packed(name.encode() * 3)])) for name in ("one", "other")}
    head, data = read(SharedModsFrame(mods, 1).encoded(arrays=True))
    for name, (offset, length) in head["frame"]["m"]["g"].items():
        assert data[offset : offset + length] == name.encode() * 3


def test_whoever_takes_no_arrays_gets_json():
    """Programs, relays, and pages of an older script."""
    mods = {("graph", "figure"): value()}
    text = b"".join(SharedModsFrame(mods, 1).encoded())
    assert json.loads(text)["m"]["graph"]["figure"]["y"] == [1.5, 2.5, 3.5]
    assert not isinstance(SharedModsFrame({("a", "b"): Value(b"1")}, 1).encoded(arrays=True), bytes)


def test_an_event_keeps_the_arrays_of_its_value():
    """The mark goes around the pieces."""
    event = EventValue(value(), kept=True)
    assert isinstance(event.arrays, Arrays)
    assert json.loads(event.json) == {MARK: json.loads(value().json)}
    assert event.plain == value().plain


def test_values_of_arrays_are_equal_where_their_bytes_are():
    """Neither is written as JSON for that; one is, to be compared with a value that is JSON."""
    assert value() == value()
    assert value()._json is None
    assert value() == Value(value().json)
    assert value() != Value.of(1)
    assert value() != "@0"


def test_a_frame_says_whether_it_has_arrays():
    """Then pages that take them as bytes get another message."""
    assert SharedModsFrame({("a", "v"): value()}, 1).has_arrays
    assert not SharedModsFrame({("a", "v"): Value.of(1)}, 1).has_arrays

"""Messages as they go on the wire, read by the parser of the `websockets` library."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame as TheirFrame
from websockets.frames import Opcode
from websockets.streams import StreamReader

from dash_devices_nb.core.protocol.frames import Frame


def parsed(data: bytes) -> TheirFrame:
    """The one frame in these bytes, as a client reads it."""
    reader = StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    steps = TheirFrame.parse(reader.read_exact, mask=False)
    try:
        while True:
            next(steps)
    except StopIteration as done:
        frame = done.value
    with pytest.raises(StopIteration) as rest:
        next(reader.read_to_eof(1))
    assert rest.value.value == b"", "nothing follows the frame"
    return frame


@pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 65535, 65536, 70000])
def test_every_form_of_the_length(length):
    """7 bits, 16 bits and 64 bits, at both sides of their limits."""
    frame = parsed(Frame(b"x" * length).message)
    assert (frame.opcode, frame.fin, bytes(frame.data)) == (Opcode.BINARY, True, b"x" * length)


@given(st.text(max_size=300))
def test_text_travels_as_utf_8(text):
    """A page gets the characters that were sent."""
    frame = Frame(text)
    read = parsed(frame.message)
    assert read.opcode is Opcode.TEXT
    assert bytes(read.data).decode() == text == frame.text
    assert len(frame) == len(frame.payload) == len(text.encode())


@given(st.binary(max_size=300))
def test_our_bytes_are_those_that_the_library_would_send(data):
    """The same message, bit for bit, as the library serializes it for a server."""
    assert Frame(data).message == TheirFrame(Opcode.BINARY, data).serialize(mask=False)


@given(st.lists(st.text(max_size=100)))
def test_text_may_come_in_parts(parts):
    """As if it had come as one."""
    text = "".join(parts)
    frame = Frame([part.encode() for part in parts])
    assert (frame.message, len(frame), frame.text) == (Frame(text).message, len(text.encode()), text)


def test_the_representation_is_short():
    """A frame in a log does not fill it."""
    assert repr(Frame("x" * 1000)) == f"<Frame {b'x' * 60!r} of 1000 bytes>"
    assert repr(Frame(b"\0" * 1000)) == "<Frame 'binary' of 1000 bytes>"

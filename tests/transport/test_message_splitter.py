import random

import pytest
from websockets.frames import Frame, Opcode

from dash_devices_nb.transport.message_splitter import MessageSplitter

LIMIT = 100_000


def frame(opcode: Opcode, data: bytes, *, fin: bool = True, mask: bool = True) -> bytes:
    return Frame(opcode, data, fin).serialize(mask=mask)


def text(data: bytes) -> bytes:
    return frame(Opcode.TEXT, data)


@pytest.mark.parametrize("seed", range(5))
def test_messages_come_out_whole_however_their_bytes_come_in(seed):
    """Short, middling and long messages, in chunks of any size, several in one or one in several."""
    chance = random.Random(seed)
    messages = [chance.randbytes(size) for size in (0, 1, 125, 126, 127, 65535, 65536, 90_000, 3)]
    stream = b"".join(map(text, messages))
    splitter = MessageSplitter(LIMIT)
    found = []
    while stream:
        size = chance.choice((1, 2, 3, 7, 1000, 70_000))
        found += splitter.cut(stream[:size])
        stream = stream[size:]
    assert found == [(True, message) for message in messages]


def test_what_is_no_plain_message_goes_on_as_it_came():
    """Control and binary frames, and a message in fragments, with a ping between them, keep their places."""
    parts = [
        (text(b"one"), True),
        (frame(Opcode.PING, b"?"), False),
        (frame(Opcode.BINARY, b"\x00"), False),
        (frame(Opcode.TEXT, b"tw", fin=False), False),
        (frame(Opcode.PONG, b""), False),
        (frame(Opcode.CONT, b"o"), False),
        (text(b"three"), True),
        (frame(Opcode.CLOSE, b"\x03\xe8"), False),
    ]
    found = MessageSplitter(LIMIT).cut(b"".join(bytes_ for bytes_, _ in parts))
    assert found == [
        (True, b"one" if n == 0 else b"three") if ours else (False, b) for n, (b, ours) in enumerate(parts)
    ]


def test_a_message_within_a_fragmented_one_is_for_the_parser():
    """It breaks the rules, and the parser says so."""
    stream = [frame(Opcode.TEXT, b"o", fin=False), text(b"no")]
    assert MessageSplitter(LIMIT).cut(b"".join(stream)) == [(False, stream[0]), (False, stream[1])]


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(frame(Opcode.TEXT, b"open", mask=False), id="not masked"),
        pytest.param(b"\xc1" + text(b"deflated")[1:], id="reserved bit"),
        pytest.param(text(b"x" * (LIMIT + 1))[:20], id="too long, seen by its header"),
    ],
)
def test_from_what_breaks_the_rules_on_everything_is_for_the_parser(wrong):
    """The parser ends the connection with the right code."""
    splitter = MessageSplitter(LIMIT)
    assert splitter.cut(text(b"fine") + wrong) == [(True, b"fine"), (False, wrong)]
    more = text(b"more")
    assert splitter.cut(more) == [(False, more)]


def test_a_header_may_come_in_pieces():
    """The two first bytes, those of the length, the mask, and the payload."""
    for size in (5, 200, 70_000):
        message = b"x" * size
        stream = text(message)
        for cut in range(1, min(16, len(stream))):
            splitter = MessageSplitter(LIMIT)
            assert splitter.cut(stream[:cut]) == []
            assert splitter.cut(stream[cut:]) == [(True, message)]

"""Frame boundaries, compared with frames that the websockets library writes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Close, Frame, Opcode

from dash_devices_nb.server.proxy.frame_tracker import BY_ITSELF, FrameTooLong, FrameTracker, close_frame


def frame(length: int, *, mask: bool = False, opcode: Opcode = Opcode.BINARY) -> bytes:
    return Frame(opcode, b"x" * length).serialize(mask=mask)


@given(
    lengths=st.lists(st.sampled_from([0, 1, 125, 126, 127, 65_535, 65_536, 70_000]), max_size=6),
    mask=st.booleans(),
    cuts=st.lists(st.integers(0, 400_000), max_size=20),
)
def test_boundaries_are_found_however_the_bytes_are_cut(lengths: list[int], mask: bool, cuts: list[int]) -> None:
    """After each whole frame, and only there, the tracker is at a boundary."""
    frames = [frame(length, mask=mask) for length in lengths]
    stream = b"".join(frames)
    ends = {0}
    for whole in frames:
        ends.add(max(ends) + len(whole))
    tracker = FrameTracker(2**20)
    position = 0
    for cut in sorted({c for c in cuts if c < len(stream)} | {len(stream)}):
        position += tracker.feed(stream[position:cut])
        header = position in ends and cut - position < 14
        assert position == cut or header
        assert tracker.at_boundary is (position in ends)
    assert position == len(stream)
    assert not tracker.closing


def test_byte_by_byte_is_the_same() -> None:
    """A header that comes in pieces is followed once it is whole."""
    stream = frame(70_000, mask=True) + frame(0) + frame(200) + frame(3)
    tracker = FrameTracker(2**20)
    boundaries = 0
    waiting = b""
    for byte in stream:
        waiting += bytes((byte,))
        followed = tracker.feed(waiting)
        waiting = waiting[followed:]
        boundaries += tracker.at_boundary and followed > 0
    assert boundaries == 4
    assert waiting == b""


def test_frame_over_the_limit_is_refused_by_its_header() -> None:
    """The refusal names what is announced and what is accepted."""
    tracker = FrameTracker(100)
    tracker.feed(frame(100))
    with pytest.raises(FrameTooLong, match=r"^a frame of 101 bytes, at most 100 are accepted$"):
        tracker.feed(frame(101)[:2])


def test_close_frame_is_noticed_and_written() -> None:
    """The Close frame that we write is one, and is seen as one."""
    written = close_frame(1012, "ä" * 200)
    assert len(written) <= 2 + 125
    tracker = FrameTracker(125)
    tracker.feed(written)
    assert tracker.closing
    assert tracker.at_boundary
    close = Close.parse(written[2:])
    assert (close.code, close.reason) == (1012, "ä" * 61)


def test_use_is_told_from_what_a_page_says_by_itself() -> None:
    """Beats, confirmations and control frames are no use; all else is, a WebSocket of the user's own included."""
    used: list[None] = []
    tracker = FrameTracker(2**20, lambda: used.append(None))
    for begins in BY_ITSELF:
        tracker.feed(masked(begins + b',"q":1}'))
    tracker.feed(frame(4, mask=True, opcode=Opcode.PONG))
    assert used == []
    for number, said in enumerate((b'{"t":"set","s":1}', b'{"t":"okay"}', b"x", b"")):
        tracker.feed(masked(said))
        assert len(used) == number + 1
    counting = FrameTracker(2**20, lambda: used.append(None), by_itself=())
    counting.feed(masked(b'{"t":"ping"}'))
    assert len(used) == 5


def masked(payload: bytes) -> bytes:
    return Frame(Opcode.TEXT, payload).serialize(mask=True)

"""What access units of H.264 say of themselves."""

from dash_devices_nb.core.protocol.h264 import ParameterSets, nal_units

START = b"\x00\x00\x00\x01"
SPS, PPS, IDR, DELTA = b"\x67\x42\xc0\x1e\x8c", b"\x68\xce\x3c\x80", b"\x65\x88\x84", b"\x41\x9a\x02"


def unit(*nals: bytes) -> bytes:
    """An access unit of these NAL units."""
    return b"".join(START + nal for nal in nals)


def test_the_units_between_the_start_codes():
    """Start codes have three or four bytes; zeros at the end belong to none."""
    assert list(nal_units(unit(SPS, PPS) + b"\x00\x00\x01" + IDR + b"\x00\x00")) == [SPS, PPS[:-1] + b"\x80", IDR]
    assert list(nal_units(b"no start code")) == []
    assert list(nal_units(START + b"\x00")) == [b"\x00"]


def test_a_key_frame_says_which_decoder_it_needs():
    """Profile, its constraints and level, as in RFC 6381."""
    sets = ParameterSets()
    assert sets.completed(unit(SPS, PPS, IDR)) == (unit(SPS, PPS, IDR), True)
    assert sets.codec == "avc1.42C01E"
    assert sets.completed(unit(DELTA)) == (unit(DELTA), False)


def test_parameter_sets_that_came_once_are_put_before_each_key_frame():
    """As encoders of cameras write them."""
    sets = ParameterSets()
    assert sets.completed(unit(IDR)) == (unit(IDR), False)
    assert sets.completed(unit(SPS, PPS)) == (unit(SPS, PPS), False)
    assert sets.completed(unit(IDR)) == (unit(SPS, PPS, IDR), True)
    assert sets.completed(unit(PPS, IDR)) == (unit(SPS, PPS, IDR), True)


def test_parameter_sets_without_content_are_none():
    """A damaged unit has no profile."""
    sets = ParameterSets()
    assert sets.completed(unit(b"\x67\x42", b"\x68", IDR))[1] is False
    assert sets.codec == ""

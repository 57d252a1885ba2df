"""What an access unit of H.264 says of itself: whether one can begin with it, and which decoder it needs.

Units are in the form of Annex B of ITU-T H.264: each NAL unit comes behind a start code.
"""

from __future__ import annotations

from collections.abc import Iterator

START = b"\x00\x00\x01"
_IDR, _SPS, _PPS = 5, 7, 8


def nal_units(unit: bytes) -> Iterator[bytes]:
    """The NAL units of an access unit, without their start codes."""
    at = unit.find(START)
    while at >= 0:
        following = unit.find(START, at + 3)
        yield unit[at + 3 : following if following >= 0 else None].rstrip(b"\x00") or b"\x00"
        at = following


class ParameterSets:
    """The newest parameter sets of a stream. Some encoders write them only once, but who comes later needs them.

    Attributes:
        codec: what the decoder has to be able to do, as browsers name it (`avc1.42C01E`; RFC 6381). "": not known yet.
    """

    def __init__(self) -> None:
        self.codec = ""
        self._sets: dict[int, bytes] = {}

    def completed(self, unit: bytes) -> tuple[bytes, bool]:
        """Note the parameter sets of an access unit.

        Returns:
            The unit, with the sets before it if it is a key frame without them, and whether it is a key frame. A key
            frame before any sets is none: nobody could decode it.
        """
        own: dict[int, bytes] = {}
        key = False
        for nal in nal_units(unit):
            kind = nal[0] & 31
            key = key or kind == _IDR
            if kind in (_SPS, _PPS) and len(nal) > 3:
                own[kind] = nal
        self._sets.update(own)
        if _SPS in own:
            self.codec = "avc1." + own[_SPS][1:4].hex().upper()
        if not key or not {_SPS, _PPS} <= self._sets.keys():
            return unit, False
        lacking = [self._sets[kind] for kind in (_SPS, _PPS) if kind not in own]
        return b"".join(b"\x00" + START + nal for nal in lacking) + unit, True

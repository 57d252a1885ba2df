"""Videos: binary messages like those of images, whose bytes are an access unit of H.264.

An array is encoded once for all pages, by PyAV. A program with an encoder (a camera has one) gives its access
units. Pages that cannot decode H.264 get JPEG of the same pictures.
"""

from __future__ import annotations

import importlib
import logging
import threading
import time
from collections.abc import Callable, Collection
from fractions import Fraction
from typing import Any, TypeAlias

from dash_devices_nb.app.delivery.images import checked, jpeg
from dash_devices_nb.app.sessions.latest_videos import LatestVideos
from dash_devices_nb.app.stock_dash.types import Array
from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.props.ids import Key
from dash_devices_nb.core.protocol.frames import Frame
from dash_devices_nb.core.protocol.h264 import START, ParameterSets
from dash_devices_nb.core.protocol.messages import UNSET, ImageHeader, VideoHeader
from dash_devices_nb.core.protocol.page_frames import H264
from dash_devices_nb.core.protocol.video_lane import VideoUnit
from dash_devices_nb.errors import InvalidValueError

MIME = "video/h264"
GROUP_SECONDS = 2.0
"""The longest group of pictures that the encoder makes."""
KEY_SECONDS = 0.5
"""The encoder is asked for a key frame at most so often."""
QUALITY, WORST = 23, 51
"""As x264 counts it (`crf`): 0 is lossless."""
INSTALL = "pip install 'dash-devices-nb[video]'"

log = logging.getLogger(__name__)
Av: TypeAlias = Any
"""The module `av`, which has no types where it is not installed."""


def _av(what: str) -> Av:
    try:
        return importlib.import_module("av")
    except ImportError as error:
        raise InvalidValueError(f"{what} needs PyAV: {INSTALL}") from error


class Encoder:
    """Encodes arrays of one size.

    Args:
        width, height: of the pictures.
        quality: x264's constant rate factor.
        bitrate: the most bits a second. None: as many as the quality takes.
    """

    def __init__(self, width: int, height: int, quality: int, bitrate: int | None) -> None:
        if type(quality) is not int or not 0 <= quality <= WORST:
            raise InvalidValueError(f"quality={quality!r}; it takes a whole number from 0 (best) to {WORST}")
        if bitrate is not None and (type(bitrate) is not int or bitrate < 1):
            raise InvalidValueError(f"bitrate={bitrate!r}; it takes a whole number of bits a second, or None")
        self._av = _av("push_video with an array")
        self.settings = (width, height, quality, bitrate)
        self._odd = (height % 2, width % 2)
        options = {"preset": "veryfast", "tune": "zerolatency", "forced-idr": "1", "crf": str(quality)}
        # Chromium takes HD without a word for BT.709, FFmpeg converts to BT.601: so say it.
        options["x264-params"] = "colorprim=smpte170m:transfer=smpte170m:colormatrix=smpte170m:range=tv"
        if bitrate is not None:
            options |= {"maxrate": str(bitrate), "bufsize": str(bitrate // 2)}
        try:
            self._codec = self._av.CodecContext.create("libx264", "w")
        except ValueError as error:
            raise InvalidValueError(f"this PyAV has no encoder for H.264 (libx264): {INSTALL}") from error
        self._codec.width, self._codec.height = width + self._odd[1], height + self._odd[0]
        self._codec.pix_fmt = "yuv420p"
        self._codec.time_base = Fraction(1, 1_000_000)
        self._codec.framerate = Fraction(30)
        self._codec.gop_size = 10_000  # we ask for key frames ourselves
        self._codec.max_b_frames = 0
        self._codec.thread_count = 1
        self._codec.options = options

    def encode(self, array: Array, at: int, key: bool) -> bytes:
        """Encode a picture, as a key frame or not. `at`: its time, in microseconds."""
        if any(self._odd):  # H.264 halves the colours' resolution
            array = self._padded(array)
        kind = "gray" if array.ndim == 2 else {3: "rgb24", 4: "rgba"}[array.shape[2]]
        numpy = importlib.import_module("numpy")
        frame = self._av.VideoFrame.from_ndarray(numpy.ascontiguousarray(array), format=kind)
        frame.pts = at
        if key:
            frame.pict_type = self._av.video.frame.PictureType.I
        return b"".join(bytes(packet) for packet in self._codec.encode(frame))

    def _padded(self, array: Array) -> Array:
        below, right = self._odd
        numpy = importlib.import_module("numpy")
        padded: Array = numpy.pad(array, ((0, below), (0, right), (0, 0))[: array.ndim], mode="edge")
        return padded


class Decoder:
    """Decodes access units, for pages that cannot."""

    def __init__(self) -> None:
        self._av = _av("a page that cannot decode H.264")
        self._codec = self._av.CodecContext.create("h264", "r")
        self._codec.thread_count = 1

    def decode(self, unit: bytes) -> Array | None:
        """The newest picture, RGB. None: there is none yet, or the unit is damaged."""
        try:
            frames = self._codec.decode(self._av.Packet(unit))
        except self._av.FFmpegError as error:
            log.debug("a unit of a video could not be decoded: %s", error)
            return None
        return frames[-1].to_ndarray(format="rgb24") if frames else None


def picture_of(contents: list[bytes], place: Key) -> Frame | None:
    """Make an image of the last picture of a group. None: it cannot be made."""
    try:
        decoder = Decoder()
        newest = None
        for unit in contents:
            newest = decoder.decode(unit)
        return None if newest is None else _image(place, newest)
    except InvalidValueError as error:
        log.warning("no image of the video %s for a browser that cannot decode it: %s", place[0], error)
        return None


def _image(place: Key, array: Array) -> Frame:
    return Frame(ImageHeader(*place, "image/jpeg", of=MIME).encoded() + jpeg(array))


class VideoStream:
    """The video of one place.

    Args:
        place: (id, prop).
        videos: shows it in the pages.
    """

    def __init__(self, place: Key, videos: LatestVideos) -> None:
        self._place = place
        self._videos = videos
        self._lock = threading.Lock()
        """Encoding is one picture after the other, and so are the numbers."""
        self._encoder: Encoder | None = None
        self._decoder: Decoder | None = None
        self._sets: ParameterSets = ParameterSets()
        self._number = 0
        self._began = time.monotonic()
        self._at = -1
        self._keyed = 0.0
        self._warned = False

    def push(
        self,
        picture: object,
        key: bool | None,
        quality: int,
        bitrate: int | None,
        clients: Collection[Client] | None,
    ) -> bool:
        """Show the next picture. Returns whether a page waits for a key frame.

        Raises:
            InvalidValueError: the picture is neither an access unit nor an array of uint8, or there is no encoder.
        """
        with self._lock:
            wanted = self._videos.wanted(self._place, H264, clients)
            at = max(self._at + 1, int((time.monotonic() - self._began) * 1e6))
            if isinstance(picture, bytes | bytearray | memoryview):
                unit, is_key, size = self._given(bytes(picture), key)
                make: Callable[[], Array | None] = lambda: self._decoded(unit, is_key)  # noqa: E731
            else:
                array = checked(picture, "push_video", "an access unit of H.264 (bytes)")
                must = wanted.anew or bool(key)
                unit, is_key, size = self._encoded(array, must, wanted.key, quality, bitrate, at)
                self._decoder = None
                make = lambda: array  # noqa: E731
            self._at = at
            self._number += 1
            width, height = size if size is not None else (UNSET, UNSET)
            header = ImageHeader(*self._place, MIME, width, height, v=VideoHeader(is_key, self._sets.codec, at))
            message = VideoUnit(Frame(header.encoded() + unit), self._number, is_key, at)
            image = self._image(make) if wanted.images else None
            if not wanted.images:
                self._decoder = None
            place = self._place
            self._videos.show(place, H264, message, unit, image, lambda contents: picture_of(contents, place), clients)
            return (wanted.anew or wanted.key) and not is_key

    def _encoded(
        self, array: Array, must: bool, wanted: bool, quality: int, bitrate: int | None, at: int
    ) -> tuple[bytes, bool, tuple[int, int]]:
        height, width = int(array.shape[0]), int(array.shape[1])
        now = time.monotonic()
        if self._encoder is None or self._encoder.settings != (width, height, quality, bitrate):
            self._encoder = Encoder(width, height, quality, bitrate)
            self._sets = ParameterSets()
            self._keyed = float("-inf")
        since = now - self._keyed
        asks = must or since >= GROUP_SECONDS or (wanted and since >= KEY_SECONDS)
        unit, is_key = self._sets.completed(self._encoder.encode(array, at, asks))
        if is_key:
            self._keyed = now
        return unit, is_key, (width, height)

    def _given(self, unit: bytes, key: bool | None) -> tuple[bytes, bool, None]:
        if START not in unit:
            raise InvalidValueError(
                f"push_video got {len(unit)} bytes without a start code (00 00 01); it takes an access unit of H.264 "
                "in the form of Annex B, or an array of uint8"
            )
        if self._encoder is not None:  # its pictures are no base for those that come now
            self._encoder, self._sets = None, ParameterSets()
            self._number += 1
        unit, is_key = self._sets.completed(unit)
        if key and not is_key:
            raise InvalidValueError(
                "push_video got key=True with an access unit that is no key frame: it has an IDR picture, and its "
                "parameter sets (SPS and PPS) are in it or came before"
            )
        return unit, is_key and key is not False, None

    def _decoded(self, unit: bytes, is_key: bool) -> Array | None:
        """The picture of a unit that the program has given. None: the next key frame is awaited."""
        if self._decoder is None:
            if not is_key:
                return None
            self._decoder = Decoder()
        return self._decoder.decode(unit)

    def _image(self, make: Callable[[], Array | None]) -> Frame | None:
        """The picture as an image. None: it cannot be made."""
        try:
            array = make()
            return None if array is None else _image(self._place, array)
        except InvalidValueError as error:
            if not self._warned:
                self._warned = True
                log.warning("no images of the video %s for a browser that cannot decode it: %s", self._place[0], error)
            return None

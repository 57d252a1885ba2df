"""Camera images: binary messages of a short JSON header and the image's own bytes, without base64.

A message is two bytes with the length of the header (big endian), the header, the bytes. The newest image for a
place wins; a page that has not shown the last one gets no other, so each page has the rate that it can take.
"""

from __future__ import annotations

import importlib
import io
from typing import Any

from dash_devices_nb.core.props.ids import Key
from dash_devices_nb.core.props.media_types import image_kind
from dash_devices_nb.core.protocol import messages
from dash_devices_nb.core.protocol.frames import Frame
from dash_devices_nb.errors import InvalidValueError

RAW = "raw"
"""The `mime` of an array that a canvas shall draw as it is."""
JPEG_QUALITY = 85


def image_frame(place: Key, image: Any, mime: str | None) -> Frame:
    """The message for an image.

    Args:
        place: (id, prop).
        image: encoded bytes, or an array of uint8: (height, width), (height, width, 3) RGB or (height, width, 4) RGBA.
        mime: of the bytes, seen by their first bytes where it is None; `"raw"`: draw the array on a canvas.

    Raises:
        InvalidValueError: neither bytes nor such an array, or there is no encoder.
    """
    if isinstance(image, bytes | bytearray | memoryview):
        if mime == RAW:
            raise InvalidValueError("push_frame(mime='raw') takes an array of uint8, not bytes")
        content = bytes(image)
        if not content:
            raise InvalidValueError("push_frame got no bytes; it takes those of an encoded image (JPEG, PNG, ...)")
        return _message(place, {"mime": mime or image_kind(content)}, content)
    array = _checked(image)
    if mime == RAW:
        height, width = array.shape[:2]
        depth = 1 if array.ndim == 2 else int(array.shape[2])
        return _message(place, {"mime": RAW, "w": int(width), "h": int(height), "d": depth}, array.tobytes())
    return _message(place, {"mime": "image/jpeg"}, _jpeg(array))


def _message(place: Key, header: dict[str, Any], content: bytes) -> Frame:
    head = messages.dumps({"id": place[0], "prop": place[1], **header}).encode()
    return Frame(len(head).to_bytes(2, "big") + head + content)


def _checked(image: Any) -> Any:
    shape, kind = getattr(image, "shape", None), str(getattr(image, "dtype", ""))
    fits = shape is not None and 0 not in shape and (len(shape) == 2 or (len(shape) == 3 and shape[2] in (3, 4)))
    if not fits or kind != "uint8":
        what = f"an array of {kind}, {shape}" if shape is not None else repr(image)[:60]
        raise InvalidValueError(
            f"push_frame got {what}; it takes encoded bytes (JPEG, PNG, ...), or an array of uint8 of the shape "
            "(height, width), (height, width, 3) or (height, width, 4)"
        )
    return image


def _jpeg(array: Any) -> bytes:
    try:
        pillow = importlib.import_module("PIL.Image")
    except ImportError:
        return _jpeg_by_opencv(array)
    stream = io.BytesIO()
    picture = pillow.fromarray(array)
    (picture.convert("RGB") if picture.mode == "RGBA" else picture).save(stream, "JPEG", quality=JPEG_QUALITY)
    return stream.getvalue()


def _jpeg_by_opencv(array: Any) -> bytes:
    try:
        opencv = importlib.import_module("cv2")
    except ImportError as exc:
        raise InvalidValueError(
            "push_frame needs an encoder for an array: pip install pillow (or opencv-python); "
            "or give encoded bytes, or mime='raw' for an html.Canvas"
        ) from exc
    picture = array if array.ndim == 2 else opencv.cvtColor(array[..., :3], opencv.COLOR_RGB2BGR)
    return bytes(opencv.imencode(".jpg", picture, [opencv.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1])

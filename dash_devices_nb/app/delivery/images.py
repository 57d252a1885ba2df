"""Camera images: binary messages of a short JSON header and the bytes of the image, without base64.

A message is the length of the header (two bytes, big endian), the header, and the bytes. Only the newest image of a
place waits for a page. A page gets the next image when it has shown the last one, so each page has its own rate.
"""

from __future__ import annotations

import importlib
import io

from dash_devices_nb.app.stock_dash.types import Array
from dash_devices_nb.core.props.ids import Key
from dash_devices_nb.core.props.media_types import image_kind
from dash_devices_nb.core.protocol.frames import Frame
from dash_devices_nb.core.protocol.messages import ImageHeader
from dash_devices_nb.errors import InvalidValueError

RAW = "raw"
"""The `mime` of an array that is drawn on a canvas as it is."""
JPEG_QUALITY = 85


def image_frame(place: Key, image: object, mime: str | None) -> Frame:
    """Make the message for an image.

    Args:
        place: (id, prop).
        image: encoded bytes, or an array of uint8: (height, width), (height, width, 3) RGB or (height, width, 4) RGBA.
        mime: the media type of the bytes. None: it is detected. `"raw"`: the array is drawn on a canvas.

    Raises:
        InvalidValueError: the image is neither bytes nor such an array, or there is no encoder.
    """
    if isinstance(image, bytes | bytearray | memoryview):
        if mime == RAW:
            raise InvalidValueError("push_frame(mime='raw') takes an array of uint8, not bytes")
        content = bytes(image)
        if not content:
            raise InvalidValueError("push_frame got no bytes; it takes those of an encoded image (JPEG, PNG, ...)")
        return Frame(ImageHeader(*place, mime or image_kind(content)).encoded() + content)
    array = checked(image)
    if mime == RAW:
        height, width = array.shape[:2]
        depth = 1 if array.ndim == 2 else int(array.shape[2])
        return Frame(ImageHeader(*place, RAW, int(width), int(height), depth).encoded() + array.tobytes())
    return Frame(ImageHeader(*place, "image/jpeg").encoded() + jpeg(array))


def checked(image: object, of: str = "push_frame", bytes_: str = "encoded bytes (JPEG, PNG, ...)") -> Array:
    """Return an array that is an image. `of`, `bytes_`: the method, and what else it takes, for the message.

    Raises:
        InvalidValueError: it is no array of uint8, or none of these shapes.
    """
    shape, kind = getattr(image, "shape", None), str(getattr(image, "dtype", ""))
    fits = shape is not None and 0 not in shape and (len(shape) == 2 or (len(shape) == 3 and shape[2] in (3, 4)))
    if not fits or kind != "uint8":
        what = f"an array of {kind}, {shape}" if shape is not None else repr(image)[:60]
        raise InvalidValueError(
            f"{of} got {what}; it takes {bytes_}, or an array of uint8 of the shape "
            "(height, width), (height, width, 3) or (height, width, 4)"
        )
    return image


def jpeg(array: Array) -> bytes:
    """Encode an array as JPEG. Raises InvalidValueError if there is no encoder."""
    try:
        pillow = importlib.import_module("PIL.Image")
    except ImportError:
        return _jpeg_by_opencv(array)
    stream = io.BytesIO()
    picture = pillow.fromarray(array)
    (picture.convert("RGB") if picture.mode == "RGBA" else picture).save(stream, "JPEG", quality=JPEG_QUALITY)
    return stream.getvalue()


def _jpeg_by_opencv(array: Array) -> bytes:
    try:
        opencv = importlib.import_module("cv2")
    except ImportError as exc:
        raise InvalidValueError(
            "push_frame needs an encoder for an array: pip install pillow (or opencv-python); "
            "or give encoded bytes, or mime='raw' for an html.Canvas"
        ) from exc
    picture = array if array.ndim == 2 else opencv.cvtColor(array[..., :3], opencv.COLOR_RGB2BGR)
    return bytes(opencv.imencode(".jpg", picture, [opencv.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1])

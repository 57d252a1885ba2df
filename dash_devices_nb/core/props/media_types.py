"""Images as bytes: their media type, and as a URL."""

from __future__ import annotations

import base64

_SIGNATURES = (
    (b"\x89PNG", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF8", "image/gif"),
    (b"<svg", "image/svg+xml"), (b"RIFF", "image/webp"), (b"BM", "image/bmp"),
)  # fmt: skip


def image_kind(content: bytes) -> str:
    """The media type of an image, by its first bytes."""
    return next((mime for start, mime in _SIGNATURES if content.startswith(start)), "application/octet-stream")


def data_url(content: bytes) -> str:
    """Bytes as a `data:` URL."""
    return f"data:{image_kind(content)};base64,{base64.b64encode(content).decode()}"

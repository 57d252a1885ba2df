"""Images as bytes and as URLs."""

import base64

import pytest

from dash_devices_nb.core.props.media_types import data_url, image_kind


@pytest.mark.parametrize(
    ("begins", "kind"),
    [
        (b"\x89PNG\r\n", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"<svg xmlns", "image/svg+xml"),
        (b"RIFF", "image/webp"),
        (b"BM", "image/bmp"),
        (b"", "application/octet-stream"),
    ],
)
def test_an_image_says_by_its_first_bytes_what_it_is(begins, kind):
    """A URL of it says so, too, and has all of it."""
    content = begins + b"\x00\xff rest"
    assert image_kind(content) == kind
    head, _, text = data_url(content).partition(",")
    assert head == f"data:{kind};base64"
    assert base64.b64decode(text) == content

"""What caches may keep of answers that one person was let in to see."""

import pytest

from dash_devices_nb.transport.cache_headers import private, private_headers


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ([], b"private, no-store"),
        ([(b"ETag", b'"1"')], b"private, no-cache"),
        ([(b"Cache-Control", b"public, max-age=60")], b"private, max-age=60"),
        ([(b"cache-control", b"public"), (b"last-modified", b"x")], b"private, no-cache"),
        ([(b"cache-control", b"S-MaxAge=9"), (b"cache-control", b"private,,no-transform")], b"private, no-transform"),
    ],
)
def test_no_shared_cache_keeps_it(given, kept):
    """What the app says of the browser's own cache stays; one that can ask whether it still holds may keep it."""
    headers = private_headers(given)
    assert [value for name, value in headers if name.lower() == b"cache-control"] == [kept]
    others = [pair for pair in given if pair[0].lower() != b"cache-control"]
    assert headers[:-1] == others


async def test_a_websocket_is_nothing_to_cache():
    """Its messages go as they are, and so do the parts of a body."""
    sent = []

    async def send(message):
        sent.append(message)

    assert private({"type": "websocket"}, send) is send
    wrapped = private({"type": "http"}, send)
    body = {"type": "http.response.body", "body": b"x"}
    await wrapped({"type": "http.response.start", "status": 200})
    await wrapped(body)
    assert sent[0]["headers"] == [(b"cache-control", b"private, no-store")]
    assert sent[1] is body

"""Cache headers: what one person was let in to see is for that person's browser alone.

A proxy may give an answer that it keeps to everybody who asks for the same address. It knows nothing of secrets, logins
and share links (RFC 9111, section 5.2.2). Dash sends no such header with pages and JSON, and "public" with files.
"""

from __future__ import annotations

from collections.abc import Iterable

from dash_devices_nb.transport.serve import Message, Scope, Send

SHARED = (b"public", b"s-maxage")


def private(scope: Scope, send: Send) -> Send:
    """Wrap `send` so that no shared cache keeps the answer. A WebSocket's `send` is returned as it is."""
    if scope["type"] != "http":
        return send

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": private_headers(message.get("headers", ()))}
        await send(message)

    return sending


def private_headers(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return headers that let only the browser keep the answer.

    The browser keeps it as long as the headers say, asks again if it can revalidate the answer, and else keeps nothing.
    """
    kept = list(headers)
    said = b",".join(value for name, value in kept if name.lower() == b"cache-control")
    kept = [pair for pair in kept if pair[0].lower() != b"cache-control"]
    directives = [part.strip() for part in said.lower().split(b",") if part.strip()]
    directives = [part for part in directives if part.partition(b"=")[0] not in (*SHARED, b"private")]
    if not directives:
        validated = any(name.lower() in (b"etag", b"last-modified") for name, _ in kept)
        directives = [b"no-cache" if validated else b"no-store"]
    return [*kept, (b"cache-control", b", ".join((b"private", *directives)))]

"""What caches may keep of an app's answers: what one person was let in to see is for that person's browser alone.

A proxy in front may share what it keeps among all who ask for the same address, and knows nothing of secrets, logins
and share links (RFC 9111, section 5.2.2). Dash says nothing of its pages and JSON, and "public" of its files.
"""

from __future__ import annotations

from collections.abc import Iterable

from dash_devices_nb.transport.serve import Message, Scope, Send

SHARED = (b"public", b"s-maxage")


def private(scope: Scope, send: Send) -> Send:
    """A `send` whose answers no shared cache keeps; of a WebSocket the same one."""
    if scope["type"] != "http":
        return send

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": private_headers(message.get("headers", ()))}
        await send(message)

    return sending


def private_headers(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Headers that let nobody but the browser keep the answer.

    As long as they say, or, where it can ask whether the answer still holds, after asking; else not at all.
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

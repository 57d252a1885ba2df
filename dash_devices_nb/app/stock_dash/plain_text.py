"""Answers over HTTP that browsers show as text, whatever is in them."""

from __future__ import annotations

from quart import Response


def plain_text(body: str, status: int) -> Response:
    """Make an answer of plain text. It may repeat parts of the request."""
    headers = {"X-Content-Type-Options": "nosniff"}
    return Response(body, status, headers, content_type="text/plain; charset=utf-8")

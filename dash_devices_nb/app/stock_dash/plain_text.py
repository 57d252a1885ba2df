"""Answers over HTTP that are text, whatever they say."""

from __future__ import annotations

from quart import Response


def plain_text(body: str, status: int) -> Response:
    """An answer whose text is no markup, though it may repeat what was asked."""
    headers = {"X-Content-Type-Options": "nosniff"}
    return Response(body, status, headers, content_type="text/plain; charset=utf-8")

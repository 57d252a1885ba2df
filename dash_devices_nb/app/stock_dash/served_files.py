"""The files of component libraries, sent in pieces from one copy in memory.

Stock Dash reads such a file anew for each request and sends it whole: a connection that reads nothing of
`plotly.min.js` holds 4.7 MB, and its socket's buffer as much again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from quart.wrappers.response import DataBody

PIECE = 64 * 1024
"""Bytes that are handed to the socket at a time; the next ones wait until it has room."""


class PiecesBody(DataBody):
    """The body of a response, sent in pieces."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The pieces, in order."""
        for begin in range(self.begin, self.end, PIECE):
            yield self.data[begin : min(begin + PIECE, self.end)]


class ServedFiles:
    """The last content of each file that was asked for. On the loop that serves."""

    def __init__(self) -> None:
        self._contents: dict[tuple[str, str], bytes] = {}

    def share(self, package: str, path: str, response: Any) -> Any:
        """Have a response send the copy that there is, if it has the same content."""
        data = response.response.data
        kept = self._contents.setdefault((package, path), data)
        if kept != data:
            self._contents[package, path] = kept = data
        response.response = PiecesBody(kept)
        return response

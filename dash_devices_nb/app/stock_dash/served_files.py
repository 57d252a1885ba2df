"""The files of component libraries. They are sent in pieces, from one copy in memory.

Stock Dash reads a file anew for each request and sends it whole. A connection that does not read `plotly.min.js` holds
4.7 MB, and its socket's buffer the same again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from quart.wrappers.response import DataBody

from dash_devices_nb.app.stock_dash.types import Response

PIECE = 64 * 1024
"""The bytes that are handed to the socket at a time. The next ones wait until it has room."""


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

    def share(self, package: str, path: str, response: Response) -> Response:
        """Let a response send the copy in memory, if it has the same content."""
        data = response.response.data
        kept = self._contents.setdefault((package, path), data)
        if kept != data:
            self._contents[package, path] = kept = data
        response.response = PiecesBody(kept)
        return response

"""A page's WebSocket over HTTP requests, where a proxy lets no WebSocket pass: the paths, which app and extension know.

`open` opens it, `down` fetches what the app sends, `up` brings what the page sends (`transport.polling`,
`client/http-socket.js`). All three are POST: a page of another site cannot send them.
"""

from __future__ import annotations

from enum import StrEnum

BESIDE = "_dash-devices/ws"
"""The path of the WebSocket, below the app's."""
FOLDER = "_dash-devices/http/"
HOLD_SECONDS = 20.0
"""How long, in seconds, the app holds back an answer to `down` while it has nothing to send. Proxies wait longer."""


class Step(StrEnum):
    """What a request is for."""

    OPEN = "open"
    DOWN = "down"
    UP = "up"


def step_of(method: str | None, path: str) -> Step | None:
    """What a request with this method and path (without the query) is for. None: it is another request."""
    head, found, name = path.rpartition(FOLDER)
    if not found or method != "POST" or not head.endswith("/") or name not in list(Step):
        return None
    return Step(name)


def path_of_websocket(path: str) -> str:
    """The path of the WebSocket that a request of this path is for."""
    return path.rpartition(FOLDER)[0] + BESIDE

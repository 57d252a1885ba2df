"""A page and its WebSocket with nothing but `websockets`: the limits that apps are measured against."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers
from websockets.http11 import Request, Response


def serving(page: bytes) -> Callable[[ServerConnection, Request], Response | None]:
    """For `serve(process_request=)`: this page at every path but `/ws`, which is the WebSocket's."""

    def answer(connection: ServerConnection, request: Request) -> Response | None:
        if request.path == "/ws":
            return None
        headers = Headers({"Content-Type": "text/html", "Content-Length": str(len(page))})
        return Response(HTTPStatus.OK, "OK", headers, page)

    return answer

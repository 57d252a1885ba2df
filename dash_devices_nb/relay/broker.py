"""A connection to a NATS server, which is not opened again by itself: what was lost meanwhile has to be asked for."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from dash_devices_nb.errors import RemoteError, UpstreamError
from dash_devices_nb.registration.names import slug
from dash_devices_nb.relay.wire import Message

if TYPE_CHECKING:
    from nats.aio.client import Client

CONNECT_SECONDS = 3.0
PENDING = 64 * 1024 * 1024
"""Bytes of a subscription that may wait, before the client drops some."""


class Broker:
    """A connection.

    Args:
        client: nats-py's.
        place: the server's address without secrets.

    Attributes:
        client: as given.
        most: bytes of data of a message.
        closed: set when it has ended.
    """

    def __init__(self, client: Client, place: str, closed: asyncio.Event) -> None:
        self.client = client
        self.place = place
        self.most = client.max_payload
        self.closed = closed

    async def publish(self, subject: str, message: Message, reply: str = "") -> None:
        """Publish a message. One that cannot be is lost, which its number shows to others."""
        from nats.errors import Error

        if not self.client.is_connected:
            return
        with contextlib.suppress(Error, OSError):
            await self.client.publish(subject, message.data, reply, headers=message.headers)


def place_of(url: str) -> str:
    """A server's address without user and password."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], "", "", ""))


def app_of(url: str) -> str:
    """The name of the app in an address. Raises RemoteError."""
    name = urlsplit(url).path.strip("/")
    if not name or slug(name) != name:
        raise RemoteError(f"{place_of(url)}/{name} names no app; an address is nats://HOST:PORT/APP.")
    return name


@contextlib.asynccontextmanager
async def connected(url: str, name: str) -> AsyncIterator[Broker]:
    """Connect to a NATS server for the block.

    Args:
        url: its address, with user and password if it wants them. A path is left out.
        name: what the server calls this connection.

    Raises:
        RemoteError: nats-py is not installed.
        UpstreamError: nobody answers, or the server refuses.
    """
    try:
        import nats
        from nats.errors import Error
    except ImportError as error:
        raise RemoteError("NATS needs nats-py: pip install 'dash-devices-nb[nats]'.") from error
    parts = urlsplit(url)
    closed = asyncio.Event()
    said: list[str] = []

    async def ended() -> None:
        closed.set()

    async def failed(error: Exception) -> None:
        said.append(str(error))

    options: dict[str, Any] = {
        "connect_timeout": CONNECT_SECONDS,
        "max_reconnect_attempts": 1,
        "reconnect_time_wait": 0.1,
        "allow_reconnect": False,
        "no_echo": True,
    }
    try:
        client = await nats.connect(
            urlunsplit((parts.scheme, parts.netloc, "", "", "")),
            name=name,
            disconnected_cb=ended,
            closed_cb=ended,
            error_cb=failed,
            **options,
        )
    except (TimeoutError, OSError, Error, ValueError) as error:
        why = said[-1] if said else str(error) or type(error).__name__
        raise UpstreamError(f"The NATS server at {place_of(url)} does not answer, or refuses: {why}.") from error
    try:
        yield Broker(client, place_of(url), closed)
    finally:
        with contextlib.suppress(Error, OSError):
            await client.close()

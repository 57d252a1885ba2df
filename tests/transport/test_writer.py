"""The long way of a page's messages, on somebody else's server, where there is no short one."""

import asyncio

import pytest

from dash_devices_nb.core.protocol.frames import Frame
from dash_devices_nb.transport.writer import AsgiWriter, guard_with, read_with, take_socket, writer_of
from tests.support.eventually import eventually

NOWHERE: dict = {"type": "websocket", "extensions": {"websocket.http.response": {}}}


class Peer:
    """ASGI's `send`, which takes a message when the test says so."""

    def __init__(self) -> None:
        self.sent: list[dict] = []
        self.go = asyncio.Event()
        self.error: Exception | None = None

    async def __call__(self, message: dict) -> None:
        await self.go.wait()
        if self.error is not None:
            raise self.error
        self.sent.append(message)


async def test_messages_are_sent_in_a_task_and_whoever_waits_is_told():
    """Texts as texts and others as bytes; there is room again when all are sent."""
    peer = Peer()
    writer = writer_of(NOWHERE, peer)
    assert isinstance(writer, AsgiWriter)
    assert not writer.from_any_thread
    told: list[bool] = []
    writer.write_messages([Frame("née"), Frame(b"\x00\xff")])
    writer.when_room(lambda: told.append(writer.has_room()))
    assert not writer.has_room()
    peer.go.set()
    await eventually(lambda: told)
    assert told == [True]
    assert peer.sent == [
        {"type": "websocket.send", "text": "née"},
        {"type": "websocket.send", "bytes": b"\x00\xff"},
    ]
    await writer.close()


async def test_a_peer_that_has_gone_ends_it_in_silence():
    """`receive` says so; nobody is told of room that is for nobody."""
    peer = Peer()
    peer.error = OSError("gone")
    peer.go.set()
    writer = AsgiWriter(peer)
    told: list[bool] = []
    writer.write_messages([Frame("x")])
    writer.when_room(lambda: told.append(True))
    await eventually(lambda: writer._task is not None and writer._task.done())
    await writer.close()
    assert (peer.sent, told) == ([], [])
    assert not writer.has_room()


async def test_what_is_on_its_way_is_given_up():
    """Its task ends with it."""
    peer = Peer()
    writer = AsgiWriter(peer)
    await writer.close()
    writer.write_messages([Frame("x")])
    writer.when_room(lambda: pytest.fail("nobody waits any more"))
    await writer.close()
    peer.go.set()
    await asyncio.sleep(0)
    assert peer.sent == []


async def test_without_our_server_nobody_reads_or_guards_and_no_socket_is_taken():
    """All comes through ASGI's `receive`."""
    read_with(NOWHERE, lambda data: pytest.fail("there is no short way"))
    guard_with(NOWHERE, object())  # type: ignore[arg-type]
    take_socket(NOWHERE)
    assert NOWHERE == {"type": "websocket", "extensions": {"websocket.http.response": {}}}

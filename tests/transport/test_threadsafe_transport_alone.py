"""An outlet by itself, on one end of a pair of sockets."""

import asyncio
import socket
from contextlib import asynccontextmanager

import pytest

from dash_devices_nb.transport import threadsafe_transport
from dash_devices_nb.transport.threadsafe_transport import ThreadSafeTransport, Writing
from tests.support.eventually import eventually


class Sink:
    """Another way to write, which came too late."""

    aborted = False

    def abort(self) -> None:
        self.aborted = True


class Told(asyncio.Protocol):
    """Tells its outlet what asyncio tells it."""

    threadsafe: ThreadSafeTransport

    def resume_writing(self) -> None:
        self.threadsafe.drained()

    def connection_lost(self, exc: Exception | None) -> None:
        self.threadsafe.lost()


@asynccontextmanager
async def pair():
    """An outlet, and the socket at its other end."""
    loop = asyncio.get_running_loop()
    near, far = socket.socketpair()
    far.setblocking(False)
    transport, protocol = await loop.create_connection(Told, sock=near)
    threadsafe = protocol.threadsafe = ThreadSafeTransport(transport, loop)
    try:
        yield threadsafe, far
    finally:
        if threadsafe.state is not Writing.LOST:
            threadsafe.abort()
        far.close()
        await eventually(lambda: not threadsafe.has_room)


async def test_another_way_to_write_that_comes_too_late_is_ended():
    """The connection is closed, or about to be."""
    async with pair() as (threadsafe, _):
        threadsafe.hold()
        threadsafe.close()
        sink = Sink()
        threadsafe.release(sink)  # type: ignore[arg-type]
        assert sink.aborted


async def test_who_asks_for_room_is_told_at_once_where_there_is_some():
    """In the loop's next turn; of a connection that is lost nobody is told anything."""
    async with pair() as (threadsafe, far):
        told: list[str] = []
        threadsafe.when_room(lambda: told.append("room"))
        assert told == []
        await eventually(lambda: told == ["room"])
        far.close()
        await eventually(lambda: not threadsafe.has_room)
        threadsafe.when_room(lambda: told.append("nobody"))
        threadsafe.write(b"nobody")
        await asyncio.sleep(0)
        assert told == ["room"]


async def test_what_was_held_is_more_than_the_socket_takes():
    """Whoever waits is told when all of it is with the operating system."""
    async with pair() as (threadsafe, far):
        told: list[str] = []
        threadsafe.hold()
        threadsafe.write(b"x" * 5_000_000)
        threadsafe.when_room(lambda: told.append("room"))
        threadsafe.release(None)
        assert told == []
        count = 0
        while count < 5_000_000:
            count += len(await asyncio.get_running_loop().sock_recv(far, 1_000_000))
        await eventually(lambda: told == ["room"])


async def test_that_the_other_side_has_hung_up_is_seen_without_reading():
    """asyncio hears of it only while it reads."""
    async with pair() as (threadsafe, far):
        threadsafe.pause_reading()
        assert not threadsafe.hung_up()
        far.shutdown(socket.SHUT_WR)
        await eventually(threadsafe.hung_up)


async def test_the_states_follow_each_other_and_nothing_else():
    """What is finished or lost is not held again, and says so; a second end is none."""
    async with pair() as (threadsafe, far):
        assert threadsafe.state is Writing.DIRECT
        threadsafe.hold()
        with pytest.raises(RuntimeError, match="in the state HELD cannot become HELD"):
            threadsafe.hold()
        threadsafe.write(b"kept")
        assert threadsafe.state is Writing.HELD
        threadsafe.release(None)
        await eventually(lambda: threadsafe.state is Writing.DIRECT)
        assert far.recv(10) == b"kept"
        threadsafe.finish()
        threadsafe.write(b"dropped")
        assert threadsafe.state is Writing.FINISHED
        with pytest.raises(RuntimeError, match="in the state FINISHED cannot become HELD"):
            threadsafe.hold()
        threadsafe.lost()
        threadsafe.lost()
        threadsafe.close()
        assert threadsafe.state is Writing.LOST
        assert threadsafe.is_closing()


def filled(threadsafe: ThreadSafeTransport) -> int:
    """Write past the outlet what the socket takes; how many bytes that was."""
    count = 0
    with socket.socket(fileno=threadsafe.get_extra_info("socket").fileno()) as sock:
        try:
            while True:
                count += sock.send(b"x" * 10_000)
        except BlockingIOError:
            return count
        finally:
            sock.detach()


async def test_what_a_full_socket_does_not_take_at_all_is_written_by_the_loop():
    """What was written before had just filled it."""
    async with pair() as (threadsafe, far):
        count = filled(threadsafe)
        assert threadsafe.has_room
        threadsafe.write(b"last")
        assert not threadsafe.has_room
        data = b""
        while len(data) < count + 4:
            data += await asyncio.get_running_loop().sock_recv(far, 1_000_000)
        assert data[-5:] == b"xlast"
        await eventually(lambda: threadsafe.has_room)


async def test_who_reads_nothing_of_the_rest_of_a_closed_connection_is_cut_off(monkeypatch):
    """It kept socket and bytes for good, and counted nowhere."""
    monkeypatch.setattr(threadsafe_transport, "UNREAD_SECONDS", 0.1)
    async with pair() as (threadsafe, _):
        filled(threadsafe)
        threadsafe.write(b"last")
        threadsafe.close()
        await eventually(lambda: threadsafe.state is Writing.LOST)
        assert threadsafe.get_extra_info("socket").fileno() == -1


async def test_who_reads_the_rest_of_a_closed_connection_slowly_gets_it():
    """Nothing is left that would cut off anything afterwards."""
    async with pair() as (threadsafe, far):
        count = filled(threadsafe)
        threadsafe.write(b"last")
        threadsafe.close()
        threadsafe.close()
        data = b""
        while len(data) < count + 4:
            data += await asyncio.get_running_loop().sock_recv(far, 1_000_000)
        assert data[-5:] == b"xlast"
        await eventually(lambda: threadsafe.state is Writing.LOST)
        assert threadsafe._unread is not None
        assert threadsafe._unread.cancelled()

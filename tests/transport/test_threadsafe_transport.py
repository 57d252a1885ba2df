import asyncio
import threading

import websockets

from dash_devices_nb.core.protocol.frames import Frame
from dash_devices_nb.transport.bind import BoundSocket
from dash_devices_nb.transport.serve import Server
from dash_devices_nb.transport.writer import read_with, writer_of
from tests.support.eventually import eventually

THREADS, EACH = 4, 40


class App:
    """Keeps the writers of its connections, and takes what does not begin with "later"."""

    def __init__(self) -> None:
        self.writers = []
        self.taken: list[bytes] = []
        self.later: list[str] = []
        self.code: int | None = None

    async def __call__(self, scope, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        read_with(scope, self.take)
        self.writers.append(writer_of(scope, send))
        while True:
            event = await receive()
            if event["type"] == "websocket.disconnect":
                self.code = event["code"]
                return
            self.later.append(event["text"])

    def take(self, data: bytes) -> bool:
        if data.startswith(b"later") or self.later:
            return False
        self.taken.append(data)
        return True


async def serving(app: App) -> Server:
    server = Server(app, BoundSocket.bind_tcp("127.0.0.1", 0, search=False), max_message_bytes=1000)
    await server.start()
    return server


async def connected(server: Server):
    return await websockets.connect(server.url.replace("http", "ws", 1), max_size=None, ping_interval=None)


async def test_threads_write_whole_messages_in_their_order_to_a_client_that_reads_late():
    """What the socket does not take is written by the loop; the loop's own messages are in the same order."""
    app = App()
    server = await serving(app)
    async with await connected(server) as client:
        await eventually(lambda: bool(app.writers))
        (writer,) = app.writers
        assert writer.from_any_thread
        full = threading.Event()

        def write(name: int) -> None:
            for number in range(EACH):
                writer.write_messages([Frame(f"{name} {number} " + "x" * 100_000), Frame(f"{name} {number} end")])
                if not writer.has_room():
                    full.set()

        threads = [threading.Thread(target=write, args=(name,)) for name in range(THREADS)]
        for thread in threads:
            thread.start()
        await asyncio.to_thread(lambda: [thread.join() for thread in threads])
        assert full.is_set(), "the client read too fast for this test to say anything"
        room = asyncio.Event()
        writer.when_room(room.set)
        writer.write_messages([Frame("the loop")])
        seen = [await client.recv() for _ in range(THREADS * EACH * 2 + 1)]
        await asyncio.wait_for(room.wait(), 5)
        assert writer.has_room()
    assert seen[-1] == "the loop"
    assert all(text.endswith("end") == (n % 2 == 1) for n, text in enumerate(seen[:-1])), "pairs stay together"
    heads = [tuple(map(int, text.split()[:2])) for text in seen[:-1:2]]
    assert {len(text) for text in seen[:-1:2]} <= {100_004, 100_005}
    for name in range(THREADS):
        assert [number for who, number in heads if who == name] == list(range(EACH))
    await server.stop()


async def test_writing_to_a_lost_connection_does_nothing():
    """A thread that has a page's answer when the page has just gone."""
    app = App()
    server = await serving(app)
    async with await connected(server):
        await eventually(lambda: bool(app.writers))
    (writer,) = app.writers
    await eventually(lambda: app.code is not None)
    await asyncio.to_thread(writer.write_messages, [Frame("nobody")])
    assert not writer.has_room()
    writer.when_room(lambda: None)
    await server.stop()


async def test_what_the_reader_leaves_comes_through_asgi_and_nothing_overtakes_it():
    """Messages are taken in the call that read them, until one is left; pings and the end work as ever."""
    app = App()
    server = await serving(app)
    async with await connected(server) as client:
        await eventually(lambda: bool(app.writers))
        await client.send("one")
        await asyncio.wait_for(await client.ping(), 5)
        await client.send(["two", " in parts"])
        for message in ("three", "later", "last"):
            await client.send(message)
        await eventually(lambda: app.later[-1:] == ["last"])
    assert app.taken == [b"one"]
    assert app.later == ["two in parts", "three", "later", "last"]
    await eventually(lambda: app.code == 1000)
    await server.stop()


async def test_what_a_thread_writes_while_there_is_no_room_is_written_before_what_comes_later():
    """The loop's own message has just taken the room that the thread had seen."""
    app = App()
    server = await serving(app)
    async with await connected(server) as client:
        await eventually(lambda: bool(app.writers))
        (writer,) = app.writers
        writer.write_messages([Frame("x" * 8_000_000)])
        assert not writer.has_room()
        await asyncio.to_thread(writer.write_messages, [Frame("sooner")])
        await client.recv()
        await eventually(writer.has_room)
        await asyncio.to_thread(writer.write_messages, [Frame("later")])
        assert [await client.recv(), await client.recv()] == ["sooner", "later"]
    await server.stop()

"""The way to an app by a NATS server: what its publisher publishes, and requests to it."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import orjson

from dash_devices_nb.close_codes import CloseCode
from dash_devices_nb.errors import DashDevicesError, RemoteError, UpstreamError
from dash_devices_nb.relay.broker import Broker, app_of, connected, place_of
from dash_devices_nb.relay.http_client import Answer, Body, Headers
from dash_devices_nb.relay.mirror import Fields, Mirror
from dash_devices_nb.relay.publisher import ADMIT, headers_of, json_of
from dash_devices_nb.relay.upstream import Channel, Closed
from dash_devices_nb.relay.wire import (
    BEAT,
    BEAT_SECONDS,
    CLOSE,
    DEAD_SECONDS,
    HEAD,
    RELAY,
    RUN,
    Incoming,
    Outgoing,
    Subjects,
)

if TYPE_CHECKING:
    from nats.aio.msg import Msg
    from nats.aio.subscription import Subscription

ANSWER_SECONDS = 10.0
"""How long, in seconds, the publisher may take to answer, or to go on with an answer."""
STREAM_SECONDS = 60.0


class NatsUpstream:
    """An app that is published to a NATS server (`upstream.Upstream`).

    Args:
        url: the address of the server, with the app's name as its path.

    Attributes:
        place, prefix: as in `Upstream`.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        app = app_of(url)
        self.place = f"{place_of(url)}/{app}"
        self.prefix = ""
        self._subjects = Subjects(app)
        self._me = secrets.token_urlsafe(6)
        self._broker: Broker | None = None
        self._pages = 0
        self._watched: list[str] = []
        self._lost = asyncio.Event()

    # ---- following

    async def follow(self, mirror: Mirror) -> None:
        """Implement `Upstream`."""
        async with connected(self._url, f"dash-devices relay of {self._subjects.app}") as broker:
            self._broker = broker
            self._lost = broker.closed
            mirror.greeting()
            came: asyncio.Queue[Msg] = asyncio.Queue()
            await broker.client.subscribe(self._subjects.frames(), cb=came.put)
            beating = asyncio.ensure_future(self._beat(broker))
            closing = asyncio.ensure_future(broker.closed.wait())
            following = asyncio.ensure_future(self._follow(broker, mirror, came))
            try:
                await asyncio.wait((following, closing), return_when=asyncio.FIRST_COMPLETED)
                if following.done():
                    following.result()
            except RemoteError:
                raise
            except UpstreamError:
                raise
            except (DashDevicesError, ValueError, KeyError, TypeError) as error:
                mirror.start_anew()
                raise UpstreamError(f"{self.place} has sent what does not fit: {error!r}.") from error
            finally:
                self._broker = None
                for each in (beating, closing, following):
                    each.cancel()
                await asyncio.gather(beating, closing, following, return_exceptions=True)
        raise UpstreamError(f"The connection to the NATS server at {broker.place} is lost.")

    async def _follow(self, broker: Broker, mirror: Mirror, came: asyncio.Queue[Msg]) -> None:
        run, incoming = await self._take_snapshot(broker, mirror)
        before = ""
        while True:
            try:
                async with asyncio.timeout(DEAD_SECONDS):
                    message = await came.get()
            except TimeoutError:
                raise UpstreamError(f"No app is published at {self.place} now.") from None
            headers = message.headers or {}
            if headers.get(RUN) != run:
                if headers.get(RUN, "").partition("-")[0] == before:
                    raise UpstreamError(f"Two kernels publish {self.place}: stop one, or give it another name.")
                old, (run, incoming) = run, await self._take_snapshot(broker, mirror)
                before = old.partition("-")[0] if old.partition("-")[0] != run.partition("-")[0] else before
                continue
            try:
                frame = incoming.take(headers, message.data)
            except UpstreamError:  # a gap: ask for what is newer than what the mirror has
                run, incoming = await self._take_snapshot(broker, mirror)
                continue
            if frame is not None:
                await self._give(broker, mirror, frame)

    async def _take_snapshot(self, broker: Broker, mirror: Mirror) -> tuple[str, Incoming]:
        """Bring the mirror up to date. Returns the run, and its stream of frames from there on."""
        known = {"epoch": mirror.epoch, "revision": mirror.known, "version": mirror.version}
        frames: list[str | bytes] = []
        run, number = "", 0
        async for headers, frame in self._requested(broker, "snapshot", orjson.dumps(known)):
            run, number = headers[RUN], int(headers["frames"])
            frames.append(frame)
        for frame in frames:
            await self._give(broker, mirror, frame)
        return run, Incoming(number)

    async def _give(self, broker: Broker, mirror: Mirror, frame: str | bytes) -> None:
        """Let the mirror have a frame, and ask for what it asks for."""
        for out in mirror.receive(frame):
            if out["t"] == "req":
                async for _, answer in self._requested(broker, "layout", orjson.dumps(out)):
                    mirror.receive(answer)
        if not self.prefix and "prefix" in mirror.welcome:
            self.prefix = mirror.welcome["prefix"]

    async def _requested(
        self, broker: Broker, what: str, data: bytes
    ) -> AsyncIterator[tuple[dict[str, str], str | bytes]]:
        """The frames of an answer, with the headers of each.

        Raises:
            UpstreamError: no publisher answers.
        """
        from nats.errors import Error

        inbox = broker.client.new_inbox()
        subscription = await broker.client.subscribe(inbox)
        incoming = Incoming()
        try:
            await broker.client.publish(self._subjects.ask(what), data, reply=inbox)
            while True:
                message = await subscription.next_msg(timeout=ANSWER_SECONDS)
                headers = message.headers or {}
                if headers.get("Status") == "503":
                    raise UpstreamError(f"No app is published at {self.place} now.")
                frame = incoming.take(headers, message.data)
                if BEAT in headers:
                    return
                if frame is not None:
                    yield incoming.headers, frame
        except (TimeoutError, Error) as error:
            raise UpstreamError(f"No app is published at {self.place} now.") from error
        finally:
            await _left(subscription)

    async def _beat(self, broker: Broker) -> None:
        while True:
            await self._count(broker)
            await asyncio.sleep(BEAT_SECONDS)

    async def _count(self, broker: Broker) -> None:
        said = orjson.dumps({"n": self._pages, "watch": self._watched})
        if broker.client.is_connected:  # a stream for each time, as one that is lost is said again
            for message in Outgoing(broker.most, {RELAY: self._me}).messages(said):
                await broker.publish(self._subjects.crowd, message)

    async def say(self, frame: Fields) -> bool:
        """Implement `Upstream`: there is nothing to say but the number of pages, and what they show."""
        if frame["t"] == "crowd":
            self._pages = frame["n"]
        elif frame["t"] == "watch":
            self._watched = list(frame["ids"])
        if self._broker is not None:
            await self._count(self._broker)
        return True  # each sign of life says it again

    # ---- requests and pages of those who may act

    @contextlib.asynccontextmanager
    async def ask(
        self, method: str, target: str, headers: Headers, body: Body = b"", *, token: str = ""
    ) -> AsyncIterator[Answer]:
        """Implement `Upstream`."""
        whole = body if isinstance(body, bytes) else b"".join([part async for part in body])
        broker = self._connected()
        framing = (b"content-length", b"transfer-encoding")
        passed = json_of([pair for pair in headers if pair[0].lower() not in framing])
        head = {"method": method, "target": target, "headers": passed, "token": token}
        inbox = broker.client.new_inbox()
        subscription = await broker.client.subscribe(inbox)
        over = False
        try:
            for message in Outgoing(broker.most).messages(whole, **{HEAD: orjson.dumps(head).decode()}):
                await broker.publish(self._subjects.ask("http"), message, inbox)
            incoming = Incoming()
            await self._next(subscription, incoming)
            if CLOSE in incoming.headers:
                raise UpstreamError("The app does not answer.")
            told = orjson.loads(incoming.headers[HEAD])

            async def parts() -> AsyncIterator[bytes]:
                nonlocal over
                while True:
                    part = await self._next(subscription, incoming, STREAM_SECONDS)
                    if CLOSE in incoming.headers:
                        over = True
                        if incoming.headers[CLOSE] != "0":
                            raise UpstreamError("The app has broken off.")
                        return
                    yield part if isinstance(part, bytes) else part.encode()

            yield Answer(told["status"], headers_of(told["headers"]), parts())
        finally:
            await _left(subscription)
            if not over and broker.client.is_connected:
                await broker.client.publish(self._subjects.ask("cancel"), inbox.encode())

    async def _next(
        self, subscription: Subscription, incoming: Incoming, within: float = ANSWER_SECONDS
    ) -> str | bytes:
        from nats.errors import Error

        try:
            while True:
                message = await subscription.next_msg(timeout=within)
                if (message.headers or {}).get("Status") == "503":
                    raise UpstreamError(f"No app is published at {self.place} now.")
                frame = incoming.take(message.headers or {}, message.data)
                if frame is not None:
                    return frame
        except (TimeoutError, Error) as error:
            raise UpstreamError(f"The app does not answer at {self.place}.") from error

    def _connected(self) -> Broker:
        if self._broker is None:
            raise UpstreamError(f"There is no connection to {self.place}.")
        return self._broker

    async def admit(self, token: str) -> str:
        """Implement `Upstream`."""
        async with self.ask(ADMIT, "", [], token=token) as answer:
            return (await answer.body()).decode()

    @contextlib.asynccontextmanager
    async def channel(self, headers: Headers, token: str) -> AsyncIterator[Channel]:
        """Implement `Upstream`."""
        broker = self._connected()
        name = secrets.token_hex(8)
        inbox = broker.client.new_inbox()
        subscription = await broker.client.subscribe(inbox)
        head = {"id": name, "relay": self._me, "headers": json_of(headers), "token": token}
        try:
            await self._count(broker)
            await broker.client.publish(self._subjects.ask("channel"), orjson.dumps(head), reply=inbox)
            incoming = Incoming()
            await self._next(subscription, incoming)
            if CLOSE in incoming.headers:
                raise UpstreamError("The app does not answer.")
            channel = _Channel(broker, self._subjects.up(name), subscription, incoming)
            try:
                yield channel
            finally:
                await channel.close(CloseCode.GOING_AWAY)
        finally:
            await _left(subscription)


class _Channel:
    def __init__(self, broker: Broker, subject: str, subscription: Subscription, incoming: Incoming) -> None:
        self._broker = broker
        self._subject = subject
        self._subscription = subscription
        self._incoming = incoming
        self._out = Outgoing(broker.most)
        self._closed = False

    async def send(self, message: str | bytes) -> None:
        for each in self._out.messages(message):
            await self._broker.publish(self._subject, each)

    async def receive(self) -> str | bytes:
        getting = asyncio.ensure_future(self._subscription.next_msg(timeout=None))
        ending = asyncio.ensure_future(self._broker.closed.wait())
        try:
            while True:
                await asyncio.wait((getting, ending), return_when=asyncio.FIRST_COMPLETED)
                if not getting.done():
                    self._closed = True
                    raise Closed(CloseCode.ABNORMAL_CLOSURE, "")
                message = getting.result()
                headers = message.headers or {}
                frame = self._incoming.take(headers, message.data)
                if CLOSE in headers:
                    self._closed = True
                    raise Closed(int(headers[CLOSE]), str(frame or ""))
                if frame is not None:
                    return frame
                getting = asyncio.ensure_future(self._subscription.next_msg(timeout=None))
        except UpstreamError:  # a gap: the page comes again, and what was not acknowledged with it
            raise Closed(CloseCode.ABNORMAL_CLOSURE, "") from None
        finally:
            getting.cancel()
            ending.cancel()
            await asyncio.gather(getting, ending, return_exceptions=True)

    async def close(self, code: int) -> None:
        if not self._closed:
            self._closed = True
            for each in self._out.messages(b"", close=str(int(code))):
                await self._broker.publish(self._subject, each)


async def _left(subscription: Subscription) -> None:
    from nats.errors import Error

    with contextlib.suppress(Error, OSError):
        await subscription.unsubscribe()

"""The app's side of NATS: what relays get by a broker, and what they ask for.

It is a relay itself, without pages: its mirror follows the app over a WebSocket, and what it hears is published.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from dash_devices_nb.close_codes import CloseCode
from dash_devices_nb.core.props.ids import Key
from dash_devices_nb.core.props.mods import Mods
from dash_devices_nb.core.protocol.frames import Frame
from dash_devices_nb.core.protocol.messages import AnswerFrame, OwnModsFrame, RelayFrame, SharedModsFrame
from dash_devices_nb.errors import RemoteError, UpstreamError
from dash_devices_nb.relay.broker import Broker, connected
from dash_devices_nb.relay.crowd import CrowdTeller
from dash_devices_nb.relay.http_client import Headers
from dash_devices_nb.relay.mirror import DEPENDENCIES, Fields, Mirror
from dash_devices_nb.relay.upstream import Channel, Closed, Upstream
from dash_devices_nb.relay.wire import (
    BEAT_SECONDS,
    CLOSE,
    DEAD_SECONDS,
    HEAD,
    NUMBER,
    RELAY,
    RUN,
    Gap,
    Incoming,
    Message,
    Outgoing,
    Subjects,
)

if TYPE_CHECKING:
    from nats.aio.msg import Msg

ADMIT = "ADMIT"
"""What a relay asks for in the place of a method: why a share link is refused."""
SINCE = "since"
"""The header with the time at which a publisher began, in seconds since the epoch."""
FIRST_DELAY, LONGEST_DELAY = 0.1, 2.0
Bytes = str | bytes
TWO = "Another kernel publishes {app!r} at {place}. Stop it, or give this app another name: app.publish(url, name=...)."


def text_of(encoded: str | bytes | list[bytes]) -> str:
    """A frame's JSON as text."""
    return Frame(encoded).text


@dataclass
class _Crowd:
    """The pages of one relay, as it says."""

    pages: int = 0
    watched: frozenset[str] = frozenset()
    heard: float = field(default_factory=time.monotonic)
    incoming: Incoming = field(default_factory=Incoming)


class Publisher:
    """Publishes one app to a broker, on a loop of its own.

    Args:
        url: the address of the broker.
        app: the name of the app in the subjects.
        upstream: makes the way to the app, once it can be asked.
        report: is told, in one sentence, what is wrong.

    Attributes:
        problem: what is wrong now, in one sentence; "" if nothing is.
        pages: how many pages look on at all relays.
    """

    def __init__(
        self, url: str, app: str, upstream: Callable[[], Awaitable[Upstream]], report: Callable[[str], object]
    ) -> None:
        self._url = url
        self._app = app
        self._subjects = Subjects(app)
        self._make = upstream
        self._report = report
        self._me = secrets.token_urlsafe(6).replace("-", "x").replace("_", "y")
        self._since = time.time()
        self.problem = ""
        self.pages = 0
        self._upstream: Upstream
        self._mirror = Mirror(self)
        self._broker: Broker | None = None
        self._out = Outgoing(1)
        self._runs = 0
        self._queue: asyncio.Queue[tuple[str, Message]] = asyncio.Queue()
        self._crowds: dict[str, _Crowd] = {}
        self._crowd: CrowdTeller
        self._crowd_changed = asyncio.Event()
        self._rival = ""
        self._channels: dict[str, _Served] = {}
        self._bodies: dict[str, tuple[Incoming, list[bytes], Fields]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._cancelled: dict[str, asyncio.Task[None]] = {}

    # ---- what the app says (`mirror.Audience`)

    def restarted(self) -> None:
        """Relays start anew, by the name of another run."""
        self._anew()

    def shared(self, frame: Frame, revision: int, keys: Iterable[Key]) -> None:
        """Publish it as it is."""
        self._put(frame.text)

    def own(self, mods: Mods) -> None:
        """What is for this relay alone is for all relays."""
        self._put(text_of(OwnModsFrame(mods).encoded(0)))

    def image(self, place: Key, frame: Frame) -> None:
        """Publish it as it is."""
        self._put(frame.payload)

    def told(self, frame: Fields) -> None:
        """Publish it."""
        self._put(orjson.dumps(frame).decode())

    def links_changed(self) -> None:
        """Publish which links are open."""
        self._put(self._relay_frame())

    def _put(self, frame: Bytes) -> None:
        """Number a frame and let it be published.

        The number is given in the moment in which the mirror has the frame, so that a snapshot and what follows on it
        have each frame once.
        """
        if self._broker is not None and self._mirror.ready:
            for message in self._out.messages(frame):
                self._queue.put_nowait((self._run, message))

    def _relay_frame(self) -> str:
        mirror = self._mirror
        return text_of(RelayFrame(mirror.key, mirror.links, mirror.version).encoded())

    def _anew(self) -> None:
        """Begin another run: numbers start again, and relays ask for everything."""
        self._runs += 1
        while not self._queue.empty():
            self._queue.get_nowait()
        if self._broker is not None:
            self._out = Outgoing(self._broker.most, {RUN: self._run, SINCE: repr(self._since)})

    @property
    def _run(self) -> str:
        return f"{self._me}-{self._runs}"

    # ---- the life of a publisher

    async def run(self) -> None:
        """Publish until cancelled.

        Raises:
            RemoteError: nats-py is not installed, another kernel publishes this app, or the app refuses.
        """
        self._upstream = await self._make()
        self._crowd = CrowdTeller(self._upstream, self._mirror)
        following = asyncio.ensure_future(self._follow())
        try:
            delay = FIRST_DELAY
            while True:
                try:
                    async with connected(self._url, f"dash-devices app {self._app}") as broker:
                        delay = FIRST_DELAY
                        await self._serve(broker, following)
                except UpstreamError as error:
                    self._tell(str(error))
                if following.done():
                    following.result()
                await asyncio.sleep(delay)
                delay = min(delay * 1.7, LONGEST_DELAY)
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    def _tell(self, problem: str) -> None:
        if problem and problem != self.problem:
            self._report(problem)
        self.problem = problem

    async def _follow(self) -> None:
        delay = FIRST_DELAY
        while True:
            began = time.monotonic()
            self._crowd.forget()
            try:
                await self._upstream.follow(self._mirror)
            except UpstreamError as error:
                self._tell(str(error))
            delay = FIRST_DELAY if time.monotonic() - began > LONGEST_DELAY else min(delay * 1.7, LONGEST_DELAY)
            await asyncio.sleep(delay)

    async def _serve(self, broker: Broker, following: asyncio.Future[None]) -> None:
        """Serve relays by one connection to the broker, until it ends."""
        self._broker = broker
        self._anew()
        client, subjects = broker.client, self._subjects
        await client.subscribe(subjects.frames(), cb=self._heard_frame)
        await client.subscribe(subjects.ask("*"), cb=self._asked)
        await client.subscribe(subjects.up(), cb=self._heard_up)
        await client.subscribe(subjects.crowd, cb=self._heard_crowd)
        lost = asyncio.ensure_future(broker.closed.wait())
        jobs: list[asyncio.Future[None]] = [
            asyncio.ensure_future(each) for each in (self._publish(broker), self._beat(broker), self._tell_app())
        ]
        awaited: list[asyncio.Future[Any]] = [*jobs, lost, following]
        try:
            await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
            for job in jobs:
                if job.done():
                    job.result()
        finally:
            self._broker = None
            ending: list[asyncio.Future[Any]] = [*jobs, lost, *self._tasks]
            for each in ending:
                each.cancel()
            await asyncio.gather(*ending, return_exceptions=True)
            self._bodies.clear()
        if self._rival:
            raise RemoteError(self._rival)
        raise UpstreamError(f"The connection to the NATS server at {broker.place} is lost.")

    async def _publish(self, broker: Broker) -> None:
        """Publish what comes of the app, in order."""
        while True:
            run, message = await self._queue.get()
            await broker.publish(self._subjects.frames(run), message)

    async def _beat(self, broker: Broker) -> None:
        """Give signs of life, and forget relays that give none."""
        while True:
            if self._mirror.ready:
                self._queue.put_nowait((self._run, self._out.beat()))
                self._tell("")
            now = time.monotonic()
            self._crowds = {name: one for name, one in self._crowds.items() if now - one.heard < DEAD_SECONDS}
            for channel in [each for each in self._channels.values() if each.relay not in self._crowds]:
                channel.cancel()
            self._crowd_changed.set()
            await asyncio.sleep(BEAT_SECONDS)

    async def _tell_app(self) -> None:
        """Tell the app how many pages all relays have, and what they show, when that may have changed."""
        while True:
            await self._crowd_changed.wait()
            self._crowd_changed.clear()
            self.pages = sum(each.pages for each in self._crowds.values())
            if self._mirror.ready:
                watched = frozenset[str]().union(*(each.watched for each in self._crowds.values()))
                await self._crowd.tell(self.pages, watched)

    # ---- what relays say

    async def _heard_frame(self, message: Msg) -> None:
        """Another kernel's frame: two may not publish one app. The one that began later gives up."""
        headers = message.headers or {}
        other = headers.get(RUN, "").partition("-")[0] not in ("", self._me)
        if other and self._broker is not None and float(headers.get(SINCE, "inf")) <= self._since:
            self._rival = TWO.format(app=self._app, place=self._broker.place)
            self._broker.closed.set()

    async def _heard_crowd(self, message: Msg) -> None:
        headers = message.headers or {}
        name = headers[RELAY]
        crowd = self._crowds.setdefault(name, _Crowd())
        crowd.heard = time.monotonic()
        if headers[NUMBER] == "1":
            crowd.incoming = Incoming()
        try:
            said = crowd.incoming.take(headers, message.data)
        except Gap:
            return  # it is said again with the next sign of life
        if said is not None:
            told = orjson.loads(said)
            before, crowd.watched = crowd.watched, frozenset(told["watch"])
            crowd.pages = int(told["n"])
            if crowd.watched != before:
                self._crowd_changed.set()

    async def _asked(self, message: Msg) -> None:
        what, headers = message.subject.rpartition(".")[2], message.headers or {}
        broker = self._broker
        if broker is None or not self._mirror.ready:
            return
        if what == "snapshot":
            await self._answer(broker, message.reply, self._snapshot(orjson.loads(message.data)))
        elif what == "layout":
            await self._answer(broker, message.reply, [self._laid_out(orjson.loads(message.data))])
        elif what == "cancel":
            task = self._cancelled.get(message.data.decode())
            if task is not None:
                task.cancel()
        elif what == "http":
            self._heard_body(broker, message.reply, headers, message.data)
        elif what == "channel":
            self._start(message.reply, self._channel(broker, message.reply, orjson.loads(message.data)))

    def _start(self, name: str, coroutine: Coroutine[object, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        self._cancelled[name] = task

        def over(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            self._cancelled.pop(name, None)
            if not task.cancelled():
                task.exception()

        task.add_done_callback(over)

    async def _answer(self, broker: Broker, reply: str, frames: list[Bytes]) -> None:
        out = Outgoing(broker.most, {RUN: self._run, "frames": str(self._out.number)})
        for frame in frames:
            for message in out.messages(frame):
                await broker.publish(reply, message)
        await broker.publish(reply, out.beat())

    def _snapshot(self, known: Fields) -> list[Bytes]:
        """What a relay needs that knows an epoch up to a revision, as frames of the app's."""
        mirror = self._mirror
        same = known["epoch"] == mirror.epoch
        resumed = same and known["version"] == mirror.version
        frames: list[Bytes] = [
            orjson.dumps({**mirror.welcome, "resumed": resumed, "prefix": self._upstream.prefix}).decode()
        ]
        if same and not resumed:
            frames.append('{"t":"reload","q":0,"dist":[]}')
        frames.append(orjson.dumps(mirror.role).decode())
        frames.append(self._relay_frame())
        frames += [orjson.dumps(each).decode() for each in mirror.standing.values()]
        if mirror.own:
            frames.append(text_of(OwnModsFrame(mirror.own).encoded(0)))
        revision, mods = mirror.since(known["revision"] if same else 0)
        frames.append(text_of(SharedModsFrame(mods, revision).encoded()))
        return frames + [each.payload for each in mirror.images.values()]

    def _laid_out(self, request: Fields) -> str:
        """The answer to a relay's `req`."""
        mirror = self._mirror
        if request["path"] == DEPENDENCIES:
            return AnswerFrame(request["n"], 200, mirror.dependencies.decode()).encoded(0)
        revision, text = mirror.layout()
        return AnswerFrame(request["n"], 200, text.decode(), r=revision).encoded(0)

    # ---- requests over HTTP

    def _heard_body(self, broker: Broker, reply: str, headers: dict[str, str], data: bytes) -> None:
        """A part of a request. When it is whole, it is made."""
        if reply not in self._bodies:
            self._bodies[reply] = Incoming(), [], orjson.loads(headers[HEAD])
        incoming, _, head = self._bodies[reply]
        body = incoming.take(headers, data)
        if body is not None:
            del self._bodies[reply]
            self._start(reply, self._request(broker, reply, head, body if isinstance(body, bytes) else body.encode()))

    async def _request(self, broker: Broker, reply: str, head: Fields, body: bytes) -> None:
        out = Outgoing(broker.most)
        headers = headers_of(head["headers"])
        try:
            if head["method"] == ADMIT:
                why = await self._upstream.admit(head["token"])
                for part in (b"", why.encode()):
                    for message in out.messages(part, head='{"status":200,"headers":[]}'):
                        await broker.publish(reply, message)
                for message in out.messages(b"", close="0"):
                    await broker.publish(reply, message)
                return
            async with self._upstream.ask(head["method"], head["target"], headers, body, token=head["token"]) as answer:
                told = orjson.dumps({"status": answer.status, "headers": json_of(answer.headers)}).decode()
                for message in out.messages(b"", head=told):
                    await broker.publish(reply, message)
                async for part in answer.parts:
                    for message in out.messages(part):
                        await broker.publish(reply, message)
                    await broker.client.flush()
        except UpstreamError as error:
            for message in out.messages(str(error), close="1"):
                await broker.publish(reply, message)
        for message in out.messages(b"", close="0"):
            await broker.publish(reply, message)

    # ---- pages that may act

    async def _channel(self, broker: Broker, reply: str, head: Fields) -> None:
        out = Outgoing(broker.most)
        code, reason = int(CloseCode.INTERNAL_ERROR), "The app is away. Trying again…"
        try:
            async with self._upstream.channel(headers_of(head["headers"]), head["token"]) as channel:
                task = asyncio.current_task()
                assert task is not None
                served = self._channels[head["id"]] = _Served(channel, head["relay"], task)
                self._crowds.setdefault(head["relay"], _Crowd())
                for message in out.messages(b"", head="open"):
                    await broker.publish(reply, message)
                try:
                    while True:
                        for message in out.messages(await channel.receive()):
                            await broker.publish(reply, message)
                except Closed as closed:
                    code, reason = closed.code, str(closed)
                finally:
                    served.ended = True
        except UpstreamError:
            pass
        finally:
            self._channels.pop(head["id"], None)
            for message in out.messages(reason, close=str(code)):
                await broker.publish(reply, message)

    async def _heard_up(self, message: Msg) -> None:
        served = self._channels.get(message.subject.rpartition(".")[2])
        if served is None:
            return
        headers = message.headers or {}
        try:
            frame = served.incoming.take(headers, message.data)
        except Gap:
            served.cancel()
            return
        if CLOSE in headers:
            await served.channel.close(int(headers[CLOSE]))
        elif frame is not None:
            await served.channel.send(frame)


class _Served:
    """The connection of a page that acts through a relay."""

    def __init__(self, channel: Channel, relay: str, task: asyncio.Task[None]) -> None:
        self.channel = channel
        self.relay = relay
        self.incoming = Incoming()
        self.ended = False
        self._task = task

    def cancel(self) -> None:
        """End it: its relay is away, or a frame was lost."""
        self._task.cancel()


def headers_of(given: list[list[str]]) -> Headers:
    """Headers from JSON."""
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in given]


def json_of(headers: Headers) -> list[list[str]]:
    """Headers for JSON."""
    return [[name.decode("latin-1"), value.decode("latin-1")] for name, value in headers]

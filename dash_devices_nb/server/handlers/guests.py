"""Guests: people without a Jupyter identity. A share link gives them access to one app and nothing else.

They open the app's page with `?share=TOKEN`, which becomes a cookie for the app's path. No other handler of the server
reads either. Their connections are closed when the link ends or is revoked: while a guest is there, the list of links
is polled.

A page of an app belongs to Jupyter's origin. To separate them, `guest_origin` names another origin that reaches the
same server. On that origin only share links are accepted, and only shared apps are served.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, defaultdict
from contextlib import suppress
from functools import cached_property, partial
from http import HTTPStatus
from logging import Logger
from math import ceil
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from tornado import web
from tornado.httputil import HTTPServerRequest
from tornado.iostream import IOStream, StreamClosedError
from tornado.routing import Matcher
from websockets.utils import accept_key

from dash_devices_nb.close_codes import CloseCode
from dash_devices_nb.errors import RegistrationError, ShareError
from dash_devices_nb.registration import ShareList
from dash_devices_nb.registration.link_watch import Close, LinkWatch
from dash_devices_nb.registration.polling import Step, step_of
from dash_devices_nb.registration.share_cookies import (
    PARAMETER,
    admit_first,
    came_over_tls,
    cookie_tokens,
    entry_tokens,
    set_cookie,
)
from dash_devices_nb.server.concurrency import ConcurrencyLimiter, TooManyWaitingError
from dash_devices_nb.server.handlers.access import Refused, Visitor
from dash_devices_nb.server.handlers.base import NEEDS_SHARE, GuardedHandler
from dash_devices_nb.server.handlers.render import render
from dash_devices_nb.server.proxy import headers as heads
from dash_devices_nb.server.proxy.frame_budget import BURST_SECONDS, FrameBudget
from dash_devices_nb.server.proxy.frame_tracker import FrameTracker, close_frame
from dash_devices_nb.server.token_bucket import TokenBucket

COOKIE = "dash-devices-share"
PATIENCE = 30.0
"""Seconds that a guest's request waits for others of the same link."""
QUEUE = 3
"""Length of the queue, as a multiple of the concurrency limit."""
FULL = "Full: too much is open by this share link. Trying again…"
REQUESTS_AT_ONCE = 20.0
"""So many seconds' requests of a link may come at once: a class of 200 that load 30 files each."""
TOO_MANY = "Too many requests by this share link. Trying again…"
LINGER = 2.0  # seconds that a refused page has to take its Close frame
MOST_LISTS = 100
UNREADABLE = "Share links cannot be checked now; the log of the Jupyter server says why."


class Guests:
    """Checks share links, and closes what is open by one that has ended.

    Args:
        root: URL path of the directory page.
        origin: the origin for guests alone, or "".
        most_requests, most_sockets: the limits of concurrent requests and WebSockets of one link.
        most_frames: frames a second that may come on the WebSockets of one link.
        rate: requests and WebSocket handshakes a second of one link.
        log: for problems.

    Attributes:
        limiter: counts the HTTP requests of each link.
    """

    def __init__(
        self, root: str, origin: str, most_requests: int, most_sockets: int, most_frames: int, rate: int, log: Logger
    ) -> None:
        self._root = root
        self._host = _host_of(urlsplit(origin).netloc, urlsplit(origin).scheme) if origin else None
        self._log = log
        self._lists: OrderedDict[str, ShareList] = OrderedDict()
        self._open: LinkWatch[tuple[str, str]] = LinkWatch(self._why_ended)
        self.limiter: ConcurrencyLimiter[tuple[str, str]] = ConcurrencyLimiter(
            most_requests, QUEUE * most_requests, PATIENCE
        )
        self._most_sockets = most_sockets
        self._most_frames = float(most_frames)
        self._sockets: defaultdict[tuple[str, str], set[Close]] = defaultdict(set)
        self._frames: dict[tuple[str, str], TokenBucket] = {}
        self._rate = float(rate)
        self._requests: dict[tuple[str, str], TokenBucket] = {}
        self._parting: set[asyncio.Task[None]] = set()

    def only(self, request: HTTPServerRequest) -> bool:
        """Whether the request came to the origin that is for guests alone."""
        if self._host is None:
            return False
        named = [request.headers.get("Host", ""), *request.headers.get("X-Forwarded-Host", "").split(",")]
        return any(_host_of(name.strip(), scheme) == self._host for name in named for scheme in ("http", "https"))

    def admit(self, app: str, token: str) -> Visitor:
        """Return the visitor with this token.

        Raises:
            ShareError: the token is not valid; the text is for the guest.
        """
        try:
            record = self._list(app).admit(token, time.time())
        except RegistrationError as exc:
            self._log.error("Share links of %r are refused: %s", app, exc)
            raise ShareError(UNREADABLE) from exc
        return Visitor(None, record.name, record.role, record.id, record.expires)

    def _list(self, app: str) -> ShareList:
        shares = self._lists.pop(app, None) or ShareList(app, f"{self._root}{app}/")
        self._lists[app] = shares
        if len(self._lists) > MOST_LISTS:
            self._lists.popitem(last=False)
        return shares

    # ---- what is open

    def follow(self, app: str, visitor: Visitor, close: Close, *, socket: bool = True) -> None:
        """Call `close` with the reason when this visitor's link ends, until `leave`. Does nothing for Jupyter's users.

        Args:
            app: the app's name.
            visitor: who opened the connection.
            close: closes it.
            socket: whether it is a WebSocket.
        """
        if visitor.share is not None:
            self._open.began((app, visitor.share), close)
            if socket:
                self._sockets[app, visitor.share].add(close)

    def leave(self, app: str, visitor: Visitor, close: Close) -> None:
        """Forget a connection that has closed. Idempotent."""
        if visitor.share is not None:
            link = (app, visitor.share)
            self._open.ended(link, close)
            if link in self._sockets:
                self._sockets[link].discard(close)
                if not self._sockets[link]:
                    del self._sockets[link]

    def full(self, app: str, visitor: Visitor) -> str:
        """Why this visitor can open no WebSocket now; empty for Jupyter's users, and below the limit."""
        if visitor.share is None or len(self._sockets.get((app, visitor.share), ())) < self._most_sockets:
            return ""
        return FULL

    def frames_of(self, app: str, visitor: Visitor) -> FrameBudget | None:
        """The frames that may be read from a new WebSocket of this visitor. None for Jupyter's users: any number.

        A link's bucket outlives its connections, so that reconnecting renews nothing.
        """
        if visitor.share is None:
            return None
        link = (app, visitor.share)
        shared = self._frames.get(link)
        if shared is None:
            # A full bucket is as good as a new one, but not while connections share it.
            self._frames = {of: each for of, each in self._frames.items() if of in self._sockets or not each.is_full}
            rate = self._most_frames
            shared = self._frames[link] = TokenBucket(rate, rate * BURST_SECONDS, time.monotonic)
        return FrameBudget.beside(shared)

    def asks(self, app: str, visitor: Visitor) -> float:
        """Count a request or a WebSocket handshake of this visitor.

        Returns:
            0 if it may be served, as all of Jupyter's users; otherwise the seconds after which the next one may.
        """
        if visitor.share is None:
            return 0.0
        link = (app, visitor.share)
        bucket = self._requests.get(link)
        if bucket is None:
            self._requests = {of: each for of, each in self._requests.items() if not each.is_full}
            bucket = self._requests[link] = TokenBucket(self._rate, self._rate * REQUESTS_AT_ONCE, time.monotonic)
        wait = bucket.wait
        if not wait:
            bucket.take(1)
        return wait

    def _why_ended(self, link: tuple[str, str]) -> str:
        app, share = link
        try:
            return self._list(app).why_ended(share, time.time())
        except RegistrationError as exc:
            self._log.error("The guests of %r must leave: %s", app, exc)
            return UNREADABLE

    # ---- refusing

    def refuse_socket(self, stream: IOStream, key: str, reason: str, code: int = CloseCode.FORBIDDEN) -> None:
        """Open a WebSocket only to close it with the reason: pages cannot see why a handshake is refused."""
        task = asyncio.get_running_loop().create_task(_refuse_socket(stream, key, code, reason))
        self._parting.add(task)
        task.add_done_callback(self._parting.discard)

    async def stop(self) -> None:
        """Stop looking."""
        await self._open.stop()
        for task in self._parting:
            task.cancel()
        await asyncio.gather(*self._parting, return_exceptions=True)


class GuestHandler(GuardedHandler):
    """A handler that serves guests too. `prepare` decides who may call its methods."""

    entering: str | None = None
    """The token in the address of a guest's first request."""
    unlogged = False
    """Whether the request gets no line in the log (`server.logs`): it is one of a flood."""
    _place: tuple[str, str] | None = None

    @cached_property
    def step(self) -> Step | None:
        """What the request is for, if it carries a page's WebSocket over HTTP."""
        return step_of(self.request.method, self.request.path)

    async def prepare(self) -> None:  # type: ignore[override]
        """Identify the sender, and check whether a guest's link may ask now.

        Raises:
            Refused: 403, or 429 where the link asks too often.
            Finish: a refused WebSocket was told the reason.
        """
        await super().prepare()
        if self._finished:
            return
        if wait := self.extension.guests.asks(self.path_args[0], self.visitor):
            self.unlogged = True
            self.refuse_socket(TOO_MANY, CloseCode.TRY_AGAIN_LATER)
            raise Refused(HTTPStatus.TOO_MANY_REQUESTS, TOO_MANY, again=ceil(wait))

    def log_exception(
        self, typ: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None
    ) -> None:
        """Log an exception, but not of a link that asks too often."""
        if not self.unlogged:
            super().log_exception(typ, value, tb)

    async def guest(self) -> Visitor | None:
        """Return the visitor with a share link or its cookie.

        Raises:
            Refused: 403, the link is not valid.
            Finish: the same, for a WebSocket, which was told.
        """
        tokens = self.get_query_arguments(PARAMETER, strip=False)
        if tokens and self.request.method == "GET" and not self.upgrades:
            tokens = entry_tokens(tokens)
            self.entering = tokens[0]
        else:
            tokens = cookie_tokens(self.request.headers.get_list("Cookie"), COOKIE)
        if not tokens:
            return None
        try:
            return admit_first(tokens, partial(self.extension.guests.admit, self.path_args[0]))
        except ShareError as exc:
            self.refuse_socket(str(exc), CloseCode.FORBIDDEN)
            if not self.extension.guests.only(self.request):
                self.login = self.get_login_url()
            raise Refused(403, str(exc)) from None

    def refuse_socket(self, reason: str, code: int) -> None:
        """Tell a page why its WebSocket is closed. Does nothing for other requests.

        Over HTTP, a page that may try again later repeats its request, except for the first.

        Raises:
            Finish: the page was told.
        """
        key = self.request.headers.get("Sec-WebSocket-Key")
        if self.upgrades and key:
            self.extension.guests.refuse_socket(self.detach(), key, reason, code)
            raise web.Finish
        if self.step is Step.OPEN or (self.step is not None and code == CloseCode.FORBIDDEN):
            self.set_header("Content-Type", "application/octet-stream")
            self.set_header("Cache-Control", "no-store")
            self.finish(close_frame(code, reason))
            raise web.Finish

    async def find_place(self) -> None:
        """Wait until the guest's link has room for this request. `give_place_back` releases the place.

        Raises:
            Refused: 503, the request would wait too long.
            Finish: the same, or too many are open, for a WebSocket, which was told.
        """
        if self.visitor.share is None:
            return
        guests, link = self.extension.guests, (self.path_args[0], self.visitor.share)
        waits = self.step is Step.DOWN  # nearly all the time, as a WebSocket does
        refusal = guests.full(link[0], self.visitor) if self.upgrades or waits else ""
        if waits and not refusal:
            return
        if not refusal:
            try:
                await guests.limiter.take(link)
                self._place = link
                return
            except TooManyWaitingError:
                refusal = FULL
        self.log.debug("Turned away %s: too much is open by the share link %s", self.request.path, link[1])
        self.refuse_socket(refusal, CloseCode.TRY_AGAIN_LATER)
        raise Refused(503, refusal, again=int(PATIENCE))

    def give_place_back(self) -> None:
        """Release the place of a finished request. Idempotent."""
        if self._place is not None:
            self.extension.guests.limiter.leave(self._place)
            self._place = None

    def enter(self) -> bool:
        """Move a share link from the URL into a cookie. Returns whether that answered the request.

        Jupyter's users get no cookie: their login takes precedence.
        """
        if self.request.method != "GET" or self.upgrades or not self.get_query_arguments(PARAMETER):
            return False
        if self.visitor.is_guest and self.entering:
            path = f"{self.extension.root}{self.path_args[0]}/"
            cookie = set_cookie(COOKIE, self.entering, self.visitor.expires or 0, path, secure=self._secure)
            self.add_header("Set-Cookie", cookie)
            self.log.info("A guest of the share link %s (%s) entered", self.visitor.share, self.visitor.role)
        self.set_header("Cache-Control", "no-store")
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_status(303)
        self.set_header("Location", heads.without_secrets(self.request.uri or ""))
        self.finish()
        return True

    @property
    def _secure(self) -> bool:
        return came_over_tls(self.request.protocol, self.request.headers.get("X-Forwarded-Proto", ""))


class GuestHost(Matcher):
    """Matches requests to the origin that is for guests alone."""

    def __init__(self, guests: Guests) -> None:
        self._guests = guests

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        """An empty match, or None."""
        return {} if self._guests.only(request) else None


class NothingElseHandler(web.RequestHandler):
    """Everything but shared apps, on the origin that is for guests alone."""

    def prepare(self) -> None:
        """Refuse."""
        self.set_status(403)
        self.set_header("Cache-Control", "no-store")
        self.set_header("Content-Security-Policy", "frame-ancestors 'none'")
        self.finish(render("error.html", status=403, reason="Forbidden", text=NEEDS_SHARE, root="", login=""))


def switching(key: str) -> bytes:
    """The answer to a WebSocket handshake with this key."""
    head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    return f"{head}Sec-WebSocket-Accept: {accept_key(key)}\r\n\r\n".encode()


async def _refuse_socket(stream: IOStream, key: str, code: int, reason: str) -> None:
    """Close with a Close frame: a page that is cut off during its hello would not see the reason."""
    try:
        with suppress(StreamClosedError, TimeoutError):
            async with asyncio.timeout(LINGER):
                await stream.write(switching(key) + close_frame(code, reason))
                heard = FrameTracker(2**63)
                while not heard.closing:
                    heard.feed(await stream.read_bytes(65_536, partial=True))
    finally:
        stream.close()


def _host_of(netloc: str, scheme: str) -> tuple[str, int] | None:
    """Host name and port, or None."""
    try:
        parts = urlsplit(f"//{netloc.lower()}")
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    return (host, port or {"http": 80, "https": 443}.get(scheme, 0)) if host else None

"""Guests: people whom Jupyter does not know, and whom a share link lets in to one app and nothing else.

They come with `?share=TOKEN` on the app's page, which becomes a cookie for the app's path. No other handler of the
server looks at the one or the other. What they have open ends when the link ends or is revoked: the list of the links
is looked at while somebody is there by one.

A page of an app is a page of Jupyter's origin. Where that is too near, `guest_origin` names another origin that reaches
the same server: there a share link is the only thing that lets anybody in, and there is nothing but shared apps.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import time
from collections import OrderedDict, defaultdict
from contextlib import suppress
from logging import Logger
from typing import Any
from urllib.parse import urlsplit

from tornado import web
from tornado.httputil import HTTPServerRequest
from tornado.iostream import IOStream, StreamClosedError
from tornado.routing import Matcher

from dash_devices_nb.close_codes import CloseCode
from dash_devices_nb.errors import RegistrationError, ShareError
from dash_devices_nb.registration import ShareList
from dash_devices_nb.registration.link_watch import Close, LinkWatch
from dash_devices_nb.server.concurrency import ConcurrencyLimiter, TooManyWaitingError
from dash_devices_nb.server.handlers.access import Refused, Visitor
from dash_devices_nb.server.handlers.base import NEEDS_SHARE, GuardedHandler
from dash_devices_nb.server.handlers.render import render
from dash_devices_nb.server.proxy import headers as heads
from dash_devices_nb.server.proxy.frame_tracker import FrameTracker, close_frame

PARAMETER = "share"
COOKIE = "dash-devices-share"
REMEMBERED = 7 * 86_400
"""Seconds for which a browser keeps the cookie after the link's end, so that its page can say that it has ended."""
"""The WebSocket close code after which a page does not come back by itself."""
"""That after which it comes back by itself, some seconds later."""
PATIENCE = 30.0
"""Seconds for which a guest's request waits for others of the same link."""
QUEUE = 3
"""Length of the queue, as a multiple of the concurrency limit."""
FULL = "Full: too much is open by this share link. Trying again…"
LINGER = 2.0  # seconds in which a refused page may take its Close frame
MOST_COOKIES = 4
MOST_LISTS = 100
UNREADABLE = "Share links cannot be checked now; the log of the Jupyter server says why."

_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3


class Guests:
    """Checks share links, and ends what is open by one that has ended.

    Args:
        root: URL path of the directory page.
        origin: An origin for guests alone, or "".
        most_requests, most_sockets: What one link may have open at a time.
        log: For problems.

    Attributes:
        limiter: What is under way by each link over HTTP.
    """

    def __init__(self, root: str, origin: str, most_requests: int, most_sockets: int, log: Logger) -> None:
        self._root = root
        self._host = _host_of(urlsplit(origin).netloc, urlsplit(origin).scheme) if origin else None
        self._log = log
        self._lists: OrderedDict[str, ShareList] = OrderedDict()
        self._open: LinkWatch[tuple[str, str]] = LinkWatch(self._why_ended)
        self.limiter: ConcurrencyLimiter[tuple[str, str]] = ConcurrencyLimiter(
            most_requests, QUEUE * most_requests, PATIENCE
        )
        self._most_sockets = most_sockets
        self._sockets: defaultdict[tuple[str, str], set[Close]] = defaultdict(set)
        self._parting: set[asyncio.Task[None]] = set()

    def only(self, request: HTTPServerRequest) -> bool:
        """Whether the request came to the origin that is for guests alone."""
        if self._host is None:
            return False
        named = [request.headers.get("Host", ""), *request.headers.get("X-Forwarded-Host", "").split(",")]
        return any(_host_of(name.strip(), scheme) == self._host for name in named for scheme in ("http", "https"))

    def admit(self, app: str, token: str) -> Visitor:
        """Who comes with a token.

        Raises:
            ShareError: It does not count, with a sentence for the guest.
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
        """Call `close` with the reason when the link of this visitor ends, until `leave`. Nothing for others.

        Args:
            app: The app's name.
            visitor: Who has opened something.
            close: Ends that.
            socket: Whether it is a WebSocket.
        """
        if visitor.share is not None:
            self._open.began((app, visitor.share), close)
            if socket:
                self._sockets[app, visitor.share].add(close)

    def leave(self, app: str, visitor: Visitor, close: Close) -> None:
        """What was open is closed. Does nothing if it was."""
        if visitor.share is not None:
            link = (app, visitor.share)
            self._open.ended(link, close)
            if link in self._sockets:
                self._sockets[link].discard(close)
                if not self._sockets[link]:
                    del self._sockets[link]

    def full(self, app: str, visitor: Visitor) -> str:
        """Why this visitor can open no WebSocket now; empty for whom Jupyter knows, and while there is room."""
        if visitor.share is None or len(self._sockets.get((app, visitor.share), ())) < self._most_sockets:
            return ""
        return FULL

    def _why_ended(self, link: tuple[str, str]) -> str:
        app, share = link
        try:
            return self._list(app).why_ended(share, time.time())
        except RegistrationError as exc:
            self._log.error("The guests of %r must leave: %s", app, exc)
            return UNREADABLE

    # ---- refusing

    def refuse_socket(self, stream: IOStream, key: str, reason: str, code: int = CloseCode.FORBIDDEN) -> None:
        """Open a WebSocket only to close it with the reason: a refused handshake tells a page nothing."""
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
    """Lets guests pass too. Its methods are open to those whom `prepare` let pass, and to nobody else."""

    entering: str | None = None
    """The token by which a guest has come to the page for the first time."""
    _place: tuple[str, str] | None = None

    async def guest(self) -> Visitor | None:
        """Who comes with a share link or its cookie.

        Raises:
            Refused: 403, the link does not count.
            Finish: The same, told to a WebSocket.
        """
        tokens = self.get_query_arguments(PARAMETER, strip=False)
        if tokens and self.request.method == "GET" and not self.upgrades:
            self.entering = tokens[0] if len(set(tokens)) == 1 else ""
            tokens = [self.entering]
        else:
            tokens = heads.cookies_named(self.request.headers.get_list("Cookie"), COOKIE)[:MOST_COOKIES]
        refusal = ""
        for token in tokens:
            try:
                return self.extension.guests.admit(self.path_args[0], token)
            except ShareError as exc:
                refusal = refusal or str(exc)
        if not refusal:
            return None
        self._refuse_socket(refusal, CloseCode.FORBIDDEN)
        if not self.extension.guests.only(self.request):
            self.login = self.get_login_url()
        raise Refused(403, refusal)

    def _refuse_socket(self, reason: str, code: int) -> None:
        """Tell a page why its WebSocket is closed; nothing for other requests.

        Raises:
            Finish: It is told.
        """
        key = self.request.headers.get("Sec-WebSocket-Key")
        if self.upgrades and key:
            self.extension.guests.refuse_socket(self.detach(), key, reason, code)
            raise web.Finish

    async def find_place(self) -> None:
        """Let a guest's request wait until the link has a place for it; `give_place_back` ends it.

        Raises:
            Refused: 503, it would have to wait too long.
            Finish: The same, told to a WebSocket, or that too many are open.
        """
        if self.visitor.share is None:
            return
        guests, link = self.extension.guests, (self.path_args[0], self.visitor.share)
        refusal = guests.full(link[0], self.visitor) if self.upgrades else ""
        if not refusal:
            try:
                await guests.limiter.take(link)
                self._place = link
                return
            except TooManyWaitingError:
                refusal = FULL
        self.log.debug("Turned away %s: too much is open by the share link %s", self.request.path, link[1])
        self._refuse_socket(refusal, CloseCode.TRY_AGAIN_LATER)
        raise Refused(503, refusal, again=int(PATIENCE))

    def give_place_back(self) -> None:
        """The request is over. Is idempotent."""
        if self._place is not None:
            self.extension.guests.limiter.leave(self._place)
            self._place = None

    def enter(self) -> bool:
        """Where the URL has a share link, move it into a cookie; whether the request is answered by it.

        Whom Jupyter knows gets no cookie: the login counts more.
        """
        if self.request.method != "GET" or self.upgrades or not self.get_query_arguments(PARAMETER):
            return False
        if self.visitor.is_guest and self.entering:
            expires = self.visitor.expires or 0
            self.add_header(
                "Set-Cookie",
                f"{COOKIE}={self.entering}; Path={self.extension.root}{self.path_args[0]}/; "
                f"Max-Age={int(expires - time.time()) + REMEMBERED}; HttpOnly; SameSite=Lax"
                + ("; Secure" if self._secure else ""),
            )
            self.log.info("A guest of the share link %s (%s) entered", self.visitor.share, self.visitor.role)
        self.set_header("Cache-Control", "no-store")
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_status(303)
        self.set_header("Location", heads.without_secrets(self.request.uri or ""))
        self.finish()
        return True

    @property
    def _secure(self) -> bool:
        forwarded = self.request.headers.get("X-Forwarded-Proto", "").partition(",")[0].strip()
        return "https" in (self.request.protocol, forwarded)


class GuestHost(Matcher):
    """Matches what came to the origin that is for guests alone."""

    def __init__(self, guests: Guests) -> None:
        self._guests = guests

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        """An empty match, or None."""
        return {} if self._guests.only(request) else None


class NothingElseHandler(web.RequestHandler):
    """Whatever is no shared app, on the origin that is for guests alone."""

    def prepare(self) -> None:
        """Refuse."""
        self.set_status(403)
        self.set_header("Cache-Control", "no-store")
        self.set_header("Content-Security-Policy", "frame-ancestors 'none'")
        self.finish(render("error.html", status=403, reason="Forbidden", text=NEEDS_SHARE, root="", login=""))


async def _refuse_socket(stream: IOStream, key: str, code: int, reason: str) -> None:
    """Close properly: a connection that is cut while the page greets would lose the reason."""
    accept = base64.b64encode(hashlib.sha1(key.encode() + _MAGIC).digest()).decode()
    head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    try:
        with suppress(StreamClosedError, TimeoutError):
            async with asyncio.timeout(LINGER):
                await stream.write(f"{head}Sec-WebSocket-Accept: {accept}\r\n\r\n".encode() + close_frame(code, reason))
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

"""``{base_url}dash-devices/{name}/PATH``: requests to the app, and its WebSockets.

Bodies of requests and answers are streamed, so a video stream flows and an upload needs no memory.
When one side closes its connection, the other one is closed too.
"""

from __future__ import annotations

from collections.abc import Awaitable
from enum import Enum
from functools import cached_property
from typing import cast
from urllib.parse import urlsplit

from jupyter_server.auth.decorator import allow_unauthenticated
from tornado import web
from tornado.http1connection import HTTP1Connection
from tornado.httputil import HTTPHeaders, ResponseStartLine
from tornado.iostream import StreamClosedError

from dash_devices_nb.close_codes import CloseCode
from dash_devices_nb.errors import UpstreamError
from dash_devices_nb.registration import Registration
from dash_devices_nb.registration.polling import HOLD_SECONDS, Step
from dash_devices_nb.server.handlers.access import RESOURCE, SECRET_HEADER, USER_HEADER, Refused
from dash_devices_nb.server.handlers.base import GuardedHandler
from dash_devices_nb.server.handlers.guests import COOKIE, GuestHandler
from dash_devices_nb.server.handlers.render import render
from dash_devices_nb.server.handlers.upgrade import upgrade
from dash_devices_nb.server.kernel_status import glance_at
from dash_devices_nb.server.proxy import headers as heads
from dash_devices_nb.server.proxy.frame_tracker import BY_ITSELF
from dash_devices_nb.server.proxy.upstream import Exchange, connect

BODILESS = frozenset(("GET", "HEAD", "OPTIONS"))
BODILESS_OR_DELETE = BODILESS | {"DELETE"}
SLOWEST = 65_536  # lowest mean rate of a guest's body, in bytes per second
DRAINED = 2  # a body of up to this many times the limit is read to its end


class Stage(Enum):
    """What is to be done with a request, once its head has come. `FORWARDED` may still become `TOO_LONG`."""

    UNKNOWN = "there is no such app"
    UPGRADE = "it opens a WebSocket"
    TOO_LONG = "its body is longer than the limit"
    UNREACHABLE = "the app takes no connection"
    FORWARDED = "its head was sent to the app"


@web.stream_request_body
class AppHandler(GuestHandler):
    """Serves one app."""

    auth_resource = RESOURCE
    stage = Stage.UNKNOWN
    exchange: Exchange | None = None
    found: Registration | None = None
    failure: UpstreamError | None = None
    received = 0
    left = False
    too_long = ""
    ended = ""

    async def prepare(self) -> None:  # type: ignore[override]
        """Guard the request, find the app and begin the request to it.

        Raises:
            Refused: 400, 403, 404, 411 or 413, with the reason.
        """
        # Tornado closes a connection whose request is answered before its body is read.
        self.unread = True
        self.set_header("Connection", "close")
        await super().prepare()
        if self._finished or self.enter():
            return
        await self.find_place()
        if self.left:
            self.give_place_back()
            raise web.Finish
        await self._begin(self.path_args[0])
        self.unread = False
        self.clear_header("Connection")

    async def _begin(self, name: str) -> None:
        """Find the app and send it the head of the request. The method reports failures."""
        self.found = record = self.extension.registry.find(name)
        if record is None:
            return
        if self.upgrades:
            self.stage = Stage.UPGRADE
            return
        if self.step is None:
            self.extension.used(record)
        try:
            self._check_length()
        except ValueError as error:
            raise Refused(400, f"{error}.") from None
        if self.too_long:
            self.stage = Stage.TOO_LONG
            return
        self._transforms = self._transforms if self.extension.compresses(self.request) else []
        try:
            sock = await connect(record, self.extension.connect_timeout)
        except UpstreamError as exc:
            self.stage, self.failure = Stage.UNREACHABLE, exc
            return
        self.stage = Stage.FORWARDED
        self.exchange = Exchange(sock, self._pass_head, self._pass_body)
        await self.exchange.send_head(self.request.method or "GET", self.target, self.app_headers)

    def _check_length(self) -> None:
        """Check whether the body is too long, or has a length that cannot be forwarded.

        A body that is a little too long is read to its end before it is refused: browsers do not
        show an answer that arrives while they send.
        """
        limit = self.extension.max_body_bytes
        connection = cast(HTTP1Connection, self.request.connection)
        connection.set_max_body_size(DRAINED * limit)
        length = heads.content_length(self.request.headers.get_list("Content-Length"))
        if self.visitor.is_guest and self.extension.guest_body_timeout:
            connection.set_body_timeout(self.extension.guest_body_timeout + length / SLOWEST)
        if length > limit:
            self.too_long = f"The body has {length} bytes, at most {limit} are accepted."
            if length > DRAINED * limit:
                raise Refused(413, self.too_long)
        if "Transfer-Encoding" in self.request.headers and self.request.method in BODILESS_OR_DELETE:
            raise Refused(411, f"A {self.request.method} with a body needs a Content-Length.")

    async def data_received(self, chunk: bytes) -> None:
        """Pass a piece of the request's body to the app."""
        if self.exchange is None:
            return
        if self.step is Step.UP:
            self._note_use(chunk)
        self.received += len(chunk)
        limit = self.extension.max_body_bytes
        if self.received > limit:
            self.stage, self.too_long = Stage.TOO_LONG, f"The body has more than {limit} bytes, the most accepted."
            self.exchange.close()
            self.exchange = None
            return
        await self.exchange.send_body(chunk)

    def _note_use(self, chunk: bytes) -> None:
        """Note that somebody uses the page, unless it sends these messages by itself (`transport.polling`)."""
        by_itself = () if self.extension.counts_open_pages else BY_ITSELF
        messages = [b""] if self.received else chunk.split(b"\n")[1:]
        if not all(each.startswith(by_itself) for each in messages):
            self.extension.used(self.record)

    @property
    def record(self) -> Registration:
        """The app's record. Only valid once it was found."""
        assert self.found is not None
        return self.found

    @property
    def prefix(self) -> str:
        """Path of the app's URL."""
        return f"{self.root}{self.record.name}/"

    @property
    def target(self) -> str:
        """The request's target for the app: the encoded path, and the query without secrets."""
        uri = self.request.uri or ""
        return "/" + heads.without_secrets(uri.removeprefix(self.prefix))

    @cached_property
    def _is_jupyters(self) -> heads.CookieTest:
        own = self.identity_provider.get_cookie_name(self)
        return heads.jupyters_cookies(self.extension.hidden_cookies, own, "_xsrf", COOKIE)

    @property
    def app_headers(self) -> HTTPHeaders:
        """The headers of the request to the app."""
        sent = self.request.headers
        passed = heads.to_app(sent, self._is_jupyters)
        has_body = "Content-Length" in sent or "Transfer-Encoding" in sent
        if not has_body and self.request.method not in BODILESS:
            passed["Content-Length"] = "0"
        passed[SECRET_HEADER] = self.record.secret
        passed[USER_HEADER] = self.visitor.header()
        passed["X-Forwarded-For"] = self.request.remote_ip or ""
        passed["X-Forwarded-Proto"], passed["X-Forwarded-Host"] = self._public
        return passed

    @property
    def _public(self) -> tuple[str, str]:
        """Scheme and host of this server as the browser sees them, behind any proxy.

        An Origin that the guard accepted is our own page's.
        """
        origin = urlsplit(self.request.headers.get("Origin", ""))
        if origin.netloc:
            return origin.scheme, origin.netloc
        host, _, _ = self.request.headers.get("X-Forwarded-Host", "").partition(",")
        return self.request.protocol, host.strip() or self.request.host

    async def _pass_head(self, start: ResponseStartLine, headers: HTTPHeaders) -> None:
        passed, problems = heads.to_browser(
            headers,
            prefix=self.prefix,
            hosts={self.request.host, self._public[1]},
            is_jupyters=self._is_jupyters,
        )
        for problem in problems:
            self.log.warning("%s: %s", self.record.name, problem)
        self.set_status(start.code, start.reason or None)
        self.clear_header("Content-Type")
        seen: set[str] = set()
        for name, value in passed.get_all():
            if name in seen or name == "Set-Cookie":
                self.add_header(name, value)
            else:
                self.set_header(name, value)
            seen.add(name)
        self.set_header("Content-Security-Policy", self.content_security_policy)
        for policy in headers.get_list("Content-Security-Policy"):
            self.add_header("Content-Security-Policy", policy)
        await self._flush()

    async def _pass_body(self, chunk: bytes) -> None:
        self.write(chunk)
        await self._flush()

    async def _flush(self) -> None:
        try:
            await self.flush()
        except StreamClosedError:
            self.on_connection_close()

    def on_connection_close(self) -> None:
        """Close the connection to the app: the browser has left."""
        super().on_connection_close()  # ends the wait for the rest of a body
        self.left = True
        self.give_place_back()
        if self.exchange is not None:
            self.exchange.close()

    def on_finish(self) -> None:
        """Release the guest's place: the request is answered."""
        self.give_place_back()
        super().on_finish()

    def cut(self, reason: str) -> None:
        """Close the exchange: this guest's share link has ended."""
        self.log.info("%s: cut: %s", self.request.path, reason)
        self.ended = reason
        if self.exchange is not None:
            self.exchange.close()

    async def _serve(self) -> None:
        match self.stage:
            case Stage.UNKNOWN:
                self.no_such_app(self.path_args[0])
            case Stage.UPGRADE:
                try:
                    await upgrade(self)
                finally:
                    self.give_place_back()
            case Stage.TOO_LONG:
                raise Refused(413, self.too_long)
            case Stage.UNREACHABLE:
                assert self.failure is not None
                self.no_answer(self.failure)
            case Stage.FORWARDED:
                assert self.exchange is not None
                await self._answer(self.exchange)

    async def _answer(self, exchange: Exchange) -> None:
        document = self.request.headers.get("Sec-Fetch-Mode") == "navigate"
        limits = self.extension
        waits = self.step is Step.DOWN
        patience = limits.page_timeout if document else limits.answer_timeout
        if waits:
            patience += HOLD_SECONDS if patience else 0
            limits.poll_began(self.record.name, self)
        limits.guests.follow(self.record.name, self.visitor, self.cut, socket=waits)
        try:
            await exchange.receive(patience)
        except UpstreamError as exc:
            if self.left:
                self.log.debug("The browser left %s", self.request.path)
            elif exchange.answered:
                self.log.warning("%s: %s", self.request.path, exc)
                self.detach().close()  # the answer must not look complete
            else:
                if self.ended:
                    self.refuse_socket(self.ended, CloseCode.FORBIDDEN)
                self.no_answer(exc)
        finally:
            limits.poll_ended(self)
            limits.guests.leave(self.record.name, self.visitor, self.cut)
            self.give_place_back()

    @allow_unauthenticated  # `prepare` lets nobody else pass
    async def get(self, *_: str) -> None:
        """Serve a page, an asset, a stream or a WebSocket."""
        await self._serve()

    head = get
    options = get

    @allow_unauthenticated
    async def post(self, *_: str) -> None:
        """Serve a callback or an upload."""
        await self._serve()

    put = post
    patch = post
    delete = post

    def no_such_app(self, name: str) -> None:
        """Answer 404 with the running apps and how to start one."""
        self.set_status(404)
        if not self.is_owner:
            self._wait(name)
            return
        apps = self.extension.apps(self.root)
        self._explain(
            "unknown.html",
            f"There is no app {name!r} here; running: {', '.join(app['name'] for app in apps) or 'none'}.",
            apps=apps,
            name=name,
        )

    def no_answer(self, reason: UpstreamError) -> None:
        """Answer 502 with the reason and the kernel's state."""
        state = glance_at(self.record, self.kernel_manager)
        self.log.warning("502 %s: %s (kernel %s)", self.request.path, reason, state)
        self.set_status(502)
        if not self.is_owner:
            self._wait(self.record.name)
            return
        self._explain(
            "gone.html",
            f"{reason} (kernel: {state})",
            name=self.record.name,
            notebook=self.record.notebook,
            reason=str(reason),
            state=str(state),
        )

    def _wait(self, name: str) -> None:
        """Tell a guest to wait, and nothing else about this server."""
        self._explain("wait.html", f"The app {name!r} does not run now.", name=name)

    def _explain(self, template: str, text: str, **values: object) -> None:
        self.set_header("Cache-Control", "no-store")
        self.set_header("Content-Security-Policy", self.content_security_policy)
        if self.wants_page:
            self.set_header("Content-Type", "text/html; charset=utf-8")
            self.finish(render(template, root=self.root, text=text, **values))
        else:
            self.finish({"status": self.get_status(), "message": text})


class BareNameHandler(GuardedHandler):
    """``{base_url}dash-devices/{name}`` without the slash goes to the page."""

    auth_resource = RESOURCE

    @web.authenticated
    def get(self, name: str) -> Awaitable[None] | None:
        """Redirect, keeping the query."""
        query = heads.without_secrets(f"?{self.request.query}") if self.request.query else ""
        self.redirect(f"{self.root}{name}/{query}")
        return None

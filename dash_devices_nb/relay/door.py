"""The relay's own server: who comes in, and what each gets from here, or from the app."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from urllib.parse import parse_qsl, urlencode

from dash_devices_nb.close_codes import CloseCode
from dash_devices_nb.core.access import rate_limits
from dash_devices_nb.core.access.link_budget import GREETING, MESSAGE
from dash_devices_nb.core.access.roles import Role
from dash_devices_nb.core.protocol import page_frames
from dash_devices_nb.core.protocol.page_frames import CALLBACK_PATH, ByeFrame, HelloFrame
from dash_devices_nb.core.protocol.version import VERSION, mismatch
from dash_devices_nb.errors import FrameError, ShareError, UpstreamError
from dash_devices_nb.registration.share_cookies import (
    PARAMETER,
    came_over_tls,
    cookie_tokens,
    entry_tokens,
    set_cookie,
)
from dash_devices_nb.registration.tokens import role_of, verify
from dash_devices_nb.relay.http_client import Headers
from dash_devices_nb.relay.mirror import DEPENDENCIES, LAYOUT
from dash_devices_nb.relay.upstream import Channel, Closed, Upstream
from dash_devices_nb.relay.viewers import NO_RELOADS, Called, Guest, Viewer, Viewers
from dash_devices_nb.transport.auth_middleware import SAFE_METHODS, refuse, same_host
from dash_devices_nb.transport.polling import Polling, close_at_once, step_of_scope
from dash_devices_nb.transport.serve import Message, Receive, Scope, Send
from dash_devices_nb.transport.writer import AsgiWriter, writer_of

READY_SECONDS = 5.0
"""How long, in seconds, a request waits for an app that is not there yet."""
GREETING_SECONDS = 10.0
CACHED_BYTES = 64 * 1024 * 1024
"""Bytes of the app's files that are kept."""
LARGEST_CACHED = 16 * 1024 * 1024
FILES = ("_dash-component-suites/", "assets/", "_favicon.ico", "_dash-devices/page-")
"""What below the app's path is the same for everybody until its layout or callbacks change."""
KEPT_FOR_BROWSERS = (b"content-type", b"content-encoding", b"etag", b"last-modified")
NO_LINK = "This page needs a share link: open it by the whole address that was given to you."
NO_OWNERS = "This relay is for guests. The owner opens the page of the app itself."
AWAY = "The app is away. Trying again…"
AWAY_PAGE = b"""<!doctype html><html lang=en><meta charset=utf-8><title>Away</title>
<meta name=viewport content="width=device-width, initial-scale=1">
<style>:root { color-scheme: light dark; } body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem;
margin: 0 auto; padding: 2rem 1rem; }</style><p>The app is away. This page tries again by itself.</p>"""
NEVER_SENT = (1005, CloseCode.ABNORMAL_CLOSURE)
"""Close codes that stand for a connection without a Close frame."""
Close = Callable[[int, str], Awaitable[None]]
REVISION, EPOCH, OWN = b"x-dash-devices-revision", b"x-dash-devices-epoch", b"x-dash-devices-own"
CLIENT = b"x-dash-devices-client"


class Files:
    """The files of the app that were requested lately.

    Args:
        upstream: where they come from.
    """

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._kept: OrderedDict[str, tuple[int, Headers, bytes]] = OrderedDict()
        self._size = 0
        self._coming: dict[str, asyncio.Future[tuple[int, Headers, bytes]]] = {}
        self._state: tuple[str, int] = ("", 0)

    async def get(self, target: str, token: str, state: tuple[str, int]) -> tuple[int, Headers, bytes]:
        """The status, headers and body of a file.

        Args:
            target: path and query.
            token: the share link of whoever requests it.
            state: the app's run, and the version of its definitions. Files of another one are forgotten.

        Raises:
            UpstreamError: the app does not answer.
        """
        if state != self._state:
            self._kept.clear()
            self._coming.clear()
            self._size, self._state = 0, state
        if target in self._kept:
            self._kept.move_to_end(target)
            return self._kept[target]
        if target in self._coming:
            return await asyncio.shield(self._coming[target])
        coming = self._coming[target] = asyncio.get_running_loop().create_future()
        try:
            async with self._upstream.ask("GET", target, [], token=token) as answer:
                kept = [pair for pair in answer.headers if pair[0] in KEPT_FOR_BROWSERS]
                found = answer.status, kept, await answer.body()
        except BaseException as error:
            coming.set_exception(error if isinstance(error, UpstreamError) else UpstreamError(AWAY))
            coming.exception()  # so that it counts as heard, if nobody else waits
            raise
        finally:
            if self._coming.get(target) is coming:
                del self._coming[target]
        coming.set_result(found)
        if found[0] == 200 and len(found[2]) <= LARGEST_CACHED and state == self._state:
            self._kept[target] = found
            self._size += len(found[2])
            while self._size > CACHED_BYTES:
                self._size -= len(self._kept.popitem(last=False)[1][2])
        return found


class Door:
    """The ASGI application of a relay.

    Args:
        upstream: the way to the app.
        by: the token of the view link by which everybody enters who has none; "" for nobody.

    Attributes:
        viewers: the pages that look on.
        acting: how many pages that may act have a connection.
    """

    def __init__(self, upstream: Upstream, by: str = "") -> None:
        self._upstream = upstream
        self._by = by
        self.viewers = Viewers(self._called)
        self.acting = 0
        self._files = Files(upstream)
        self._ready = asyncio.Condition()
        self._polling = Polling(self)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or WebSocket."""
        if scope["type"] not in ("http", "websocket"):
            return
        headers: Headers = [(name.lower(), value) for name, value in scope["headers"]]
        given = dict(headers)
        if why := _foreign(scope, given):
            await refuse(scope, receive, send, why)
            return
        query = parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True, max_num_fields=200)
        entering = entry_tokens(value for name, value in query if name == PARAMETER) if _is_get(scope) else []
        if _is_get(scope) and any(name == "token" for name, _ in query):
            await refuse(scope, receive, send, NO_OWNERS)
            return
        if not await self._app_is_there():
            await _unavailable(scope, receive, send)
            return
        name = f"dash-devices-share-{(scope.get('server') or ('', ''))[1]}"
        tokens = entering or cookie_tokens([given.get(b"cookie", b"").decode("latin-1")], name)[:1]
        token = (tokens or [self._by])[0]
        if not token:
            await refuse(scope, receive, send, NO_LINK)
            return
        try:
            if role_of(token) == Role.CONTROL:
                if entering and (why := await self._upstream.admit(token)):
                    raise ShareError(why)
                guest = None
            else:
                guest = self._admit(token)
            if entering:
                await self._enter(scope, send, token, name, query)
            elif not scope["path"].startswith(self._upstream.prefix):
                await _redirect(scope, send, self._upstream.prefix)
            elif (step := step_of_scope(scope)) is not None:
                await self._polling.serve(step, token.encode(), scope, receive, send)
            elif guest is None:
                await self._acting(scope, receive, send, headers, token)
            else:
                await self._looking_on(scope, receive, send, headers, guest)
        except ShareError as error:
            await refuse(scope, receive, send, str(error))
        except UpstreamError:
            await _unavailable(scope, receive, send)

    async def became_ready(self) -> None:
        """The app is there: let those in who wait."""
        async with self._ready:
            self._ready.notify_all()

    async def _app_is_there(self) -> bool:
        mirror = self.viewers.mirror
        if mirror.ready:
            return True
        try:
            async with asyncio.timeout(READY_SECONDS), self._ready:
                await self._ready.wait_for(lambda: mirror.ready)
        except TimeoutError:
            return False
        return True

    def _admit(self, token: str) -> Guest:
        """The guest of a view link. Raises ShareError."""
        mirror = self.viewers.mirror
        claim = verify(token, lambda role: mirror.key)
        guest = Guest(claim.id, token, claim.expires)
        if why := self.viewers.why_ended(guest):
            raise ShareError(why)
        return guest

    async def _enter(self, scope: Scope, send: Send, token: str, name: str, query: list[tuple[str, str]]) -> None:
        """Keep the share link in a cookie, and show the page without it in the address."""
        expires = float(int(token.split(".")[1][1:], 16))
        prefix = self._upstream.prefix
        forwarded = next((value for key, value in scope["headers"] if key.lower() == b"x-forwarded-proto"), b"")
        secure = came_over_tls(scope.get("scheme"), forwarded.decode("latin-1"))
        cookie = set_cookie(name, token, expires, prefix, secure=secure)
        rest = urlencode([pair for pair in query if pair[0] != PARAMETER])
        path = scope["path"] if scope["path"].startswith(prefix) else prefix
        await _redirect(scope, send, path + (f"?{rest}" if rest else ""), [(b"set-cookie", cookie.encode("latin-1"))])

    # ---- those who look on

    async def _looking_on(self, scope: Scope, receive: Receive, send: Send, headers: Headers, guest: Guest) -> None:
        path = scope["path"][len(self._upstream.prefix) :]
        mirror = self.viewers.mirror
        if scope["type"] == "websocket":
            if path == "_dash-devices/ws":
                await self._page(scope, receive, send, guest)
            else:
                await _no_socket(receive, send, path)
            return
        method = scope["method"]
        if method in ("GET", "HEAD"):
            if path == LAYOUT:
                revision, text = mirror.layout()
                told = [(REVISION, str(revision).encode()), (EPOCH, mirror.epoch.encode())]
                viewer = self.viewers.asking(dict(headers).get(CLIENT, b"").decode("latin-1"))
                if viewer is not None:
                    told.append((OWN, str(viewer.sequence).encode()))
                    viewer.laid_out()
                await _answer(send, 200, text, [(b"content-type", b"application/json"), *told])
            elif path == DEPENDENCIES:
                await _answer(send, 200, mirror.dependencies, [(b"content-type", b"application/json")])
            elif path == "_reload-hash":
                await _answer(send, 200, NO_RELOADS.encode(), [(b"content-type", b"application/json")])
            elif path == "" or path.startswith(FILES):
                await self._file(scope, send, dict(headers), guest.token, page=path == "")
            else:
                await self._forward(scope, receive, send, headers, guest.token)
        else:
            await self._forward(scope, receive, send, headers, guest.token)

    async def _file(self, scope: Scope, send: Send, given: dict[bytes, bytes], token: str, *, page: bool) -> None:
        mirror = self.viewers.mirror
        target = _target(scope)
        status, headers, body = await self._files.get(target, token, (mirror.epoch, mirror.version))
        known = dict(headers).get(b"etag")
        if status == 200 and known is not None and given.get(b"if-none-match") == known:
            await _answer(send, 304, b"", [(b"etag", known)])
            return
        hashed = b"_dash-devices/page-" in target.encode() or b".v" in target.encode()
        keeping = b"private, no-store" if page else b"private, max-age=31536000" if hashed else b"private, no-cache"
        await _answer(send, status, body, [*headers, (b"cache-control", keeping)])

    async def _page(self, scope: Scope, receive: Receive, send: Send, guest: Guest) -> None:
        """Serve the WebSocket of a page that looks on."""
        await receive()
        await send({"type": "websocket.accept"})
        closed = False

        async def close(code: int, reason: str) -> None:
            nonlocal closed
            if not closed:
                closed = True
                said = reason.encode()[:120].decode(errors="ignore")
                try:
                    await send({"type": "websocket.close", "code": code, "reason": said})
                except (OSError, RuntimeError):
                    return  # it has closed meanwhile

        data = await _first(receive)
        if data is None:
            return
        try:
            if len(data) > GREETING:
                raise FrameError(f"the first frame has at most {GREETING} bytes, not {len(data)}")
            greeting = page_frames.parse(data)
            if not isinstance(greeting, HelloFrame):
                raise FrameError(f"the first frame is a hello, not a {greeting.t}")
        except FrameError as error:
            await close(CloseCode.POLICY_VIOLATION, str(error))
            return
        if greeting.version != VERSION:
            await close(CloseCode.OTHER_VERSION, mismatch(greeting.version))
            return
        if greeting.kind != page_frames.PAGE:
            await close(CloseCode.FORBIDDEN, "A program connects to the app itself, and not to a relay.")
            return
        loop = asyncio.get_running_loop()
        closings: set[asyncio.Task[None]] = set()

        def close_soon(code: int, reason: str) -> None:
            task = loop.create_task(close(code, reason))
            closings.add(task)
            task.add_done_callback(closings.discard)

        writer = writer_of(scope, send)
        viewer = self.viewers.handshake(greeting, guest)
        viewer.attach(writer, close_soon)
        code = int(CloseCode.ABNORMAL_CLOSURE)
        try:
            code = await self._read(viewer, receive, close)
        finally:
            viewer.detach(writer)
            if isinstance(writer, AsgiWriter):
                await writer.close()
            await asyncio.gather(*closings)
            self.viewers.disconnected(viewer, at_once=code == CloseCode.GOING_AWAY)

    async def _read(self, viewer: Viewer, receive: Receive, close: Close) -> int:
        """Take the frames of a page until its connection ends. Returns the close code."""
        malformed, number = 0, 1
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return int(message.get("code") or CloseCode.GOING_AWAY)
            data = message.get("text") or message.get("bytes") or b""
            number += 1
            try:
                if len(data) > MESSAGE[Role.VIEW]:
                    raise FrameError(f"a frame of {len(data)} bytes is more than a guest may send")
                frame = page_frames.parse(data, counts=True)
                if isinstance(frame, ByeFrame):
                    await close(CloseCode.GOING_AWAY, "goodbye")
                    return CloseCode.GOING_AWAY
                cost = rate_limits.cost(frame.t, len(data) + rate_limits.NAMED_BYTES * frame.named)
                delay = viewer.bucket.take(time.monotonic(), cost)
                if delay > rate_limits.GUESTS_MOST_SECONDS:
                    await close(CloseCode.FORBIDDEN, "This page sends far more than a guest may.")
                    return CloseCode.GOING_AWAY
                if delay > 0:
                    await asyncio.sleep(delay)
                viewer.receive(frame)
            except FrameError as error:
                malformed += 1
                viewer.unread(number, str(error))
                if malformed > rate_limits.GUESTS_MOST_MALFORMED:
                    await close(CloseCode.FORBIDDEN, f"more than {rate_limits.GUESTS_MOST_MALFORMED} malformed frames")
                    return CloseCode.GOING_AWAY

    async def _called(self, guest: Guest, query: str, body: bytes) -> Called:
        """Call a callback of the app for a guest that looks on (`viewers.Call`)."""
        headers = [(b"content-type", b"application/json")]
        target = f"{self._upstream.prefix}{CALLBACK_PATH}{query}"
        try:
            async with self._upstream.ask("POST", target, headers, body, token=guest.token) as answer:
                return Called(answer.status, await answer.body())
        except UpstreamError as error:
            return Called(503, str(error).encode())

    # ---- those who may act, and what is not the same for all

    async def _acting(self, scope: Scope, receive: Receive, send: Send, headers: Headers, token: str) -> None:
        path = scope["path"][len(self._upstream.prefix) :]
        if scope["type"] == "http":
            if scope["method"] in ("GET", "HEAD") and path.startswith(FILES):
                await self._file(scope, send, dict(headers), token, page=False)
            else:
                await self._forward(scope, receive, send, headers, token)
            return
        if path != "_dash-devices/ws":
            await _no_socket(receive, send, path)
            return
        await receive()
        self.acting += 1
        try:
            async with self._upstream.channel(_of_browser(headers), token) as channel:
                await send({"type": "websocket.accept"})
                up = asyncio.ensure_future(_up(receive, channel))
                down = asyncio.ensure_future(_down(channel, send))
                try:
                    await asyncio.wait((up, down), return_when=asyncio.FIRST_COMPLETED)
                finally:
                    up.cancel()
                    down.cancel()
                    await asyncio.gather(up, down, return_exceptions=True)
        except UpstreamError:
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.close", "code": CloseCode.INTERNAL_ERROR, "reason": AWAY})
        finally:
            self.acting -= 1

    async def _forward(self, scope: Scope, receive: Receive, send: Send, headers: Headers, token: str) -> None:
        """Hand a request on to the app, for a guest."""
        target = _target(scope)
        async with self._upstream.ask(
            scope["method"], target, _of_browser(headers), _parts(receive), token=token
        ) as answer:
            await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
            async for part in answer.parts:
                await send({"type": "http.response.body", "body": part, "more_body": True})
            await send({"type": "http.response.body", "body": b""})


# ---- pieces of ASGI


def _is_get(scope: Scope) -> bool:
    return bool(scope["type"] == "http" and scope["method"] == "GET")


def _foreign(scope: Scope, given: dict[bytes, bytes]) -> str:
    """Why the sending page is refused: it is of another site. Empty if it is ours."""
    if scope["type"] == "http" and scope["method"] in SAFE_METHODS:
        return ""
    origin = given.get(b"origin", b"").decode("latin-1").lower()
    if not origin:
        return "A page of another site may not use this app." if given.get(b"sec-fetch-site") == b"cross-site" else ""
    host = given.get(b"host", b"").decode("latin-1")
    return "" if same_host(origin, host) else f"A page of {origin} may not use this app, which is at {host}."


def _target(scope: Scope) -> str:
    """Path and query of a request, as they came."""
    path: str = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1").partition("?")[0]
    query: str = scope.get("query_string", b"").decode("latin-1")
    return path + (f"?{query}" if query else "")


def _of_browser(headers: Headers) -> Headers:
    """The headers of a browser that are for the app, and not for this connection."""
    ours = (b"host", b"origin", b"upgrade", b"connection", b"keep-alive", b"te", b"expect")
    secret = (b"x-dash-devices-secret", b"x-dash-devices-user", b"x-dash-devices-visitor")
    kept = [pair for pair in headers if pair[0] not in (*ours, *secret)]
    return [pair for pair in kept if not pair[0].startswith(b"sec-websocket-")]


async def _parts(receive: Receive) -> AsyncIterator[bytes]:
    """The body of a request."""
    while (message := await receive())["type"] == "http.request":
        if body := message.get("body"):
            yield body
        if not message.get("more_body"):
            return
    raise UpstreamError("The browser has gone.")


async def _first(receive: Receive) -> str | bytes | None:
    """The first message of a WebSocket. None: it has closed, or says nothing."""
    try:
        async with asyncio.timeout(GREETING_SECONDS):
            message = await receive()
    except TimeoutError:
        return None
    if message["type"] == "websocket.disconnect":
        return None
    data: str | bytes = message.get("text") or message.get("bytes") or b""
    return data


async def _up(receive: Receive, channel: Channel) -> None:
    """Hand on what a page sends, until it closes."""
    while (message := await receive())["type"] == "websocket.receive":
        await channel.send(message["text"] if message.get("text") is not None else message["bytes"])
    await channel.close(int(message.get("code") or CloseCode.GOING_AWAY))


async def _down(channel: Channel, send: Send) -> None:
    """Hand on what the app sends to a page, until it closes."""
    try:
        while True:
            message = await channel.receive()
            content: Message = {"text": message} if isinstance(message, str) else {"bytes": message}
            await send({"type": "websocket.send", **content})
    except Closed as closed:
        code = closed.code if closed.code not in NEVER_SENT else CloseCode.INTERNAL_ERROR
        reason = closed.reason if closed.code not in NEVER_SENT else AWAY
        await send({"type": "websocket.close", "code": code, "reason": reason})


async def _no_socket(receive: Receive, send: Send, path: str) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    reason = f"there is no WebSocket {path!r}".encode()[:120].decode(errors="ignore")
    await send({"type": "websocket.close", "code": CloseCode.NOT_FOUND, "reason": reason})


async def _unavailable(scope: Scope, receive: Receive, send: Send) -> None:
    """The app does not answer."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close", "code": CloseCode.INTERNAL_ERROR, "reason": AWAY})
        return
    if step_of_scope(scope) is not None:
        await close_at_once(send, CloseCode.INTERNAL_ERROR, AWAY)
        return
    headers = [(b"content-type", b"text/html; charset=utf-8"), (b"retry-after", b"2"), (b"refresh", b"2")]
    await _answer(send, 503, AWAY_PAGE, headers)


async def _redirect(scope: Scope, send: Send, location: str, more: Headers | None = None) -> None:
    if scope["type"] == "websocket":
        return
    headers = [(b"location", location.encode("latin-1")), (b"referrer-policy", b"no-referrer"), *(more or [])]
    await _answer(send, 303, b"", headers)


async def _answer(send: Send, status: int, body: bytes, headers: Headers) -> None:
    given = {name for name, _ in headers}
    more = [] if b"cache-control" in given else [(b"cache-control", b"no-store")]
    sized = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *more, *sized]})
    await send({"type": "http.response.body", "body": body})

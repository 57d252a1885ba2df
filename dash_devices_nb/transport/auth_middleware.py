"""Authentication of requests: pure ASGI middleware in front of the app.

Other users of a computer can reach its loopback ports, and any website that somebody visits can
send requests to them. The secret protects against the first, the Origin check against the second.

A request or WebSocket is accepted if it carries the secret in one of three ways:

- in the header `X-Dash-Devices-Secret`, as the Jupyter server's extension sends it;
- in our cookie, a digest of the secret;
- as `?token=` of a GET request, as in the URL that `app.run()` prints. The answer sets the cookie
  and redirects to the same address without the token, so that it stays out of bookmarks.

The cookie is HttpOnly, for our path only, and named after the port, because cookies do not know
ports. It is SameSite=Lax, but in a frame of another site (a notebook in VS Code, or at `localhost`
when we are at `127.0.0.1`), where browsers withhold such cookies, it is a partitioned one. That is
safe because WebSockets and all requests that may change something must come from a page of ours:
their Origin must be the host they are sent to, or in the list of allowed ones. A request without
an Origin does not come from a page, and enters if it has the secret.

Without a secret, the Host has to be one of the app's own names (see `allowed_hosts`).
"""

from __future__ import annotations

import hashlib
import hmac
import html
import json
from collections.abc import Collection, Mapping
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from dash_devices_nb.close_codes import CloseCode
from dash_devices_nb.errors import ShareError
from dash_devices_nb.registration import ShareList
from dash_devices_nb.registration.polling import Step
from dash_devices_nb.registration.share_cookies import (
    PARAMETER,
    came_over_tls,
    cookie_tokens,
    entry_tokens,
    set_cookie,
)
from dash_devices_nb.transport.allowed_hosts import AllowedHosts
from dash_devices_nb.transport.cache_headers import private
from dash_devices_nb.transport.frame_ancestors import framed_by
from dash_devices_nb.transport.polling import MESSAGES, Polling, close_at_once, step_of_scope
from dash_devices_nb.transport.serve import ASGIApp, Message, Receive, Scope, Send
from dash_devices_nb.transport.share_auth import ShareAuth

SECRET_HEADER = b"x-dash-devices-secret"
USER_HEADER = b"x-dash-devices-user"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
AUTHENTICATED = "dash_devices_nb.authenticated"
"""Set in the scope of a request that an `AuthMiddleware` has already accepted."""
FORWARDED = "dash_devices_nb.forwarded"
"""Set in the scope of a request that the Jupyter server's extension forwards: its X-Forwarded-* headers are trusted."""
MOST_PARAMETERS = 200
"""Longest query, in parameters, that is searched for a token."""

NO_SECRET = (
    "This page needs its secret. Open it by the whole address that app.run() printed, with "
    "?token=..., or through Jupyter."
)
REFUSAL = """<!doctype html><html lang=en><meta charset=utf-8><title>403 Forbidden</title>
<meta name=viewport content="width=device-width, initial-scale=1">
<style>:root {{ color-scheme: light dark; }} body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 46rem;
margin: 0 auto; padding: 2rem 1rem; overflow-wrap: anywhere; }} h1 {{ font-size: 1.35rem; }}</style>
<h1>403 Forbidden</h1><p>{why}</p>"""
FOREIGN_ORIGIN = (
    "A page of {origin} may not use this app, which is at {host}. Its author can allow it with "
    "app.run(allowed_origins=[{origin!r}])."
)


class AuthMiddleware:
    """Passes requests with the secret on to `app`, and refuses pages of other sites.

    The app never sees the secret header. `X-Dash-Devices-User` tells it who sends the request: the
    extension's value is passed on if the secret comes with it. Otherwise, whoever knows the secret is the
    owner; without a secret there is no owner.
    """

    def __init__(
        self,
        app: ASGIApp,
        secret: str | None,
        cookie_path: str = "/",
        *,
        allowed_origins: Collection[str] = (),
        allowed_hosts: Collection[str] = (),
        frames: Collection[str] = (),
        shares: ShareList | None = None,
        bound: str | None = None,
        max_message_bytes: int = MESSAGES,
    ) -> None:
        """Guard `app`.

        Args:
            app: the ASGI application.
            secret: the secret that requests must carry; None accepts every request with one of the app's host
                names and an allowed Origin.
            cookie_path: the app's path as browsers see it.
            allowed_origins: more origins whose pages may use the app, such as "https://example.org";
                "*" for all.
            allowed_hosts: more host names of an app without a secret.
            frames: more origins whose pages may frame the app, besides the allowed ones.
            shares: the share links, if no Jupyter server checks them.
            bound: the address of the listening socket; None if unknown.
            max_message_bytes: the largest message on a WebSocket that is carried over requests (`polling`).
        """
        self._app = app
        self._polling = Polling(self, max_message_bytes)
        self._secret = secret.encode() if secret else None
        self._cookie_value = hmac.new(self._secret or b"", b"dash-devices cookie", hashlib.sha256).hexdigest()
        self._cookie_path = cookie_path
        self._guests = ShareAuth(shares) if shares is not None else None
        self._hosts = AllowedHosts(allowed_hosts, bound)
        self._allowed = frozenset(origin.rstrip("/").lower() for origin in allowed_origins)
        self._ancestors = self._allowed | frozenset(frames)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check one request or WebSocket and pass it on or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = {name.lower(): value for name, value in scope["headers"]}
        by_header = self._secret is not None and hmac.compare_digest(headers.get(SECRET_HEADER, b""), self._secret)
        if refusal := self._strange(scope, headers) or self._foreign(scope, headers, by_header):
            await refuse(scope, receive, send, refusal)
        elif by_header or self._has_cookie(scope, headers):
            await self._pass(scope, receive, send, by_header, believed_or_owner(headers if by_header else {}))
        elif self._has_token(scope):
            await self._let_in(scope, send, "token", self._owners_cookie(scope, headers))
        elif self._guests is not None and (self._shared(scope) or self._guest_cookies(scope, headers)):
            await self._guest(self._guests, scope, headers, receive, send)
        elif self._secret is None:
            await self._pass(scope, receive, send, False, identity("control"))
        else:
            await refuse(scope, receive, send, NO_SECRET)

    async def stop(self) -> None:
        """Stop watching share links."""
        if self._guests is not None:
            await self._guests.stop()

    async def _pass(self, scope: Scope, receive: Receive, send: Send, by_header: bool, user: bytes) -> None:
        if self._secret is not None:  # otherwise everybody gets the same answers
            send = private(scope, send)
        if not by_header:
            send = self._framed(scope, send)
        await self._within(scope, user)(self._told(scope, by_header, user), receive, send)

    def _within(self, scope: Scope, user: bytes) -> ASGIApp:
        """The app, or what serves requests that carry a WebSocket."""
        step = step_of_scope(scope)
        return self._app if step is None else partial(self._carry, step, user, scope)

    async def _carry(self, step: Step, user: bytes, entered: Scope, scope: Scope, receive: Receive, send: Send) -> None:
        await self._polling.serve(step, user, entered, receive, send)

    def _framed(self, scope: Scope, send: Send) -> Send:
        host = next((value for name, value in scope["headers"] if name.lower() == b"host"), b"")
        return framed_by(scope, send, host.decode("latin-1"), self._ancestors)

    def _told(self, scope: Scope, by_header: bool, user: bytes) -> Scope:
        """The scope for the app, with the identity header and without credentials."""
        ours = (SECRET_HEADER, USER_HEADER)
        passed = [pair for pair in scope["headers"] if pair[0].lower() not in ours]
        return {**scope, "headers": [*passed, (USER_HEADER, user)], FORWARDED: by_header}

    # ---- guests

    async def _guest(
        self, guests: ShareAuth, scope: Scope, headers: Mapping[bytes, bytes], receive: Receive, send: Send
    ) -> None:
        shared = self._shared(scope)
        try:
            record = guests.admit(shared or self._guest_cookies(scope, headers))
        except ShareError as error:
            await refuse(scope, receive, send, str(error))
            return
        if shared:
            secure = _over_tls(scope, headers)
            name = self._guest_cookie_name(scope)
            cookie = set_cookie(name, shared[0], record.expires, self._cookie_path, secure=secure)
            await self._let_in(scope, send, PARAMETER, cookie)
            return
        user = identity(record.role, record.name, record.id, record.expires)
        send = self._framed(scope, private(scope, send))
        await guests.serve(self._within(scope, user), record, self._told(scope, False, user), receive, send)

    def _shared(self, scope: Scope) -> list[str]:
        """The share link in the page's address, as a list of at most one token."""
        if scope["type"] != "http" or scope["method"] != "GET":
            return []
        return entry_tokens(value for name, value in _query(scope) if name == PARAMETER)

    def _guest_cookie_name(self, scope: Scope) -> str:
        return self._cookie_name(scope).replace("dash-devices-", "dash-devices-share-", 1)

    def _guest_cookies(self, scope: Scope, headers: Mapping[bytes, bytes]) -> list[str]:
        return _cookies(headers, self._guest_cookie_name(scope))

    # ---- the owner, and other sites

    def _strange(self, scope: Scope, headers: Mapping[bytes, bytes]) -> str:
        """Why the requested host name is refused; empty if it is the app's own."""
        if self._secret is not None:
            return ""
        server = scope.get("server") or (None,)
        return self._hosts.refusal(headers.get(b"host", b"").decode("latin-1"), server[0])

    def _foreign(self, scope: Scope, headers: Mapping[bytes, bytes], by_header: bool) -> str:
        """Why the sending page is refused; empty if it is allowed."""
        if scope["type"] == "http" and scope["method"] in SAFE_METHODS:
            return ""
        forwarded = headers.get(b"x-forwarded-host") if by_header else None
        host = (forwarded or headers.get(b"host", b"")).decode("latin-1").split(",")[0].strip()
        origin = headers.get(b"origin", b"").decode("latin-1").lower()
        if not origin:
            if headers.get(b"sec-fetch-site") != b"cross-site":
                return ""
            origin = "another site"
        if "*" in self._allowed or origin in self._allowed or same_host(origin, host):
            return ""
        return FOREIGN_ORIGIN.format(origin=origin, host=host)

    def _cookie_name(self, scope: Scope) -> str:
        server = scope.get("server") or ("", None)
        return f"dash-devices-{server[1] or 'unix'}"

    def _has_cookie(self, scope: Scope, headers: Mapping[bytes, bytes]) -> bool:
        if self._secret is None:
            return False
        return any(_equal(value, self._cookie_value) for value in _cookies(headers, self._cookie_name(scope)))

    def _has_token(self, scope: Scope) -> bool:
        if scope["type"] != "http" or scope["method"] != "GET" or self._secret is None:
            return False
        tokens = [value for name, value in _query(scope) if name == "token"]
        return len(tokens) == 1 and _equal(tokens[0], self._secret.decode())

    def _owners_cookie(self, scope: Scope, headers: Mapping[bytes, bytes]) -> str:
        cross_site = headers.get(b"sec-fetch-site") == b"cross-site"
        framed = headers.get(b"sec-fetch-dest") in (b"iframe", b"frame")
        same_site = "SameSite=None; Secure; Partitioned" if cross_site and framed else "SameSite=Lax"
        if _over_tls(scope, headers) and "Secure" not in same_site:
            same_site += "; Secure"
        return f"{self._cookie_name(scope)}={self._cookie_value}; Path={self._cookie_path}; HttpOnly; {same_site}"

    async def _let_in(self, scope: Scope, send: Send, parameter: str, cookie: str) -> None:
        """Set the cookie and redirect to the address without the token."""
        # A relative address works behind any proxy and cannot lead to another host.
        path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1").partition("?")[0]
        rest = urlencode([pair for pair in _query(scope) if pair[0] != parameter])
        location = "./" + path.rpartition("/")[2] + (f"?{rest}" if rest else "")
        answer = [
            (b"location", location.encode("latin-1")),
            (b"set-cookie", cookie.encode("latin-1")),
            (b"cache-control", b"no-store"),
            (b"referrer-policy", b"no-referrer"),
            (b"content-length", b"0"),
        ]
        await send({"type": "http.response.start", "status": 303, "headers": answer})
        await send({"type": "http.response.body", "body": b""})


def believed_or_owner(believed: Mapping[bytes, bytes]) -> bytes:
    """The identity of a request that carries the secret: the extension's value, or the owner."""
    return believed.get(USER_HEADER) or identity("owner")


def identity(role: str, name: str = "", share: str | None = None, expires: float | None = None) -> bytes:
    """The value of `USER_HEADER` for somebody without a Jupyter identity, as percent-encoded JSON."""
    content = {"username": None, "name": name, "role": role, "share": share, "expires": expires}
    return quote(json.dumps(content, ensure_ascii=False), safe="").encode()


async def refuse(scope: Scope, receive: Receive, send: Send, why: str) -> None:
    """Answer 403 with a page, or close a WebSocket with 4403 so that the page learns why."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        reason = why.encode()[:123].decode(errors="ignore")
        await send(_closing(reason))
        return
    if step_of_scope(scope) is not None:
        await close_at_once(send, CloseCode.FORBIDDEN, why)
        return
    body = REFUSAL.format(why=html.escape(why)).encode()
    headers = [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _closing(reason: str) -> Message:
    return {"type": "websocket.close", "code": CloseCode.FORBIDDEN, "reason": reason}


def _cookies(headers: Mapping[bytes, bytes], name: str) -> list[str]:
    return cookie_tokens([headers.get(b"cookie", b"").decode("latin-1")], name)


def _over_tls(scope: Scope, headers: Mapping[bytes, bytes]) -> bool:
    return came_over_tls(scope.get("scheme"), headers.get(b"x-forwarded-proto", b"").decode("latin-1"))


def _query(scope: Scope) -> list[tuple[str, str]]:
    query = scope.get("query_string", b"").decode("latin-1")
    try:
        return parse_qsl(query, keep_blank_values=True, max_num_fields=MOST_PARAMETERS)
    except ValueError:  # no real address has so many, and parsing them takes time
        return []


def _equal(one: str, other: str) -> bool:
    """Compare two texts in constant time."""
    return hmac.compare_digest(one.encode(), other.encode())


def same_host(origin: str, host: str) -> bool:
    """Whether `origin` is that of `host`. The scheme's default port may be left out."""
    try:
        page = urlsplit(origin)
        ours = urlsplit(f"//{host}")
        default: Any = {"http": 80, "https": 443}.get(page.scheme)
        return (
            default is not None
            and page.hostname is not None
            and page.hostname == ours.hostname
            and (page.port or default) == (ours.port or default)
        )
    except ValueError:  # an invalid port
        return False

"""Who may enter: pure ASGI middleware in front of the app.

Other users of a computer can reach its loopback ports, and any website that somebody visits can
send requests to them. Against the first there is a secret, against the second the Origin check.

A request or WebSocket with the right secret enters if it carries it in one of three ways:

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

Where there is no secret, the Host has to be a name of the app's own (see `allowed_hosts`).
"""

import hashlib
import hmac
import html
import json
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from dash_devices_nb.close_codes import CloseCode
from dash_devices_nb.errors import ShareError
from dash_devices_nb.registration import ShareList
from dash_devices_nb.transport.allowed_hosts import AllowedHosts
from dash_devices_nb.transport.cache_headers import private
from dash_devices_nb.transport.frame_ancestors import framed_by
from dash_devices_nb.transport.serve import ASGIApp, Message, Receive, Scope, Send
from dash_devices_nb.transport.share_auth import PARAMETER, ShareAuth, named
from dash_devices_nb.transport.share_auth import cookie as guest_cookie

SECRET_HEADER = b"x-dash-devices-secret"
USER_HEADER = b"x-dash-devices-user"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
AUTHENTICATED = "dash_devices_nb.authenticated"
"""Set in the scope of what has passed an `AuthMiddleware` of ours already."""
FORWARDED = "dash_devices_nb.forwarded"
"""Set in the scope of what the Jupyter server's extension forwards: only its X-Forwarded-* headers can be believed."""
MOST_PARAMETERS = 200
"""Parameters of a query in which a token is looked for."""
"""The WebSocket close code of a refusal: browsers do not show pages an HTTP status there."""

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
    """Lets requests with the secret through to `app`, and pages of other sites not.

    The app never sees the secret header. By `X-Dash-Devices-User` it is told who somebody is: the
    extension's word is passed on next to the secret; of others the middleware itself says that whoever
    knows the secret is the owner, and that nobody is where there is none to know.
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
    ) -> None:
        """Guards `app`.

        Args:
            app: The ASGI application.
            secret: What a request must know; None lets everybody in who asks for a name of the app's, and
                whose Origin is right.
            cookie_path: The path of the app as browsers see it.
            allowed_origins: More origins whose pages may use the app, as "https://example.org";
                "*" for all.
            allowed_hosts: More names by which the app is asked for where it has no secret.
            frames: More origins whose pages may show the app in a frame, beside the allowed ones.
            shares: Links by which guests may enter, where no Jupyter server checks them.
            bound: The address of the listening socket; None where it is unknown.
        """
        self._app = app
        self._secret = secret.encode() if secret else None
        self._cookie_value = hmac.new(self._secret or b"", b"dash-devices cookie", hashlib.sha256).hexdigest()
        self._cookie_path = cookie_path
        self._guests = ShareAuth(shares) if shares is not None else None
        self._hosts = AllowedHosts(allowed_hosts, bound)
        self._allowed = frozenset(origin.rstrip("/").lower() for origin in allowed_origins)
        self._ancestors = self._allowed | frozenset(frames)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Checks one request or WebSocket and passes it on or refuses it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = {name.lower(): value for name, value in scope["headers"]}
        by_header = self._secret is not None and hmac.compare_digest(headers.get(SECRET_HEADER, b""), self._secret)
        if refusal := self._strange(scope, headers) or self._foreign(scope, headers, by_header):
            await _refuse(scope, receive, send, refusal)
        elif by_header or self._has_cookie(scope, headers):
            await self._pass(scope, receive, send, by_header, believed_or_owner(headers if by_header else {}))
        elif self._has_token(scope):
            await self._let_in(scope, send, "token", self._owners_cookie(scope, headers))
        elif self._guests is not None and (self._shared(scope) or self._guest_cookies(scope, headers)):
            await self._guest(self._guests, scope, headers, receive, send)
        elif self._secret is None:
            await self._pass(scope, receive, send, False, identity("control"))
        else:
            await _refuse(scope, receive, send, NO_SECRET)

    async def stop(self) -> None:
        """Stop what runs for guests."""
        if self._guests is not None:
            await self._guests.stop()

    async def _pass(self, scope: Scope, receive: Receive, send: Send, by_header: bool, user: bytes) -> None:
        if self._secret is not None:  # else everybody gets the same
            send = private(scope, send)
        if not by_header:
            send = self._framed(scope, send)
        await self._app(self._told(scope, by_header, user), receive, send)

    def _framed(self, scope: Scope, send: Send) -> Send:
        host = next((value for name, value in scope["headers"] if name.lower() == b"host"), b"")
        return framed_by(scope, send, host.decode("latin-1"), self._ancestors)

    def _told(self, scope: Scope, by_header: bool, user: bytes) -> Scope:
        """The scope for the app: with the identity header, without the credentials."""
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
            await _refuse(scope, receive, send, str(error))
            return
        if shared:
            cookie = guest_cookie(
                self._guest_cookie_name(scope), shared[0], record, self._cookie_path, scope.get("scheme", "")
            )
            await self._let_in(scope, send, PARAMETER, cookie)
            return
        user = identity(record.role, record.name, record.id, record.expires)
        send = self._framed(scope, private(scope, send))
        await guests.serve(self._app, record, self._told(scope, False, user), receive, send)

    def _shared(self, scope: Scope) -> list[str]:
        """The token of a link by which somebody comes to the page."""
        if scope["type"] != "http" or scope["method"] != "GET":
            return []
        tokens = {value for name, value in _query(scope) if name == PARAMETER}
        return [tokens.pop() if len(tokens) == 1 else ""] if tokens else []

    def _guest_cookie_name(self, scope: Scope) -> str:
        return self._cookie_name(scope).replace("dash-devices-", "dash-devices-share-", 1)

    def _guest_cookies(self, scope: Scope, headers: Mapping[bytes, bytes]) -> list[str]:
        return named(headers, self._guest_cookie_name(scope))

    # ---- the owner, and other sites

    def _strange(self, scope: Scope, headers: Mapping[bytes, bytes]) -> str:
        """Why the name that was asked for may be somebody else's, empty if it is ours."""
        if self._secret is not None:
            return ""
        server = scope.get("server") or (None,)
        return self._hosts.refusal(headers.get(b"host", b"").decode("latin-1"), server[0])

    def _foreign(self, scope: Scope, headers: Mapping[bytes, bytes], by_header: bool) -> str:
        """Why the page that sends the request may not, empty if it may."""
        if scope["type"] == "http" and scope["method"] in SAFE_METHODS:
            return ""
        forwarded = headers.get(b"x-forwarded-host") if by_header else None
        host = (forwarded or headers.get(b"host", b"")).decode("latin-1").split(",")[0].strip()
        origin = headers.get(b"origin", b"").decode("latin-1").lower()
        if not origin:
            if headers.get(b"sec-fetch-site") != b"cross-site":
                return ""
            origin = "another site"
        if "*" in self._allowed or origin in self._allowed or _same_host(origin, host):
            return ""
        return FOREIGN_ORIGIN.format(origin=origin, host=host)

    def _cookie_name(self, scope: Scope) -> str:
        server = scope.get("server") or ("", None)
        return f"dash-devices-{server[1] or 'unix'}"

    def _has_cookie(self, scope: Scope, headers: Mapping[bytes, bytes]) -> bool:
        if self._secret is None:
            return False
        return any(_equal(value, self._cookie_value) for value in named(headers, self._cookie_name(scope)))

    def _has_token(self, scope: Scope) -> bool:
        if scope["type"] != "http" or scope["method"] != "GET" or self._secret is None:
            return False
        tokens = [value for name, value in _query(scope) if name == "token"]
        return len(tokens) == 1 and _equal(tokens[0], self._secret.decode())

    def _owners_cookie(self, scope: Scope, headers: Mapping[bytes, bytes]) -> str:
        cross_site = headers.get(b"sec-fetch-site") == b"cross-site"
        framed = headers.get(b"sec-fetch-dest") in (b"iframe", b"frame")
        same_site = "SameSite=None; Secure; Partitioned" if cross_site and framed else "SameSite=Lax"
        if scope.get("scheme") == "https" and "Secure" not in same_site:
            same_site += "; Secure"
        return f"{self._cookie_name(scope)}={self._cookie_value}; Path={self._cookie_path}; HttpOnly; {same_site}"

    async def _let_in(self, scope: Scope, send: Send, parameter: str, cookie: str) -> None:
        """Sets the cookie and redirects to the address without the token."""
        # A relative address is right behind any proxy, and cannot lead to another host.
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
    """Who knows the secret: whom the extension says, or the owner."""
    return believed.get(USER_HEADER) or identity("owner")


def identity(role: str, name: str = "", share: str | None = None, expires: float | None = None) -> bytes:
    """The value of `USER_HEADER` for somebody whom Jupyter does not know: percent-encoded JSON."""
    content = {"username": None, "name": name, "role": role, "share": share, "expires": expires}
    return quote(json.dumps(content, ensure_ascii=False), safe="").encode()


async def _refuse(scope: Scope, receive: Receive, send: Send, why: str) -> None:
    """Answers 403 with a page, or closes a WebSocket with 4403 so that the page learns why."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        reason = why.encode()[:123].decode(errors="ignore")
        await send(_closing(reason))
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


def _query(scope: Scope) -> list[tuple[str, str]]:
    query = scope.get("query_string", b"").decode("latin-1")
    try:
        return parse_qsl(query, keep_blank_values=True, max_num_fields=MOST_PARAMETERS)
    except ValueError:  # nobody's link or address has so many, and to look at them takes time
        return []


def _equal(one: str, other: str) -> bool:
    """Compares in a time that does not depend on where they differ."""
    return hmac.compare_digest(one.encode(), other.encode())


def _same_host(origin: str, host: str) -> bool:
    """Whether a page of `origin` is one of `host`; the scheme's own port may be left out."""
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
    except ValueError:  # a port that is none
        return False

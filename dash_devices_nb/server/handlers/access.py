"""Who sends a request, and whether it comes from a page of this server.

`identify` is the one place that turns a request into a visitor. `refusal` is the one place that
tells requests of our own pages from requests that another site made the browser send. A foreign
origin is refused even with a token: cookies ignore ports, so a page on another port of this host can
read Jupyter's XSRF token, and a token in a URL may have leaked. Dash's requests carry no token, so
one of these is required, whichever the browser and the proxies in front of the server let through:

- ``Sec-Fetch-Site: same-origin``, which browsers send over TLS and on localhost and pages cannot
  set;
- an ``Origin`` that is the ``Host``, or the ``X-Forwarded-Host`` of a proxy that rewrites Host (a
  page of another site cannot make a browser send this header: its preflight is refused);
- an ``Origin`` that the administrator trusts: ``DashDevicesApp.trusted_origins``, or
  ``ServerApp.allow_origin`` and ``allow_origin_pat``;
- no ``Origin`` at all and Jupyter's token: a program, because browsers send an origin with such requests.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from urllib.parse import quote, urlsplit

from jupyter_core.utils import ensure_async
from jupyter_server.base.handlers import JupyterHandler
from tornado import web
from tornado.httputil import HTTPHeaders

RESOURCE = "dash_devices"
USER_HEADER = "X-Dash-Devices-User"
SECRET_HEADER = "X-Dash-Devices-Secret"

_READS = frozenset(("GET", "HEAD"))
_OTHER_SITES = frozenset(("cross-site", "same-site"))


class Refused(web.HTTPError):
    """Raised for a request that is refused.

    Args:
        status: the HTTP status.
        text: the reason, for the person or program that sent it.
        again: seconds after which to try again, if that may help.
    """

    def __init__(self, status: int, text: str, again: int | None = None) -> None:
        super().__init__(status, text.replace("%", "%%"))
        self.text = text
        self.again = again


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who makes a request.

    Attributes:
        username: unique name of the Jupyter user; None for a guest.
        name: the name to show.
        role: ``owner`` for a Jupyter user; for a guest the role of the share link.
        share: id of a guest's share link; else None.
        expires: when the link ends, in seconds since the epoch.
    """

    username: str | None
    name: str
    role: str
    share: str | None = None
    expires: float | None = None

    @property
    def is_guest(self) -> bool:
        """Whether the visitor came by a share link."""
        return self.share is not None

    def header(self) -> str:
        """The value of `USER_HEADER`: percent-encoded JSON."""
        content = asdict(self)
        return quote(json.dumps(content, ensure_ascii=False), safe="")


async def identify(handler: JupyterHandler, action: str) -> Visitor | None:
    """Identify the sender of a request, after Jupyter's own `prepare`.

    Args:
        handler: of the request.
        action: ``read``, ``write`` or ``execute``, for Jupyter's authorizer.

    Returns:
        The visitor, or None for a stranger.

    Raises:
        Refused: 403: Jupyter knows the user, but its authorizer refuses the action.
    """
    user = handler.current_user
    if not user:
        return None
    if not await ensure_async(handler.authorizer.is_authorized(handler, user, action, RESOURCE)):
        raise Refused(403, f"The user {user.username!r} may not {action} {RESOURCE}.")
    return Visitor(user.username, user.name or user.username, "owner")


def refusal(
    method: str,
    headers: HTTPHeaders,
    *,
    websocket: bool,
    trusted: Callable[[str], bool],
    token: bool = False,
) -> str | None:
    """Why a request is refused as one of another site, or None if it is accepted.

    Reading is refused only to scripts, images and frames of other sites: a link in an
    e-mail opens the page. Who may frame the page is up to ``Content-Security-Policy``.

    Args:
        method: of the request.
        headers: of the request.
        websocket: whether it asks for a WebSocket.
        trusted: whether the server's configuration accepts this origin.
        token: whether it carries Jupyter's token, which counts if no other site is named.
    """
    origin = headers.get("Origin") or headers.get("Sec-WebSocket-Origin")
    site = headers.get("Sec-Fetch-Site")
    if site == "same-origin":
        return None
    if origin is not None and origin != "null" and (_is_host(origin, headers) or trusted(origin)):
        return None
    if token and origin is None and site not in _OTHER_SITES:
        return None
    if method in _READS and not websocket:
        if site in _OTHER_SITES:
            if headers.get("Sec-Fetch-Mode") == "navigate":
                return None
            return f"Sec-Fetch-Site is {site!r}, expected 'same-origin' or a navigation"
        if origin is None:
            return None
        return f"the origin is {origin!r:.200}, expected that of this server"
    return (
        f"the origin is {origin!r:.200} and Sec-Fetch-Site {site!r}, "
        f"expected an Origin that equals the Host {headers.get('Host')!r} or is one of "
        "DashDevicesApp.trusted_origins, Sec-Fetch-Site 'same-origin', or Jupyter's token and no Origin"
    )


def configured_origins(allow: str, pattern: str | None, more: Iterable[str] = ()) -> Callable[[str], bool]:
    """A test for the origins that the administrator trusts.

    Args:
        allow: ``ServerApp.allow_origin``. ``"*"`` is not honoured: it would let every site act on
            the devices.
        pattern: ``ServerApp.allow_origin_pat``.
        more: ``DashDevicesApp.trusted_origins``.
    """
    named = {origin.lower() for origin in (allow, *more) if origin}
    shape = re.compile(pattern) if pattern else None
    return lambda origin: origin.lower() in named or (shape is not None and shape.fullmatch(origin) is not None)


def _is_host(origin: str, headers: HTTPHeaders) -> bool:
    try:
        netloc = urlsplit(origin).netloc.lower()
    except ValueError:
        return False
    hosts = {headers.get("Host", "").lower()}
    hosts.update(host.strip().lower() for host in headers.get("X-Forwarded-Host", "").split(","))
    return bool(netloc) and netloc in hosts

"""How a browser carries a share link: first in the address, then in a cookie of the app's path.

Both doors of an app use this: `transport.share_auth` where the app is served directly, and `server.handlers.guests`
in the Jupyter server.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from dash_devices_nb.errors import ShareError

PARAMETER = "share"
"""The query parameter that holds the token."""
REMEMBERED = 7 * 86_400
"""Seconds for which a browser keeps the cookie after the link's end, so that its page can say that it has ended."""
MOST_COOKIES = 4
"""Tokens of one request that are checked. A browser sends several cookies of a name if they have different paths."""

Guest = TypeVar("Guest")


def entry_tokens(given: Iterable[str]) -> list[str]:
    """The token by which somebody enters, from the values of `PARAMETER`.

    Returns:
        One token, "" if the values contradict each other, or nothing if there are none.
    """
    tokens = set(given)
    return [tokens.pop() if len(tokens) == 1 else ""] if tokens else []


def cookie_tokens(headers: Iterable[str], name: str) -> list[str]:
    """The values of all cookies of a name, from the values of the Cookie headers."""
    # Not SimpleCookie: it gives up at the first odd cookie of another program on this host.
    pairs = (pair.partition("=") for value in headers for pair in value.split(";"))
    return [content.strip() for found, _, content in pairs if found.strip() == name]


def admit_first(tokens: Sequence[str], admit: Callable[[str], Guest]) -> Guest:
    """The guest of the first token that `admit` accepts.

    Raises:
        ShareError: no token is accepted. The error is that of the first one.
    """
    refusal: ShareError | None = None
    for token in tokens[:MOST_COOKIES]:
        try:
            return admit(token)
        except ShareError as error:
            refusal = refusal or error
    raise refusal or ShareError("There is no share link.")


def set_cookie(name: str, token: str, expires: float, path: str, *, secure: bool) -> str:
    """The value of the Set-Cookie header that keeps a guest's token.

    Args:
        name: the cookie's name.
        token: the token.
        expires: when the link ends, in seconds since the epoch.
        path: the app's path.
        secure: whether the page came over TLS.
    """
    age = int(expires - time.time()) + REMEMBERED
    return f"{name}={token}; Path={path}; Max-Age={age}; HttpOnly; SameSite=Lax" + ("; Secure" if secure else "")


def came_over_tls(scheme: str | None, forwarded: str) -> bool:
    """Return whether a browser asked over TLS, which may end at a proxy or a Jupyter server before us.

    Args:
        scheme: that of the request which reached us.
        forwarded: the header X-Forwarded-Proto, or "". Who forges it loses the cookie, and nothing else.
    """
    return "https" in (scheme, forwarded.partition(",")[0].strip())

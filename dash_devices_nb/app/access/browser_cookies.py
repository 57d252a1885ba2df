"""The cookie by which an app knows a browser again: a name of our making, signed, that scripts cannot read.

It lets nobody in. It tells the tabs of one person from those of others who came by the same link, also after a restart
of the program. Who clears it is somebody new, with what the link gives.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
from collections.abc import Mapping
from functools import cached_property

from dash_devices_nb.errors import RegistrationError
from dash_devices_nb.registration import stable_secret

REMEMBERED = 365 * 86_400
"""Seconds for which a browser keeps it."""

log = logging.getLogger(__name__)


class Browsers:
    """Names browsers, for one app.

    Args:
        app: the app's name.
    """

    def __init__(self, app: str) -> None:
        self._app = app

    @cached_property
    def _key(self) -> bytes:
        try:
            return stable_secret(f"{self._app}:browsers").encode()
        except RegistrationError as error:
            log.warning("browsers will not be known again after a restart: %s", error)
            return secrets.token_bytes(32)

    @cached_property
    def cookie_name(self) -> str:
        """The cookie's; cookies ignore ports, and another app has another key."""
        return f"dash-devices-browser-{hashlib.sha256(self._key).hexdigest()[:8]}"

    def known(self, cookies: Mapping[str, str]) -> str:
        """The browser's name, or "" where it has none of ours."""
        name, _, signature = cookies.get(self.cookie_name, "").partition(".")
        return name if name and hmac.compare_digest(signature.encode(), self._signature(name).encode()) else ""

    def cookie(self, path: str, *, secure: bool, framed: bool) -> str:
        """A Set-Cookie header that names a browser.

        Args:
            path: the app's, as browsers see it.
            secure: whether the page came over TLS.
            framed: whether it is in a frame of another site, where browsers withhold other cookies.
        """
        name = secrets.token_urlsafe(12)
        same_site = "None; Secure; Partitioned" if framed else "Lax; Secure" if secure else "Lax"
        return (
            f"{self.cookie_name}={name}.{self._signature(name)}; Path={path}; Max-Age={REMEMBERED}; HttpOnly; "
            f"SameSite={same_site}"
        )

    def _signature(self, name: str) -> str:
        return hmac.new(self._key, name.encode(), hashlib.sha256).hexdigest()[:32]

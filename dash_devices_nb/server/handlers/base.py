"""The base of all our handlers: authorization, headers and error pages.

Everything is decided in `prepare`, before a handler's method runs and before a request's body is
read, so methods that are added later are guarded too. The decorators on the methods declare this to
Jupyter, which looks for them if the administrator denies access by default.
"""

from __future__ import annotations

import json
from http.client import responses
from typing import TYPE_CHECKING, Any, cast

from jupyter_server.base.handlers import JupyterHandler
from tornado import web

from dash_devices_nb.errors import DashDevicesError
from dash_devices_nb.registration import URL_SEGMENT
from dash_devices_nb.server.handlers.access import Refused, Visitor, configured_origins, identify, refusal
from dash_devices_nb.server.handlers.render import render

if TYPE_CHECKING:
    from dash_devices_nb.server.app import DashDevicesApp

EXTENSION = "dash_devices_extension"
NEEDS_SHARE = "This address shows shared device pages only: open the share link as it was given to you."
ACTIONS = {"GET": "read", "HEAD": "read", "OPTIONS": "read"}


class GuardedHandler(JupyterHandler):
    """Refuses strangers, and requests that another site made the browser send."""

    visitor: Visitor  # set by `prepare`; without it nothing is served
    unread = False  # whether an unread body may follow

    @property
    def extension(self) -> DashDevicesApp:
        """The extension's application object, with its settings."""
        return cast("DashDevicesApp", self.settings[EXTENSION])

    @property
    def upgrades(self) -> bool:
        """Whether the request asks for a WebSocket."""
        return self.request.headers.get("Upgrade", "").lower() == "websocket"

    @property
    def root(self) -> str:
        """URL path of the directory page."""
        return f"{self.base_url.rstrip('/')}/{URL_SEGMENT}/"

    @property
    def content_security_policy(self) -> str:
        """Our frame policy, in place of Jupyter's and the Hub's."""
        return f"frame-ancestors {self.extension.frame_ancestors}"

    def check_xsrf_cookie(self) -> None:
        """Do nothing: `prepare` checks the origin, which a token in a cookie does not prove."""

    def check_origin(self, origin_to_satisfy_tornado: str = "") -> bool:
        """Accept what `prepare` accepted."""
        return True

    async def prepare(self) -> None:  # type: ignore[override]
        """Identify the sender and check whether the request is allowed.

        Raises:
            Refused: 403 with the reason.
            Finish: a refused WebSocket was told the reason.
        """
        guests_only = self.extension.guests.only(self.request)
        if guests_only:  # Jupyter's login and token are not even looked at
            self.current_user = self._jupyter_current_user = None
        else:
            await super().prepare(_redirect_to_login=not self.upgrades)
        if self._finished:
            return
        method = self.request.method or "GET"
        action = "execute" if self.upgrades else ACTIONS.get(method, "write")
        visitor = (None if guests_only else await identify(self, action)) or await self.guest()
        if visitor is None:
            if method in ("GET", "HEAD") and not self.upgrades and not guests_only:
                web.authenticated(_nothing)(self)  # to the login page, and back here afterwards
                return
            raise Refused(403, NEEDS_SHARE if guests_only else "Jupyter does not know you: log in, or give its token.")
        reason = self._foreign(method, visitor)
        if reason is not None:
            self.log.warning("Refused %s %s: %s", method, self.request.path, reason)
            raise Refused(403, f"Not from a page of this server: {reason}.")
        if not visitor.is_guest:
            self.extension.used_by_owner_at(self.request.host_name)
        self.visitor = visitor

    async def guest(self) -> Visitor | None:
        """The visitor without a Jupyter identity, if this handler serves guests."""
        return None

    def _foreign(self, method: str, visitor: Visitor) -> str | None:
        trusted = configured_origins(self.allow_origin, self.allow_origin_pat, self.extension.trusted_origins)
        return refusal(
            method,
            self.request.headers,
            websocket=self.upgrades,
            trusted=trusted,
            token=not visitor.is_guest and self.token_authenticated,
        )

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer with the reason: a page to a person, JSON to a program."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        reason = responses.get(status_code, "Error")
        text = ""
        if isinstance(error, Refused):
            text = error.text
            if error.again is not None:
                self.set_header("Retry-After", str(error.again))
        elif isinstance(error, DashDevicesError) and self.is_owner:
            text = str(error)
        self.set_header("Cache-Control", "no-store")
        if self.unread:
            self.set_header("Connection", "close")
        if self.wants_page:
            self.set_header("Content-Type", "text/html; charset=utf-8")
            root = self.root if self.is_owner else ""
            self.finish(render("error.html", status=status_code, reason=reason, text=text, root=root, login=self.login))
            return
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps({"status": status_code, "reason": reason, "message": text}))

    login = ""
    """The login page for somebody who was refused as a guest, for the error page."""

    @property
    def is_owner(self) -> bool:
        """Whether this visitor is a Jupyter user. Others learn nothing about this server beyond the app."""
        visitor = getattr(self, "visitor", None)
        return visitor is not None and not visitor.is_guest

    @property
    def wants_page(self) -> bool:
        """Whether the answer is for a person to read."""
        return "text/html" in self.request.headers.get("Accept", "")


def _nothing(handler: GuardedHandler) -> None:
    """The wrapped handler of a guard that only redirects."""

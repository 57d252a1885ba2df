"""Share links as the program has them: made, shown with a code to scan, listed, revoked."""

from __future__ import annotations

import asyncio
import html
import os
import socket
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import segno

from dash_devices_nb.app.client_session import ClientSession
from dash_devices_nb.app.execution.runtime import Runtime
from dash_devices_nb.app.serving.mount import Mount
from dash_devices_nb.close_codes import CloseCode
from dash_devices_nb.core.access.admission import AdmissionControl
from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.access.link_budget import MOST_ADDRESSES, OTHERS, LinkBudget
from dash_devices_nb.core.access.rate_limits import GUESTS_MOST_SECONDS, cost
from dash_devices_nb.core.access.roles import Role
from dash_devices_nb.errors import RunError
from dash_devices_nb.registration import ShareList, ShareRecord

GUEST_ORIGIN = "DASH_DEVICES_GUEST_ORIGIN"
"""What the extension's option `guest_origin` is told to kernels by."""
LOOPBACK = ("localhost", "127.", "::1")
CODE_PIXELS = 216

UNKNOWN = (
    "The address of the Jupyter server is not known here: put the one that your browser shows before this path, or open"
    " the app's page once and show the link again."
)
THIS_COMPUTER = "This address is this computer's own name for itself: on other computers it opens nothing."
REMEDY = (
    "Open the app once by the address that others use, or set the Jupyter server's option DashDevicesApp.guest_origin,"
    " and show the link again."
)


class Share:
    """A link that lets guests in to the app and to nothing else, without a login. A notebook shows it with a code.

    Attributes:
        id: names it.
        role: what its guests may do at first: "view" or "control".
        name: what it was called, may be empty.
        created, expires: in seconds since the epoch.
    """

    def __init__(self, sharing: ShareLinks, record: ShareRecord) -> None:
        self._sharing = sharing
        self._record = record
        self.id = record.id
        self.role = Role(record.role)
        self.name = record.name
        self.created = record.created
        self.expires = record.expires

    @property
    def url(self) -> str:
        """The link: whole where the server's address is known, else its path. Who has it may enter.

        Raises:
            RunError: the app does not run.
        """
        origin, path, _ = self._sharing.address(self._record)
        return origin + path

    @property
    def ended(self) -> bool:
        """Whether it counts no more: its time is over, or it was revoked."""
        return bool(self._sharing.links.why_ended(self.id, time.time()))

    def revoke(self) -> None:
        """End it, for good: its open pages close at once and say why. From any thread; does nothing if it has ended.

        Raises:
            RunError: the app does not run.
        """
        self._sharing.revoke(self.id)

    def __repr__(self) -> str:
        """Without the link itself, which must not reach a log."""
        return f"<Share {self.id} {self._words()}>"

    def _words(self) -> str:
        named = f"“{self.name}”, " if self.name else ""
        until = datetime.fromtimestamp(self.expires)
        day = "" if until.date() == datetime.now().date() else f"{until:%d %B }"
        return f"{named}{self.role}, until {day}{until:%H:%M}"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        if self._sharing.mount is None or self.ended:
            return {"text/plain": f"{self!r}: it has ended, or the app does not run."}
        origin, path, note = self._sharing.address(self._record)
        text = f"{origin}{path}\n{self._words()}" + (f"\n{note}" if note else "")
        return {"text/plain": text, "text/html": _card(origin, path, self._words(), note)}


def _card(origin: str, path: str, words: str, note: str) -> str:
    """The link as a notebook shows it: a picture and plain elements, which every front end lets through."""
    url = html.escape(origin + path)
    code = ""
    if origin:
        picture = segno.make(origin + path, error="m", micro=False).svg_data_uri(scale=4, border=4, light="#fff")
        code = (
            f'<img src="{html.escape(picture)}" alt="Code of the share link" width="{CODE_PIXELS}" '
            f'height="{CODE_PIXELS}" style="border-radius:6px;flex:none">'
        )
    link = f'<a href="{url}" target="_blank" rel="noreferrer noopener">{url}</a>' if origin else f"<code>{url}</code>"
    warning = f'<div style="margin-top:8px;opacity:.75">{html.escape(note)}</div>' if note else ""
    return (
        '<div style="display:flex;flex-wrap:wrap;gap:16px;align-items:center;max-width:640px;padding:8px 0">'
        f'{code}<div style="flex:1 1 220px;min-width:0;overflow-wrap:anywhere;line-height:1.45">'
        f'<div style="margin-bottom:6px"><b>{html.escape(words)}</b></div>{link}{warning}</div></div>'
    )


class ShareLinks:
    """The share links of one app, and who is let in by them.

    Args:
        runtime: the app's runtime.
        mounted: where the app is served, if it is.
        clients: who is there.

    Attributes:
        admission: counts who is in.
    """

    def __init__(
        self, runtime: Runtime, mounted: Callable[[], Mount | None], clients: Callable[[], list[Client]]
    ) -> None:
        self._runtime = runtime
        self._mounted = mounted
        self._clients = clients
        self.admission = AdmissionControl()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._budgets: dict[str, LinkBudget] = {}
        self._addresses: dict[str, LinkBudget] = {}

    @property
    def mount(self) -> Mount | None:
        """Where the app is served."""
        return self._mounted()

    @property
    def links(self) -> ShareList:
        """The list of the links.

        Raises:
            RunError: the app does not run.
        """
        if self.mount is None or self.mount.shares is None:
            raise RunError("The app does not run: app.run() first, then share it.")
        return self.mount.shares

    def issue(self, role: str, hours: float, name: str | None) -> Share:
        """Make a link. Raises RunError, ShareError."""
        return Share(self, self.links.issue(str(role), hours, "" if name is None else name, time.time()))

    def all(self) -> list[Share]:
        """Those that have not ended, oldest first; none while the app does not run."""
        if self.mount is None or self.mount.shares is None:
            return []
        return [Share(self, record) for record in self.links.records(time.time())]

    def revoke(self, id: str) -> None:
        """End a link, then what is open by it."""
        self.links.revoke(id, time.time())
        self._close(id)
        self._budgets.pop(id, None)

    # ---- addresses

    def address(self, record: ShareRecord) -> tuple[str, str, str]:
        """Origin (may be unknown: ""), path with the token, and what the person should know of it, of a link."""
        mount, links = self.mount, self.links
        assert mount is not None
        path = f"{mount.prefix}?share={links.token(record)}"
        origin = self._origin(mount, os.environ)
        if not origin:
            return "", path, UNKNOWN
        own = (urlsplit(origin).hostname or "").startswith(LOOPBACK)
        if own and mount.config.base_url is None:
            return origin, path, f'{THIS_COMPUTER} app.run(host="0.0.0.0") serves others, too.'
        return origin, path, f"{THIS_COMPUTER} {REMEDY}" if own else ""

    def _origin(self, mount: Mount, environ: Mapping[str, str]) -> str:
        """By which address guests find the server, as far as can be known."""
        through_jupyter = mount.config.base_url is not None
        named = (environ.get(GUEST_ORIGIN, ""), environ.get("JUPYTERHUB_PUBLIC_URL", "")) if through_jupyter else ()
        owners = [c.origin for c in self._clients() if c.role == Role.OWNER and c.share is None and c.origin]
        far = [origin for origin in owners if not (urlsplit(origin).hostname or "").startswith(LOOPBACK)]
        found = mount.config.server_url if through_jupyter else _outside(mount.direct_url)
        for each in (*named, *far, found, *owners):
            parts = urlsplit(each)
            if parts.scheme in ("http", "https") and parts.netloc:
                return f"{parts.scheme}://{parts.netloc}"
        return ""

    # ---- how much guests may ask for

    def budget_of(self, client: Client) -> LinkBudget | None:
        """The budget of somebody who comes: the link's, else that of the address; None: an owner's, who has all."""
        if client.share is not None:
            return self.budget_of_share(client.share)
        if client.role is Role.OWNER:
            return None
        known = self._addresses
        if client.address not in known and len(known) >= MOST_ADDRESSES:
            now = time.monotonic()
            self._addresses = known = {each: one for each, one in known.items() if not one.is_idle(now)}
        address = client.address if len(known) < MOST_ADDRESSES or client.address in known else ""
        return known.setdefault(address, LinkBudget(OTHERS))

    def budget_of_share(self, share: str) -> LinkBudget:
        """The budget of a link."""
        return self._budgets.setdefault(share, LinkBudget())

    async def affords(self, page: ClientSession | None, share: str, size: int) -> bool:
        """Hold a request over HTTP back that comes too fast. Returns False, at once, if that would take too long."""
        now = time.monotonic()
        budget = self.budget_of_share(share)
        if budget.is_busy or budget.waits(now, size) > GUESTS_MOST_SECONDS:
            return False
        if page is not None:
            bucket, price = page.bucket, cost("req", size)
            if not bucket.has_one(now, beside=price - 1 - bucket.rate * GUESTS_MOST_SECONDS):
                return False
            await asyncio.sleep(bucket.take(now, price))
        await asyncio.sleep(budget.take(time.monotonic(), "req", size))
        return True

    # ---- pages that came by a link: on the I/O loop

    def came(self, page: ClientSession) -> None:
        """A page is connected: it closes when its link ends, and at once if it just has."""
        share, expires = page.client.share, page.client.expires
        if share is None or expires is None or self.mount is None:
            return
        if why := self.links.why_ended(share, time.time()):
            page.disconnect(CloseCode.FORBIDDEN, why)
        elif share not in self._timers:
            delay = max(0.0, expires - time.time())
            self._timers[share] = asyncio.get_running_loop().call_later(delay, partial(self._expired, share))

    def _expired(self, share: str) -> None:
        self._timers.pop(share, None)
        for page in self._pages(share):
            self.came(page)
        self._budgets.pop(share, None)  # nobody comes by it again, which would renew it

    def _pages(self, share: str) -> list[ClientSession]:
        with self._runtime.lock:
            return [page for page in self._runtime.pages.values() if page.client.share == share]

    def _close(self, share: str) -> None:
        why = self.links.why_ended(share, time.time())
        for page in self._pages(share) if why else ():
            page.disconnect(CloseCode.FORBIDDEN, why)

    def stop(self) -> None:
        """The app stops."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()


def _outside(url: str) -> str:
    """A direct URL as others reach it: where all addresses are served, by the one that leads out of this computer."""
    parts = urlsplit(url)
    if parts.hostname not in ("0.0.0.0", "::"):
        return url
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # chooses an address, and sends nothing (RFC 5737)
            host = probe.getsockname()[0]
        except OSError:
            host = "127.0.0.1"
    return f"{parts.scheme}://{host}:{parts.port}/"

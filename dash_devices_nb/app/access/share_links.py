"""Share links as the program has them: made, shown with a code to scan, listed, revoked."""

from __future__ import annotations

import asyncio
import html
import logging
import os
import socket
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from urllib.parse import urlsplit

import segno

from dash_devices_nb.app.client_session import ClientSession
from dash_devices_nb.app.execution.event_stream import ShareChanged
from dash_devices_nb.app.execution.runtime import Runtime
from dash_devices_nb.app.serving.mount import Mount
from dash_devices_nb.app.stock_dash.types import Argument
from dash_devices_nb.close_codes import CloseCode
from dash_devices_nb.core.access.admission import AdmissionControl
from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.access.link_budget import MOST_ADDRESSES, OTHERS, LinkBudget
from dash_devices_nb.core.access.rate_limits import GUESTS_MOST_SECONDS, cost
from dash_devices_nb.core.access.roles import Role
from dash_devices_nb.errors import RegistrationError, RunError
from dash_devices_nb.registration import ShareList, ShareRecord

log = logging.getLogger(__name__)

GUEST_ORIGIN = "DASH_DEVICES_GUEST_ORIGIN"
"""Environment variable by which the server extension passes its option `guest_origin` to kernels."""
LOOPBACK = ("localhost", "127.", "::1")
CODE_PIXELS = 216

UNKNOWN = (
    "The address of the Jupyter server is not known here: put the one that your browser shows before this path, or open"
    " the app's page once and show the link again."
)
THIS_COMPUTER = "This address works on this computer only."
REMEDY = (
    "Open the app once by the address that others use, or set the Jupyter server's option DashDevicesApp.guest_origin,"
    " and show the link again."
)


class Share:
    """A link that lets guests into the app without a login, and into nothing else. A notebook shows it with a QR code.

    Attributes:
        id: identifies the link.
        role: the role that its guests have at first: "view" or "control".
        name: the name that its maker gave it, or "".
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
        """The whole link if the server's address is known, else its path. Anybody who has it may enter.

        Raises:
            RunError: the app does not run.
        """
        origin, path, _ = self._sharing.address(self._record)
        return origin + path

    @property
    def ended(self) -> bool:
        """Whether the link has expired or was revoked."""
        return bool(self._sharing.links.why_ended(self.id, time.time()))

    def revoke(self) -> None:
        """End the link for good. Its open pages close at once and say why.

        From any thread. Does nothing if the link has ended.

        Raises:
            RunError: the app does not run.
        """
        self._sharing.revoke(self.id)

    def __repr__(self) -> str:
        """Describe the link without its address, which must not reach a log."""
        return f"<Share {self.id} {self._words()}>"

    def _words(self) -> str:
        named = f"“{self.name}”, " if self.name else ""
        until = datetime.fromtimestamp(self.expires)
        day = "" if until.date() == datetime.now().date() else f"{until:%d %B }"
        return f"{named}{self.role}, until {day}{until:%H:%M}"

    def _repr_mimebundle_(self, **_: Argument) -> dict[str, str]:
        if self._sharing.mount is None or self.ended:
            return {"text/plain": f"{self!r}: it has ended, or the app does not run."}
        origin, path, note = self._sharing.address(self._record)
        text = f"{origin}{path}\n{self._words()}" + (f"\n{note}" if note else "")
        return {"text/plain": text, "text/html": _card(origin, path, self._words(), note)}


def _card(origin: str, path: str, words: str, note: str) -> str:
    """Return the HTML that a notebook shows: a picture and plain elements, which every front end accepts."""
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
    """The share links of one app, and the budgets of the guests that they let in.

    Args:
        runtime: the app's runtime.
        mounted: returns the place where the app is served, or None.
        clients: returns the present clients.
        changed: called when a link was made or revoked.

    Attributes:
        admission: limits the open connections and requests of each link.
    """

    def __init__(
        self,
        runtime: Runtime,
        mounted: Callable[[], Mount | None],
        clients: Callable[[], list[Client]],
        changed: Callable[[], None],
    ) -> None:
        self._runtime = runtime
        self._mounted = mounted
        self._clients = clients
        self._changed = changed
        self.admission = AdmissionControl()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._budgets: dict[str, LinkBudget] = {}
        self._addresses: dict[str, LinkBudget] = {}

    @property
    def mount(self) -> Mount | None:
        """The place where the app is served, or None."""
        return self._mounted()

    @property
    def links(self) -> ShareList:
        """The list of links.

        Raises:
            RunError: the app does not run.
        """
        if self.mount is None or self.mount.shares is None:
            raise RunError("The app does not run: call app.run() first, then share it.")
        return self.mount.shares

    def issue(self, role: str, hours: float, name: str | None) -> Share:
        """Make a link.

        Raises:
            RunError: the app does not run.
            ShareError: an argument is not accepted.
        """
        share = Share(self, self.links.issue(str(role), hours, "" if name is None else name, time.time()))
        self._runtime.publish(ShareChanged(f"{share!r} was made"))
        self._changed()
        return share

    def all(self) -> list[Share]:
        """Return the links that have not ended, oldest first. Empty while the app does not run."""
        if self.mount is None or self.mount.shares is None:
            return []
        return [Share(self, record) for record in self.links.records(time.time())]

    def revoke(self, id: str) -> None:
        """End a link, then close the pages that it let in."""
        self.links.revoke(id, time.time())
        self._runtime.publish(ShareChanged(f"<Share {id}> was revoked"))
        self._changed()
        self._close(id)
        self._budgets.pop(id, None)

    def open_to_view(self) -> tuple[str, dict[str, int]]:
        """The key of view links, and when each of them ends, by its id. Empty if the app has no links of its own."""
        if self.mount is None or self.mount.shares is None:
            return "", {}
        links = self.mount.shares
        try:
            return links.key(Role.VIEW), {
                record.id: record.expires for record in links.records(time.time()) if record.role == Role.VIEW
            }
        except RegistrationError as error:
            log.warning("Relays let nobody in: %s", error)
            return "", {}

    # ---- addresses

    def address(self, record: ShareRecord) -> tuple[str, str, str]:
        """Return a link as origin ("" if unknown), path with the token, and a note for the person ("" if none)."""
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
        """Guess the origin by which guests reach the server. Returns "" if it is unknown."""
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
        """Return the budget of a new client: its link's, or its address's. None: an owner, who is not limited."""
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
        """Return the budget of a link."""
        return self._budgets.setdefault(share, LinkBudget())

    async def affords(self, page: ClientSession | None, share: str, size: int) -> bool:
        """Delay an HTTP request that comes too fast. Returns False at once if the delay would be too long."""
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
        """A page has connected. Close it when its link ends, or now if it has ended."""
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
        self._runtime.publish(ShareChanged(f"<Share {share}> has ended"))
        for page in self._pages(share):
            self.came(page)
        self._budgets.pop(share, None)  # nobody can come by this link again and get a new budget

    def _pages(self, share: str) -> list[ClientSession]:
        with self._runtime.lock:
            return [page for page in self._runtime.pages.values() if page.client.share == share]

    def _close(self, share: str) -> None:
        why = self.links.why_ended(share, time.time())
        for page in self._pages(share) if why else ():
            page.disconnect(CloseCode.FORBIDDEN, why)

    def stop(self) -> None:
        """Cancel all timers. The app stops."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()


def _outside(url: str) -> str:
    """Return a direct URL as other computers reach it.

    If the app listens on all addresses, that is the address of the interface that leads out of this computer.
    """
    parts = urlsplit(url)
    if parts.hostname not in ("0.0.0.0", "::"):
        return url
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # only picks an interface; sends nothing (the address is of RFC 5737)
            host = probe.getsockname()[0]
        except OSError:
            host = "127.0.0.1"
    return f"{parts.scheme}://{host}:{parts.port}/"

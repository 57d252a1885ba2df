"""The extension's application object: settings, routes, and what lives as long as the server."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import re
from collections import Counter
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from jupyter_server.extension.application import ExtensionApp
from jupyter_server.log import log_request
from tornado.httputil import HTTPServerRequest
from tornado.routing import Rule
from traitlets import Bool, Enum, Float, Integer, List, TraitError, Unicode, validate

from dash_devices_nb.errors import RegistrationError
from dash_devices_nb.registration import MAX_NAME, URL_SEGMENT, Registration
from dash_devices_nb.registration.share_cookies import PARAMETER
from dash_devices_nb.server.handlers.app import AppHandler, BareNameHandler
from dash_devices_nb.server.handlers.base import EXTENSION
from dash_devices_nb.server.handlers.directory import DirectoryHandler, ListHandler, UnknownHandler
from dash_devices_nb.server.handlers.guests import GuestHandler, GuestHost, Guests, NothingElseHandler
from dash_devices_nb.server.handlers.status import StatusHandler
from dash_devices_nb.server.kernel_status import AppWatch, Listener, Status, glance_at
from dash_devices_nb.server.logs import keep_links_out, log_function
from dash_devices_nb.server.proxy.splice import Splice
from dash_devices_nb.server.registry import Registry

NAME = rf"([a-z0-9][a-z0-9_-]{{0,{MAX_NAME - 1}}})"
STATUS_PATH = "_dash-devices/status"
LIST_PATH = "_apps"
ASKED_SECONDS = 30.0
"""How long an app's state is followed after a page has asked for it."""
LAST_ACTIVITY = "dash_devices_last_activity"
"""A setting with this suffix counts in `ServerApp`'s last activity, which is reported to JupyterHub."""

# Below the server's base URL; the first that matches counts.
ROUTES: list[tuple[str, type]] = [
    (rf"/{URL_SEGMENT}/?", DirectoryHandler),
    (rf"/{URL_SEGMENT}/{LIST_PATH}", ListHandler),
    (rf"/{URL_SEGMENT}/{NAME}/{STATUS_PATH}", StatusHandler),
    (rf"/{URL_SEGMENT}/{NAME}", BareNameHandler),
    (rf"/{URL_SEGMENT}/{NAME}/.*", AppHandler),
    (rf"/{URL_SEGMENT}/([^/]+)(?:/.*)?", UnknownHandler),
]
GUEST_ROUTES: list[tuple[str, type]] = [route for route in ROUTES if issubclass(route[1], GuestHandler)]
"""The routes of the origin that is for guests alone."""

GUEST_ORIGIN = "DASH_DEVICES_GUEST_ORIGIN"
"""The environment variable by which kernels learn `guest_origin`, for the links that they show."""


def _nothing(status: Status) -> None:
    """Do nothing with a change of the state."""


def _origin(option: str, value: str) -> str:
    """Check an option's origin, and return it as browsers write it."""
    origin = value.rstrip("/").lower()
    if not re.fullmatch(r"https?://(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:[0-9]{1,5})?", origin):
        raise TraitError(f"{option} is {value!r}; it takes an origin, such as 'https://guests.example.org'")
    return origin


class DashDevicesApp(ExtensionApp):
    """Serves the device pages of this server's kernels at ``{base_url}dash-devices/``."""

    name = "dash_devices"
    app_name = "Dash Devices"
    description = "Serves the device pages of this server's kernels."
    extension_url = f"/{URL_SEGMENT}/"
    load_other_extensions = True
    file_url_prefix = f"/{URL_SEGMENT}"

    frame_ancestors = Unicode(
        "'self'",
        help="""Who may show the pages in a frame: the sources of Content-Security-Policy's
        `frame-ancestors`, separated by spaces, for example "'self' https://portal.example.org". It
        replaces what Jupyter and JupyterHub say for the pages below dash-devices/ alone.""",
    ).tag(config=True)

    trusted_origins = List(
        Unicode(),
        help="""Other origins of this server's pages, such as "https://lab.example.org": for a proxy in front that
        rewrites Host and passes on neither X-Forwarded-Host nor Sec-Fetch-Site. What comes from any other origin is
        refused, whatever token it carries. ServerApp.allow_origin and allow_origin_pat are trusted as well; "*" is
        not.""",
    ).tag(config=True)

    @validate("trusted_origins")
    def _origins(self, proposal: dict[str, list[str]]) -> list[str]:
        return [_origin("trusted_origins", value) for value in proposal["value"]]

    guest_origin = Unicode(
        "",
        help="""Another origin that reaches this server, such as "https://guests.example.org" or
        "http://192.168.1.5:9999", for the guests of share links. Links are made with it. There a share link is the
        only thing that lets anybody in: Jupyter's login and token are ignored, and everything but shared apps is
        refused, so that what runs in a guest's page can never use the login of whoever looks at it. Take another host
        name, not another port: cookies ignore ports, so a page on another port of this host reads those of Jupyter
        that scripts may read and can set others. A proxy in front must pass on the Host that the browser sent, as
        Host or X-Forwarded-Host.""",
    ).tag(config=True)

    @validate("guest_origin")
    def _an_origin(self, proposal: dict[str, str]) -> str:
        return _origin("guest_origin", proposal["value"]) if proposal["value"] else ""

    guest_requests = Integer(
        600,
        min=1,
        help="""How many HTTP requests the guests of one share link may have under way at a time. Three times as many
        more wait their turn, for half a minute; what is beyond that gets 503. Whom Jupyter knows is never held up.""",
    ).tag(config=True)

    guest_rate = Integer(
        300,
        min=1,
        help="""How many HTTP requests and WebSocket handshakes a second the guests of one share link may make, in the
        long run; at once, those of twenty seconds. One more gets 429, and Retry-After says when to try again; a
        WebSocket is closed with code 1013, and the page tries again. Whom Jupyter knows is not counted.""",
    ).tag(config=True)

    guest_sockets = Integer(
        1000,
        min=1,
        help="""How many WebSockets the guests of one share link may have open at a time; a page has two. One more is
        closed with code 1013, and the page tries again. Where no WebSocket passes, a page has one request that waits,
        which counts as one.""",
    ).tag(config=True)

    guest_frames = Integer(
        5000,
        min=1,
        help="""How many WebSocket frames a second are read from the guests of one share link, and at most a fifth of
        that from one WebSocket. At once, a link may send the frames of two seconds, a WebSocket those of three. More
        wait unread. A page that looks on sends about one frame for 40 changes.""",
    ).tag(config=True)

    guest_body_timeout = Float(
        60.0,
        min=0.0,
        help="""How long a guest may take to send the body of a request, in seconds, and a second more for each 64 kB
        that its head announces, before the connection is closed; 0 for any time.""",
    ).tag(config=True)

    hidden_cookies = List(
        Unicode(),
        [
            "_xsrf",
            "username-*",
            "jupyterhub-*",
            "_jupyterhub*",
            "_oauth2_proxy*",
            "oauthenticator*",
        ],
        help="""Cookies that apps neither receive nor set, as shell patterns.
        The login cookie of this server is always among them.""",
    ).tag(config=True)

    max_body_bytes = Integer(
        100 * 2**20,
        min=1,
        help="""The longest body of an HTTP request to an app, in bytes. A longer one is refused
        with 413.""",
    ).tag(config=True)

    max_frame_bytes = Integer(
        32 * 2**20,
        min=125,
        help="""The longest WebSocket frame that a page may send to an app, in bytes. A longer one
        closes the connection with code 1009.""",
    ).tag(config=True)

    connect_timeout = Float(
        5.0,
        min=0.01,
        help="""How long a kernel may take to accept a connection, in seconds, before the browser
        gets 502.""",
    ).tag(config=True)

    page_timeout = Float(
        15.0,
        min=0.0,
        help="""How long an app may take to begin a page or to open a WebSocket, in seconds, before
        the browser gets 502; 0 for any time.""",
    ).tag(config=True)

    answer_timeout = Float(
        120.0,
        min=0.0,
        help="""How long an app may take to begin any other answer (a callback over HTTP, an asset,
        a route of its own), in seconds, before the browser gets 502; 0 for any time. What has
        begun, as a video stream, may last.""",
    ).tag(config=True)

    ping_interval = Float(
        25.0,
        min=0.0,
        help="""Seconds without a message after which a page's connection gets a keep-alive ping, so
        that proxies do not cut it; 0 for none.""",
    ).tag(config=True)

    compress_remote = Bool(
        True,
        help="""Whether to compress texts (pages, scripts, JSON over HTTP) for browsers on other
        machines. WebSocket messages and answers to this machine are never compressed.""",
    ).tag(config=True)

    activity = Enum(
        ["use", "open"],
        "use",
        help="""What keeps this server and the app's kernel from being culled as idle: "use", what
        persons do on a page and what it asks the app for (a page that only shows what the app pushes
        is idle), or "open", every page that is open in a browser.""",
    ).tag(config=True)

    def initialize_settings(self) -> None:
        """Create the objects that live as long as the server."""
        assert self.serverapp is not None
        self.kernels = self.serverapp.kernel_manager
        self.registry = Registry(self.kernels.__contains__, self.log)
        self.watches: dict[str, AppWatch] = {}
        self.splices: dict[Splice, str] = {}
        self.polls: dict[AppHandler, str] = {}
        self.asked: dict[str, asyncio.TimerHandle] = {}
        self.root = f"{self.serverapp.base_url.rstrip('/')}/{URL_SEGMENT}/"
        limits = self.guest_requests, self.guest_sockets, self.guest_frames, self.guest_rate
        self.guests = Guests(self.root, self.guest_origin, *limits, self.log)
        if self.guest_origin:
            os.environ[GUEST_ORIGIN] = self.guest_origin
        self._warned = False
        self.settings[EXTENSION] = self
        self.settings["extra_log_scrub_param_keys"] = [*self.settings.get("extra_log_scrub_param_keys", []), PARAMETER]
        self.settings["log_function"] = log_function(self.settings.get("log_function") or log_request)
        keep_links_out(self.log, self.serverapp.log)
        try:
            self.registry.prune()
        except RegistrationError as exc:
            self.log.error("No device pages will be served: %s", exc)

    def used_by_owner_at(self, host: str) -> None:
        """Warn once if the guests' origin is only another port of the host name that a Jupyter user uses."""
        if self.guest_origin and not self._warned and urlsplit(self.guest_origin).hostname == host.lower().strip("[]"):
            self._warned = True
            self.log.warning(
                "guest_origin %s is another port of %s, where users log in: cookies ignore ports, so what runs in a "
                "guest's page gets the cookies of Jupyter that scripts may read. Give guests another host name.",
                self.guest_origin,
                host,
            )

    def initialize_handlers(self) -> None:
        """Register the routes."""
        self.handlers.extend(ROUTES)
        if self.guest_origin:
            assert self.serverapp is not None
            base = re.escape(self.serverapp.base_url.rstrip("/"))
            routes = [*((base + pattern, handler) for pattern, handler in GUEST_ROUTES), (".*", NothingElseHandler)]
            router = self.serverapp.web_app.default_router
            router.add_rules([Rule(GuestHost(self.guests), routes)])
            router.rules.insert(0, router.rules.pop())  # before all routes of the server and of other extensions

    async def stop_extension(self) -> None:
        """Close the pages' connections and stop watching."""
        for splice in list(self.splices):
            splice.close()
        await self.guests.stop()
        for timer in self.asked.values():
            timer.cancel()
        self.asked.clear()
        await asyncio.gather(*(watch.stop() for watch in self.watches.values()))
        self.watches.clear()

    @property
    def counts_open_pages(self) -> bool:
        """Whether a page that is open is in use."""
        return self.activity == "open"

    def used(self, record: Registration) -> None:
        """Record that an app is in use. Cullers of idle servers and kernels read these two times."""
        assert self.serverapp is not None
        now = datetime.now(UTC)
        self.serverapp.web_app.settings[LAST_ACTIVITY] = now
        if record.kernel_id is not None and record.kernel_id in self.kernels:
            kernel: Any = self.kernels.get_kernel(record.kernel_id)
            kernel.last_activity = now

    def current_activity(self) -> dict[str, int] | None:
        """The open pages, which keep the server from being stopped as idle."""
        return (self.counts_open_pages and dict(self.clients())) or None

    def compresses(self, request: HTTPServerRequest) -> bool:
        """Whether answers to this browser are compressed."""
        if not self.compress_remote:
            return False
        try:
            return not ipaddress.ip_address(request.remote_ip or "").is_loopback
        except ValueError:
            return False  # the server listens on a Unix socket

    def clients(self) -> Counter[str]:
        """How many WebSockets each app has, and how many pages wait for an answer in the place of one."""
        return Counter([*self.splices.values(), *self.polls.values()])

    def apps(self, root: str) -> list[dict[str, Any]]:
        """The apps of this server's kernels, oldest first, as the directory lists them.

        Args:
            root: URL path of the directory.
        """
        clients = self.clients()
        listed = []
        for record in self.registry.records():
            watch = self.watches.get(record.name)
            state = watch.status.state if watch else glance_at(record, self.kernels)
            listed.append(
                {
                    "name": record.name,
                    "url": f"{root}{record.name}/",
                    "notebook": record.notebook,
                    "kernel_id": record.kernel_id,
                    "state": str(state),
                    "clients": clients[record.name],
                    "started": record.started,
                }
            )
        return listed

    def splice_began(self, name: str, splice: Splice) -> None:
        """Add a page's connection."""
        self.splices[splice] = name

    def splice_ended(self, splice: Splice) -> None:
        """Remove a page's connection."""
        self.splices.pop(splice, None)

    def poll_began(self, name: str, handler: AppHandler) -> None:
        """Add a page that waits for an answer."""
        self.polls[handler] = name

    def poll_ended(self, handler: AppHandler) -> None:
        """Remove a page that waited. Idempotent."""
        self.polls.pop(handler, None)

    def watch(self, name: str, listener: Listener) -> AppWatch:
        """Call the listener with every change of an app's state, until `unwatch`.

        Raises:
            RegistrationError: the directory of the records is not acceptable.
        """
        watch = self.watches.get(name)
        if watch is None:
            watch = self.watches[name] = AppWatch(name, self.registry, self.kernels, self.log)
        watch.listen(listener)
        return watch

    def status_of(self, name: str) -> Status:
        """An app's state now.

        The app is followed for a while: who asks asks again, and nothing else tells of an app that stopped meanwhile
        whether its kernel has died.

        Raises:
            RegistrationError: the directory of the records is not acceptable.
        """
        timer = self.asked.pop(name, None)
        if timer is None:
            self.watch(name, _nothing)
        else:
            timer.cancel()
        self.asked[name] = asyncio.get_running_loop().call_later(ASKED_SECONDS, self._asked_no_more, name)
        return self.watches[name].status

    def _asked_no_more(self, name: str) -> None:
        del self.asked[name]
        self.unwatch(name, _nothing)

    def unwatch(self, name: str, listener: Listener) -> None:
        """Stop calling the listener."""
        watch = self.watches.get(name)
        if watch is not None and watch.leave(listener):
            del self.watches[name]

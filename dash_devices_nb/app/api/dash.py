"""`Dash`: stock Dash, whose pages show the state of one live device."""

from __future__ import annotations

import importlib.util
import inspect
import os
import ssl
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, TypeVar

import dash
import quart
from dash import html

from dash_devices_nb import registration
from dash_devices_nb.app.access.floor_control import Control
from dash_devices_nb.app.access.questions import Question
from dash_devices_nb.app.access.share_links import Share
from dash_devices_nb.app.api.events import Events
from dash_devices_nb.app.api.http_views import language_of
from dash_devices_nb.app.api.parts import Parts
from dash_devices_nb.app.api.push import ComponentId, Points, Recipients
from dash_devices_nb.app.api.run import DEFAULT, note_ignored, without_ignored
from dash_devices_nb.app.definitions.declare import Lock, ref_of, split_service
from dash_devices_nb.app.definitions.registry import CallbackRegistry
from dash_devices_nb.app.delivery.video import QUALITY
from dash_devices_nb.app.execution.call_record import RecordedCall
from dash_devices_nb.app.execution.connect_hooks import clients_of
from dash_devices_nb.app.journal.audit import AUDIT
from dash_devices_nb.app.journal.journal import AppJournal
from dash_devices_nb.app.stock_dash import dash_internals
from dash_devices_nb.app.stock_dash.types import Argument, Component, Function
from dash_devices_nb.close_codes import CloseCode
from dash_devices_nb.core.access.admission import ConnectionLimits
from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.callbacks.services import Services, check_callback_service, check_server_service
from dash_devices_nb.errors import KeptError, RunError
from dash_devices_nb.kernel.outputlog import OutputLog

if TYPE_CHECKING:
    from dash_devices_nb.console import Console, Graph
    from dash_devices_nb.devices.alarm_states import Alarm, Condition
    from dash_devices_nb.devices.device import Device, Group, Signal
    from dash_devices_nb.devices.history.recorder import History
    from dash_devices_nb.devices.kept import Kept
    from dash_devices_nb.devices.live import LiveDevices
    from dash_devices_nb.devices.runs import Procedure
    from dash_devices_nb.relay.publication import Publication

F = TypeVar("F", bound=Function)


class Dash(dash_internals.DashInternals):
    """A Dash app whose pages show the state of one live device.

    Takes all that `dash.Dash` takes. It runs on Quart; `app.server` is the Quart app.

    Args:
        name: as in stock Dash.
        server: True, a `quart.Quart` to use, or False and `init_app` later.
        server_service: `Services.PUSHER_ALL`: all of a page's traffic but files travels over its WebSocket;
            `Services.NORMAL`: layout, dependencies and regular callbacks over HTTP.
        callback_service: the service of `callback` where it names none.
        devices: what `devices.connect(...)` returned: the devices that pages show, set and plot.
        keep: a file in which what people set survives a restart of the kernel: shared props that are not outputs, and
            the set-points of `devices.connect(..., keep=[...])`. See `app.kept`.
        keep_also: further props for that, such as `["plot.figure"]`: outputs, or what nobody has set yet.
        restore: "show": what was kept is shown, and set when somebody says so. "apply": it is set when the app starts.
            Or one of them for each name: `{"slider.value": "apply"}`; of others it is shown.
        language: the language of the page: what `<html lang>` says, and of the package's own texts, such as "de". They
            are there in English and German. None: env `DASH_DEVICES_LANGUAGE`, else each browser's language.
        audit: a file in which who did what is kept as JSON lines: acts, refusals, shares, roles, errors. It rotates.
            None: env `DASH_DEVICES_AUDIT`, else there is none.

    Raises:
        JournalError: the audit log cannot be written.
        DeviceError: what is given is no device, or two have one name.
        KeptError: the file is of another version, damaged or in use. It is left as it is.
        ServiceError: a service that means nothing.
        RunError: a language that is no tag such as "de" or "pt-BR"; a server or backend that is not Quart, or a server
            that another app has.
    """

    def __init__(
        self,
        name: str | None = None,
        server: bool | quart.Quart | None = True,
        *,
        server_service: int = Services.PUSHER_ALL,
        callback_service: int = Services.S0,
        devices: Iterable[Device] = (),
        keep: str | os.PathLike[str] | None = None,
        keep_also: Iterable[str | tuple[ComponentId, str]] = (),
        restore: str | Mapping[str, str] = "show",
        audit: str | os.PathLike[str] | None = None,
        language: str | None = None,
        **kwargs: Argument,
    ) -> None:
        asks, declares = check_server_service(server_service), check_callback_service(callback_service)
        name = name if name is not None else _caller_name()
        if kwargs.pop("backend", "quart") not in ("quart", None, dash_internals.Backend):
            raise RunError("dash_devices_nb runs on Quart: leave out backend=, or give backend='quart'")
        given: object = server
        if not isinstance(given, bool | quart.Quart | None):
            raise RunError(f"server={server!r}: dash_devices_nb runs on Quart; give a quart.Quart, True or False")
        # Stock Dash calls our overrides while it is made, so the parts are there before it.
        audit = os.environ.get(AUDIT) or None if audit is None else audit
        spoken = language_of(language, os.environ)
        self._parts = Parts(dash_internals.StockDash(self), name, asks, declares, audit, spoken)
        super().__init__(self._parts.views, name, server in (True, None), backend=dash_internals.Backend, **kwargs)
        self._devices: LiveDevices | None = None
        if devices:
            self._live_devices(devices)
        if keep is not None:
            self._keep(keep, keep_also, restore)
        elif keep_also or restore != "show":
            raise KeptError("keep_also= and restore= say what is kept and set; keep= names the file, and is not given")
        if isinstance(server, quart.Quart):
            self.init_app(server)

    def get_layout(self) -> Component:
        """The layout that a page gets: the program's, and what is said of the devices."""
        layout = super().get_layout()
        if self._devices is None:
            return layout
        return [*(layout if isinstance(layout, list | tuple) else [layout]), *self._devices.components]

    # ---- running

    def run(
        self,
        host: str | None = None,
        port: int | str | None = None,
        *,
        name: str | None = None,
        loop: str | None = None,
        debug: bool | None = None,
        auth: str | None = DEFAULT,
        allowed_origins: tuple[str, ...] | list[str] = (),
        allowed_hosts: tuple[str, ...] | list[str] = (),
        jupyter_mode: str | None = None,
        jupyter_width: int | str = "100%",
        jupyter_height: int | str = 650,
        ssl_context: ssl.SSLContext | None = None,
        **options: Argument,
    ) -> None:
        """Serve the app, and show its page.

        In a notebook it returns at once. Another call shows the page again. A new app with the same name replaces the
        old one at the same URL, and open pages follow. In a script it blocks until Ctrl-C.

        Args:
            host: the address to serve on. Default: 127.0.0.1, or env `HOST`. With a host or port, the page is served
                directly, and not through Jupyter.
            port: the port. Default: 8050, or env `PORT`. In a notebook without a named port: the next free one.
            name: the name of the app in its URL. Default: that of the notebook, else the one given to `Dash`.
            loop: "thread" (default): pages stay live while a cell blocks. "kernel": everything runs on the kernel's
            loop.
                For notebooks only; env `DASH_DEVICES_LOOP`.
            debug: show Dash's dev tools; env `DASH_DEBUG`.
            auth: "secret" (default): a direct URL has a secret, and guests need a share link (`app.share()`). None:
                everybody who reaches the port may enter and control. Env `DASH_DEVICES_AUTH`: "secret" or "none".
            allowed_origins: further origins whose pages may use the app, such as "https://example.org".
            allowed_hosts: without a secret, further host names of the app, such as "lab.example.org". Loopback names
                are always accepted; on another address, so are this computer's address and host name.
            jupyter_mode: "inline", "tab", "external", "jupyterlab" or "_none".
            jupyter_width: width of the inline frame, in pixels or as CSS.
            jupyter_height: height of the inline frame, in pixels or as CSS.
            ssl_context: an `ssl.SSLContext`, to serve TLS.
            options: Dash's `dev_tools_*` options.

        Raises:
            PortInUseError: the named port is in use.
            RunError, DisplayError: an argument is not accepted.
        """
        self._parts.runner.run(
            host,
            port,
            name=name,
            loop=loop,
            debug=debug,
            auth=auth,
            allowed_origins=allowed_origins,
            allowed_hosts=allowed_hosts,
            jupyter_mode=jupyter_mode,
            jupyter_width=jupyter_width,
            jupyter_height=jupyter_height,
            ssl_context=ssl_context,
            **options,
        )

    def run_server(
        self, host: str | None = None, port: int | str | None = None, *, auth: str | None = DEFAULT, **options: Argument
    ) -> None:
        """`run` by the name of `dash_devices`, with its defaults in a script: no secret, and port 5000.

        So the known address works. A line says who can reach it. Arguments as for `run`. `auth="secret"`, or env
        `DASH_DEVICES_AUTH`, requires a secret.
        """
        port, auth = self._parts.runner.defaults_of_original(port, auth)
        self.run(host, port, auth=auth, **options)

    async def serve(
        self,
        host: str | None = None,
        port: int | None = None,
        *,
        name: str | None = None,
        auth: str | None = DEFAULT,
        allowed_origins: tuple[str, ...] | list[str] = (),
        allowed_hosts: tuple[str, ...] | list[str] = (),
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        """Serve the app on the running loop until it is cancelled. Arguments as for `run`."""
        await self._parts.runner.serve(
            host,
            port,
            name=name,
            auth=auth,
            allowed_origins=allowed_origins,
            allowed_hosts=allowed_hosts,
            ssl_context=ssl_context,
        )

    def stop(self) -> None:
        """Stop serving: pages are told, the port is free. Does nothing if the app does not run.

        From any thread; in a script `run` returns then. Not from a callback that runs on the I/O loop.
        """
        self._parts.lifecycle.stop()

    @property
    def url(self) -> str | None:
        """The address of the page: a path of the Jupyter server, or a URL with the secret. None before `run`."""
        mount = self._parts.serving.mount
        return mount.url if mount else None

    def show(self, mode: str | None = None) -> None:
        """Show the page again. Modes as `jupyter_mode` of `run`.

        Raises:
            RunError: the app does not run.
        """
        self._parts.runner.show(mode)

    def enable_dev_tools(self, *args: Argument, **options: Argument) -> bool:
        """As in stock Dash. Arguments of older versions of Dash are accepted, with a note."""
        note_ignored(options, "enable_dev_tools()")
        return bool(super().enable_dev_tools(*args, **without_ignored(options)))

    @property
    def layout(self) -> Component:
        """The layout. Setting another one while the app runs shows it in the open pages in place.

        One that cannot be made, or has an id twice, is refused with what was raised: the old one stays.
        """
        return self._parts.stock.given_layout()

    @layout.setter
    def layout(self, value: Component) -> None:
        self._parts.changes.set_layout(value)

    # ---- declaring callbacks

    def callback(
        self,
        *args: Argument,
        service: int | None = None,
        lock: Lock = None,
        chain: bool = False,
        role: str | None = None,
        **kwargs: Argument,
    ) -> Callable[[F], F]:
        """Declare a callback, as in stock Dash, or with another service.

        Args:
            args: output, inputs, state (and a service as the fourth, as in `dash_devices`), in any order that stock
            Dash
                accepts. With the output None, the callback acts, and has no initial call. Without any output, as in
                stock Dash, it is called when a page loads, unless `prevent_initial_call`.
            service: how it is called, and who gets its outputs. None: the app's `callback_service`.
            lock: for serialized services. Callbacks with the same lock do not overlap.
            chain: for a regular callback. The server calls it as soon as another's answer sets its input, so a chain
                costs the page one trip. It may be called with values that lead to nothing.
            role: the role that a client needs to call it: "view", "control" or "owner". None: "control" if it acts (a
                shared one, a serialized one, one without output), else "view". A change of a shared prop requires the
                highest role of the callbacks that it calls. Callbacks further down the chain are not checked.
            kwargs: all keywords of stock Dash.

        Raises:
            ServiceError: bits of the service clash.
            DeclarationError: a shared callback cannot be declared like this.
            RoleError: the role is unknown.
        """
        return self._parts.declarations.callback(args, kwargs, service, lock, role, chain=chain)

    def callback_shared(
        self,
        *args: Argument,
        service: int | None = None,
        lock: Lock = None,
        role: str | None = None,
        **kwargs: Argument,
    ) -> Callable[[F], F]:
        """Declare a shared callback: one device, which all clients share.

        Its outputs go to all clients. Its calls do not overlap, and come in the order of the changes. It is called once
        when the app starts (if it has an output), and then for each change, whoever made it. Chains run on the server.
        A plain function runs in a thread, a coroutine on the callback loop.

        Args:
            args: output (one, several, or None), inputs, state (and a service as the fourth), in any order that stock
                Dash accepts.
            service: a shared service, such as `Services.SHARED_MOST_RECENT`. None: `Services.SHARED`.
            lock: a name, a `threading.Lock` or an `asyncio.Lock`. Callbacks with the same lock do not overlap.
            role: the role that a client needs to call it. None: "control".
            kwargs: `output`, `inputs`, `state`, `prevent_initial_call` and `on_error`, as in stock Dash.

        Raises:
            DuplicateOutputError, CallbackCycleError, DeclarationError, ServiceError, RoleError.
        """
        if service is None and split_service(args)[1] is None:
            service = Services.SHARED
        return self.callback(*args, service=service, lock=lock, role=role, **kwargs)

    def callback_s0(self, *args: Argument, **kwargs: Argument) -> Callable[[F], F]:
        """Declare a regular callback, whatever the app's `callback_service` is."""
        return self.callback(*args, service=Services.S0, **kwargs)

    def callback_s2(self, *args: Argument, **kwargs: Argument) -> Callable[[F], F]:
        """Declare a regular callback whose calls go over the WebSocket and do not overlap: one of N devices."""
        return self.callback(*args, service=Services.S2, **kwargs)

    def clientside_callback(self, clientside_function: object, *args: Argument, **kwargs: Argument) -> None:
        """As in stock Dash. The output may be None, and inputs may be shared."""
        self._parts.declarations.clientside_callback(clientside_function, args, kwargs)

    def callback_connect(self, function: F) -> F:
        """Call `function(client, connect)` when a client joins (True) or has left (False).

        It is a plain function or a coroutine function; there may be several. Each is called for one event after the
        other, and `app.clients` lists the clients at that event. Mods that it returns, as for `push_mods`, are sent to
        that client.
        """
        self._parts.declarations.connect_hook(function)
        return function

    def callback_authorize_output(self, function: F) -> F:
        """Call `function(client, output_id)` before a callback of a client. False refuses the call.

        `output_id` is "id.prop", or "" for a callback without output. If a change of a shared prop would call a refused
        callback, the change is refused, and undone on that page.
        """
        self._parts.declarations.authorize_hook(function)
        return function

    @property
    def callbacks(self) -> CallbackRegistry:
        """The declared callbacks, with their cells and statistics."""
        return self._parts.callbacks

    def cause_of(self, component_id: ComponentId, prop: str, cause: str) -> None:
        """Declare the cause of changes of a prop that pages report, for a component that is not understood by itself.

        By default, a change is an act of the page's person if it comes with an input event, or after one in that
        component. Any other change is nobody's act, and counts once for all pages. From any thread.

        Args:
            component_id: the id of the component, a string or a dict. A dict may have wildcards such as `ALL`.
            prop: the prop.
            cause: "page": each change is an act on its page. "once": no change is an act; the answers of all pages to a
                change of the app count once. "never": changes of pages are refused, and the app's value is shown.

        Raises:
            DeclarationError: the cause is unknown.
        """
        self._parts.sessions.causes.name(ref_of(dash.Input(component_id, prop)), cause)
        self._parts.sessions.definitions_changed()

    @property
    def events(self) -> Events:
        """The props that are events: `app.events.add("AgGrid", "rowTransaction")`."""
        return self._parts.events

    def route_role(self, role: str, *names: str) -> Callable[[F], F]:
        """Set what a route of the program's own needs, by whatever method: "view", "control" or "owner".

        Where a program says nothing, whoever sees the page may ask by GET, HEAD and OPTIONS; other methods and
        WebSockets need "control". As a decorator below Quart's:

            @app.server.post("/fire")
            @app.route_role("owner")
            async def fire(): ...

        Args:
            role: the least role. The floor counts as for callbacks.
            names: of endpoints or blueprints, of which there is no function to decorate:
                `app.route_role("owner", "admin", "static")`.

        Raises:
            RoleError: there is no such role.
        """
        return self._parts.views.routes.role(role, *names)

    # ---- pushing

    def push_mods(self, mods: object, client: Recipients = None) -> None:
        """Set props in the pages of all clients, or of some.

        It may be called from any thread, a cell or a callback, before `run`, and with nobody connected. When it
        returns, the shared state has the values. It also waits for the shared callbacks that depend on them, for at
        most 30 s. It does not wait in a coroutine (`await push_mods_coro()` does), nor where the wait would be a
        deadlock. In a regular callback, it waits for shared callbacks with outputs. Those without outputs act, and are
        called when the regular callback has returned, or 0.25 s after the push. In a shared callback, it does not wait.

        Args:
            mods: `{id: {prop: value}}`, an `Output` with a value, or a list or tuple of those.
            client: one of `app.clients`, a list of them, or a role such as "view" (the clients that have it now). None:
                all clients; those that join later get the values too.

        Raises:
            InvalidModsError, InvalidValueError, UnknownPropError, PatchError: nothing was changed. With the app's
                `suppress_callback_exceptions`, an unknown prop of a component is pushed, and logged.
        """
        self._parts.push.push_mods(mods, client)

    async def push_mods_coro(self, mods: object, client: Recipients = None) -> None:
        """Like `push_mods`. Waits for the shared callbacks without blocking the loop."""
        await self._parts.push.push_mods_coro(mods, client)

    def batch(self) -> AbstractContextManager[None]:
        """Collect the pushes of this thread or task, and send them as one message at the end.

        Values are checked when they are pushed. The end of the block waits like `push_mods`. If the body raises, the
        pushes before that are sent.
        """
        return self._parts.push.batch()

    def push_frame(
        self, component_id: ComponentId, image: object, mime: str | None = None, *, client: Recipients = None
    ) -> None:
        """Show a camera image in an `html.Img` (its `src`). Each page gets the newest image, at its own rate.

        From any thread. The bytes are sent as they are, without base64. Clients that join later get the last image.

        Args:
            component_id: the id of the `html.Img`, or of the `html.Canvas` for `mime="raw"`.
            image: encoded bytes (JPEG, PNG, WebP, ...), or an array of uint8 with the shape (height, width),
                (height, width, 3) for RGB or (height, width, 4) for RGBA. Pillow or OpenCV encodes an array as JPEG.
            mime: the media type of the bytes. None: it is detected. "raw": the array is drawn on a canvas.
            client: one of `app.clients`, a list of them, or a role. None: all.

        Raises:
            InvalidValueError: the image is something else, or there is no encoder.
        """
        self._parts.push.push_frame(component_id, image, mime, client)

    def push_video(
        self,
        component_id: ComponentId,
        picture: object,
        *,
        key: bool | None = None,
        quality: int = QUALITY,
        bitrate: int | None = None,
        client: Recipients = None,
    ) -> bool:
        """Show the next picture of a video on an `html.Canvas`, as H.264: a tenth of the bytes of JPEG.

        From any thread; it encodes in that thread. Browsers decode H.264 only in secure contexts (HTTPS, or localhost);
        other pages get JPEG of the same pictures. Who joins later begins with a key frame. A page that falls behind
        loses the rest of a group of pictures, and goes on with the next key frame.

        Args:
            component_id: the id of the `html.Canvas`.
            picture: an array of uint8 with the shape (height, width), (height, width, 3) for RGB or (height, width, 4)
                for RGBA; PyAV encodes it (the extra `video`). Or bytes: one access unit of H.264 (Annex B) of the
                program's own encoder, without reordered pictures. Its parameter sets may come once, with the first.
            key: whether an access unit is a key frame. None: it is looked for. Of an array, True makes one.
            quality: x264's constant rate factor for arrays: 0 to 51, smaller is better and larger in bytes.
            bitrate: the most bits a second for arrays. None: as many as the quality takes.
            client: one of `app.clients`, a list of them, or a role. None: all.

        Returns:
            Whether a page waits for a key frame. A program that gives access units asks its encoder for one; for arrays
            that is done with the next picture, at most twice a second.

        Raises:
            InvalidValueError: the picture is something else, the component is no canvas, or there is no encoder.
        """
        return self._parts.push.push_video(component_id, picture, key, quality, bitrate, client)

    def stream(
        self,
        component_id: ComponentId,
        x: Points,
        y: Points,
        *,
        traces: list[int] | None = None,
        max_points: int | None = None,
        client: Recipients = None,
    ) -> None:
        """Add points to the traces of a `dcc.Graph`. Only the new points are sent.

        From any thread. Clients that join later get the window that the others see.

        Args:
            component_id: the id of the graph.
            x: the new x values: shape (points,) for one trace, (traces, points) for several.
            y: the new y values, with the same shape.
            traces: the indices of the traces. Default: the first ones.
            max_points: the number of points that a trace keeps. None: all.
            client: one of `app.clients`, a list of them, or a role. None: all.

        Raises:
            InvalidModsError: `x` and `y` do not fit each other.
        """
        self._parts.push.stream(component_id, x, y, traces, max_points, client)

    # ---- who is there

    @property
    def clients(self) -> list[Client]:
        """The clients that are there, as a snapshot. From any thread.

        In a connect hook: the clients just after that client joined or left. After the first wait of a coroutine hook:
        the clients that are there now.
        """
        return clients_of(self._parts.runtime)

    def disconnect(self, client: Client, reason: str = "This page was disconnected; reload it to come back.") -> None:
        """Close a client's connection; its page says why, and does not come back by itself. From any thread.

        Args:
            client: one of `app.clients`; nothing happens if it has left.
            reason: at most 120 bytes.
        """
        with self._parts.runtime.lock:
            page = self._parts.runtime.pages.get(client.id)
        if page is not None:
            page.disconnect(CloseCode.FORBIDDEN, reason)

    def share(self, role: str = "view", hours: float = 8, name: str | None = None) -> Share:
        """Make a link for guests. It opens this app and nothing else, without a login. From any thread.

        A notebook shows it with a QR code. `.url` is its text, `.revoke()` ends it.

        Args:
            role: the role of the guests: "view" or "control".
            hours: how long it is valid, at most a year.
            name: the name of the guest. Leave it out if many use the link: they give their own names.

        Raises:
            RunError: the app does not run.
            ShareError: an argument is not accepted, or there are too many links.
            RegistrationError: the list of the links cannot be written.
        """
        return self._parts.sessions.sharing.issue(role, hours, name)

    @property
    def shares(self) -> list[Share]:
        """The valid share links, oldest first, including those from before a restart of the kernel."""
        return self._parts.sessions.sharing.all()

    def publish(self, url: str, name: str | None = None) -> Publication:
        """Publish the app to a NATS server while it runs, for relays (`dash-devices-nb relay nats://HOST/NAME`).

        The server may be away, and come back. `.problem` of what is returned says what is wrong, `.stop()` ends it.
        From any thread.

        Args:
            url: the address of the server, as "nats://user:password@host:4222".
            name: the name of the app there; None: the app's own.

        Raises:
            RunError: the address is none of a NATS server, or nats-py is not installed.
            RegistrationError: the name is not accepted.
        """
        from dash_devices_nb.relay.publication import Publication as Publishing  # as for `console`

        named = registration.check_name(name or registration.slug(self._parts.runtime.name))
        if not url.startswith(("nats://", "tls://")):
            raise RunError(f"publish({url!r:.100}): the address of a NATS server begins with nats:// or tls://.")
        if importlib.util.find_spec("nats") is None:
            raise RunError("app.publish() needs nats-py: pip install 'dash-devices-nb[nats]'.")
        lifecycle = self._parts.lifecycle
        publication = Publishing(url, named, lifecycle.open_door)
        lifecycle.attend(publication.start, publication.stop)
        if self._parts.serving.begun:
            publication.start()
        return publication

    @property
    def limits(self) -> ConnectionLimits:
        """The limits of open pages (`.clients`, `.per_address`, `.per_share`) and of running callbacks (`.calls`)."""
        return self._parts.sessions.sharing.admission.limits

    @property
    def control(self) -> Control:
        """The floor: who may act now. `app.control.lock(client)`, `.open()`, `.close()`, `.grant()`, ..."""
        return self._parts.sessions.control

    def ask(self, text: str, options: Iterable[str]) -> Question:
        """Ask everybody a question, on all open pages and on those that are opened later. From any thread.

        A person has one answer, over all tabs of the browser, and can change it until the question is closed. Guests
        who may only watch can answer, too, whoever has the floor. The pages of owners show how many have chosen each
        option, live. Another question takes the place of this one, which is closed then.

        Args:
            text: the question, at most 500 characters. It is shown as text, never as markup.
            options: the possible answers: 2 to 12, each at most 120 characters.

        Returns:
            The question: `.counts`, `.answers`, `.to_frame()`, `.close()`. A notebook shows its answers, live.

        Raises:
            QuestionError: the text or the options are not accepted.
        """
        return self._parts.sessions.questions.ask(text, options)

    def presence(self, id: str = "dash-devices-presence") -> html.Div:
        """Make a component for the layout that shows who is here and who has the floor.

        It is kept up to date. Names are text. Changes are shown together, less often the more pages there are.

        Args:
            id: the id of the component. Its `className` is "dash-devices-presence".
        """
        return self._parts.sessions.presence.component(id)

    def notice(self, text: str, to: Recipients = None, level: str = "info") -> None:
        """Show a notice in the pages: text, never markup. From any thread.

        Args:
            text: the text of the notice.
            to: one of `app.clients`, a list of them, or a role. None: all.
            level: "info", "warning" or "error".

        Raises:
            InvalidModsError: the level is unknown, or `to` is something else.
        """
        self._parts.push.notice(text, to, level)

    # ---- devices

    def record(
        self,
        *signals: Signal | Group | Device,
        file: str | os.PathLike[str] = "history.duckdb",
        keep_days: float | None = None,
        keep_bytes: int | None = None,
    ) -> History:
        """Keep the readings of signals on disk from now on, whether a page looks or not. From any thread.

        Running it again for the same file goes on in that file with the signals that are named now. If the disk takes
        nothing, the owner's pages are told, readings wait in memory, and nothing else is affected.

        Args:
            signals: signals, groups or devices of this app.
            file: a DuckDB file. It is made if it is not there.
            keep_days: readings that are older are deleted.
            keep_bytes: the oldest readings are deleted if the file needs more than this.

        Returns:
            The history: `to_frame()`, `save("x.csv")`, `close()`.

        Raises:
            HistoryError: DuckDB is not installed, or the file cannot be used; it is left as it is.
        """
        return self._live_devices().record(
            signals,
            file,
            keep_days=keep_days,
            keep_bytes=keep_bytes,
            told=self._warn,
        )

    def alarm(
        self,
        signal: Signal,
        when: Condition | None = None,
        for_: float = 0.0,
        *,
        name: str | None = None,
        severity: str = "major",
        call: Callable[[Alarm], object] | None = None,
    ) -> Alarm:
        """Raise an alarm while a signal is not well, until somebody acknowledges it on a page. From any thread.

        `devices.alarms()` lists what is raised. The signal is read from now on, whether a page looks or not. While the
        app is stopped it is not read; raised alarms stay raised.

        Args:
            signal: a signal of one of the app's devices.
            when: a function of the value; true raises the alarm. None: the alarm severity of the signal itself, and
                that it is stale or disconnected.
            for_: the seconds for which it has to hold.
            name: what people call it. One of the same name takes the place of an earlier one. None: the signal's id.
            severity: "minor" or "major".
            call: called with the alarm when it is raised, in a thread of its own.

        Returns:
            The alarm, with its `state`. `alarm.remove()` ends it.

        Raises:
            DeviceError: an argument is something else.
        """
        return self._live_devices().alarms.add(signal, when=when, for_=for_, name=name, severity=severity, call=call)

    def procedure(self, function: Function) -> Procedure:
        """Declare a procedure: what can be started on a page, with progress, pause, abort and a queue.

        It is a plain function, which runs in a thread. Its first argument is its `Run`: `for x in run.steps(points)`
        counts as progress, and is where it can be paused and aborted. A generator function is a plan of Bluesky. Its
        other arguments are asked for on the page, by their annotations and defaults. Readings that are recorded
        meanwhile have the name of the run. `devices.procedures()` shows it.

        Returns:
            The procedure. `procedure(start=1)` puts a run into the queue, and returns it.

        Raises:
            DeviceError: it is none.
        """
        return self._live_devices().procedures.add(function)

    def stop_button(self, function: Callable[[], object], label: str = "STOP", *, role: str = "control") -> Component:
        """Make a button for the layout that calls a function past everything: pause, locks, queues and the floor.

        The function is called in a thread of its own, however much is going on. Each press is journalled. If the app
        does not answer, the page says so.

        Args:
            function: takes nothing. What it returns is not looked at; what it raises is told on that page.
            label: the text of the button.
            role: the least role of those who may press it, whoever has the floor.

        Raises:
            RoleError: there is no such role.
            DeviceError: it is no plain function.
        """
        path = self._parts.stops.add(function, label, role)
        from dash_devices_nb.components import DeviceView  # Dash serves the files of components that were imported

        return DeviceView(kind="stop", signals=[], label=label, stop=path)

    @property
    def kept(self) -> Kept:
        """What people have set, kept on disk: `.differences()`, `.apply()`, `.discard()` and named `.presets`.

        What was kept before this start is shown by `devices.kept()` and here, and nothing is set to it before somebody
        says so: on a page, by `app.kept.apply()`, or by `Dash(restore="apply")`. Until it is decided (also by a person
        who sets that value on a page, or by `discard()`), nothing that the program sets takes its place.

        Raises:
            KeptError: the app keeps nothing.
        """
        kept = self._devices.kept if self._devices is not None else None
        if kept is None:
            raise KeptError("this app keeps nothing; Dash(keep='kept.db') names the file")
        return kept

    def _keep(
        self,
        path: str | os.PathLike[str],
        also: Iterable[str | tuple[ComponentId, str]],
        restore: str | Mapping[str, str],
    ) -> None:
        live, parts = self._live_devices(), self._parts
        told = self._warn
        from dash_devices_nb.devices.kept_props import SharedProps  # likewise

        props = SharedProps(parts.runtime, parts.push.push_without_waiting, parts.push.check)
        kept = live.keep(path, props, also=also, restore=restore, told=told)
        parts.lifecycle.prepare(kept.prepare)

    def _warn(self, text: str) -> None:
        """Warn those who run the app. Where it asks nobody for a secret, there is no owner: then all who may act."""
        to = "owner" if any(client.role == "owner" for client in self.clients) else "control"
        self.notice(text, to=to, level="warning")

    def _live_devices(self, devices: Iterable[Device] = ()) -> LiveDevices:
        """The app's devices. Made when they are first needed, as most apps have none."""
        if self._devices is None:
            from dash_devices_nb.devices.live import LiveDevices  # it stands above the app; the contract names this

            parts = self._parts
            runtime = parts.runtime
            push, report = parts.push.push_without_waiting, runtime.report
            self._devices = LiveDevices(self, devices, push, parts.recorder, report, runtime, runtime.running.run)
            parts.lifecycle.attend(self._devices.start, self._devices.stop)
        return self._devices

    # ---- looking

    @property
    def journal(self) -> AppJournal:
        """What happened: connects, changes, calls, pushes, refusals, errors."""
        return self._parts.recorder.journal

    @property
    def errors(self) -> list[BaseException]:
        """The last 20 exceptions of callbacks, newest last; `%debug` enters the newest."""
        return list(self._parts.runtime.errors)

    @property
    def output_log(self) -> OutputLog:
        """What callbacks print, also where no cell shows it."""
        return self._parts.output_log

    def pause(self) -> None:
        """Hold the callbacks: changes are shown, their calls wait in order, and the pages say so. From any thread."""
        self._parts.runtime.pause()

    def step(self) -> str:
        """Let one held call run, and return what it is.

        Raises:
            RunError: the callbacks are not paused, or none waits.
        """
        if not self._parts.runtime.pause_gate.closed:
            raise RunError("The callbacks are not paused; app.pause() holds them, then app.step() lets one run.")
        call = self._parts.runtime.step()
        if call is None:
            raise RunError("No call waits; act on a page, or app.resume().")
        return str(call)

    def resume(self) -> None:
        """Run what was held, in order. Does nothing if the callbacks are not paused. From any thread."""
        if self._parts.runtime.pause_gate.closed:
            self._parts.runtime.resume()

    async def next_call(self, name: str | None = None, timeout: float = 30.0) -> RecordedCall:
        """Wait for the next call of a callback (of any, without a name), and take it in hand.

        Raises:
            ReplayError: there was none within `timeout` seconds; or that is no number.
        """
        names = {each.name: None for each in self._parts.callbacks}
        return await self._parts.recorder.next_calls.next(name, timeout, names)

    def reload_pages(self) -> None:
        """Have all open pages read layout and callbacks again, in place. From any thread."""
        self._parts.sessions.layout_changed(self._parts.stock.new_libraries())

    def console(self) -> Console:
        """A panel of widgets: the clients, the callbacks, what they print, and buttons to pause and step them.

        There is one panel for an app; running the cell again, or a new app in the place of this one, goes on with it.
        """
        from dash_devices_nb.console import console_of  # it stands above the app; the import contract names this

        return console_of(self)

    def graph(self) -> Graph:
        """The callbacks as a picture: from inputs through callbacks to outputs, with cells, calls and times.

        The notebook shows it; `.svg` is its text.
        """
        from dash_devices_nb.console import Graph as Picture  # likewise

        return Picture(self)


def _caller_name() -> str:
    for frame in inspect.stack():
        if frame.function == "<module>":
            return str(frame.frame.f_globals.get("__name__", "__main__"))
    return "__main__"

"""Starting and stopping an app: in a notebook, in a script, in a running loop, or in somebody else's server.

| where | I/O loop | callback loop | `run()` |
|---|---|---|---|
| notebook, `loop="thread"` | a daemon thread's | the kernel's | returns, shows the page |
| notebook, `loop="kernel"` | the kernel's | the kernel's | returns, shows the page |
| IPython in a terminal | a daemon thread's | the same | returns |
| script | the main loop | the same | blocks |
| `await serve()` | the running one | the same | until cancelled |
| `uvicorn module:app.server` | uvicorn's | the same | not called |
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import os
import threading
from typing import Any

import orjson

from dash_devices_nb.app import site as sites
from dash_devices_nb.app import stock
from dash_devices_nb.app.runtime import Runtime, in_coroutine
from dash_devices_nb.app.site import Site, Wish
from dash_devices_nb.app.web import Web
from dash_devices_nb.errors import RunError
from dash_devices_nb.kernel import display
from dash_devices_nb.kernel.discovery import find_server
from dash_devices_nb.kernel.environment import Environment, Host, detect
from dash_devices_nb.kernel.loops import in_other_task, kernel_loop, pump, submit

LOOPS = ("thread", "kernel")
PUMP_SECONDS = 0.005


class Embedded(Web):
    """Running an app."""

    runtime: Runtime
    _site: Site | None = None
    _begun = False
    _shown: tuple[str | None, Any, Any] = (None, "100%", 650)

    # ---- the public interface

    def run(
        self,
        host: str | None = None,
        port: int | str | None = None,
        *,
        name: str | None = None,
        loop: str | None = None,
        debug: bool | None = None,
        auth: str | None = "secret",
        allowed_origins: tuple[str, ...] | list[str] = (),
        jupyter_mode: str | None = None,
        jupyter_width: int | str = "100%",
        jupyter_height: int | str = 650,
        ssl_context: Any = None,
        **options: Any,
    ) -> None:
        """Serve the app, and show its page.

        In a notebook it returns at once; running it again shows the page again, and a new app of the same name takes the
        place of the old one: same URL, open pages follow. In a script it blocks until Ctrl-C.

        Args:
            host: the address to serve on; 127.0.0.1 by default, env `HOST`. With a host or port the page is served
                directly, not through Jupyter.
            port: the port, 8050 by default, env `PORT`; in a notebook, the next free one where none is named.
            name: the app's name in its URL; by default the notebook's, else the one given to `Dash`.
            loop: "thread" (default): pages live on while a cell blocks; "kernel": all on the kernel's loop.
                In notebooks only; env `DASH_DEVICES_LOOP`.
            debug: show Dash's dev tools; env `DASH_DEBUG`.
            auth: "secret": a direct URL carries a secret; None: everybody who reaches the port may enter.
            allowed_origins: more origins whose pages may use the app, such as "https://example.org".
            jupyter_mode: "inline", "tab", "external", "jupyterlab" or "_none".
            jupyter_width, jupyter_height: of the inline frame, in pixels or as CSS.
            ssl_context: an `ssl.SSLContext` to serve TLS with.
            options: Dash's `dev_tools_*` options.

        Raises:
            PortInUseError: the port that was named is taken.
            RunError, DisplayError: an argument is not accepted.
        """
        environment = detect()
        self._shown = (jupyter_mode, jupyter_width, jupyter_height)
        if environment.in_kernel:
            display.check_mode(jupyter_mode)
        if auth not in ("secret", None):
            raise RunError(f"auth={auth!r}; it takes 'secret' or None")
        self._dev_tools_for_run(debug, options)
        wish, why_direct = self._wish(environment, host, port, loop, auth, tuple(allowed_origins), ssl_context)
        wanted = name or self._default_name(environment)
        if not environment.interactive:
            self._run_script(wish, wanted)
            return
        taken_over = self._run_interactive(wish, wanted, environment, searches=port is None)
        if why_direct:
            print(f"{why_direct} So the page is served directly.")
        if self._site and self._site.note:
            print(self._site.note)
        del taken_over
        self.show(jupyter_mode)

    def run_server(self, *args: Any, **kwargs: Any) -> None:
        """The original's name of `run`."""
        self.run(*args, **kwargs)

    async def serve(
        self,
        host: str | None = None,
        port: int | None = None,
        *,
        name: str | None = None,
        auth: str | None = "secret",
        allowed_origins: tuple[str, ...] | list[str] = (),
        ssl_context: Any = None,
    ) -> None:
        """Serve the app on the running loop until cancelled. Arguments as for `run`."""
        wish = Wish(host, port, None, "main", auth == "secret", tuple(allowed_origins), ssl_context)
        site = self._new_site(wish, name or str(self.config.name), None, searches=False)
        try:
            await self._begin_here(site)
            print(f"Dash app running on {site.url}", flush=True)
            await asyncio.Event().wait()
        finally:
            await self._end_site(site)

    def stop(self) -> None:
        """Stop serving: pages are told, the port is free. Does nothing if the app does not run. Not from a callback."""
        site = self._site
        if site is None:
            return
        if site.io is not None:
            site.call(self._end_site(site))
            site.io.stop()
        elif site.wish.loop == "kernel":
            loop = kernel_loop()
            if loop is not None:
                future = submit(loop, self._end_site(site))
                if threading.get_ident() != self.runtime.callback_thread:
                    future.result(10)
        elif self.runtime.io_loop is not None:
            self._site = None
            for task in asyncio.all_tasks(self.runtime.io_loop):
                if task.get_name() == _task_name(site):
                    self.runtime.io_loop.call_soon_threadsafe(task.cancel)

    @property
    def url(self) -> str | None:
        """Where the page is: a path at the Jupyter server's origin, or a URL with its secret; None before `run`."""
        return self._site.url if self._site else None

    def show(self, mode: str | None = None) -> None:
        """Show the page again. Modes as `jupyter_mode` of `run`.

        Raises:
            RunError: the app does not run.
        """
        site = self._site
        if site is None:
            raise RunError("The app does not run; app.run() serves and shows it.")
        known, width, height = self._shown
        page = display.Page(site.url, title=site.name, port=site.port)
        display.show(page, mode=mode or known, width=width, height=height)

    # ---- wishes

    def _default_name(self, environment: Environment) -> str:
        own = str(self.config.name)
        if own == "__main__" and environment.notebook is not None:
            return environment.notebook.stem
        return "app" if own == "__main__" else own

    def _wish(
        self,
        environment: Environment,
        host: str | None,
        port: int | str | None,
        loop: str | None,
        auth: str | None,
        allowed_origins: tuple[str, ...],
        tls: Any,
    ) -> tuple[Wish, str]:
        chosen = loop or os.environ.get("DASH_DEVICES_LOOP") or "thread"
        if chosen not in LOOPS:
            raise RunError(f"loop={chosen!r}; it takes 'thread' or 'kernel'")
        if not environment.interactive:
            chosen = "main"
        elif environment.host is Host.TERMINAL:
            chosen = "thread"
        named = host is not None or port is not None or tls is not None
        number = _port(port if port is not None else None if environment.in_kernel else os.environ.get("PORT"))
        direct = Wish(host or os.environ.get("HOST"), number, None, chosen, auth == "secret", allowed_origins, tls)
        if named or not environment.in_kernel:
            return direct, ""
        found = find_server(environment)
        if found.server is None:
            return direct, found.why_not
        return Wish(None, None, found.server.base_url, chosen, True, allowed_origins), ""

    def _dev_tools_for_run(self, debug: bool | None, options: dict[str, Any]) -> None:
        known = inspect.signature(self.enable_dev_tools).parameters
        unknown = [name for name in options if name not in known and name not in _IGNORED]
        if unknown:
            raise RunError(
                f"run() does not take {', '.join(unknown)}; it takes its own arguments and Dash's dev_tools_*"
            )
        wanted = bool(stock.combined("debug", debug, False))
        tools = {name: value for name, value in options.items() if name in known}
        if wanted or tools:
            self.enable_dev_tools(debug=wanted, **tools)

    # ---- starting

    def _run_script(self, wish: Wish, name: str) -> None:
        async def main() -> None:
            site = self._new_site(wish, name, None, searches=False)
            asyncio.current_task().set_name(_task_name(site))  # type: ignore[union-attr]
            try:
                await self._begin_here(site)
                print(f"Dash app running on {site.url}", flush=True)
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if self._site is site:
                    raise
            finally:
                await self._end_site(site)

        try:
            asyncio.run(main())
        except KeyboardInterrupt:
            print("\nstopped", flush=True)

    def _run_interactive(self, wish: Wish, name: str, environment: Environment, *, searches: bool) -> bool:
        site = sites.site_of(name)
        if site is not None and site.app is self and site.wish == wish:
            return False
        if site is not None and _suits(site.wish, wish):
            self._take_over(site, environment)
            return True
        if site is not None and site.app is not None:
            site.app.stop()
        if self._site is not None:
            self.stop()
        site = self._new_site(wish, name, environment, searches=searches)
        try:
            self._begin_interactive(site, environment)
        except BaseException:
            self._discard(site)
            raise
        return False

    def _new_site(self, wish: Wish, name: str, environment: Environment | None, *, searches: bool) -> Site:
        site = Site(name, wish)
        notebook = str(environment.notebook) if environment and environment.notebook else None
        kernel_id = environment.kernel_id if environment else None
        site.bind(
            kernel_id=kernel_id, notebook=notebook, search=searches, max_message_bytes=self.max_message_bytes
        )
        return site

    def _begin_interactive(self, site: Site, environment: Environment) -> None:
        """Start on a site of this process. From the thread of the cell."""
        if site.io is not None:
            site.io.start()
            site.call(self._attach(site, kernel_loop() or site.io.loop))
            self._call_initially()
            site.call(self._open(site))
        else:
            loop = kernel_loop()
            if loop is None:
                raise RunError("loop='kernel' needs a kernel; use loop='thread' here")
            self.runtime.io_loop, self.runtime.io_thread = loop, threading.get_ident()
            self.runtime.callback_loop, self.runtime.callback_thread = loop, threading.get_ident()
            self._claim(site)
            self._call_initially()
            task = loop.create_task(self._open(site), context=contextvars.Context())
            self.runtime.hold(task)
        sites.keep(site)

    def _take_over(self, site: Site, environment: Environment) -> None:
        """Serve this app where another one of the same name was served."""
        if self._site is not None and self._site is not site:
            self.stop()
        old = site.app
        if site.io is not None:
            site.call(old.end())
            site.call(self._attach(site, kernel_loop() or site.io.loop))
            self._call_initially()
            site.call(self._startup())
            return
        loop = kernel_loop()
        assert loop is not None
        self.runtime.hold(loop.create_task(old.end(), context=contextvars.Context()))
        old._site = None
        self.runtime.io_loop = self.runtime.callback_loop = loop
        self.runtime.io_thread = self.runtime.callback_thread = threading.get_ident()
        self._claim(site)
        self._call_initially()
        self.runtime.hold(loop.create_task(self._startup(), context=contextvars.Context()))

    def _claim(self, site: Site) -> None:
        if site.app is not None and site.app is not self:
            site.app._site = None
        site.app = self
        self._site = site
        self.through_jupyter = site.wish.base_url is not None
        routes = str(self.config.routes_pathname_prefix)
        if site.prefix != "/":
            self.set_prefix(site.prefix + routes.lstrip("/"))

    async def _attach(self, site: Site, callback_loop: asyncio.AbstractEventLoop) -> None:
        """Take the running loop as the I/O loop."""
        self.runtime.io_loop, self.runtime.io_thread = asyncio.get_running_loop(), threading.get_ident()
        self.runtime.callback_loop = callback_loop
        same = callback_loop is self.runtime.io_loop
        self.runtime.callback_thread = threading.get_ident() if same else threading.main_thread().ident
        self._claim(site)

    def _call_initially(self) -> None:
        """Read the layout and call the shared callbacks once. Not on a loop that serves."""
        self._begun = True
        self.set_up()
        tree = orjson.loads(stock.text_of(self.get_layout()))
        self.runtime.enter(lambda: self.runtime.dispatcher.start(tree))

    async def _startup(self) -> None:
        await self.server.startup()

    async def _open(self, site: Site) -> None:
        await self._startup()
        await site.start()

    async def _begin_here(self, site: Site) -> None:
        """Start on the running loop, for both."""
        await self._attach(site, asyncio.get_running_loop())
        await self.runtime.in_worker(self._call_initially)
        await self._open(site)

    async def ensure_started(self) -> None:
        """Start when somebody else's server serves `app.server`: at the first connection."""
        if self._begun:
            return
        self._begun = True
        self.runtime.io_loop = self.runtime.callback_loop = asyncio.get_running_loop()
        self.runtime.io_thread = self.runtime.callback_thread = threading.get_ident()
        await self.runtime.in_worker(self._call_initially)

    # ---- ending

    async def end(self) -> None:
        """Let the pages go and stop what runs. On the I/O loop."""
        if not self._begun:
            return
        self._begun = False
        self.hub.close()
        await asyncio.get_running_loop().run_in_executor(None, self.runtime.stop)
        self.runtime.io_loop = self.runtime.callback_loop = None
        self.runtime.io_thread = self.runtime.callback_thread = None

    async def _end_site(self, site: Site) -> None:
        sites.forget(site)
        await site.stop()
        if site.app is self:
            await self.server.shutdown()
            await self.end()
        self._site = None

    def _discard(self, site: Site) -> None:
        if site.io is not None and site.io.running:
            site.call(self._end_site(site))
            site.io.stop()
        else:
            site.close()
        self._site = None

    # ---- what pushes ask

    def must_not_block(self) -> bool:
        """Whether this is a coroutine, rather than a thread of the program's own or a cell."""
        if in_coroutine.get():
            return True
        if threading.get_ident() not in (self.runtime.io_thread, self.runtime.callback_thread):
            return False
        return self.runtime.io_loop is not None and in_other_task()

    def pump(self) -> None:
        """Where the kernel's loop serves and a cell holds it up: let it send what waits."""
        site = self._site
        loop = self.runtime.io_loop
        if site is None or site.wish.loop != "kernel" or loop is None:
            return
        if threading.get_ident() == self.runtime.io_thread and self.runtime.anything_waits():
            pump(loop, asyncio.sleep(PUMP_SECONDS), None)

    def changed(self) -> None:
        """Callbacks were declared while the app runs: tell the open pages."""
        if self._begun:
            self.hub.definitions_changed()


_IGNORED = frozenset({"threaded", "use_reloader", "processes", "dev_tools_client_reload", "jupyter_server_url", "proxy"})
"""Options of Flask's server, and of the original, that mean nothing here."""


def _task_name(site: Site) -> str:
    return f"dash-devices-{id(site)}"


def _port(port: int | str | None) -> int | None:
    if port is None:
        return None
    try:
        number = int(port)
    except ValueError:
        number = -1
    if not 0 <= number <= 65535:
        raise RunError(f"port={port!r}; a port is a number from 0 (any free one) to 65535")
    return number


def _suits(have: Wish, want: Wish) -> bool:
    """Whether a site that stands can take an app that wants another one."""
    return (
        have.base_url == want.base_url
        and have.loop == want.loop
        and have.secret == want.secret
        and have.allowed_origins == want.allowed_origins
        and have.tls is want.tls
        and want.host in (None, have.host)
        and want.port in (None, have.port)
    )

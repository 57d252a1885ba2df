"""Starting and ending an app on its loops.

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
import sys
import threading
from typing import Any

import orjson

from dash_devices_nb.app.api.http import Web
from dash_devices_nb.app.definitions import global_callbacks
from dash_devices_nb.app.definitions.registry import CallbackRegistry
from dash_devices_nb.app.execution.deferred import DeferredDefinitions
from dash_devices_nb.app.execution.runtime import Runtime, in_coroutine
from dash_devices_nb.app.serving import mount as mounts
from dash_devices_nb.app.serving.mount import Mount, ServeConfig
from dash_devices_nb.app.stock_dash import dash_internals
from dash_devices_nb.errors import RunError
from dash_devices_nb.kernel.environment import Environment
from dash_devices_nb.kernel.guard import InterruptGuard
from dash_devices_nb.kernel.loops import in_other_task, kernel_loop, pump, submit
from dash_devices_nb.kernel.output import CellOutput
from dash_devices_nb.kernel.outputlog import OutputLog

PUMP_SECONDS = 0.005
STOP_SECONDS = 10.0
TAKEN_AT_START = (
    "What dash.callback defines is for the next app that starts; the app that runs does not take it. "
    "Say @app.callback instead, and its open pages follow."
)


class Lifecycle(Web):
    """Starting and ending."""

    runtime: Runtime
    callbacks: CallbackRegistry
    held: DeferredDefinitions
    output_log: OutputLog
    _mount: Mount | None = None
    _guard: InterruptGuard
    _begun = False
    _leave: asyncio.Event | None = None

    # ---- sites

    @property
    def mount(self) -> Mount | None:
        """Where the app is served; None while it does not run, and once another app has taken its place."""
        return self._mount

    def new_mount(self, config: ServeConfig, name: str, environment: Environment | None, *, searches: bool) -> Mount:
        """Bind a new mount. From any thread. Raises BindError, RegistrationError."""
        mount = Mount(name, config)
        notebook = str(environment.notebook) if environment and environment.notebook else None
        kernel_id = environment.kernel_id if environment else None
        try:
            mount.bind(
                kernel_id=kernel_id, notebook=notebook, search=searches, max_message_bytes=self.max_message_bytes
            )
        except BaseException:
            mount.close()
            raise
        return mount

    def run_here(self, config: ServeConfig, name: str, environment: Environment, *, searches: bool) -> None:
        """Start on a mount of this process: the existing one, or a new one. From the thread of the cell."""
        mount = mounts.mount_of(name)
        if mount is not None and mount.app is self and mount.config == config:
            return
        if mount is not None and mount.config.compatible_with(config):
            self._take_over(mount)
            return
        if mount is not None and mount.app is not None:
            mount.app.stop()
        self.stop()
        mount = self.new_mount(config, name, environment, searches=searches)
        try:
            self._begin(mount)
        except BaseException:
            self._discard(mount)
            raise
        mounts.keep(mount)

    async def serve_mount(self, mount: Mount) -> None:
        """Serve on the running loop until `stop` is called, or until cancelled."""
        self._leave = leave = asyncio.Event()
        try:
            await self._attach(mount, asyncio.get_running_loop())
            await self.runtime.in_worker(self._call_initially)
            await self._open(mount)
            print(f"Dash app running on {mount.url}", flush=True)
            if mount.who_may_enter:
                print(mount.who_may_enter, flush=True)
            await leave.wait()
        finally:
            await self._end_mount(mount)

    def _begin(self, mount: Mount) -> None:
        if mount.io is not None:
            mount.io.start()
            mount.call(self._attach(mount, kernel_loop() or mount.io.loop))
            self._call_initially()
            mount.call(self._open(mount))
            return
        loop = self._attach_kernel(mount)
        self._call_initially()
        self.runtime.hold(loop.create_task(self._open(mount), context=contextvars.Context()))

    def _take_over(self, mount: Mount) -> None:
        """Serve this app where another one of the same name was served."""
        if self._mount is not None and self._mount is not mount:
            self.stop()
        old = mount.app
        assert old is not None
        if mount.io is not None:
            mount.call(old.end())
            mount.call(self._attach(mount, kernel_loop() or mount.io.loop))
            self._call_initially()
            mount.call(self.server.startup())
            return
        loop = self._attach_kernel(mount)
        self.runtime.hold(loop.create_task(old.end(), context=contextvars.Context()))
        self._call_initially()
        self.runtime.hold(loop.create_task(self.server.startup(), context=contextvars.Context()))

    def unmounted(self) -> None:
        """Another app is at its place now."""
        self._mount = None

    def _claim(self, mount: Mount) -> None:
        if mount.app is not None and mount.app is not self:
            mount.app.unmounted()
        mount.app = self
        self.runtime.open()
        self._mount = mount
        self.through_jupyter = mount.config.base_url is not None
        self.holds = "all" if mount.config.loop == "kernel" else "coroutines"
        if mount.prefix != "/":
            self.set_prefix(mount.prefix + str(self.config.routes_pathname_prefix).lstrip("/"))
        elif self.addresses.before:
            self.set_prefix(self.addresses.before[0])

    async def _attach(self, mount: Mount, callback_loop: asyncio.AbstractEventLoop) -> None:
        """Take the running loop as the I/O loop."""
        loop, thread = asyncio.get_running_loop(), threading.get_ident()
        self.runtime.io_loop, self.runtime.io_thread = loop, thread
        self.runtime.callback_loop = callback_loop
        self.runtime.callback_thread = thread if callback_loop is loop else threading.main_thread().ident
        self._claim(mount)

    def _attach_kernel(self, mount: Mount) -> asyncio.AbstractEventLoop:
        """Take the kernel's loop for both. From a cell."""
        loop = kernel_loop()
        if loop is None:
            raise RunError("loop='kernel' needs a kernel; use loop='thread' here")
        self.runtime.io_loop = self.runtime.callback_loop = loop
        self.runtime.io_thread = self.runtime.callback_thread = threading.get_ident()
        self._claim(mount)
        return loop

    def _call_initially(self) -> None:
        """Read the layout and call the shared callbacks once. Not on a loop that serves."""
        self._begun = True
        self.callbacks.listen()
        self._guard.install()
        self.output_log.listen()
        self.set_up()
        self.sessions.roles.forget()  # callbacks of `dash.callback` have come
        tree = orjson.loads(dash_internals.text_of(self.get_layout()))
        self.runtime.enter(lambda: self.runtime.dispatcher.start(tree))
        self.check_declared()

    async def _open(self, mount: Mount) -> None:
        await self.server.startup()
        await mount.start()

    async def ensure_started(self) -> None:
        """Start when somebody else's server serves `app.server`: at the first connection."""
        if self._begun:
            return
        self._begun = True
        self.runtime.io_loop = self.runtime.callback_loop = asyncio.get_running_loop()
        self.runtime.io_thread = self.runtime.callback_thread = threading.get_ident()
        self.runtime.open()
        await self.runtime.in_worker(self._call_initially)

    # ---- ending

    def stop(self) -> None:
        """Stop serving: pages are told, the port is free. Does nothing if the app does not run.

        From any thread; in a script `run` returns then. Not from a callback that runs on the I/O loop.
        """
        mount = self._mount
        if mount is None:
            return
        if mount.io is not None:
            mount.call(self._end_mount(mount))
            mount.io.stop()
        elif mount.config.loop == "main":
            if self.runtime.io_loop is not None and self._leave is not None:
                self.runtime.io_loop.call_soon_threadsafe(self._leave.set)
        else:
            loop = kernel_loop()
            if loop is not None and threading.get_ident() == self.runtime.io_thread:
                pump(loop, self._end_mount(mount), STOP_SECONDS)
            elif loop is not None:
                submit(loop, self._end_mount(mount)).result(STOP_SECONDS)

    async def end(self) -> None:
        """Let the pages go and stop what runs. On the I/O loop."""
        if not self._begun:
            return
        self._begun = False
        self.callbacks.close()
        self._guard.uninstall()
        self.output_log.leave()
        self.sessions.close()
        self.clocks.stop()
        await asyncio.to_thread(self.runtime.stop)
        self.runtime.io_loop = self.runtime.callback_loop = None
        self.runtime.io_thread = self.runtime.callback_thread = None

    async def _end_mount(self, mount: Mount) -> None:
        mounts.forget(mount)
        self._mount = None
        await mount.stop()
        if mount.app is self and self._begun:
            # Made by Quart's startup, which is not reached where the layout or a callback cannot be read.
            if hasattr(self.server, "shutdown_event"):
                await self.server.shutdown()
            await self.end()

    def _discard(self, mount: Mount) -> None:
        """Discard a mount on which the app did not start."""
        if mount.io is not None and mount.io.running:
            mount.call(self._end_mount(mount))
            mount.io.stop()
        else:
            mount.close()
            self._begun = False
        self._mount = None

    # ---- what pushes and declarations ask

    def must_not_block(self) -> bool:
        """Whether this is a coroutine, rather than a thread of the program's own or a cell."""
        if in_coroutine.get():
            return True
        if threading.get_ident() not in (self.runtime.io_thread, self.runtime.callback_thread):
            return False
        return self.runtime.io_loop is not None and in_other_task()

    def pump(self) -> None:
        """Where the kernel's loop serves and a cell holds it up: let it send what waits."""
        mount = self._mount
        loop = self.runtime.io_loop
        if mount is None or mount.config.loop != "kernel" or loop is None:
            return
        if threading.get_ident() == self.runtime.io_thread and self.runtime.anything_waits():
            pump(loop, asyncio.sleep(PUMP_SECONDS), None)

    @property
    def layout(self) -> Any:
        """The layout. Setting another one while the app runs shows it in the open pages in place.

        One that cannot be made, or has an id twice, is refused with what was raised: the old one stays.
        """
        return dash_internals.DashInternals.layout.fget(self)

    @layout.setter
    def layout(self, value: Any) -> None:
        if not self._begun:
            dash_internals.DashInternals.layout.fset(self, value)
            with self.runtime.lock:
                self.sessions.returning.laid_out()  # it may have run before
        else:
            before = dash_internals.DashInternals.layout.fget(self)
            try:
                dash_internals.DashInternals.layout.fset(self, value)
                made = self.get_layout()
                dash_internals.check_layout(made)
                tree = orjson.loads(dash_internals.text_of(made))
            except BaseException:
                dash_internals.DashInternals.layout.fset(self, before)
                raise
            self.runtime.enter(lambda: self.runtime.dispatcher.receive_layout(tree))
            self.sessions.layout_changed(self.new_libraries())

    def check_declared(self) -> None:
        """Say what is wrong with the callbacks that were declared."""
        raise NotImplementedError

    def changed(self) -> None:
        """Callbacks were declared: if the app runs, tell the open pages."""
        self.sessions.roles.forget()
        with self.runtime.lock:
            self.sessions.returning.defined()
        self.mcp_callback_map = None  # Dash's MCP server makes it anew
        if self._begun:
            self.sessions.definitions_changed(hold=self.callbacks.running is not None)
            if self.callbacks.running is not None:
                self.held.wait(self.callbacks.running)

    def cell_ended(self, succeeded: bool) -> None:
        """A cell has run, to its end or not: what it has defined is whole."""
        self.held.release()
        waits = global_callbacks.cell_ended(CellOutput.here().cell_id or None, succeeded=succeeded)
        if self._begun and waits:
            print(TAKEN_AT_START, file=sys.stderr)

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
import threading
from collections.abc import Callable, Collection

import orjson
import quart

from dash_devices_nb.app.api.http_views import MAX_MESSAGE_BYTES
from dash_devices_nb.app.definitions.registry import CallbackRegistry
from dash_devices_nb.app.execution.intervals import IntervalTimers
from dash_devices_nb.app.execution.runtime import Runtime
from dash_devices_nb.app.serving import mount as mounts
from dash_devices_nb.app.serving.mount import Mount, ServeConfig
from dash_devices_nb.app.serving.serving_state import ServingState
from dash_devices_nb.app.sessions.manager import SessionManager
from dash_devices_nb.app.stock_dash import dash_internals
from dash_devices_nb.core.props.layout import components
from dash_devices_nb.errors import RunError
from dash_devices_nb.kernel.environment import Environment
from dash_devices_nb.kernel.guard import InterruptGuard
from dash_devices_nb.kernel.loops import kernel_loop, pump, submit
from dash_devices_nb.kernel.outputlog import OutputLog

STOP_SECONDS = 10.0


class Lifecycle:
    """Starts and ends one app (`serving.mount.Mounted`).

    Args:
        stock: the app's side of stock Dash.
        runtime: its runtime.
        serving: says where the app is served.
        sessions: its sessions.
        callbacks: its definitions.
        output_log: logs what callbacks print.
        clocks: the clocks of its intervals.
        check_declared: reports what is wrong with the declared callbacks.
    """

    def __init__(
        self,
        stock: dash_internals.StockDash,
        runtime: Runtime,
        serving: ServingState,
        sessions: SessionManager,
        callbacks: CallbackRegistry,
        output_log: OutputLog,
        clocks: IntervalTimers,
        check_declared: Callable[[], None],
    ) -> None:
        self._stock = stock
        self._runtime = runtime
        self._serving = serving
        self._sessions = sessions
        self._callbacks = callbacks
        self._output_log = output_log
        self._clocks = clocks
        self._check_declared = check_declared
        self._guard = InterruptGuard(runtime.running)
        self._leave: asyncio.Event | None = None
        self._attendants: list[tuple[Callable[[], None], Callable[[], None]]] = []
        self._preparing: list[Callable[[Collection[str]], None]] = []
        callbacks.listen()

    def attend(self, begun: Callable[[], None], ending: Callable[[], None]) -> None:
        """Call `begun()` when the app has started, and `ending()` before its pages go. Not on a loop that serves."""
        self._attendants.append((begun, ending))

    def open_door(self) -> str:
        """Serve on a further loopback port, until the app stops. Returns the owner's address. Not on the I/O loop.

        Raises:
            RunError: the app does not run here.
        """
        mount, loop = self._serving.mount, self._runtime.io_loop
        if mount is None or loop is None:
            raise RunError("The app does not run here: call app.run() first.")
        return submit(loop, mount.open_door(MAX_MESSAGE_BYTES)).result()

    def prepare(self, function: Callable[[Collection[str]], None]) -> None:
        """Call `function(ids of the layout)` before the first calls, so that it can set what they are to use."""
        self._preparing.append(function)

    # ---- mounts

    @property
    def app(self) -> object:
        """The app itself, a `Dash`."""
        return self._stock.app

    @property
    def server(self) -> quart.Quart:
        """Its Quart app."""
        return self._stock.server

    def new_mount(self, config: ServeConfig, name: str, environment: Environment | None, *, searches: bool) -> Mount:
        """Bind a new mount. From any thread. Raises BindError, RegistrationError."""
        mount = Mount(name, config)
        notebook = str(environment.notebook) if environment and environment.notebook else None
        kernel_id = environment.kernel_id if environment else None
        try:
            mount.bind(kernel_id=kernel_id, notebook=notebook, search=searches, max_message_bytes=MAX_MESSAGE_BYTES)
        except BaseException:
            mount.close()
            raise
        return mount

    def run_here(self, config: ServeConfig, name: str, environment: Environment, *, searches: bool) -> None:
        """Start on a mount of this process: the existing one, or a new one. From the thread of the cell."""
        mount = mounts.mount_of(name)
        if mount is not None and mount.served is self and mount.config == config:
            return
        if mount is not None and mount.config.compatible_with(config):
            self._take_over(mount)
            return
        if mount is not None and mount.served is not None:
            mount.served.stop()
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
            await self._runtime.in_worker(self._call_initially)
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
        self._runtime.hold(loop.create_task(self._open(mount), context=contextvars.Context()))

    def _take_over(self, mount: Mount) -> None:
        """Serve this app where another one of the same name was served."""
        if self._serving.mount is not None and self._serving.mount is not mount:
            self.stop()
        old = mount.served
        assert old is not None
        if mount.io is not None:
            mount.call(old.end())
            mount.call(self._attach(mount, kernel_loop() or mount.io.loop))
            self._call_initially()
            mount.call(self.server.startup())
            return
        loop = self._attach_kernel(mount)
        self._runtime.hold(loop.create_task(old.end(), context=contextvars.Context()))
        self._call_initially()
        self._runtime.hold(loop.create_task(self.server.startup(), context=contextvars.Context()))

    def unmounted(self) -> None:
        """Another app is at its place now."""
        self._serving.leave_mount()

    def _claim(self, mount: Mount) -> None:
        mount.take(self)
        self._runtime.open()
        self._serving.claim(mount)
        if mount.prefix != "/":
            self._stock.set_prefix(mount.prefix + str(self._stock.config.routes_pathname_prefix).lstrip("/"))
        elif self._stock.addresses.before:
            self._stock.set_prefix(self._stock.addresses.before[0])

    async def _attach(self, mount: Mount, callback_loop: asyncio.AbstractEventLoop) -> None:
        """Take the running loop as the I/O loop."""
        self._runtime.take_loops(asyncio.get_running_loop(), callback_loop)
        self._claim(mount)

    def _attach_kernel(self, mount: Mount) -> asyncio.AbstractEventLoop:
        """Take the kernel's loop for both. From a cell."""
        loop = kernel_loop()
        if loop is None:
            raise RunError("loop='kernel' needs a kernel; use loop='thread' here")
        self._runtime.take_loops(loop, loop)
        self._claim(mount)
        return loop

    def _call_initially(self) -> None:
        """Read the layout and call the shared callbacks once. Not on a loop that serves."""
        self._serving.begin()
        self._callbacks.listen()
        self._guard.install()
        self._output_log.listen()
        self._stock.set_up()
        self._sessions.roles.forget()  # callbacks of `dash.callback` have come
        tree = orjson.loads(dash_internals.text_of(self._stock.get_layout()))
        if self._preparing:
            ids = {each for each, _ in components(tree)}
            for prepare in self._preparing:
                prepare(ids)
        self._runtime.enter(lambda: self._runtime.dispatcher.start(tree))
        self._check_declared()
        for begun, _ in self._attendants:
            begun()
        self._serving.started()

    async def _open(self, mount: Mount) -> None:
        await self.server.startup()
        await mount.start()

    async def ensure_started(self) -> None:
        """Start when somebody else's server serves `app.server`: at the first connection."""
        if self._serving.begun:
            return
        self._serving.begin()
        loop = asyncio.get_running_loop()
        self._runtime.take_loops(loop, loop)
        self._runtime.open()
        await self._runtime.in_worker(self._call_initially)

    # ---- ending

    def stop(self) -> None:
        """Stop serving: pages are told, the port is free. Does nothing if the app does not run.

        From any thread; in a script `run` returns then. Not from a callback that runs on the I/O loop.
        """
        mount = self._serving.mount
        if mount is None:
            return
        if mount.io is not None:
            mount.call(self._end_mount(mount))
            mount.io.stop()
        elif mount.config.loop == "main":
            if self._runtime.io_loop is not None and self._leave is not None:
                self._runtime.io_loop.call_soon_threadsafe(self._leave.set)
        else:
            loop = kernel_loop()
            if loop is not None and threading.get_ident() == self._runtime.io_thread:
                pump(loop, self._end_mount(mount), STOP_SECONDS)
            elif loop is not None:
                submit(loop, self._end_mount(mount)).result(STOP_SECONDS)

    async def end(self) -> None:
        """Let the pages go and stop what runs. On the I/O loop."""
        if not self._serving.begun:
            return
        self._serving.end()
        for _, ending in self._attendants:
            await asyncio.to_thread(ending)
        self._callbacks.close()
        self._guard.uninstall()
        self._output_log.leave()
        self._sessions.close()
        self._clocks.stop()
        await asyncio.to_thread(self._runtime.stop)
        self._runtime.leave_loops()

    async def _end_mount(self, mount: Mount) -> None:
        mounts.forget(mount)
        self._serving.leave_mount()
        await mount.stop()
        if mount.served is self and self._serving.begun:
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
            self._serving.end()
        self._serving.leave_mount()

"""Whether and where an app is served, and whether a push may wait."""

from __future__ import annotations

import asyncio
import threading

from dash_devices_nb.app.execution.runtime import Runtime, in_coroutine
from dash_devices_nb.app.serving.mount import Mount
from dash_devices_nb.core.callbacks.propagation import Propagation
from dash_devices_nb.kernel.loops import in_other_task, pump

PUMP_SECONDS = 0.005


class ServingState:
    """Whether and where one app is served.

    Args:
        runtime: the app's runtime.

    Attributes:
        through_jupyter: whether its page goes through the Jupyter server.
        holds: what a busy kernel holds up: "all" if the kernel's own loop serves, else "coroutines".
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._mount: Mount | None = None
        self._begun = self._ready = False
        self.through_jupyter = False
        self.holds = "coroutines"

    @property
    def mount(self) -> Mount | None:
        """Where the app is served. None while it does not run, and once another app has taken its place."""
        return self._mount

    @property
    def begun(self) -> bool:
        """Whether the app runs."""
        return self._begun

    @property
    def ready(self) -> bool:
        """Whether the app knows its layout and has made its first calls: what changes now calls its callbacks."""
        return self._ready

    def begin(self) -> None:
        """Note that the app runs."""
        self._begun = True

    def started(self) -> None:
        """Note that it has made its first calls."""
        self._ready = True

    def end(self) -> None:
        """Note that the app does not run any more."""
        self._begun = self._ready = False

    def claim(self, mount: Mount) -> None:
        """Note that the app is served at this mount."""
        self._mount = mount
        self.through_jupyter = mount.config.base_url is not None
        self.holds = "all" if mount.config.loop == "kernel" else "coroutines"

    def leave_mount(self) -> None:
        """Note that the app is not served any more, or that another app has taken its mount."""
        self._mount = None

    # ---- waiting

    def wait(self, propagation: Propagation) -> None:
        """Wait for a propagation where that is allowed."""
        if not self.must_not_block():
            self._runtime.wait(propagation)
            self.pump()

    def must_not_block(self) -> bool:
        """Whether the caller is a coroutine. A cell, or a thread of the program's own, may block."""
        if in_coroutine.get():
            return True
        if threading.get_ident() not in (self._runtime.io_thread, self._runtime.callback_thread):
            return False
        return self._runtime.io_loop is not None and in_other_task()

    def pump(self) -> None:
        """Let the kernel's loop send what waits, if it serves and a cell holds it up."""
        loop = self._runtime.io_loop
        if self.mount is None or self.mount.config.loop != "kernel" or loop is None:
            return
        if threading.get_ident() == self._runtime.io_thread and self._runtime.anything_waits():
            pump(loop, asyncio.sleep(PUMP_SECONDS), None)

"""The panel, made of plain ipywidgets (HTML, buttons, boxes), so that it works wherever ipywidgets do.

The front end counts the views of a widget whose `_view_count` is not None. While there is a view, a thread of the panel
polls the app four times a second and sends what has changed. The thread ends with the last view. It is a thread and not
a task of the kernel's loop, because the device, and so its panel, must go on while a cell blocks that loop.

The content is in the widgets' models, which the kernel keeps. A reloaded JupyterLab asks for them again.
"""

from __future__ import annotations

import html
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import ipywidgets as widgets

from dash_devices_nb.app.api.parts import parts_of
from dash_devices_nb.console import status
from dash_devices_nb.console.people import People, button
from dash_devices_nb.console.status import put
from dash_devices_nb.errors import DashDevicesError

if TYPE_CHECKING:
    from dash_devices_nb.app.api.dash import Dash

SECONDS = 0.25

# By the app's name, like mounts: a new app that replaces an old one goes on with its panel.
_panels: WeakValueDictionary[str, Console] = WeakValueDictionary()


def console_of(app: Dash) -> Console:
    """Return the panel of an app: its own, that of the app it replaced, or a new one."""
    name = str(app.config.name)
    panel = _panels.get(name)
    if panel is None or panel.closed or (panel.app is not app and parts_of(panel.app).runtime.io_loop is not None):
        panel = _panels[name] = Console(app)
    panel.follow(app)
    return panel


class Console(widgets.VBox):  # type: ignore[misc]
    """The panel of an app.

    Attributes:
        app: the app that is shown.
        closed: whether it was closed.
        people: the part about clients, the floor and share links.
        message: what went wrong with the last button.
    """

    def __init__(self, app: Dash) -> None:
        self.app = app
        self.closed = False
        self._mount: Any = None
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._guard = threading.Lock()
        self._logged = -1
        self._heading, self._clients, self._callbacks, self._log, self.message = (widgets.HTML() for _ in range(5))
        self.people = People(self._act, lambda: self.app)
        self._pause = self._button("Pause", "pause", self._on_pause, "Hold the callbacks")
        self._step = self._button("Step", "step-forward", lambda: self.app.step(), "Let one held call run")
        self._resume = self._button("Resume", "play", lambda: self.app.resume(), "Run what is held")
        reload = self._button("Reload pages", "refresh", lambda: self.app.reload_pages(), "Read the layout again")
        super().__init__(
            [
                widgets.HBox([self._heading], layout={"padding": "0 4px"}),
                widgets.HBox(
                    [self._pause, self._step, self._resume, reload],
                    layout={"flex_flow": "row wrap"},
                ),
                self.message,
                self._clients,
                self.people,
                self._callbacks,
                self._log,
            ]
        )
        self.show()
        self._view_count = 0  # from None: the front end counts
        self.observe(lambda _: self._viewed(), "_view_count")

    def follow(self, app: Dash) -> None:
        """Show this app from now on."""
        if app is not self.app:
            self.app = app
            self._logged = -1
        self.show()

    def show(self) -> None:
        """Show the current state. From any thread. Sends only changes."""
        with self._guard:
            app = self.app = self._present()
            put(self._heading, status.heading(app))
            put(self._clients, status.clients(app))
            put(self._callbacks, status.callbacks(app))
            if app.output_log.count != self._logged:
                self._logged = app.output_log.count
                put(self._log, status.log(app.output_log))
            self.people.show()
            paused = parts_of(app).runtime.pause_gate.closed
            self._pause.disabled, self._step.disabled, self._resume.disabled = paused, not paused, not paused

    def _present(self) -> Any:
        """The app, or the one that has replaced it."""
        mount = parts_of(self.app).serving.mount
        self._mount = mount or self._mount
        instead = self._mount.served if self._mount is not None and mount is None else None
        if instead is None or instead.app is self.app:
            return self.app
        self._logged = -1
        return instead.app

    def close(self) -> None:
        """Close the panel and end its thread. Is idempotent."""
        if self.closed:
            return
        self.closed = True
        self._stop.set()
        for widget in _all_of(self):
            for part in (widget.layout, getattr(widget, "style", None), widget):
                if part is not None and part is not self:
                    part.close()
        super().close()

    # ---- while it is shown

    def _viewed(self) -> None:
        """React to a change of the number of views. On the kernel's loop."""
        if not self._view_count or self.closed:
            self._stop.set()
            return
        if self._thread is not None and self._thread.is_alive() and not self._stop.is_set():
            return
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(self._stop,), name="dash-devices-console", daemon=True)
        self._thread.start()

    def _run(self, stop: threading.Event) -> None:
        while not stop.wait(SECONDS):
            self.show()

    # ---- buttons

    def _button(self, label: str, icon: str, act: Callable[[], object], tip: str) -> Any:
        return button(label, icon, lambda: self._act(act), tip)

    def _act(self, act: Callable[[], object]) -> None:
        try:
            act()
            said = ""
        except DashDevicesError as error:
            said = str(error)
        put(self.message, html.escape(said))
        self.show()

    def _on_pause(self) -> None:
        self.app.pause()


def _all_of(box: Any) -> list[Any]:
    found = [box]
    for child in getattr(box, "children", ()):
        found += _all_of(child)
    return found

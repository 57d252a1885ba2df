"""The procedures of an app on its pages: `@app.procedure`, and the component that starts, pauses and aborts them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from dash_devices_nb.components import DeviceProcedures, DeviceView
from dash_devices_nb.devices.bluesky_plans import Keep, run_plan
from dash_devices_nb.devices.runs import Procedure, Run, RunQueue, shown
from dash_devices_nb.devices.signals import SignalInfo, plain
from dash_devices_nb.devices.types import (
    Argument,
    Arguments,
    Component,
    Function,
    PropMods,
    Props,
    PropValue,
    SignalValue,
)
from dash_devices_nb.errors import DeviceError, SetError

if TYPE_CHECKING:
    from dash_devices_nb.devices.history.recorder import History

F = TypeVar("F", bound=Callable[..., object])
PROCEDURES = "dash-devices-procedures"
"""The id of the component on the pages."""
TELL_SECONDS = 0.1
"""The shortest time between two updates of the progress on pages."""
MOST_SHOWN = 20


class Procedures:
    """The procedures of an app. From any thread.

    Args:
        push: sets props on all pages.
        failed: reports an exception of a procedure.
        histories: returns the active records. Readings that are recorded during a run get its name.
    """

    def __init__(
        self,
        push: Callable[[PropMods], object],
        failed: Callable[[BaseException], None],
        histories: Callable[[], Sequence[History]],
    ) -> None:
        self._push, self._histories = push, histories
        self.known: dict[str, Procedure] = {}
        self.queue = RunQueue(self._tell, failed, self._around)
        self._changed = threading.Condition()
        self._dirty = self._closed = False
        self._thread: threading.Thread | None = None
        self._messages = 0

    @property
    def component(self) -> Component:
        """The component that is added to the layout of each page."""
        return DeviceProcedures(id=PROCEDURES, procedures=self._described(), runs=self._runs())

    def add(self, function: Function) -> Procedure:
        """Declare a procedure. It replaces an earlier one of the same name."""
        procedure = Procedure(function, self._start)
        self.known[procedure.name] = procedure
        self._push({PROCEDURES: {"procedures": self._described()}})
        return procedure

    def act(self, asked: object) -> None:
        """Handle a request of a page.

        Raises:
            SetError: an argument is not accepted. The pages show why.
        """
        if not isinstance(asked, dict):
            return
        kind, name, given = asked.get("kind"), asked.get("name"), asked.get("arguments")
        try:
            if kind == "start":
                procedure = self.known.get(str(name))
                if procedure is None:
                    raise SetError(f"there is no procedure {name!r:.60}; there is {', '.join(self.known) or 'none'}")
                procedure(**(given if isinstance(given, dict) else {}))
            elif kind in ("pause", "resume", "abort"):
                run = self.queue.find(str(name))
                if run is None:
                    raise SetError(f"there is no run {name!r:.60}")
                getattr(run, str(kind))()
            self._say("")
        except (SetError, DeviceError) as error:
            self._say(str(error))

    def close(self) -> None:
        """Abort the current run and the waiting ones."""
        self.queue.close()
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def _start(self, procedure: Procedure, arguments: Arguments) -> Run:
        if procedure.plan:
            return self.queue.add(
                procedure.name, arguments, lambda run: run_plan(procedure.function(**arguments), run, self._keep(run))
            )
        return self.queue.add(procedure.name, arguments, lambda run: procedure.function(run, **arguments))

    def _keep(self, run: Run) -> Keep:
        def keep(name: str, at: float, value: SignalValue) -> None:
            for history in self._histories()[:1]:
                history.add(name, at, value, run.name)

        return keep

    def _around(self, name: str | None) -> None:
        for history in self._histories():
            history.belong(name)

    def _say(self, text: str) -> None:
        self._messages += 1
        self._push({PROCEDURES: {"message": {"text": text, "number": self._messages}}})

    def _tell(self) -> None:
        with self._changed:
            self._dirty = True
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._run, name="procedures-pages", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._dirty or self._closed)
                closed, self._dirty = self._closed, False
            self._push({PROCEDURES: {"runs": self._runs()}})
            if closed:
                return
            with self._changed:
                self._changed.wait_for(lambda: self._closed, TELL_SECONDS)

    def _runs(self) -> list[Props]:
        return [shown(run) for run in self.queue.runs[-MOST_SHOWN:]]

    def _described(self) -> list[Props]:
        return [
            {
                "name": each.name,
                "description": each.description,
                "parameters": [_parameter(info, each.defaults.get(name)) for name, info in each.parameters.items()],
            }
            for each in self.known.values()
        ]


def _parameter(info: SignalInfo, default: Argument) -> Props:
    return {
        "name": info.name,
        "label": info.label,
        "unit": info.unit,
        "dtype": "choice" if info.choices else str(info.dtype),
        "limits": list(info.limits),
        "choices": [plain(each) for each in info.choices],
        "description": info.description,
        "default": plain(default),
    }


def procedures(**props: PropValue) -> Component:
    """Show the app's procedures with their arguments, and its runs with their progress. For a layout."""
    return DeviceView(kind="procedures", signals=[], **props)

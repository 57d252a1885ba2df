"""The owner of a definition: a cell, or a module.

A cell owns what its own code defines, also by calling functions of a module: it defines the same when it runs again. A
module owns what its code defines while it is imported. Running the cell with the `import` again does not import it
again, and `%autoreload` loads it again in whichever cell comes next.

A cell is identified by the id that the front end gives it. If the front end sends none, the qualified name of the
function identifies it. A run of a cell is identified by its request, a run of a module by the spec that each load makes
anew.

A cell may no longer exist. Front ends tell with each request which cells were deleted (a cell that is cut and pasted
gets a new id). When a notebook in a format without ids is opened again, all its cells have new ids.
"""

from __future__ import annotations

import dis
import sys
from collections.abc import Hashable
from dataclasses import dataclass, field
from types import FrameType
from typing import ClassVar

from dash_devices_nb.kernel.output import CellOutput


@dataclass(frozen=True)
class Owner:
    """An owner of definitions, in one of its runs.

    Attributes:
        key: identifies the owner. None: nobody, as outside of IPython.
        run: identifies the run.
        session: the session of the front end, which lasts until its page is loaded again. Empty for a module.
        spec: the spec of the module. It is kept so that no later one gets the same identity.
    """

    NOBODY: ClassVar[Owner]

    key: Hashable | None
    run: Hashable | None
    session: str = ""
    spec: object = field(default=None, compare=False, repr=False)

    def is_earlier_run_of(self, newer: Owner) -> bool:
        """Whether this is the same owner in another run."""
        return self.key is not None and self.key == newer.key and self.run != newer.run


Owner.NOBODY = Owner(None, None)


class Modules:
    """The modules that define something while they are imported."""

    def __init__(self) -> None:
        self._running: list[tuple[Owner, FrameType]] = []

    def owner(self, output: CellOutput, qualname: str) -> Owner:
        """The owner of a function of this name that is being declared."""
        if not output.parent:
            return Owner.NOBODY
        frame = _import_that_runs()
        if frame is not None:
            spec = frame.f_globals["__spec__"]
            owner = Owner(("module", frame.f_globals["__name__"]), id(spec), spec=spec)
            if all(running is not frame for _, running in self._running):
                self._running.append((owner, frame))
            return owner
        key = output.cell_id or (("def", qualname) if qualname else None)
        return Owner(key, output.parent.get("msg_id"), _session_of(output))

    def loaded(self) -> list[Owner]:
        """The modules that defined something since the last call of this, and whose code has run to its end."""
        loaded = [owner for owner, frame in self._running if _has_returned(frame)]
        self._running.clear()
        return loaded


class Cells:
    """The cells that still exist, as far as front ends tell."""

    def __init__(self) -> None:
        self._deleted: set[str] = set()
        self._seen: set[tuple[str, str]] = set()

    def runs(self, output: CellOutput) -> None:
        """Note that a cell runs. Its request lists deleted cells."""
        if output.cell_id:
            metadata = output.parent.get("metadata") or {}
            self._deleted.update(map(str, metadata.get("deletedCells") or ()))
            self._deleted.discard(output.cell_id)
            self._seen.add((_session_of(output), output.cell_id))

    def is_deleted(self, owner: Owner) -> bool:
        """Whether an owner is a deleted cell."""
        return owner.key in self._deleted

    def may_be_gone(self, owner: Owner, now: Owner) -> bool:
        """Whether an owner is a cell that was not run since the notebook was opened again, in which `now` runs."""
        return (
            isinstance(owner.key, str)
            and isinstance(now.key, str)
            and owner.session != now.session
            and (now.session, owner.key) not in self._seen
        )


def _session_of(output: CellOutput) -> str:
    return str((output.parent.get("header") or {}).get("session") or "")


def _import_that_runs() -> FrameType | None:
    """The frame of the module whose import runs the calling code. None in a cell or a script."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__") != "__main__":
        if frame.f_code.co_name == "<module>" and frame.f_globals.get("__spec__") is not None:
            return frame
        frame = frame.f_back
    return None


def _has_returned(frame: FrameType) -> bool:
    """Whether a frame has run to its end, rather than raised or still running."""
    return frame.f_lasti >= 0 and dis.opname[frame.f_code.co_code[frame.f_lasti]].startswith("RETURN_")

"""Whose a definition is: a cell's, or a module's.

What a cell defines by its own code, or by calling functions of a module, is the cell's: the cell does it again when it
runs again. What the code of a module defines while it is imported is the module's: running the cell with the `import`
again does not import it again, and `%autoreload` loads it again in whatever cell comes next.

A cell is known by the front end's id of it; where that sends none, by the function's qualified name. A run of a cell is
known by its request, a run of a module by the spec that each load of it makes anew.

A cell may be there no more: front ends tell with a request which cells were deleted (a cell that is cut and pasted gets
another id), and when a notebook of a format without ids is opened again, each of its cells has another id.
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
        key: names the owner; None: nobody's, as outside of IPython.
        run: names the run.
        session: the front end's, which lasts until its page is loaded again; empty for a module.
        spec: of the module, so that no later one has the same identity.
    """

    NOBODY: ClassVar[Owner]

    key: Hashable | None
    run: Hashable | None
    session: str = ""
    spec: object = field(default=None, compare=False, repr=False)

    def is_earlier_run_of(self, newer: Owner) -> bool:
        """Whether it is the same owner in another run."""
        return self.key is not None and self.key == newer.key and self.run != newer.run


Owner.NOBODY = Owner(None, None)


class Modules:
    """The modules that define something while they are imported."""

    def __init__(self) -> None:
        self._running: list[tuple[Owner, FrameType]] = []

    def owner(self, output: CellOutput, qualname: str) -> Owner:
        """The owner of a definition that is being made, of a function of this name."""
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
        """The modules that defined something since the last call, and whose code has run to its end."""
        loaded = [owner for owner, frame in self._running if _has_returned(frame)]
        self._running.clear()
        return loaded


class Cells:
    """Which cells are there still, as far as front ends tell."""

    def __init__(self) -> None:
        self._deleted: set[str] = set()
        self._seen: set[tuple[str, str]] = set()

    def runs(self, output: CellOutput) -> None:
        """A cell runs; its request tells of others."""
        if output.cell_id:
            metadata = output.parent.get("metadata") or {}
            self._deleted.update(map(str, metadata.get("deletedCells") or ()))
            self._deleted.discard(output.cell_id)
            self._seen.add((_session_of(output), output.cell_id))

    def is_deleted(self, owner: Owner) -> bool:
        """Whether it is a cell that was deleted."""
        return owner.key in self._deleted

    def may_be_gone(self, owner: Owner, now: Owner) -> bool:
        """Whether it is a cell that nobody has run since the notebook was opened again, where the other one runs."""
        return (
            isinstance(owner.key, str)
            and isinstance(now.key, str)
            and owner.session != now.session
            and (now.session, owner.key) not in self._seen
        )


def _session_of(output: CellOutput) -> str:
    return str((output.parent.get("header") or {}).get("session") or "")


def _import_that_runs() -> FrameType | None:
    """The code of a module, if the calling code runs because that is being imported; None in a cell or a script."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__") != "__main__":
        if frame.f_code.co_name == "<module>" and frame.f_globals.get("__spec__") is not None:
            return frame
        frame = frame.f_back
    return None


def _has_returned(frame: FrameType) -> bool:
    """Whether the code has run to its end, and neither runs nor was left by an exception."""
    return frame.f_lasti >= 0 and dis.opname[frame.f_code.co_code[frame.f_lasti]].startswith("RETURN_")

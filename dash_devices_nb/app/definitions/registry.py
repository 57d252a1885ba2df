"""The definitions of an app: which cell made each, and what happens to it when the cell runs again.

A definition (a callback of any kind, a connect or authorize hook) belongs to the cell that made it, or to the module
whose import made it (`app/definitions/ownership.py`). While the cell runs again, or the module is loaded again, each
new definition replaces an old one: the one with the same output, or the only one of the same name. When the cell has
run to its end, definitions that it no longer makes are withdrawn. If it fails, its new definitions are withdrawn, and
the old ones are restored. Definitions that a module no longer makes are withdrawn at the end of the cell in which it
was loaded again. Outside of IPython nothing is replaced.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from dash_devices_nb.app.definitions.ownership import Cells, Modules, Owner
from dash_devices_nb.errors import DuplicateOutputError
from dash_devices_nb.kernel.html_tables import html_table
from dash_devices_nb.kernel.output import CellOutput
from dash_devices_nb.kernel.outputlog import cell_begins

UNCOUNTED = ("clientside", "authorize")  # kinds that run in the page, or for every request


@dataclass
class Stats:
    """Statistics of a callback's calls.

    Attributes:
        calls: the number of finished calls.
        errors: the number of those that raised.
        total: the sum of their times, in seconds.
        worst: the longest time, in seconds.
    """

    calls: int = 0
    errors: int = 0
    total: float = 0.0
    worst: float = 0.0

    def add(self, seconds: float, *, failed: bool) -> None:
        """Count a call."""
        self.calls += 1
        self.errors += failed
        self.total += seconds
        self.worst = max(self.worst, seconds)

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count the block as a call."""
        start = time.perf_counter()
        failed = True
        try:
            yield
            failed = False
        finally:
            self.add(time.perf_counter() - start, failed=failed)

    @property
    def mean(self) -> float:
        """The mean time in seconds. 0 without calls."""
        return self.total / self.calls if self.calls else 0.0


@dataclass(eq=False, repr=False)
class Definition:
    """One definition.

    Attributes:
        kind: "shared", "regular", "clientside", "connect" or "authorize".
        name: the function's name.
        inputs, state, outputs: "id.prop" of its dependencies.
        output: the cell that made it.
        stats: the statistics of its calls.
        active: whether it is in force.
        owner: the cell or the module that owns it.
    """

    kind: str
    name: str
    inputs: tuple[str, ...]
    state: tuple[str, ...]
    outputs: tuple[str, ...]
    output: CellOutput
    _withdraw: Callable[[], None] = field(repr=False)
    _restore: Callable[[], None] = field(repr=False)
    qualname: str = ""
    stats: Stats = field(default_factory=Stats)
    active: bool = True
    owner: Owner = field(default=Owner.NOBODY, repr=False)
    _remove: Callable[[Definition], None] | None = field(default=None, repr=False)

    @property
    def cell(self) -> str:
        """The cell that made it, such as "cell [3]". Empty outside of IPython."""
        return self.output.label

    def __repr__(self) -> str:
        calls = "" if self.kind in UNCOUNTED else f", {self.stats.calls} call{'' if self.stats.calls == 1 else 's'}"
        failed = f", {self.stats.errors} failed" if self.stats.errors else ""
        props = f" {', '.join(self.inputs)} -> {', '.join(self.outputs) or 'nothing'}" if self.inputs else ""
        return f"<{self.kind} {self.name}{props}{' of ' if self.cell else ''}{self.cell}{calls}{failed}>"

    @property
    def figures(self) -> tuple[object, ...]:
        """Calls, mean and worst time in milliseconds, errors, as tables show them. Empty if they are not known."""
        stats = self.stats
        if self.kind in UNCOUNTED:
            return ("", "", "", "")
        times = (f"{stats.mean * 1000:.1f}", f"{stats.worst * 1000:.1f}") if stats.calls else ("", "")
        return (stats.calls, *times, stats.errors)

    def is_namesake_of(self, other: Definition) -> bool:
        """Whether both have no output and the same kind and name."""
        mine, others = (self.kind, self.qualname), (other.kind, other.qualname)
        return bool(self.qualname) and mine == others and not self.outputs and not other.outputs

    def withdraw(self) -> None:
        """Withdraw the definition: it is no longer in force."""
        if self.active:
            self.active = False
            self._withdraw()

    def restore(self) -> None:
        """Put the definition in force again."""
        if not self.active:
            self._restore()
            self.active = True

    def remove(self) -> None:
        """Remove the definition for good. From any thread."""
        if self._remove is not None:
            self._remove(self)

    def belong(self, owner: Owner, remove: Callable[[Definition], None]) -> None:
        """Note the owner of the definition, and what removes it for good."""
        self.owner, self._remove = owner, remove


class CallbackRegistry:
    """All definitions of an app, `app.callbacks`.

    Args:
        changed: called after definitions were added or withdrawn, with the run of the cell that runs, or None.
        ended: called when a cell has run, with whether it ran to its end. Its definitions are complete then.

    Attributes:
        running: identifies the run of the current cell. None between cells, and outside of IPython.
    """

    def __init__(self, changed: Callable[[object], None], ended: Callable[[bool], None]) -> None:
        self.running: object = None
        self._all: list[Definition] = []
        self._changed = changed
        self._ended = ended
        self._replaced: list[tuple[Definition, Definition]] = []  # what has come, and what it replaced
        self._modules = Modules()
        self._cells = Cells()
        self._listening = False

    def __iter__(self) -> Iterator[Definition]:
        return iter([each for each in self._all if each.active])

    def __len__(self) -> int:
        return sum(1 for each in self._all if each.active)

    def __getitem__(self, which: int | str) -> Definition:
        """Get a definition by position, or the newest one of a name. Raises IndexError, KeyError."""
        if isinstance(which, int):
            return list(self)[which]
        for each in reversed(list(self)):
            if each.name == which:
                return each
        names = ", ".join(dict.fromkeys(each.name for each in self)) or "none"
        raise KeyError(f"there is no callback {which!r}; there is {names}")

    def add(self, definition: Definition, put: Callable[[], None]) -> None:
        """Add a definition and put it in force with `put`, after withdrawing what it replaces.

        If `put` raises, the withdrawn definitions are restored.
        """
        self.listen()
        definition.belong(self._modules.owner(definition.output, definition.qualname), self.remove)
        replaced = self._replaced_by(definition)
        for old in replaced:
            old.withdraw()
        refused = self._refusal(put)
        if refused is not None:
            stale = [old for old in self._stale(definition) if old.active]
            for old in stale:
                old.withdraw()
            replaced = replaced + stale
            refused = self._refusal(put) if stale else refused
        if refused is not None:
            for old in reversed(replaced):
                old.restore()
            self._name_cell(refused, definition)
            if isinstance(refused, DuplicateOutputError):
                refused.with_traceback(None)  # the cell is what matters, not where in the graph it was found
            raise refused
        self._replaced += [(definition, old) for old in replaced]
        self._all.append(definition)
        self._changed(self.running)

    @staticmethod
    def _refusal(put: Callable[[], None]) -> Exception | None:
        """Put a definition in force. Returns the exception if that fails."""
        try:
            put()
        except Exception as exc:  # noqa: BLE001 - tried once more, and raised if that fails too
            return exc
        return None

    def _name_cell(self, error: Exception, refused: Definition) -> None:
        """Add to the error which other cell has the output, as after a cell was split in two."""
        for each in self:
            if isinstance(error, DuplicateOutputError) and each.cell and set(each.outputs) & set(refused.outputs):
                error.args = (
                    f"{error}; {each.name} is of {each.cell}: run that cell without it first, "
                    f"or app.callbacks[{each.name!r}].remove()",
                )
                return

    def remove(self, definition: Definition) -> None:
        """Remove a definition for good."""
        definition.withdraw()
        if definition in self._all:
            self._all.remove(definition)
        self._changed(self.running)

    def _stale(self, definition: Definition) -> list[Definition]:
        """The definitions of earlier runs of the same owner."""
        return [each for each in self._all if each.active and each.owner.is_earlier_run_of(definition.owner)]

    def _abandoned(self, definition: Definition) -> list[Definition]:
        """The definitions that it replaces of deleted cells, and its namesake of a cell that may be deleted."""
        return [
            each
            for each in self._all
            if each.active
            and (set(each.outputs) & set(definition.outputs) or each.is_namesake_of(definition))
            and (
                self._cells.is_deleted(each.owner)
                or (each.qualname == definition.qualname and self._cells.may_be_gone(each.owner, definition.owner))
            )
        ]

    def _replaced_by(self, definition: Definition) -> list[Definition]:
        stale = [each for each in self._stale(definition) if each.kind == definition.kind or each.outputs]
        same_output = [each for each in stale if set(each.outputs) & set(definition.outputs)]
        same_name = [each for each in stale if each.qualname and each.qualname == definition.qualname]
        same_name = same_name if len(same_name) == 1 else []
        return list(dict.fromkeys(same_output + same_name + self._abandoned(definition)))

    # ---- the end of a cell

    def listen(self) -> None:
        """Listen for the end of each cell, in IPython. Is idempotent."""
        ipython = sys.modules.get("IPython")
        shell = ipython.get_ipython() if ipython is not None and not self._listening else None
        if shell is not None:
            self._listening = True
            here = CellOutput.here()
            cell_begins(here.parent)
            self._cells.runs(here)
            shell.events.register("pre_run_cell", self._cell_starts)
            shell.events.register("post_run_cell", self._cell_ended)

    def _cell_starts(self, info: object) -> None:
        here = CellOutput.here()
        here.begins()
        self._cells.runs(here)
        self.running = object()

    def _cell_ended(self, result: object) -> None:
        succeeded = getattr(result, "success", True)
        self._settle(succeeded=succeeded)
        self.running = None
        self._ended(succeeded)

    def _settle(self, *, succeeded: bool) -> None:
        here = CellOutput.here()
        mine = [each for each in self._all if here.cell_id and each.owner.key == here.cell_id]
        run = here.parent.get("msg_id")
        replaced = [old for new, old in self._replaced if new.owner.run == run]
        # Of threads, callbacks and modules: for good.
        others = [old for new, old in self._replaced if new.owner.run != run]
        others += self._left_by_modules()
        self._replaced = []
        self._all = [each for each in self._all if each not in others]
        if succeeded:
            gone = [each for each in mine if each.owner.run != run]
            for each in gone:
                each.withdraw()
            self._all = [each for each in self._all if each not in gone and each not in replaced]
            if gone:
                self._changed(self.running)
            return
        new = [each for each in self._all if each.active and run and each.owner.run == run]
        if not new or (not replaced and len(mine) == len(new)):
            return
        for each in new:
            each.withdraw()
        self._all = [each for each in self._all if each not in new]
        for each in reversed(replaced):
            each.restore()
        self._changed(self.running)

    def _left_by_modules(self) -> list[Definition]:
        """Withdraw definitions that modules no longer make, if they were loaded again to their end."""
        loaded = self._modules.loaded()
        left = [each for each in self._all if each.active and any(map(each.owner.is_earlier_run_of, loaded))]
        for each in left:
            each.withdraw()
        if left:
            self._changed(self.running)
        return left

    def __repr__(self) -> str:
        return "\n".join(map(repr, self)) or "<no callbacks>"

    def close(self) -> None:
        """Stop listening to cells."""
        ipython = sys.modules.get("IPython")
        shell = ipython.get_ipython() if ipython is not None and self._listening else None
        if shell is not None:
            shell.events.unregister("pre_run_cell", self._cell_starts)
            shell.events.unregister("post_run_cell", self._cell_ended)
            self._listening = False
        self.running = None

    def _repr_html_(self) -> str:
        heads = ("kind", "name", "inputs", "outputs", "cell", "calls", "mean ms", "worst ms", "errors")
        rows = [
            (
                each.kind,
                each.name,
                ", ".join(each.inputs),
                ", ".join(each.outputs),
                each.cell,
                *each.figures,
            )
            for each in self
        ]
        return html_table(heads, rows)

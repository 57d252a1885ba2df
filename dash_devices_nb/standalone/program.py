"""The served program: the cells of a notebook, or one cell that runs the app of a module."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from dash_devices_nb.errors import RunError

SKIPPED = "skip-execution"
MAY_RAISE = "raises-exception"
"""Tags of cells, as nbclient reads them."""


@dataclass(frozen=True)
class Cell:
    """A code cell.

    Attributes:
        id: its id in the notebook.
        number: counts the code cells from 1, as Jupyter numbers them when they run in order.
        source: its code.
        may_raise: whether an error in it does not end the program.
    """

    id: str
    number: int
    source: str
    may_raise: bool = False


class Program(Protocol):
    """A program that can be served."""

    @property
    def path(self) -> Path:
        """The path of the notebook. For a module: a path with its name, which need not exist."""

    def cells(self) -> list[Cell]:
        """The cells as they are saved now. Raises RunError."""


@dataclass(frozen=True)
class Notebook:
    """A notebook."""

    path: Path

    def cells(self) -> list[Cell]:
        """Its code cells as they are saved now. Raises RunError."""
        import nbformat

        try:
            notebook = nbformat.read(self.path, as_version=4, capture_validation_error={})  # type: ignore[no-untyped-call]
            language = notebook.metadata.get("kernelspec", {}).get("language", "python")
            found = [each for each in notebook.cells if each.cell_type == "code"]
        except OSError as exc:
            raise RunError(f"The notebook {self.path} cannot be read: {exc.strerror}.") from exc
        except Exception as exc:  # a file may hold anything
            raise RunError(f"{self.path} is not a notebook ({type(exc).__name__}: {exc!s:.200}).") from exc
        if language != "python":
            raise RunError(f"{self.path} is a notebook in {language!r}; Python's notebooks can be served.")
        cells = []
        for number, each in enumerate(found, 1):
            tags = each.metadata.get("tags") or ()
            if SKIPPED not in tags and each.source.strip():
                cells.append(Cell(each.get("id") or f"cell-{number}", number, each.source, MAY_RAISE in tags))
        return cells


@dataclass(frozen=True)
class ModuleApp:
    """An app of a module: "package.module:app"."""

    module: str
    name: str

    @property
    def path(self) -> Path:
        """A path with the module's name."""
        return Path(self.module.rpartition(".")[2])

    def cells(self) -> list[Cell]:
        """One cell, which imports the module and runs its app."""
        return [Cell(self.module, 1, f"from {INSIDE} import run_app; run_app({self.module!r}, {self.name!r})")]


INSIDE = "dash_devices_nb.standalone.inside"

_APP = re.compile(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):([A-Za-z_]\w*)")


def program_of(text: str) -> Program:
    """Return the program with the name from the command line. Raises RunError."""
    if text.endswith(".ipynb"):
        path = Path(text).absolute()
        if not path.is_file():
            raise RunError(f"There is no notebook {text}.")
        return Notebook(path)
    if match := _APP.fullmatch(text):
        return ModuleApp(match[1], match[2])
    raise RunError(f"{text!r} cannot be served; name a notebook, as bench.ipynb, or an app, as module:app.")

"""What the extension needs: it may live where there is no Dash."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
ALONE = REPOSITORY / "jupyter-config/server-only"

PROGRAM = """
import sys, pkgutil, importlib
import dash_devices_nb.server
for module in pkgutil.walk_packages(dash_devices_nb.server.__path__, "dash_devices_nb.server."):
    importlib.import_module(module.name)
heavy = {"dash", "quart", "flask", "plotly", "uvicorn", "ipykernel"}
print(sorted(heavy & {name.partition(".")[0] for name in sys.modules}))
"""


def test_importing_the_extension_loads_neither_dash_nor_quart() -> None:
    """A Jupyter server without Dash can carry the pages of kernels that have it."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_extension_by_itself_has_all_its_modules(tmp_path: Path) -> None:
    """The files that its wheel has, and nothing else of ours: each module can be imported."""
    project = tomllib.loads((ALONE / "pyproject.toml").read_text(encoding="utf-8"))
    for source, place in project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"].items():
        target = tmp_path / place
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (ALONE / source).is_dir() else shutil.copy)(ALONE / source, target)
    folder = tmp_path / (ALONE / "dash_devices_nb_server.pth").read_text(encoding="utf-8").strip()
    program = f"import sys; sys.path.insert(0, {str(folder)!r}){PROGRAM}print(dash_devices_nb.__file__)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["[]", str(folder / "dash_devices_nb/__init__.py")]

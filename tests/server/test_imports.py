"""What the extension needs: it may live where there is no Dash."""

from __future__ import annotations

import subprocess
import sys

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

"""Where the program runs, as far as a kernel can tell.

A kernel does not know which front end shows its output: JupyterLab, Notebook 7 and the classic
notebook look alike. These can be told apart, strongest sign first:

- Colab brings its package `google.colab`.
- VS Code puts the notebook's path into the namespace (`__vsc_ipynb_file__`), and names its cells by
  `vscode-notebook-cell:` addresses. Its environment variables alone say nothing: they are there as
  well when a Jupyter server was started from its terminal.
- A kernel of a Jupyter server has a connection file named `kernel-<uuid>.json`, and the variable
  `JPY_SESSION_NAME` with the notebook's path.
- Any other kernel was started by a program: nbclient, nbconvert, papermill, a console.
"""

from __future__ import annotations

import enum
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dash_devices_nb.kernel.loops import running_kernel

_CONNECTION_FILE = re.compile(r"kernel-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.json", re.IGNORECASE)


ADDRESS = "DASH_DEVICES_ADDRESS"
"""The environment variable by which `dash-devices-nb serve` tells its kernel where to serve: "host:port"."""


class Host(enum.Enum):
    """What runs the program."""

    SCRIPT = "script"
    TERMINAL = "ipython"
    """IPython in a terminal: interactive, but shows no HTML."""
    JUPYTER = "jupyter"
    """A Jupyter server: JupyterLab, Notebook 7, the classic notebook or a Hub."""
    VSCODE = "vscode"
    COLAB = "colab"
    KERNEL = "kernel"
    """A kernel without a server that we know: nbclient, nbconvert, papermill, a console."""


@dataclass(frozen=True)
class Environment:
    """Where the program runs.

    Attributes:
        host: what runs it.
        kernel_id: the id by which the Jupyter server knows the kernel, None if it has none.
        notebook: the notebook's path as it was when the kernel started, None if not known.
        served_at: the host and port of `dash-devices-nb serve`, which runs this kernel. None: somebody else does.
    """

    host: Host
    kernel_id: str | None = None
    notebook: Path | None = None
    served_at: tuple[str, int] | None = None

    @property
    def in_kernel(self) -> bool:
        """Whether cells run in a kernel, which shows HTML and has a loop of its own."""
        return self.host not in (Host.SCRIPT, Host.TERMINAL)

    @property
    def interactive(self) -> bool:
        """Whether `app.run()` must return, so that the user can go on typing."""
        return self.host is not Host.SCRIPT


def detect(environ: Mapping[str, str] = os.environ) -> Environment:
    """Find out where the program runs. From any thread; a few microseconds.

    Args:
        environ: the environment variables.
    """
    kernel = running_kernel()
    if kernel is None:
        ipython = sys.modules.get("IPython")
        shell = ipython.get_ipython() if ipython is not None else None
        return Environment(Host.SCRIPT if shell is None else Host.TERMINAL)
    kernel_id = _kernel_id(kernel)
    return Environment(_host(kernel, kernel_id), kernel_id, notebook_path(environ), _served_at(environ))


def notebook_path(environ: Mapping[str, str] = os.environ) -> Path | None:
    """Return the path of this kernel's notebook; None if unknown.

    It is the path at the kernel's start. Renaming the notebook does not change it.
    """
    kernel = running_kernel()
    if kernel is None:
        return None
    if vscode := kernel.shell.user_ns.get("__vsc_ipynb_file__"):
        return Path(str(vscode))
    # A console's session has a name like "console-1-<uuid>", which is no file name.
    session = environ.get("JPY_SESSION_NAME", "")
    path = Path(session)
    return path if path.suffix and not path.name.startswith("console-") else None


def _served_at(environ: Mapping[str, str]) -> tuple[str, int] | None:
    host, _, port = environ.get(ADDRESS, "").rpartition(":")
    return (host, int(port)) if host and port.isdecimal() else None


def _kernel_id(kernel: Any) -> str | None:
    connection_file = str(getattr(kernel.parent, "connection_file", ""))
    match = _CONNECTION_FILE.fullmatch(os.path.basename(connection_file))
    return match.group(1) if match else None


def _host(kernel: Any, kernel_id: str | None) -> Host:
    if "google.colab" in sys.modules:
        return Host.COLAB
    metadata = kernel.get_parent().get("metadata") or {}
    if "__vsc_ipynb_file__" in kernel.shell.user_ns or str(metadata.get("cellId", "")).startswith("vscode-"):
        return Host.VSCODE
    return Host.JUPYTER if kernel_id else Host.KERNEL

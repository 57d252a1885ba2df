"""A real Jupyter server (JupyterLab or the bare server) in a process and directories of its own."""

from __future__ import annotations

import json
import secrets
import shutil
import socket
import sys
import tempfile
import textwrap
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal
from urllib.parse import quote, urlsplit

import httpx
import nbformat
from packaging.version import Version

from tests.support.eventually import eventually
from tests.support.processes import Process, spawn
from tests.support.tcp import free_port

LAB_ARGUMENTS = (
    # Tests run JupyterLab's commands by name, not by finding their buttons.
    "--LabApp.expose_app_in_browser=True",
    # Dash brings an extension in source form, for which JupyterLab would ask to be built anew.
    "--ServerApp.tornado_settings={'page_config_data': {'buildCheck': False}}",
)


def jupyter_environment(home: Path) -> dict[str, str]:
    """Environment variables under which Jupyter sees nothing of the person who runs the tests."""
    return {
        "HOME": str(home),
        "IPYTHONDIR": str(home / "ipython"),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTER_PLATFORM_DIRS": "1",
    }


@dataclass
class Jupyter:
    """A running Jupyter server.

    Attributes:
        url: Its base URL, with the slash at the end.
        token: Its token.
        root: The directory that it serves; notebooks go here.
        home: The directory with its configuration, data and runtime files.
        process: The process.
    """

    url: str
    token: str
    root: Path
    home: Path
    process: Process

    @property
    def headers(self) -> dict[str, str]:
        """What a program sends to be let in."""
        return {"Authorization": f"token {self.token}"}

    @property
    def runtime_dir(self) -> Path:
        """Where kernels leave their files."""
        return self.home / "runtime"

    @property
    def pid(self) -> int:
        return self.process.pid

    def address(self, path: str = "") -> str:
        """The URL of a path below the base, with the token, for a browser."""
        joint = "&" if "?" in path else "?"
        return f"{self.url}{path.lstrip('/')}{joint}token={self.token}"

    def notebook(self, name: str) -> str:
        """The URL that opens a notebook of `root` in JupyterLab, with the token."""
        return self.address(f"lab/tree/{quote(name)}?reset")

    def write_notebook(self, name: str, *cells: str) -> Path:
        """Put a notebook of code cells (dedented) into `root`."""
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(textwrap.dedent(cell).strip()) for cell in cells],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        )
        path = self.root / name
        nbformat.write(notebook, path)
        return path

    async def clear(self) -> None:
        """End every kernel, and forget which notebooks were open."""
        async with httpx.AsyncClient(headers=self.headers, timeout=30) as http:
            for kind in ("sessions", "kernels"):
                for each in (await http.get(f"{self.url}api/{kind}")).raise_for_status().json():
                    await http.delete(f"{self.url}api/{kind}/{each['id']}")
        shutil.rmtree(self.home / "config/lab/workspaces", ignore_errors=True)

    @property
    def output(self) -> str:
        """What the server has logged."""
        return self.process.output


@asynccontextmanager
async def running_jupyter(
    app: Literal["lab", "server", "notebook"] = "lab",
    *,
    base_url: str = "/",
    port: int = 0,
    arguments: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    within: float = 60.0,
    home: Path | None = None,
    token: str = "",
    python: str = sys.executable,
) -> AsyncIterator[Jupyter]:
    """Start a Jupyter server with a fresh token; end it by its pid.

    Args:
        app: JupyterLab, the bare server (no front end, starts faster), or Notebook.
        base_url: Where the server lives, as on a Hub.
        port: 0: any free one.
        arguments: More of its command line.
        env: More environment variables; kernels inherit them.
        within: The deadline for its start in seconds.
        home: Where another one has had its files, which stay; None: a new place.
        token: Its token; "": a fresh one.
        python: The Python whose packages it has.
    """
    if not port and Version(metadata.version("jupyter_server")) < Version("2.20"):
        port = free_port()  # these do not write down which port 0 has become (jupyter-server/jupyter_server#1650)
    kept = home is not None
    # Not pytest's directory: the path of a Unix socket must fit in 108 bytes.
    home = home or Path(tempfile.mkdtemp(prefix="ddnb-"))
    try:
        for name in ("root", "config/labconfig", "data", "runtime", "ipython"):
            (home / name).mkdir(parents=True, exist_ok=True)
        (home / "runtime").chmod(0o700)
        (home / "config/labconfig/page_config.json").write_text(
            json.dumps({"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}})
        )
        token = token or secrets.token_hex(16)
        popen = spawn(
            [
                python,
                "-m",
                {"lab": "jupyterlab", "server": "jupyter_server", "notebook": "notebook"}[app],
                "--no-browser",
                "--allow-root",
                "--ServerApp.ip=127.0.0.1",
                # Any free port: which one it is stands in the server's runtime file.
                f"--ServerApp.port={port}",
                f"--ServerApp.root_dir={home / 'root'}",
                f"--ServerApp.base_url={base_url}",
                f"--IdentityProvider.token={token}",
                *(LAB_ARGUMENTS if app == "lab" else ()),
                *arguments,
            ],
            home / "jupyter.log",
            env={**jupyter_environment(home), **(env or {})},
            cwd=home / "root",
        )
        process = Process(popen, home / "jupyter.log")
        try:
            url = await _announced(process, home / "runtime", within)
            yield Jupyter(url, token, home / "root", home, process)
        finally:
            # Jupyter gives each of its kernels seconds to end by itself; nobody looks at these any more.
            process.kill_children()
            await process.stop(within=15)
    finally:
        if not kept:
            shutil.rmtree(home, ignore_errors=True)


@asynccontextmanager
async def running_voila(*cells: str, within: float = 60.0) -> AsyncIterator[tuple[str, Path]]:
    """Serve a notebook of these code cells with Voila. Yields its URL and the directory in which its kernels run."""
    home = Path(tempfile.mkdtemp(prefix="ddnb-"))
    try:
        for name in ("root", "config", "data", "runtime", "ipython"):
            (home / name).mkdir()
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(textwrap.dedent(cell).strip()) for cell in cells],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        )
        nbformat.write(notebook, home / "root" / "shown.ipynb")
        with socket.socket() as probe:  # Voila does not tell the port that it was given
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        popen = spawn(
            [sys.executable, "-m", "voila", "shown.ipynb", "--no-browser", f"--port={port}", "--Voila.ip=127.0.0.1"],
            home / "voila.log",
            env=jupyter_environment(home),
            cwd=home / "root",
        )
        process = Process(popen, home / "voila.log")
        try:
            await eventually(lambda: "is running at" in process.output or process.returncode is not None, within)
            if process.returncode is not None:
                raise RuntimeError(f"Voila ended with exit code {process.returncode}:\n{process.output}")
            yield f"http://127.0.0.1:{port}/", home / "root"
        finally:
            await process.stop(within=15)
    finally:
        shutil.rmtree(home, ignore_errors=True)


async def _announced(process: Process, runtime: Path, within: float) -> str:
    record = runtime / f"jpserver-{process.pid}.json"

    def address() -> str:
        if process.returncode is not None:
            raise RuntimeError(f"Jupyter ended with exit code {process.returncode}:\n{process.output}")
        text = record.read_text() if record.exists() else ""
        if not text.endswith("}"):
            return ""
        url = str(json.loads(text)["url"])
        return url if _listens(url) else ""  # the record may be there a moment earlier

    return await eventually(address, within)


def _listens(url: str) -> bool:
    place = urlsplit(url)
    try:
        socket.create_connection((place.hostname or "", place.port or 80), 1).close()
    except OSError:
        return False
    return True

"""The command `serve`."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import os
import sys
from collections.abc import Callable
from pathlib import Path

PORT = 8050


def add_serve(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], port: Callable[[str], int], note: str
) -> None:
    """Add the command to the subparsers.

    Args:
        commands: the subparsers.
        port: reads a port.
        note: what the help says of the secret.
    """
    serve = commands.add_parser(
        "serve",
        help="serve a notebook, or an app of a module, as the device's own page",
        description="Runs the cells of a notebook once, in a kernel of its own, and serves its app to all pages at / "
        "until SIGTERM or Ctrl-C. The kernel is started again when it dies.",
        epilog=note,
    )
    serve.add_argument("program", help="a notebook, as bench.ipynb, or an app, as module:app")
    serve.add_argument("--port", type=port, default=PORT, help="the TCP port, 0 for any free one (default: 8050)")
    serve.add_argument("--host", default="127.0.0.1", help="the address to serve on (default: this machine only)")
    serve.add_argument("--no-auth", action="store_true", help="ask nobody for the secret")
    serve.add_argument("--watch", action="store_true", help="run cells anew that change in the saved notebook")
    serve.add_argument("--kiosk", action="store_true", help="show the page in Chromium on the whole screen")
    serve.add_argument("--log", metavar="FILE", help="also write what is said and printed to a file, which rotates")
    serve.add_argument("--audit", metavar="FILE", help="keep who did what as JSON lines in a file, which rotates")
    serve.add_argument("--install-service", action="store_true", help="write a systemd unit for this, and end")
    serve.add_argument("--service-file", metavar="FILE", help="where the unit goes (default: the user's own services)")
    serve.set_defaults(command=serve_program)


def serve_program(given: argparse.Namespace) -> int:
    """Run the command. Raises DashDevicesError."""
    from dash_devices_nb.errors import RunError
    from dash_devices_nb.standalone.log import Log
    from dash_devices_nb.standalone.program import Notebook, program_of
    from dash_devices_nb.standalone.supervisor import Supervisor, Wishes
    from dash_devices_nb.transport.bind import BoundSocket

    program = program_of(given.program)
    notebook = isinstance(program, Notebook)
    if given.watch and not notebook:
        raise RunError("--watch follows a saved notebook; a module has no cells. Leave it out, or serve a notebook.")
    if given.install_service or given.service_file:
        return _install(given, program.path if notebook else None, program.path)
    bound = BoundSocket.bind_tcp(given.host, given.port, search=False)  # so that a taken port is told at once
    port = bound.port
    bound.close()
    environment = {
        "DASH_DEVICES_ADDRESS": f"{given.host}:{port}",
        "JPY_SESSION_NAME": str(program.path) if notebook else "",
    }
    if given.no_auth:
        environment["DASH_DEVICES_AUTH"] = "none"
    if given.audit:
        environment["DASH_DEVICES_AUDIT"] = os.path.abspath(given.audit)
    directory = program.path.parent if notebook else Path.cwd()
    log = Log(Path(given.log) if given.log else None)

    async def serve() -> int:
        return await Supervisor(program, Wishes(environment, directory, given.watch, given.kiosk), log).run()

    try:
        return asyncio.run(serve())
    finally:
        log.close()


def _install(given: argparse.Namespace, notebook: Path | None, named: Path) -> int:
    from dash_devices_nb.standalone import service_unit

    path = Path(given.service_file).absolute() if given.service_file else service_unit.default_path(named)
    command = [sys.executable, "-m", "dash_devices_nb", "serve", str(notebook or given.program)]
    command += ["--host", given.host, "--port", str(given.port)]
    command += [f"--{name.replace('_', '-')}" for name in ("no_auth", "watch", "kiosk") if getattr(given, name)]
    for name in ("log", "audit"):
        if file := getattr(given, name):
            command += [f"--{name}", os.path.abspath(file)]
    text = service_unit.unit_text(
        command,
        notebook.parent if notebook else Path.cwd(),
        f"{given.program} served by dash-devices-nb",
        system=service_unit.is_of_system(path),
        user=getpass.getuser(),
    )
    print(service_unit.install(path, text))
    return 0

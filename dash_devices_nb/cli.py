"""The command line: `python -m dash_devices_nb`, or `dash-devices-nb`.

What a command needs is imported by that command, so that `--help` and `--version` answer at once.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
import webbrowser
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dash_devices_nb import __version__
from dash_devices_nb.doctor.command import add_doctor
from dash_devices_nb.errors import DashDevicesError
from dash_devices_nb.relay.command import add_relay
from dash_devices_nb.remote.command import add_remote
from dash_devices_nb.standalone.command import add_serve

if TYPE_CHECKING:
    from dash_devices_nb import Dash

OPEN_WITHIN = 30.0  # seconds in which the app must have started
LOOK = 0.05  # seconds
SECRET_NOTE = (
    "The address carries a secret: who has it may use the device. "
    "Without it (--no-auth, or DASH_DEVICES_AUTH=none) everybody who reaches the port may."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: the command line without the program's name; None: the process's own.

    Returns:
        The exit code.
    """
    given = _parser().parse_args(arguments)
    try:
        return int(given.command(given))
    except DashDevicesError as exc:
        print(f"dash-devices-nb: {exc}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dash-devices-nb", description="A live-device console in Jupyter, on stock Plotly Dash."
    )
    parser.add_argument("--version", action="version", version=f"dash-devices-nb {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    demo = commands.add_parser(
        "demo",
        help="serve the simulated thermostat of the first notebook",
        description="Serves the simulated thermostat of the first notebook until Ctrl-C.",
        epilog=SECRET_NOTE,
    )
    demo.add_argument("--port", type=_port, default=8050, help="the TCP port, 0 for any free one (default: 8050)")
    demo.add_argument("--host", default="127.0.0.1", help="the address to serve on (default: this machine only)")
    demo.add_argument("--no-auth", action="store_true", help="ask nobody for the secret")
    demo.add_argument("--open", action="store_true", help="open the page in a browser")
    demo.set_defaults(command=_demo)
    add_serve(commands, _port, SECRET_NOTE)
    add_doctor(commands)
    add_remote(commands)
    add_relay(commands, _port)
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; a port is a number from 0 to 65535")
    return int(text)


def _demo(given: argparse.Namespace) -> int:
    from dash_devices_nb.demo import Thermostat
    from dash_devices_nb.demo.console import console

    thermostat = Thermostat()
    try:
        app = console(thermostat)
        if given.open:
            threading.Thread(target=_open, args=[app], name="open-browser", daemon=True).start()
        if given.no_auth:
            app.run(given.host, given.port, auth=None)
        else:  # as the environment says
            app.run(given.host, given.port)
    finally:
        thermostat.close()
    return 0


def _open(app: Dash) -> None:
    """Open the page once the app says where it is."""
    deadline = time.monotonic() + OPEN_WITHIN
    while app.url is None and time.monotonic() < deadline:
        time.sleep(LOOK)
    if app.url is not None and not webbrowser.open(app.url):
        print(f"No browser could be opened; open {app.url} yourself.")

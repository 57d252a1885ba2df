"""The command `doctor`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dash_devices_nb.doctor.finding import Finding


def add_doctor(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the subparsers."""
    doctor = commands.add_parser(
        "doctor",
        help="say what is wrong with the installation, and how to mend it",
        description="Says what is wrong with the installation, the running Jupyter servers and the records of apps; "
        "with an address also on the way to that page. One line for each; the exit code is 1 if something is wrong.",
    )
    doctor.add_argument("url", nargs="?", help="the address of a page, as a browser gets it, with its ?token=")
    doctor.set_defaults(command=examine)


def examine(given: argparse.Namespace) -> int:
    """Run the command."""
    wrong = 0
    for finding in _findings(given.url):
        print(finding)
        wrong += finding.wrong
    if not wrong:
        print("Nothing is wrong.")
    return 1 if wrong else 0


def _findings(url: str | None) -> Iterator[Finding]:
    from dash_devices_nb.doctor import installation, jupyter

    yield from installation.check_python()
    yield from installation.check_requirements()
    yield from installation.check_extension()
    yield from installation.check_server_only()
    yield from installation.check_command()
    servers = jupyter.running_servers()
    yield from jupyter.check_servers(servers)
    yield from jupyter.check_records(servers)
    if url:
        from dash_devices_nb.doctor.address import check_address

        yield from check_address(url)

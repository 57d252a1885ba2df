"""The command line: ``python -m benchmarks trip``, ``startup`` or ``journal``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.peers import PEERS

RESULTS = Path(__file__).parent / "results"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = parser.add_subparsers(required=True)

    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--results", default=str(RESULTS), help="where the files go")
    common.add_argument("--no-save", action="store_true", help="print only")

    trip = commands.add_parser("trip", parents=[common], help="from an input to its output")
    trip.add_argument("--trips", type=int, default=300, help="of each peer (default: 300)")
    trip.add_argument("--rounds", type=int, default=10, help="interleaved (default: 10)")
    trip.add_argument("--peers", help=f"some of {','.join(peer.key for peer in PEERS)}")
    trip.set_defaults(command="trip")

    startup = commands.add_parser("startup", parents=[common], help="import and app.run()")
    startup.add_argument("--count", type=int, default=15, help="interpreters (default: 15)")
    startup.set_defaults(command="startup")

    journal = commands.add_parser("journal", parents=[common], help="an entry of the journal")
    journal.set_defaults(command="journal")

    options = parser.parse_args()
    # Imported here: `--help` needs neither a browser nor a kernel.
    if options.command == "trip":
        from benchmarks import trip as command
    elif options.command == "journal":
        from benchmarks import journal as command
    else:
        from benchmarks import startup as command
    return command.run(options)


if __name__ == "__main__":
    sys.exit(main())

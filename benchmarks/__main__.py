"""The command line: ``python -m benchmarks NAME``; ``--help`` lists them."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from pathlib import Path

from benchmarks.peers import PEERS
from benchmarks.supervised import is_worker, watch

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

    parsing = commands.add_parser("parsing", help="reading a frame of a page, beside msgspec")
    parsing.add_argument("--count", type=int, default=5000, help="frames each time (default: 5000)")
    parsing.add_argument("--rounds", type=int, default=20, help="interleaved (default: 20)")
    parsing.set_defaults(command="parsing")

    cpu = commands.add_parser("cpu", parents=[common], help="what a shared trip costs the program in CPU")
    cpu.add_argument("--trips", type=int, default=500, help="of each server in a round (default: 500)")
    cpu.add_argument("--rounds", type=int, default=10, help="interleaved (default: 10)")
    cpu.set_defaults(command="cpu")

    flame = commands.add_parser("flame", parents=[common], help="where a trip's time goes, in the kernel and the page")
    flame.add_argument("--trips", type=int, default=400, help="of each peer (default: 400)")
    flame.add_argument("--peers", default="shared,regular", help="default: shared,regular")
    flame.set_defaults(command="flame")

    arrays = commands.add_parser("arrays", parents=[common], help="a million numbers a second, beside Bokeh and JSON")
    arrays.add_argument("--seconds", type=float, default=8, help="each time (default: 8)")
    arrays.add_argument("--rounds", type=int, default=3, help="interleaved (default: 3)")
    arrays.set_defaults(command="arrays")

    fanout = commands.add_parser("fanout", parents=[common], help="one message to many pages")
    fanout.add_argument("--clients", type=int, nargs="+", default=[1, 10, 100, 500])
    fanout.add_argument("--sizes", type=int, nargs="+", default=[200, 2000, 20000], help="in bytes")
    fanout.add_argument(
        "--budget", type=float, default=30, help="how much is sent each time, about, in MB (default: 30)"
    )
    fanout.set_defaults(command="fanout")

    relay = commands.add_parser("relay", parents=[common], help="pages that look on through a relay")
    relay.add_argument("--clients", type=int, nargs="+", default=[1, 200, 1000])
    relay.add_argument("--rate", type=float, default=20, help="changes a second (default: 20)")
    relay.add_argument("--seconds", type=float, default=8, help="each time (default: 8)")
    relay.set_defaults(command="relay")

    for name, text, seconds, pages in (
        ("classroom", "a class at one device", 60, 5),
        ("slow", "the same with tabs that never read", 5, 0),
    ):
        classroom = commands.add_parser(name, parents=[common], help=text)
        classroom.add_argument("--seconds", type=float, default=seconds, help=f"each time (default: {seconds})")
        classroom.add_argument("--tabs", type=int, default=200, help="without a browser (default: 200)")
        classroom.add_argument("--pages", type=int, default=pages, help=f"in Chromium (default: {pages})")
        classroom.add_argument("--draggers", type=int, default=10, help="tabs that drag a slider (default: 10)")
        classroom.set_defaults(command=name)
    classroom.add_argument("--stalled", type=int, default=20, help="tabs that never read (default: 20)")
    classroom.add_argument("--rounds", type=int, default=5, help="without and with, in turn (default: 5)")

    frames = commands.add_parser("frames", parents=[common], help="camera images")
    frames.add_argument("--pages", type=int, default=20, help="that look on (default: 20)")
    frames.add_argument("--seconds", type=float, default=8, help="each time (default: 8)")
    frames.set_defaults(command="frames")

    video = commands.add_parser("video", parents=[common], help="H.264 beside JPEG of the same quality")
    video.add_argument("--pictures", type=int, default=120, help="of each scene (default: 120)")
    video.set_defaults(command="video")

    streams = commands.add_parser("streams", parents=[common], help="a plot that grows")
    streams.add_argument("--traces", type=int, default=10, help="of the plot (default: 10)")
    streams.add_argument("--points", type=int, default=50, help="for each trace at a time (default: 50)")
    streams.add_argument("--rate", type=float, default=20, help="times a second (default: 20)")
    streams.add_argument("--most", type=int, default=1000, help="points that a trace keeps (default: 1000)")
    streams.add_argument("--seconds", type=float, default=8, help="each time (default: 8)")
    streams.set_defaults(command="streams")

    busy = commands.add_parser("busy", parents=[common], help="the trip while a cell runs")
    busy.add_argument("--trips", type=int, default=100, help="for each cell, at most (default: 100)")
    busy.add_argument("--seconds", type=float, default=5, help="how long a cell runs (default: 5)")
    busy.set_defaults(command="busy")

    scale = commands.add_parser("scale", parents=[common], help="how the costs grow")
    scale.add_argument("--components", type=int, default=2000, help="of the largest page (default: 2000)")
    scale.add_argument("--rounds", type=int, default=4, help="of each page (default: 4)")
    scale.set_defaults(command="scale")

    extension = commands.add_parser("extension", parents=[common], help="through the Jupyter server")
    extension.add_argument("--trips", type=int, default=200, help="of each way (default: 200)")
    extension.add_argument("--rounds", type=int, default=10, help="interleaved (default: 10)")
    extension.add_argument("--clients", type=int, default=100, help="pages without a browser (default: 100)")
    extension.add_argument("--messages", type=int, default=200, help="to all of them (default: 200)")
    extension.add_argument("--deaths", type=int, default=5, help="of the kernel (default: 5)")
    extension.set_defaults(command="extension")

    join = commands.add_parser("join", parents=[common], help="guests come through share links")
    join.add_argument("--guests", type=int, default=200, help="(default: 200)")
    join.add_argument("--seconds", type=float, default=10, help="within which they come (default: 10)")
    join.set_defaults(command="join")

    soak = commands.add_parser("soak", parents=[common], help="a class for a long time: what its device keeps of it")
    soak.add_argument("--minutes", type=float, default=60, help="(default: 60)")
    soak.add_argument("--pages", type=int, default=200, help="at a time (default: 200)")
    soak.add_argument("--tabs", type=int, default=8, help="of them, which apply everything (default: 8)")
    soak.add_argument("--trace", action="store_true", help="where memory grew after the warm-up (slow)")
    soak.set_defaults(command="soak")

    hostile = commands.add_parser("hostile", parents=[common], help="guests who attack, and the owner's trip")
    hostile.add_argument("--pages", type=int, default=100, help="of one view link (default: 100)")
    hostile.add_argument("--seconds", type=float, default=10, help="of each attack (default: 10)")
    hostile.add_argument("--rounds", type=int, default=3, help="of each attack; the median counts (default: 3)")
    hostile.add_argument("--kinds", nargs="+", help="some of them; see `benchmarks.programs.hostile_guests`")
    hostile.set_defaults(command="hostile")

    devices = commands.add_parser("devices", parents=[common], help="signals on pages, sets, and graphs of the past")
    devices.add_argument("--signals", type=int, default=200, help="of the device on the pages (default: 200)")
    devices.add_argument("--rate", type=float, default=10, help="polls of each a second (default: 10)")
    devices.add_argument("--pages", type=int, default=20, help="(default: 20)")
    devices.add_argument("--seconds", type=float, default=10, help="each time (default: 10)")
    devices.add_argument("--sets", type=int, default=200, help="(default: 200)")
    devices.add_argument("--points", type=int, default=100_000_000, help="in the history (default: 100,000,000)")
    devices.add_argument("--rounds", type=int, default=15, help="of each graph (default: 15)")
    devices.set_defaults(command="devices")

    options = parser.parse_args()
    if not is_worker():
        return watch(sys.argv[1:])
    # Imported here: `--help` needs neither a browser nor a kernel.
    return int(import_module(f"benchmarks.{options.command}").run(options))


if __name__ == "__main__":
    sys.exit(main())

"""What others wrote, on our class: `make others DASH_SOURCE=/path/to/dash ANCESTOR_SOURCE=... KRAKEN_SOURCE=...`.

Stock Dash's own browser tests run in three columns; the ancestor's six examples, KrakenSDR's interface and component
libraries' examples (COMPONENTS_SOURCE) are driven in Chromium.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.others import ancestor, components, kraken
from tests.others.columns import (
    COLUMNS,
    SUITES,
    Result,
    by_decision,
    compare,
    import_path,
    not_passed,
    read_junit,
    tried_twice,
)
from tests.others.stock_components import built

INSIDE = Path(__file__).with_name("inside")


def run(column: str, source: Path, paths: list[str], kept: Path, more: list[str]) -> dict[str, Result]:
    """Run tests of a checkout in one column, those that fail twice."""
    for old in kept.glob(f"{column}*.xml"):
        old.unlink()
    path = import_path(INSIDE, built(source), inherited=os.environ.get("PYTHONPATH", ""))
    environ = {**os.environ, "PYTHONPATH": path, "OTHERS_COLUMN": column}

    def once(names: Sequence[str]) -> dict[str, Result]:
        part = column if names is paths else f"{column}.again"
        junit, logged = kept / f"{part}.xml", kept / f"{part}.log"
        command = [
            # -P: the folder `dash` of a checkout is not the installed Dash.
            *(sys.executable, "-P", "-m", "pytest", "-c", str(source / "pytest.ini"), f"--rootdir={source}"),
            *("-p", "dash_column", "-o", "addopts=", "-v", "--headless", "--nopercyfinalize", "-p", "no:cacheprovider"),
            *("--continue-on-collection-errors", "--timeout=180", f"--junitxml={junit}", "-o", "junit_family=xunit1"),
            *(*more, *names),
        ]
        with logged.open("w") as log:
            ended = subprocess.run(command, cwd=source, env=environ, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        if not junit.exists():
            sys.exit(f"pytest ended with {ended.returncode} in column {column}; {logged} says why")
        return read_junit(junit.read_text())

    return tried_twice(once, paths)


def kept_results(kept: Path, column: str) -> dict[str, Result]:
    """What an earlier run left of a column."""
    found: dict[str, Result] = {}
    for name in (f"{column}.xml", f"{column}.again.xml"):
        if (kept / name).exists():
            found.update(read_junit((kept / name).read_text()))
    return found


def main() -> int:
    """Run the suites, print the table and what only ours fails; 1 where that is not by decision, or says nothing."""
    parser = argparse.ArgumentParser(prog="python -m tests.others", description=__doc__)
    parser.add_argument("--source", default=os.environ.get("DASH_SOURCE"), help="a checkout of Dash (DASH_SOURCE)")
    parser.add_argument("--ancestor", default=os.environ.get("ANCESTOR_SOURCE"), help="one of dash_devices")
    parser.add_argument("--kraken", default=os.environ.get("KRAKEN_SOURCE"), help="one of krakensdr_doa")
    parser.add_argument("--components", default=os.environ.get("COMPONENTS_SOURCE"), help="a folder of checkouts")
    parser.add_argument("--suites", default=",".join(SUITES), help=f"of {','.join(SUITES)}")
    parser.add_argument("--columns", default=",".join(COLUMNS), help="to run; results of others are read from --keep")
    parser.add_argument("--rest", action="store_true", help="stock Dash runs only what did not pass with ours")
    parser.add_argument("--keep", type=Path, help="where the logs and results stay; a temporary folder by default")
    options, more = parser.parse_known_args()
    worst = 0
    programs = {ancestor.drive: options.ancestor, kraken.drive: options.kraken, components.drive: options.components}
    for drive, where in programs.items():
        if where:
            worst |= drive(Path(where).resolve())
    if any(programs.values()) and not options.source:
        return worst
    if not options.source or not (Path(options.source) / "tests/integration").is_dir():
        parser.error(f"DASH_SOURCE={options.source!r} is no checkout of Dash: it has no folder tests/integration")
    if unknown := [name for name in options.suites.split(",") if name not in SUITES]:
        parser.error(f"{unknown} are no suites; there are {', '.join(SUITES)}")
    if unknown := [name for name in options.columns.split(",") if name not in COLUMNS]:
        parser.error(f"{unknown} are no columns; there are {', '.join(COLUMNS)}")
    source = Path(options.source).resolve()
    kept = (options.keep or Path(tempfile.mkdtemp(prefix="others-"))).resolve()
    listed = by_decision()
    print(f"logs and results: {kept}")
    print(f"{'suite':12}" + "".join(f"{column:>20}" for column in COLUMNS) + f"{'only ours fails':>20}")
    for suite in options.suites.split(","):
        folder = kept / suite
        folder.mkdir(parents=True, exist_ok=True)
        paths = [each for each in SUITES[suite] if (source / each).exists()]
        results: dict[str, dict[str, Result]] = {}
        # Ours first: `--rest` asks what came of it.
        for column in reversed(COLUMNS):
            if column not in options.columns.split(","):
                if left := kept_results(folder, column):
                    results[column] = left
                continue
            names = not_passed(results.get("ours", {})) if options.rest and column != "ours" else paths
            results[column] = run(column, source, names, folder, more) if names else {}
        difference = compare(results.get("quart", {}), results.get("ours", {}), listed, rest=options.rest)
        only = f"{len(difference.new)} + {len(difference.decided)} decided"
        print(f"{suite:12}" + "".join(f"{_sum(results.get(column)):>20}" for column in COLUMNS) + f"{only:>20}")
        for name in difference.new:
            print(f"  ours fails {name}: {results.get('ours', {}).get(name, Result('', 'not collected')).why[:160]}")
        for name in difference.decided:
            print(f"  decision {listed[name]}: {name}")
        for name in difference.mended:
            print(f"  passes, and is in the list: {name}")
        for why in difference.uncompared:
            print(f"  not compared: {why}")
        sys.stdout.flush()
        worst = worst or int(bool(difference.new or difference.mended or difference.uncompared))
    return worst


def _sum(results: dict[str, Result] | None) -> str:
    if results is None:
        return "not run"
    passed = sum(each.outcome == "passed" for each in results.values())
    return f"{passed} of {sum(each.outcome != 'skipped' for each in results.values())}"


if __name__ == "__main__":
    sys.exit(main())

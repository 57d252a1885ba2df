"""Walk the props of component libraries: `make components`, or `python -m tests.components --only dcc.Slider`.

Compares with docs/components.md and ends with 1 where a run differs; `--write` writes it.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import sys
import traceback

from tests.components import table
from tests.components.cases import Case
from tests.components.walk import Row, walk
from tests.support.browser import launched_chromium

LIBRARIES = ("core", "tables", "grid", "mantine", "bootstrap")


def cases() -> list[Case]:
    """All cases, in the table's order."""
    return [case for name in LIBRARIES for case in importlib.import_module(f"tests.components.{name}").CASES]


async def walk_all(chosen: list[Case], jobs: int) -> tuple[list[Row], list[str]]:
    """Walk cases, some at once; rows in the order of the cases, and what went wrong."""
    places = asyncio.Semaphore(jobs)
    failed: list[str] = []

    async def one(case: Case) -> list[Row]:
        async with places:
            try:
                rows = await walk(case, chromium)
            except Exception as error:  # noqa: BLE001 - one component that cannot be walked stops no other
                failed.append(str(error) if isinstance(error, AssertionError) else traceback.format_exc())
                rows = []
        for line in table.lines(rows, table.reasons()):
            print(line, flush=True)
        return rows

    async with launched_chromium() as chromium:
        found = await asyncio.gather(*(one(case) for case in chosen))
    return [row for rows in found for row in rows], failed


def main() -> int:
    """Walk, then compare or write."""
    parser = argparse.ArgumentParser(prog="python -m tests.components", description=__doc__)
    parser.add_argument(
        "--only", default="", help="beginnings of components' names, with commas between: dcc.,dbc.Tabs"
    )
    parser.add_argument("--write", action="store_true", help="write what was walked into the table, then compare")
    parser.add_argument("--jobs", type=int, default=2, help="components at once")
    options = parser.parse_args()
    beginnings = tuple(options.only.split(","))
    chosen = [case for case in cases() if case.name.startswith(beginnings)]
    if not chosen:
        parser.error(f"--only {options.only!r} is the beginning of no component's name")
    rows, wrong = asyncio.run(walk_all(chosen, options.jobs))
    why, whole = table.reasons(), not options.only and not wrong
    if options.write:
        table.write(rows, why, [f"{case.name} {each.prop}" for case in cases() for each in case.walks])
    wrong += table.faults(rows, why, whole=whole)
    wrong += table.differences(rows, why, whole=whole)
    print(f"\n{len(rows)} props of {len(chosen)} components" + "".join(f"\n{each}" for each in wrong))
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())

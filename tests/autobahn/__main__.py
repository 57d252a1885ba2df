"""All cases over all ways: `make autobahn`. Ends with 1 if something is worse than the list lets it."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections import Counter

from tests.autobahn.cases import run_cases
from tests.autobahn.listed import faults
from tests.autobahn.ways import direct, over_tls, through_jupyter

WAYS = {"direct": direct, "tls": over_tls, "jupyter": through_jupyter}


async def run(names: list[str], cases: list[str] | None, without: list[str] | None) -> int:
    """Run cases, print what came out, and return how many faults there were."""
    count = 0
    for name in names:
        async with WAYS[name]() as urls:
            verdicts = {}
            for way, url in urls.items():
                began = time.monotonic()
                verdicts[way] = found = await run_cases(url, cases, without)
                words = ", ".join(
                    f"{number} {word}" for word, number in Counter(map(str, found.values())).most_common()
                )
                print(f"{way}: {len(found)} cases in {time.monotonic() - began:.0f} s: {words}", flush=True)
            bare, *ours = urls
            for way in ours:
                worse = faults(verdicts[way], verdicts[bare])
                count += len(worse)
                for line in worse:
                    print(f"  {way}: {line}", flush=True)
    print(f"{count} faults beyond the list" if count else "nothing beyond the list")
    return count


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.autobahn", description=__doc__)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--cases", nargs="+", help='ids, or patterns: "6.*"')
    parser.add_argument("--without", nargs="+", help="the same")
    chosen = parser.parse_args()
    return min(1, asyncio.run(run(chosen.ways, chosen.cases, chosen.without)))


if __name__ == "__main__":
    raise SystemExit(main())

"""What may come out worse than "OK", and why: each is so with `websockets`, too, which reads our frames."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

from tests.autobahn.cases import ORDER, Verdict

LISTED: Mapping[str, tuple[str, str]] = {
    "3.[2-4]": ("NON-STRICT", "a message and a frame that breaks the rules come together: the echo of the one may be"),
    "4.[12].[345]": ("NON-STRICT", "overtaken by the end for the other, as an app answers when it is its turn"),
    "5.15": ("NON-STRICT", "so, too"),
    "6.4.*": ("NON-STRICT", "a text is looked at once it has come whole; RFC 6455, section 8.1, lets us"),
    "7.1.5": ("WRONG CODE", "a Close frame within a message in fragments is taken for a broken rule: 1002, not 1000"),
    "12.*": ("UNIMPLEMENTED", "we do not offer permessage-deflate: see docs/decisions/0047"),
    "13.*": ("UNIMPLEMENTED", "as above"),
}
"""By the cases' ids, or patterns of them: the worst verdict, and the reason.

The code of 7.1.5 is that of the end; the messages then count as failed with it.
"""
FINE = ("OK", "INFORMATIONAL")


def faults(ours: Mapping[str, Verdict], bare: Mapping[str, Verdict]) -> list[str]:
    """What came out worse than the list lets it, or worse than with the bare `websockets` of the same run."""
    found = [f"{case}: was not run" for case in sorted(bare.keys() - ours.keys())]
    for case, verdict in ours.items():
        if verdict.messages in FINE and verdict.end in FINE:
            continue
        worst = next((worst for pattern, (worst, _) in LISTED.items() if fnmatchcase(case, pattern)), None)
        listed = worst is not None and _at_most(verdict, worst)
        if not listed:
            found.append(f"{case}: {verdict} ({verdict.why}); websockets: {bare.get(case, 'not run')}")
    return found


def _at_most(verdict: Verdict, worst: str) -> bool:
    if worst == "WRONG CODE":
        return verdict.end == worst and verdict.messages in (*FINE, "FAILED")
    return max(verdict.rank) <= ORDER.index(worst)

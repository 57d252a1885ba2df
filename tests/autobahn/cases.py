"""Running the cases, and what came out."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from kosoku import FailureError, run_fuzzingclient

SHIMMED = "pkg_resources"
"""What the cases import has this name, and is not what other packages mean by it."""
_paths: list[str] = []


@contextmanager
def _shims() -> Iterator[None]:
    """Let what the cases import come before all else while they run, and only then: other tests share this process."""
    before = sys.modules.pop(SHIMMED, None)
    sys.path[:0] = _paths
    try:
        yield
    finally:
        _paths[:] = [path for path in sys.path if "/kosoku/" in path]
        sys.path[:] = [path for path in sys.path if path not in _paths]
        sys.modules.pop(SHIMMED, None)
        if before is not None:
            sys.modules[SHIMMED] = before


ORDER = ("OK", "INFORMATIONAL", "NON-STRICT", "UNIMPLEMENTED", "UNCLEAN", "WRONG CODE", "FAILED BY CLIENT", "FAILED")
"""Verdicts, the best first."""


@dataclass(frozen=True)
class Verdict:
    """What a case says of the messages and of the end, and why."""

    messages: str
    end: str
    why: str

    @property
    def rank(self) -> tuple[int, int]:
        """The lower, the better."""
        return _rank(self.messages), _rank(self.end)

    def __str__(self) -> str:
        return self.messages if self.messages == self.end else f"{self.messages}, {self.end}"


def _rank(word: str) -> int:
    return ORDER.index(word) if word in ORDER else len(ORDER)


async def run_cases(
    url: str, cases: Sequence[str] | None = None, without: Sequence[str] | None = None, at_once: int = 4
) -> dict[str, Verdict]:
    """Run cases against the echo at a URL.

    Args:
        url: begins with "ws:"; the client knows no TLS.
        cases: their ids, or patterns with `*`; None: all.
        without: of those, not these.
        at_once: how many run at a time.
    """
    with _shims():
        try:
            results = await run_fuzzingclient(url, cases, without, concurrency=at_once)
        except FailureError as failure:
            results = failure.results
    return {
        each.case_id: Verdict(each.behavior.value, each.behavior_close.value, f"{each.result} / {each.result_close}")
        for each in results
    }

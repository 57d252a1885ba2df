"""Findings, each in one line."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One finding.

    Attributes:
        fact: what is so.
        mend: what to do about it.
        wrong: whether something does not work because of it; else it is for information.
    """

    fact: str
    mend: str
    wrong: bool = True

    def __str__(self) -> str:
        line = f"{'wrong' if self.wrong else 'note'}: {self.fact} Mend: {self.mend}"
        return " ".join(line.split())

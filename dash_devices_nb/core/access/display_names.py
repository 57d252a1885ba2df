"""Names that people give themselves: which read alike, and how a guest's is told from an owner's."""

from __future__ import annotations

import unicodedata

LONGEST_NAME = 40
"""Characters of a name."""
MARK = " (guest)"


def as_name(text: str) -> str:
    """A name as it is shown: one line, without control and formatting characters, at most `LONGEST_NAME` long."""
    shown = "".join(
        each if unicodedata.category(each)[0] not in "CZ" else " " for each in str(text)[: 10 * LONGEST_NAME]
    )
    return " ".join(shown.split())[:LONGEST_NAME].strip()


def alike(one: str, other: str) -> bool:
    """Whether two names read alike: but for case, spaces, punctuation, accents and forms of the same letters.

    Letters of several alphabets that look alike are told apart.
    """
    return _read(one) == _read(other)


def marked(name: str) -> str:
    """Append " (guest)" to a guest's name that an owner has."""
    return name[: LONGEST_NAME - len(MARK)].strip() + MARK


def _read(name: str) -> str:
    letters = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", name).casefold())
    return "".join(each for each in letters if each.isalnum()) or name.strip()

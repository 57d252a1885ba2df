"""A poll: one question to everybody on an app's pages, with one answer for each person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dash_devices_nb.core.access.persons import Person

LONGEST_TEXT = 500
"""Characters of a question."""
LONGEST_OPTION = 120
MOST_OPTIONS = 12
MOST_ANSWERS = 10_000
"""Number of persons whose answers are kept. A browser without cookies is a new person each time."""


@dataclass(frozen=True, slots=True)
class Vote:
    """What a person has answered.

    Attributes:
        name: the name that others see.
        option: the index of the chosen option.
        at: when, in seconds since the epoch.
    """

    name: str
    option: int
    at: float


class Poll:
    """A question, its options and the answers so far. It has no clock and no lock.

    Args:
        number: identifies it within the app, from 1.
        text: the question.
        options: the possible answers, at least two, no two alike.

    Attributes:
        number, text, options: as given. The options are a tuple.
        votes: the answers by person, in the order of the first answer of each.
        open: whether answers are taken.
        shown: whether everybody sees the result.

    Raises:
        ValueError: the text or the options are not accepted. The message says why.
    """

    def __init__(self, number: int, text: str, options: Sequence[str]) -> None:
        if not text.strip() or len(text) > LONGEST_TEXT:
            raise ValueError(f"a question has 1 to {LONGEST_TEXT} characters, not {len(text.strip())}")
        if not 2 <= len(options) <= MOST_OPTIONS:
            raise ValueError(f"a question has 2 to {MOST_OPTIONS} options, not {len(options)}")
        for option in options:
            if not option.strip() or len(option) > LONGEST_OPTION:
                raise ValueError(f"an option has 1 to {LONGEST_OPTION} characters, not {option!r:.60}")
        if len(set(options)) < len(options):
            raise ValueError(f"each option is there once, not as in {list(options)!r:.200}")
        self.number = number
        self.text = text
        self.options = tuple(options)
        self.votes: dict[Person, Vote] = {}
        self.open = True
        self.shown = False

    def answer(self, person: Person, name: str, option: int, now: float) -> str:
        """Take an answer, in the place of an earlier one of the same person.

        Returns:
            "", or a sentence that says why it is not taken.
        """
        if not self.open:
            return "the question is closed"
        if not 0 <= option < len(self.options):
            return f"the question has no option {option}"
        if person not in self.votes and len(self.votes) >= MOST_ANSWERS:
            return f"there are {MOST_ANSWERS} answers, and no more are taken"
        self.votes[person] = Vote(name, option, now)
        return ""

    def close(self, *, show: bool = False) -> bool:
        """Take no more answers. With `show`, everybody sees the result. Returns False if it was closed already."""
        was_open, self.open, self.shown = self.open, False, show
        return was_open

    def choice(self, person: Person) -> int | None:
        """The index of the option that a person has chosen, or None."""
        vote = self.votes.get(person)
        return None if vote is None else vote.option

    @property
    def counts(self) -> list[int]:
        """How many have chosen each option, in the order of the options."""
        counts = [0] * len(self.options)
        for vote in self.votes.values():
            counts[vote.option] += 1
        return counts

"""A poll: one answer for each person, until it is closed."""

import re

import pytest

from dash_devices_nb.core.access import poll as polls
from dash_devices_nb.core.access.persons import Person
from dash_devices_nb.core.access.poll import Poll, Vote

ADA, BEN = Person("link 1", "a"), Person("link 1", "b")


def test_a_person_has_one_answer_and_may_change_it():
    """The place of the first answer stays; the name and the time are those of the newest."""
    poll = Poll(1, "on or off?", ["on", "off"])
    assert (poll.open, poll.counts, poll.choice(ADA)) == (True, [0, 0], None)
    assert poll.answer(ADA, "Ada", 0, 10.0) == poll.answer(BEN, "Ben", 1, 11.0) == ""
    assert poll.answer(ADA, "Ada L.", 1, 12.0) == ""
    assert poll.counts == [0, 2]
    assert list(poll.votes.values()) == [Vote("Ada L.", 1, 12.0), Vote("Ben", 1, 11.0)]
    assert poll.choice(ADA) == 1


def test_what_is_not_taken_says_why(monkeypatch):
    """An option that is not there, one person too many, and any answer to a closed question."""
    monkeypatch.setattr(polls, "MOST_ANSWERS", 1)
    poll = Poll(1, "on or off?", ["on", "off"])
    assert poll.answer(ADA, "Ada", 2, 1.0) == "the question has no option 2"
    assert poll.answer(ADA, "Ada", 0, 1.0) == ""
    assert poll.answer(BEN, "Ben", 0, 1.0) == "there are 1 answers, and no more are taken"
    assert poll.answer(ADA, "Ada", 1, 2.0) == "", "who has answered may change it"
    assert poll.close()
    assert poll.answer(ADA, "Ada", 0, 3.0) == "the question is closed"
    assert poll.counts == [0, 1]


@pytest.mark.parametrize(
    ("text", "options", "why"),
    [
        (" ", ["a", "b"], "a question has 1 to 500 characters, not 0"),
        ("x" * 501, ["a", "b"], "a question has 1 to 500 characters, not 501"),
        ("x", ["a"], "a question has 2 to 12 options, not 1"),
        ("x", list("abcdefghijklm"), "a question has 2 to 12 options, not 13"),
        ("x", ["a", " "], "an option has 1 to 120 characters, not ' '"),
        ("x", ["a", "b" * 121], "an option has 1 to 120 characters, not 'bbb"),
        ("x", ["a", "a"], "each option is there once, not as in ['a', 'a']"),
    ],
)
def test_what_cannot_be_asked(text, options, why):
    """The fact, the value, and what is accepted."""
    with pytest.raises(ValueError, match=re.escape(why)):
        Poll(1, text, options)

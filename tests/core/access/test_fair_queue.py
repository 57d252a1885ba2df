"""Turns: who runs, who waits, and who is next."""

from dash_devices_nb.core.access.fair_queue import FairQueue, Turn


def asked(turns, count, link, guest=True, now=0.0):
    """The turns of so many of one link."""
    return [turns.ask(f"{link}{n}", link, now, guest=guest) for n in range(count)]


def test_guests_have_half_and_one_link_less():
    """The owner finds a place whatever guests do, and so does another link."""
    turns = FairQueue(lambda: 16)
    assert asked(turns, 10, "a").count(Turn.NOW) == 6
    assert asked(turns, 10, "b").count(Turn.NOW) == 2
    assert asked(turns, 9, "owner", guest=False).count(Turn.NOW) == 8
    assert turns.running == 16


def test_links_take_turns():
    """A link with many that wait does not hold up one with few."""
    turns = FairQueue(lambda: 2)
    asked(turns, 4, "a")
    asked(turns, 1, "b")
    assert [turns.done(link, guest=True)[0][0] for link in ("a", "a", "b")] == ["a1", "b0", "a2"]


def test_those_who_wait_are_bounded_and_told():
    """Beyond so many nobody waits; after so long nobody waits any more."""
    turns = FairQueue(lambda: 2, waiting=2, patience=5.0)
    assert asked(turns, 4, "a") == [Turn.NOW, Turn.WAITS, Turn.WAITS, Turn.FULL]
    assert turns.next_expiry() == 5.0
    assert turns.expired(4.9) == []
    assert turns.expired(5.0) == ["a1", "a2"]
    assert turns.next_expiry() is None
    assert turns.done("a", guest=True) == []
    assert turns.running == turns.waiting == 0


def test_a_link_of_which_others_run_is_still_counted():
    """One of two has finished: there is one place for the next of that link."""
    turns = FairQueue(lambda: 16)
    assert asked(turns, 8, "a") == [Turn.NOW] * 6 + [Turn.WAITS] * 2
    assert turns.done("a", guest=True) == [("a6", "a", True)]
    assert turns.running == 6

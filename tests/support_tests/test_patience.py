"""The waits of the model on a machine that is busy with others."""

import concurrent.futures

import pytest

from tests.model import patience


class Clock:
    """A clock that goes on by so much whenever it is looked at, and time that passes without waiting."""

    def __init__(self, pace: float) -> None:
        self.now, self.pace, self.slept = 0.0, pace, 0

    def monotonic(self) -> float:
        self.now += self.pace
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept += 1


@pytest.mark.parametrize(("pace", "most"), [(0.02, 51), (30.0, 26)])
def test_a_wait_counts_what_this_process_was_given(monkeypatch, pace, most):
    """A second of a process that gets a turn every half minute is a quarter of an hour."""
    monkeypatch.setattr(patience, "time", Clock(pace))
    looks = []
    with pytest.raises(AssertionError, match="not true within 1 s"):
        patience.until(lambda: looks.append(1), 1.0)
    assert most - 1 <= len(looks) <= most + 1


def test_what_is_lost_is_told_of_and_given_up():
    """With the condition's own words, where it has some."""

    def never() -> bool:
        raise AssertionError("the value is lost")

    with pytest.raises(AssertionError, match="the value is lost"):
        patience.until(never, 0.05)
    future: concurrent.futures.Future[None] = concurrent.futures.Future()
    with pytest.raises(TimeoutError, match=r"not done within 0\.05 s"):
        patience.result_of(future, 0.05)
    assert future.cancelled()


def test_an_exception_of_what_is_waited_for_is_its_own():
    """A time limit of its own, too."""
    future: concurrent.futures.Future[None] = concurrent.futures.Future()
    future.set_exception(TimeoutError("mine"))
    with pytest.raises(TimeoutError, match="mine"):
        patience.result_of(future, 1.0)

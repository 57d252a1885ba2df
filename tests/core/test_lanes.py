"""Lanes: one call at a time, in order, and calls that are held."""

import pytest

from dash_devices_nb.core.lanes import Lanes
from tests.core.desk import Regular


def test_a_lane_runs_one_call_at_a_time():
    """The next may run when the one before it has finished; without a lane all may at once."""
    lanes = Lanes()
    first, second, free = Regular("lane"), Regular("lane"), Regular()
    assert [lanes.submit(call) for call in (first, second, free)] == [True, False, True]
    assert lanes.ahead(second) == [first]
    assert lanes.ahead(first) == lanes.ahead(free) == lanes.ahead(Regular("lane of nobody")) == []
    assert lanes.finish(free) is None
    assert len(lanes) == 2
    assert lanes.finish(first) is second
    assert lanes.finish(second) is None
    assert len(lanes) == 0


def test_a_call_that_was_never_submitted_has_all_of_its_lane_for_company_and_nobody_ahead():
    """It waits for nobody, as it does not stand there."""
    lanes = Lanes()
    lanes.submit(Regular("lane"))
    assert lanes.ahead(Regular("lane")) == []


def test_a_held_call_is_not_run_when_its_turn_has_come():
    """Only once it is let go."""
    lanes = Lanes()
    first, held = Regular("lane"), Regular("lane")
    lanes.submit(first)
    lanes.hold(held)
    assert not lanes.submit(held)
    assert lanes.finish(first) is None
    assert list(lanes.waiting("lane")) == [held]
    assert lanes.let(held)
    assert list(lanes.waiting("lane")) == []


def test_who_finishes_out_of_turn_is_found_out():
    """It is an error of ours, which must not go on in silence."""
    lanes = Lanes()
    first, second = Regular("lane"), Regular("lane")
    lanes.submit(first)
    lanes.submit(second)
    with pytest.raises(AssertionError, match=r"finished, but .* was running"):
        lanes.finish(second)

"""Serial queues: one call at a time, in order, and calls that are held."""

import pytest

from dash_devices_nb.core.callbacks.serial_queues import SerialQueues
from tests.core.desk import Regular


def test_a_lane_runs_one_call_at_a_time():
    """The next may run when the one before it has finished; without a serial queue all may at once."""
    queues = SerialQueues()
    first, second, free = Regular("queue_key"), Regular("queue_key"), Regular()
    assert [queues.submit(call) for call in (first, second, free)] == [True, False, True]
    assert queues.ahead(second) == [first]
    assert queues.ahead(first) == queues.ahead(free) == queues.ahead(Regular("lane of nobody")) == []
    assert len(queues) == 3, "those without a queue count"
    assert queues.finish(free) is None
    assert len(queues) == 2
    assert queues.finish(first) is second
    assert queues.finish(second) is None
    assert len(queues) == 0


def test_a_call_that_was_never_submitted_has_all_of_its_lane_for_company_and_nobody_ahead():
    """It waits for nobody, as it does not stand there."""
    queues = SerialQueues()
    queues.submit(Regular("queue_key"))
    assert queues.ahead(Regular("queue_key")) == []


def test_a_held_call_is_not_run_when_its_turn_has_come():
    """Only once it is let go."""
    queues = SerialQueues()
    first, held = Regular("queue_key"), Regular("queue_key")
    queues.submit(first)
    queues.hold(held)
    assert not queues.submit(held)
    assert queues.finish(first) is None
    assert list(queues.waiting("queue_key")) == [held]
    assert queues.let(held)
    assert list(queues.waiting("queue_key")) == []


def test_who_finishes_out_of_turn_is_found_out():
    """It is an error of ours, which must not go on in silence."""
    queues = SerialQueues()
    first, second = Regular("queue_key"), Regular("queue_key")
    queues.submit(first)
    queues.submit(second)
    with pytest.raises(AssertionError, match=r"finished, but .* was running"):
        queues.finish(second)

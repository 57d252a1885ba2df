"""The acknowledgement that waits a moment: its states, and what leads from one to the other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dash_devices_nb.core.props.values import Value
from dash_devices_nb.core.protocol.pending_ack import AckState, PendingAck

X, Y = ("x", "value"), ("y", "value")


def test_one_that_is_flushed_when_its_time_has_come():
    """Only then is another flush to be scheduled."""
    ack = PendingAck()
    assert not ack.waits
    ack.add(1, [X])
    assert ack.is_due
    assert ack.waits
    ack.scheduled()
    assert not ack.is_due
    ack.add(2, [Y])
    assert not ack.is_due
    ack.flushed()
    assert ack.take() == 2
    assert ack.state is AckState.NONE


def test_one_that_goes_with_something_else():
    """The flush that was scheduled for it takes the next one along; asking whether it is due changes nothing."""
    ack = PendingAck()
    ack.add(1, [X])
    assert [ack.is_due, ack.is_due] == [True, True]
    ack.scheduled()
    assert ack.take() == 1
    assert ack.state is AckState.SENT_EARLY
    ack.add(2, [X])
    assert ack.state is AckState.SCHEDULED
    assert not ack.is_due


def test_one_that_is_sent_before_a_flush_was_scheduled():
    """Nobody need come back for it."""
    ack = PendingAck()
    ack.add(1, [X])
    assert ack.take() == 1
    assert not ack.is_due
    ack.flushed()
    assert ack.state is AckState.NONE


def test_it_precedes_what_others_set_later():
    """Of the props that it acknowledges, and no others."""
    ack = PendingAck()
    values = {X: Value.of(1)}
    assert not ack.precedes(values)
    ack.add(1, [X])
    assert ack.precedes(values)
    assert not ack.precedes({Y: Value.of(1)})
    ack.take()
    assert not ack.precedes(values)


def test_what_may_not_follow_is_an_error():
    """There is nothing to take, nor to schedule."""
    for step in (PendingAck.take, PendingAck.scheduled):
        with pytest.raises(KeyError):
            step(PendingAck())


@given(st.lists(st.sampled_from(["add", "due", "take", "flush"])))
def test_no_acknowledgement_is_lost_or_sent_twice(steps):
    """The last one that was added is sent, and somebody comes for what is pending."""
    ack = PendingAck()
    added = sent = timers = 0
    for step in steps:
        if step == "add":
            added += 1
            ack.add(added, [X])
        if ack.is_due and step in ("add", "due"):
            ack.scheduled()
            timers += 1
        if step == "take" and ack.waits:
            sent = ack.take()
        if step == "flush" and timers:
            timers -= 1
            ack.flushed()
            if ack.waits:
                sent = ack.take()
        assert ack.waits == (sent != added)
        assert not ack.waits or timers == 1
        assert ack.precedes({X: Value.of(1)}) == ack.waits

"""The token bucket: what a page may do at once, in the long run, and what it owes after a flood."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dash_devices_nb.core.access.rate_limits import (
    BURST,
    GUESTS,
    GUESTS_BYTES,
    GUESTS_LITTLE,
    RATE,
    TokenBucket,
    cost,
    token_bucket_for,
)
from dash_devices_nb.core.access.roles import Role


def test_a_burst_is_free():
    """As many changes as the burst allows wait for nothing."""
    bucket = TokenBucket(rate=10, burst=5)
    assert [bucket.take(0.0) for _ in range(5)] == [0.0] * 5


def test_past_the_burst_each_change_waits_for_its_token():
    """The delay is that after which the long-run rate is kept."""
    bucket = TokenBucket(rate=10, burst=2)
    delays = [bucket.take(100.0) for _ in range(5)]
    assert delays == pytest.approx([0.0, 0.0, 0.1, 0.2, 0.3])


def test_tokens_come_back_but_never_more_than_the_burst():
    """A page that rested for an hour has one burst, not an hour's worth."""
    bucket = TokenBucket(rate=10, burst=3)
    for _ in range(3):
        bucket.take(0.0)
    assert bucket.take(0.1) == 0.0
    delays = [bucket.take(3600.0) for _ in range(4)]
    assert delays == pytest.approx([0.0, 0.0, 0.0, 0.1])


def test_a_hand_on_a_slider_is_never_slowed():
    """A drag at 100 Hz for a minute stays within the limits that pages have."""
    bucket = TokenBucket()
    assert RATE >= 100
    assert BURST >= 100
    assert not any(bucket.take(number / 100) for number in range(6000))


@given(st.lists(st.floats(0, 0.05), max_size=200), st.floats(1, 100), st.floats(1, 20))
def test_who_waits_as_told_never_exceeds_the_rate(pauses, rate, burst):
    """Whatever the rhythm: after t seconds at most burst + rate * t changes have gone through."""
    bucket = TokenBucket(rate, burst)
    now = done = 0.0
    for pause in pauses:
        now += pause
        now += bucket.take(now)
        done += 1
        assert done <= burst + rate * now + 1e-6


def test_what_guests_send_costs_by_kind_and_size():
    """A request as a change does; what only confirms hardly anything; bytes as well as frames."""
    assert cost("set", 0) == 0.0  # the one that everybody's change takes is beside it
    assert cost("req", 0) == 1.0
    assert cost("floor", 0) == 5.0  # all pages are told of it
    assert cost("ok", 0) == cost("nonsense", 0) == GUESTS_LITTLE
    assert cost("set", 4 * GUESTS_BYTES) == 4.0
    bucket = TokenBucket(rate=10, burst=5)
    assert [bucket.take(0.0, 4.0), bucket.take(0.0, 2.0)] == pytest.approx([0.0, 0.1])


def test_a_bucket_is_kept_while_it_fits():
    """A role that is set again gives no new burst."""
    viewer = token_bucket_for(Role.VIEW, guest=True, before=TokenBucket())
    assert (viewer.rate, viewer.burst) == GUESTS[Role.VIEW]
    assert token_bucket_for(Role.VIEW, guest=True, before=viewer) is viewer
    assert token_bucket_for(Role.CONTROL, guest=True, before=viewer).rate > viewer.rate
    assert token_bucket_for(Role.OWNER, guest=True, before=viewer).rate == RATE
    assert token_bucket_for(Role.VIEW, guest=False, before=viewer).rate == RATE

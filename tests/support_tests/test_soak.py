"""What the soak says of a slope: it finds one that is there, and calls none one that is not."""

import random

import pytest

from benchmarks.soak import Slope, slope_of, target_of, warm_up

HOUR = [second * 2.0 for second in range(1800)]


def test_a_steady_growth_is_found_in_the_noise():
    """Five megabytes an hour under noise of ten, within the error that is told."""
    dice = random.Random(1)
    found = slope_of(HOUR, [300 + 5 * at / 3600 + dice.gauss(0, 10) for at in HOUR], 20)
    assert abs(found.slope - 5) < 3 * found.error
    assert 0.3 < found.error < 3
    assert not target_of("rss_mb", found).met


def test_waves_without_growth_are_none():
    """What goes up and down slowly has a larger error, and is not called growth more often than the error says."""
    missed = 0
    for seed in range(100):
        dice, level, values = random.Random(seed), 0.0, []
        for _ in HOUR:
            level += -level / 30 + dice.gauss(0, 0.5)  # is forgotten within a minute
            values.append(level)
        missed += not target_of("descriptors", slope_of(HOUR, values, 20)).met
    assert missed <= 8


def test_what_does_not_move_has_neither_slope_nor_error():
    """A constant is exactly flat."""
    found = slope_of(HOUR, [29.0] * len(HOUR), 20)
    assert (found.slope, found.error) == (0, 0)
    assert target_of("threads", found).met


def test_a_run_that_is_too_restless_to_tell_does_not_pass():
    """Eight megabytes an hour, of which five may be chance, are not called none."""
    assert not target_of("kept_mb", Slope(100, 8.0, 5.0)).met
    assert target_of("kept_mb", Slope(100, 1.5, 0.3)).met


def test_too_few_blocks_are_refused():
    """A line through three points has no error that could be told."""
    with pytest.raises(ValueError, match="3 blocks"):
        slope_of(HOUR, HOUR, 3)


def test_the_warm_up_is_two_fifths_of_an_hour_and_half_of_a_short_run():
    """At least so long that the journal is filled anew, but never more than half."""
    assert [warm_up(60 * minutes) / 60 for minutes in (60, 10, 2)] == [24, 4, 1]

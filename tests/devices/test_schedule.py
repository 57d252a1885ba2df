"""When which signal is read, with a clock of the test's own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dash_devices_nb.devices.schedule import AWAY_AFTER, LONGEST_DELAY, PollSchedule


@pytest.fixture
def schedule() -> PollSchedule:
    made = PollSchedule()
    made.add("fast", 1.0)
    made.add("slow", 10.0)
    return made


def reads(schedule: PollSchedule, until: float, start: float = 0.0) -> list[tuple[float, object]]:
    """What is read until then, by a device that answers at once."""
    now, done = start, []
    while (wait := schedule.wait(now)) is not None and now + wait <= until:
        now += wait
        signal = schedule.next(now)
        if signal is not None:
            done.append((now, signal))
            schedule.done(signal, now)
    return done


def test_what_nobody_wants_is_not_read(schedule):
    """Without a page that looks, the device has its peace."""
    assert schedule.wait(0.0) is None
    assert schedule.next(0.0) is None
    schedule.want({"fast"}, 0.0)
    assert {signal for _, signal in reads(schedule, 5.0)} == {"fast"}
    schedule.want((), 5.0)
    assert schedule.next(100.0) is None
    assert schedule.wait(100.0) is None


def test_each_signal_has_its_period(schedule):
    """A signal is read once in its period, at once when it begins to be wanted."""
    schedule.want({"fast", "slow"}, 0.0)
    times = reads(schedule, 20.0)
    assert [now for now, signal in times if signal == "fast"] == [float(n) for n in range(21)]
    assert [now for now, signal in times if signal == "slow"] == [0.0, 10.0, 20.0]


def test_late_reads_are_not_made_up_for(schedule):
    """After a pause of the bus a signal is read once, not as often as it was missed."""
    schedule.want({"fast"}, 0.0)
    assert schedule.next(0.0) == "fast"
    schedule.done("fast", 7.5)
    assert schedule.next(7.5) == "fast"
    schedule.done("fast", 7.5)
    assert schedule.next(8.4) is None


def test_wanting_again_does_not_read_again(schedule):
    """A page that comes while others look causes no more reads."""
    schedule.want({"fast"}, 0.0)
    assert reads(schedule, 0.5) == [(0.0, "fast")]
    assert not schedule.want({"fast"}, 0.6)
    assert schedule.next(0.6) is None


def test_one_bad_signal_holds_up_no_other(schedule):
    """A signal whose reads fail is tried less and less often; the others go on."""
    schedule.want({"fast", "slow"}, 0.0)
    for _ in range(20):
        schedule.failed("slow", 0.0, reached=True)
    assert not schedule.away
    assert schedule.next(0.0) == "fast"


def test_a_device_that_is_away_is_tried_one_signal_at_a_time():
    """A hundred signals that time out do not keep the bus busy for minutes, and all come back with the first."""
    schedule = PollSchedule()
    for n in range(100):
        schedule.add(n, 1.0)
    schedule.want(range(100), 0.0)
    now, tries = 0.0, []
    while now < 120.0:
        signal = schedule.next(now)
        if signal is None:
            now += schedule.wait(now) or 0.01
            continue
        tries.append(now)
        now += 2.0  # a timeout
        schedule.failed(signal, now, reached=False)
    assert schedule.away
    assert len(tries) < AWAY_AFTER + 12
    now += LONGEST_DELAY
    back = schedule.next(now)
    schedule.done(back, now)
    assert not schedule.away
    others = set()
    while (signal := schedule.next(now)) is not None:
        schedule.done(signal, now)
        others.add(signal)
    assert len(others) > 90


@given(st.lists(st.tuples(st.sampled_from(["want a", "want ab", "want", "read", "fail", "away", "wait"])), max_size=60))
def test_no_history_loses_a_signal(steps):
    """Whatever happened, a signal that is wanted is read within its period and the longest delay."""
    schedule = PollSchedule()
    for name in "ab":
        schedule.add(name, 1.0)
    now = 0.0
    for (step,) in steps:
        match step:
            case "wait":
                now += 1.0
            case "read" | "fail" | "away":
                signal = schedule.next(now)
                if signal is not None and step == "read":
                    schedule.done(signal, now)
                elif signal is not None:
                    schedule.failed(signal, now, reached=step == "fail")
            case _:
                schedule.want(set(step[5:]), now)
    schedule.want({"a", "b"}, now)
    assert {signal for _, signal in reads(schedule, now + LONGEST_DELAY * 3, now)} == {"a", "b"}

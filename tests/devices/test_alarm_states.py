"""An alarm's way through its states, with a clock of the test's own."""

from hypothesis import given
from hypothesis import strategies as st

from dash_devices_nb.devices.alarm_states import SHOWN, Alarm, AlarmState

ACTIVE, NORMAL, RETURNED = AlarmState.ACTIVE, AlarmState.NORMAL, AlarmState.RETURNED


def test_it_is_raised_after_its_delay():
    """A condition that ends before is nothing; one that holds raises it once."""
    alarm = Alarm("hot", "d/x", delay=5.0)
    assert not alarm.receive(True, 0.0)
    assert alarm.due == 5.0
    assert not alarm.receive(False, 3.0)
    assert alarm.state is NORMAL
    assert not alarm.receive(True, 10.0)
    assert not alarm.receive(True, 14.0)
    assert alarm.tick(15.0)
    assert not alarm.tick(16.0)
    assert not alarm.receive(True, 17.0)
    assert (alarm.state, alarm.raised) == (ACTIVE, 15.0)


def test_it_stays_until_somebody_has_seen_it():
    """Also when the signal is well again; and who it was is kept."""
    alarm = Alarm("hot", "d/x")
    assert alarm.receive(True, 0.0)
    alarm.receive(False, 1.0)
    assert alarm.state is RETURNED
    assert alarm.due is None
    assert alarm.acknowledge("ada", 2.0)
    assert (alarm.state, alarm.by) == (NORMAL, "ada")
    assert not alarm.acknowledge("ada", 3.0)


def test_an_acknowledged_one_ends_with_its_condition():
    """And the next time it is raised anew, for somebody to see."""
    alarm = Alarm("hot", "d/x")
    alarm.receive(True, 0.0)
    alarm.acknowledge("ada", 1.0)
    assert alarm.state is AlarmState.ACKNOWLEDGED
    alarm.receive(False, 2.0)
    assert alarm.state is NORMAL
    assert alarm.receive(True, 3.0)
    assert (alarm.state, alarm.by) == (ACTIVE, "")


@given(
    st.lists(st.tuples(st.sampled_from(["holds", "ends", "seen", "time"]), st.floats(0, 10)), max_size=40),
    st.floats(0, 10),
)
def test_what_was_raised_is_never_lost(steps, delay):
    """Whatever happens, an alarm that was raised is shown until somebody acknowledges it."""
    alarm, now, unseen = Alarm("a", "d/x", delay), 0.0, False
    for what, passed in steps:
        now += passed
        match what:
            case "seen":
                if alarm.acknowledge("x", now):
                    unseen = False
            case "time":
                unseen |= alarm.tick(now)
            case _:
                unseen |= alarm.receive(what == "holds", now)
        if unseen:
            assert alarm.state in SHOWN
    if alarm.due is not None:
        assert alarm.tick(alarm.due)

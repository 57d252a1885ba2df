"""What a push in a regular callback calls, and when: by a manual clock."""

from __future__ import annotations

import pytest

from tests.core.desk import SHARED_MOST_RECENT, Desk, Regular, client, component

ANN = client("ann")


@pytest.fixture
def desk() -> Desk:
    """Two callbacks that act (`act` on a and b, `other` on b), and one that has an output (`shows` on c)."""
    desk = Desk()
    desk.callback("act", "", "a.v b.v", queue_key="device")
    desk.callback("other", "", "b.v")
    desk.callback("shows", "d.v", "c.v", initial=False)
    desk.start(*(component(name, v=0) for name in "abcd"))
    return desk


def test_who_acts_waits_for_the_callback_that_pushes(desk: Desk):
    """Each push is a call, in order, with the values of its time; none before the callback has returned."""
    regular = Regular()
    desk.push({"a.v": 1}, regular)
    desk.push({"b.v": 2}, regular)
    assert desk.called == []
    desk.take(desk.dispatcher.returned(regular))
    desk.settle()
    assert desk.called == [("act", [1, 0]), ("other", [2]), ("act", [1, 2])]


def test_the_push_does_not_wait_for_who_acts(desk: Desk):
    """It would wait for itself."""
    regular = Regular()
    assert desk.dispatcher.wait(desk.push({"a.v": 1}, regular), regular, blocks_loop=False) is None


def test_the_push_waits_for_who_has_an_output(desk: Desk):
    """That runs at once."""
    regular = Regular()
    waiter = desk.dispatcher.wait(desk.push({"a.v": 1, "c.v": 1}, regular), regular, blocks_loop=False)
    assert waiter is not None
    assert desk.names == ["shows"]
    desk.settle()
    assert desk.released == [waiter]
    assert desk.names == ["shows"]


def test_who_acts_waits_a_quarter_of_a_second_at_the_most(desk: Desk):
    """A callback may sleep, and count on the others to have run."""
    regular = Regular()
    desk.dispatcher.tell_time(10.0)
    desk.push({"a.v": 1}, regular)
    assert desk.wakes == [10.25]
    desk.dispatcher.tell_time(10.2)
    desk.push({"b.v": 1}, regular)
    assert desk.wakes == [10.25]
    desk.dispatcher.tell_time(10.25)
    desk.take(desk.dispatcher.wake())
    desk.settle()
    assert desk.called == [("act", [1, 0])]
    assert desk.wakes == [10.25, 10.45]
    desk.dispatcher.tell_time(10.45)
    desk.take(desk.dispatcher.wake())
    desk.settle()
    assert desk.names == ["act", "act", "other"]
    assert desk.wakes == [10.25, 10.45]


def test_who_acts_is_let_go_where_a_waited_for_call_stands_behind_it(desk: Desk):
    """Else the push would wait for what waits for the push."""
    desk.callback("behind", "e.v", "c.v", queue_key="device", initial=False)
    desk.come(component("e", v=0))
    regular = Regular()
    desk.push({"a.v": 1}, regular)
    propagation = desk.push({"c.v": 1}, regular)
    assert desk.names == ["shows"]
    assert desk.dispatcher.wait(propagation, regular, blocks_loop=False) is not None
    desk.take(desk.dispatcher.hasten())
    assert desk.names == ["shows", "act"]


def test_others_calls_keep_their_place_behind_what_is_postponed(desk: Desk):
    """The serial queue has one order: that in which the changes came."""
    regular = Regular()
    desk.push({"a.v": 1}, regular)
    desk.change(ANN, {"a.v": 5})
    assert desk.called == []
    desk.take(desk.dispatcher.returned(regular))
    desk.settle()
    assert desk.called == [("act", [1, 0]), ("act", [5, 0])]


def test_a_cell_that_waits_is_not_held_up_by_a_callback_that_goes_on(desk: Desk):
    """What it waits for, and what that stands behind, is postponed no longer."""
    desk.push({"a.v": 1}, Regular())
    assert desk.dispatcher.wait(desk.push({"a.v": 2}), None, blocks_loop=False) is not None
    desk.take(desk.dispatcher.hasten())
    desk.settle()
    assert desk.called == [("act", [1, 0]), ("act", [2, 0])]


def test_the_newest_takes_the_place_of_a_postponed_one():
    """Where the callback wants only the most recent."""
    desk = Desk()
    desk.callback("act", "", "a.v", service=SHARED_MOST_RECENT)
    desk.start(component("a", v=0))
    regular = Regular()
    first = desk.push({"a.v": 1}, regular)
    second = desk.push({"a.v": 2}, regular)
    desk.take(desk.dispatcher.returned(regular))
    desk.settle()
    assert desk.called == [("act", [2])]
    assert first.over
    assert second.over


def test_what_a_callback_has_left_running_waits_for_nobody(desk: Desk):
    """A task that it has started pushes for itself: the callback has returned long ago."""
    regular = Regular()
    regular.over = True
    desk.push({"a.v": 1}, regular)
    assert desk.names == ["act"]


def test_a_push_in_a_shared_callback_is_not_postponed(desk: Desk):
    """Who acts is called at once."""
    desk.change(ANN, {"c.v": 1})
    [shows] = desk.running
    desk.push({"b.v": 1}, shows)
    assert desk.names == ["shows", "act", "other"]

"""Who waits for whom: a push waits for its propagation, and is let go where waiting would never end."""

from tests.core.desk import Desk, Regular, client, component

ANN = client("ann")


def desk_with(*pairs: str, queue_key="own", coroutine: bool = False) -> Desk:
    """Callbacks from pairs such as "ab": b from a."""
    desk = Desk()
    for source, target in pairs:
        desk.callback(
            f"{source}{target}", f"{target}.v", f"{source}.v", initial=False, queue_key=queue_key, coroutine=coroutine
        )
    desk.start(*(component(name, v=name) for name in "abcdef"))
    return desk


def test_a_wave_without_callbacks_is_over_at_once():
    """There is nothing to wait for."""
    desk = desk_with("ab")
    propagation = desk.push({"f.v": 1})
    assert propagation.over
    assert desk.dispatcher.wait(propagation, None, blocks_loop=False) is None


def test_a_waiter_is_released_when_the_whole_chain_is_through():
    """Not after the first link."""
    desk = desk_with("ab", "bc")
    propagation = desk.push({"a.v": 1})
    waiter = desk.dispatcher.wait(propagation, None, blocks_loop=False)
    assert waiter is not None
    desk.finish(desk.running[0], {"b.v": 2})
    assert desk.released == []
    desk.finish(desk.running[0], {"c.v": 3})
    assert desk.released == [waiter]


def test_a_waiter_is_released_when_the_callback_fails():
    """Whoever waits is not left standing by an error."""
    desk = desk_with("ab", "bc")
    waiter = desk.dispatcher.wait(desk.push({"a.v": 1}), None, blocks_loop=False)
    desk.finish(desk.running[0])
    assert desk.released == [waiter]


def test_who_gave_up_is_not_released():
    """The driver has forgotten it."""
    desk = desk_with("ab")
    waiter = desk.dispatcher.wait(desk.push({"a.v": 1}), None, blocks_loop=False)
    desk.dispatcher.give_up(waiter)
    desk.settle()
    assert desk.released == []


def test_a_regular_callback_that_pushes_to_its_own_lane_does_not_wait():
    """What it would wait for comes after itself."""
    desk = desk_with("cd", queue_key="device")
    outer = Regular("device")
    desk.dispatcher.submit(outer)
    propagation = desk.push({"c.v": 2}, outer)
    assert not propagation.over
    assert desk.dispatcher.wait(propagation, outer, blocks_loop=False) is None
    desk.take(desk.dispatcher.finish(outer))
    desk.settle()
    assert propagation.over
    assert desk.names == ["cd"]


def test_a_regular_callback_that_pushes_to_another_lane_waits():
    """Nothing stands in the way."""
    desk = desk_with("cd")
    outer = Regular("device")
    desk.dispatcher.submit(outer)
    waiter = desk.dispatcher.wait(desk.push({"c.v": 2}, outer), outer, blocks_loop=False)
    assert waiter is not None
    desk.finish(desk.running[0], {"d.v": 1})
    assert desk.released == [waiter]


def test_a_push_in_a_shared_callback_waits_for_nothing():
    """What it calls runs at once, or when its serial queue is free."""
    desk = desk_with("ab", "cd")
    desk.change(ANN, {"a.v": 1})
    outer = desk.running[0]
    assert desk.dispatcher.wait(desk.push({"c.v": 2}, outer), outer, blocks_loop=False) is None
    assert desk.names == ["ab", "cd"]


def test_a_chain_that_comes_back_to_the_waiters_lane_lets_it_go():
    """At the moment when the propagation gets there: the push has waited for all that it could."""
    desk = Desk()
    desk.callback("free", "d.v", "c.v", initial=False)
    desk.callback("back", "e.v", "d.v", queue_key="device", initial=False)
    desk.start(*(component(name, v=name) for name in "abcde"))
    outer = Regular("device")
    desk.dispatcher.submit(outer)
    waiter = desk.dispatcher.wait(desk.push({"c.v": 2}, outer), outer, blocks_loop=False)
    assert waiter is not None
    desk.finish(desk.running[0], {"d.v": 3})
    assert desk.released == [waiter]
    desk.take(desk.dispatcher.finish(outer))
    desk.settle()
    assert desk.names == ["free", "back"]


def test_two_callbacks_that_wait_for_each_other_are_let_go():
    """Each holds what the other needs: the second is not let in, the first then ends in peace."""
    desk = Desk()
    desk.callback("one", "x.v", "a.v", queue_key=1, initial=False)
    desk.callback("two", "y.v", "b.v", queue_key=2, initial=False)
    desk.start(*(component(name, v=name) for name in "abxy"))
    one, two = Regular(1), Regular(2)
    assert desk.dispatcher.submit(one)
    assert desk.dispatcher.submit(two)
    first = desk.dispatcher.wait(desk.push({"b.v": 2}, one), one, blocks_loop=False)
    assert first is not None
    second = desk.dispatcher.wait(desk.push({"a.v": 2}, two), two, blocks_loop=False)
    assert second is None
    desk.take(desk.dispatcher.finish(two))
    desk.finish(desk.running[0], {"y.v": 1})
    assert desk.released == [first]
    desk.take(desk.dispatcher.finish(one))
    desk.settle()
    assert desk.names == ["two", "one"]


def test_who_blocks_the_loop_does_not_wait_for_coroutines():
    """They could not run meanwhile; plain callbacks can."""
    desk = desk_with("ab", coroutine=True)
    assert desk.dispatcher.wait(desk.push({"a.v": 1}), None, blocks_loop=True) is None
    assert desk.dispatcher.wait(desk.push({"a.v": 1}), None, blocks_loop=False) is not None
    plain = desk_with("ab")
    assert plain.dispatcher.wait(plain.push({"a.v": 1}), None, blocks_loop=True) is not None


def test_who_blocks_the_loop_is_let_go_when_the_chain_reaches_a_coroutine():
    """It has waited for the plain part."""
    desk = Desk()
    desk.callback("plain", "b.v", "a.v", initial=False)
    desk.callback("coroutine", "c.v", "b.v", initial=False, coroutine=True)
    desk.start(*(component(name, v=name) for name in "abc"))
    waiter = desk.dispatcher.wait(desk.push({"a.v": 1}), None, blocks_loop=True)
    assert waiter is not None
    desk.finish(desk.running[0], {"b.v": 2})
    assert desk.released == [waiter]


def test_who_blocks_the_loop_sees_through_another_waiter():
    """It waits for a callback that waits for a coroutine."""
    desk = Desk()
    desk.callback("plain", "b.v", "a.v", queue_key="device", initial=False)
    desk.callback("coroutine", "d.v", "c.v", initial=False, coroutine=True)
    desk.start(*(component(name, v=name) for name in "abcd"))
    regular = Regular("device")
    desk.dispatcher.submit(regular)
    cell = desk.dispatcher.wait(desk.push({"a.v": 1}), None, blocks_loop=True)
    assert cell is not None
    inner = desk.dispatcher.wait(desk.push({"c.v": 1}, regular), regular, blocks_loop=False)
    assert inner is not None
    desk.take(desk.dispatcher.receive_change(ANN, {}))
    assert desk.released == [cell]


def test_a_regular_call_takes_its_turn_in_a_lane():
    """S2 callbacks and shared ones may share a lock."""
    desk = desk_with("ab", queue_key="device")
    first, second = Regular("device"), Regular("device")
    assert desk.dispatcher.submit(first)
    desk.change(ANN, {"a.v": 1})
    assert desk.running == []
    assert not desk.dispatcher.submit(second)
    desk.take(desk.dispatcher.finish(first))
    assert desk.names == ["ab"]
    desk.settle()
    [following] = [action.call for action in desk.dispatcher.finish(second)] or [None]
    assert following is None


def test_a_waiter_sees_a_call_once_however_many_wait_for_it():
    """Two calls that stand in one serial queue, and one waiter whose wave has both."""
    queue_key = object()
    desk = desk_with("ab", "ac", queue_key=queue_key)
    waiter = desk.dispatcher.wait(desk.push({"a.v": 1}), Regular("another lane"), blocks_loop=True)
    assert waiter is not None
    assert len(waiter.calls()) == 2
    assert repr(desk.running[0]) == "<Call ab a.v>"
    desk.settle()
    assert desk.released == [waiter]


def test_who_does_not_wait_any_more_may_give_up_again():
    """It was released meanwhile."""
    desk = desk_with("ab")
    waiter = desk.dispatcher.wait(desk.push({"a.v": 1}), None, blocks_loop=False)
    desk.settle()
    assert desk.released == [waiter]
    desk.dispatcher.give_up(waiter)
    assert desk.released == [waiter]

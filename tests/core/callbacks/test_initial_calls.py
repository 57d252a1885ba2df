"""First calls that are held until a cell has run."""

from __future__ import annotations

from tests.core.desk import Desk, client, component

ANN = client("ann")


def started() -> Desk:
    """An app that runs, without callbacks."""
    desk = Desk()
    desk.start(*(component(name, v=name) for name in "abcd"))
    return desk


def test_a_held_callback_is_called_at_its_release_once():
    """With what it hangs on, in order; a second release calls nothing."""
    desk = started()
    desk.callback("g", "c.v", "b.v", hold=True)
    desk.callback("f", "b.v", "a.v", hold=True)
    assert desk.names == []
    desk.release()
    desk.settle()
    desk.release()
    assert desk.called == [("f", ["a"]), ("g", ["f(a)"])]


def test_others_do_not_wait_for_it():
    """A callback that is declared meanwhile without being held is called at once, and it alone."""
    desk = started()
    desk.callback("f", "b.v", "a.v", hold=True)
    desk.callback("g", "d.v", "a.v")
    assert desk.names == ["g"]
    desk.settle()
    desk.release()
    assert desk.names == ["g", "f"]


def test_what_a_person_does_meanwhile_is_its_first_call():
    """Nobody waits for the cell, and the value is not given to the device twice."""
    desk = started()
    desk.callback("f", "b.v", "a.v", hold=True)
    desk.change(ANN, {"a.v": 1})
    desk.settle()
    desk.release()
    assert desk.called == [("f", [1])]
    assert desk.value("b.v") == "f(1)"


def test_what_is_set_meanwhile_stays():
    """As if it had been called at once: the call gives way to what was set after its declaration, not before."""
    desk = started()
    desk.push({"b.v": "early"})
    desk.callback("f", "b.v c.v", "a.v", hold=True)
    desk.push({"c.v": "late"})
    desk.release()
    desk.settle()
    assert (desk.value("b.v"), desk.value("c.v")) == ("f(a)", "late")


def test_one_that_is_taken_away_again_is_never_called():
    """The cell failed after its declaration."""
    desk = started()
    spec = desk.callback("f", "b.v", "a.v", hold=True)
    desk.dispatcher.remove_callback(spec)
    desk.release()
    assert desk.names == []


def test_nothing_is_held_before_the_start_or_beyond_the_next():
    """The start calls all; an app that was stopped meanwhile calls what was held when it starts again."""
    desk = Desk()
    desk.callback("f", "b.v", "a.v", hold=True)
    desk.start(*(component(name, v=name) for name in "abcd"))
    assert desk.names == ["f"]
    desk.callback("g", "d.v", "a.v", hold=True)
    desk.start(*(component(name, v=name) for name in "abcd"))
    assert desk.names == ["f", "g"]


def test_an_optional_input_need_not_be_there():
    """The others must, and one of the outputs."""
    desk = Desk()
    desk.callback("f", "out.v", "here.v never.v", optional=frozenset({1}))
    desk.callback("g", "out.w", "here.v never.v")
    desk.start(component("here", v=1), component("out"))
    assert desk.called == [("f", [1, None])]

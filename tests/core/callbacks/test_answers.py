"""What pages answer to a change that they got with others, as after a lost connection."""

from __future__ import annotations

from dash_devices_nb.core.callbacks.propagation import Cause, CauseKind
from tests.core.desk import Desk, client, component

ANNE, BEN = client("anne"), client("ben")


def a_ring() -> Desk:
    desk = Desk()
    desk.callback("watch", "watched.children", "p.value q.value")
    desk.start(*(component(name, value="0") for name in ("p", "q")), component("watched"))
    desk.settle()
    return desk


def test_the_answer_of_a_page_that_was_brought_up_from_the_state_is_taken_once():
    """It got the newest values of all props with the revision of the last of them."""
    desk = a_ring()
    desk.push({"p.value": "pushed"})
    desk.push({"watched.title": "later"})
    caught_up = Cause(("p", "value"), desk.dispatcher.state.revision)
    desk.change(ANNE, {"q.value": "anne's answer"}, caught_up)
    assert desk.value("q.value") == "anne's answer"
    desk.change(BEN, {"q.value": "ben's answer"}, caught_up)
    assert desk.value("q.value") == "anne's answer"


def test_an_answer_to_what_is_not_yet_is_not_taken():
    """A page says a revision that the state does not have."""
    desk = a_ring()
    desk.push({"p.value": "pushed"})
    desk.change(ANNE, {"q.value": "answer"}, Cause(("p", "value"), desk.dispatcher.state.revision + 1))
    assert desk.value("q.value") == "0"


def test_a_refused_answer_is_undone_though_nobody_has_set_the_prop():
    """The layout's value holds, and all the other pages show it."""
    desk = a_ring()
    desk.push({"p.value": "old"})
    old = desk.dispatcher.state.revision
    desk.push({"p.value": "new"})
    desk.change(ANNE, {"q.value": "answer to the old one"}, Cause(("p", "value"), old))
    (undone,) = desk.refused
    assert {key: value.plain for key, value in undone.mods.items()} == {("q", "value"): "0"}


def test_a_cause_says_whether_the_program_pushed():
    """To all pages or to one; what a page's callback or component has answered, no push has."""
    pushed = {CauseKind.PUSHED, CauseKind.OWN}
    assert {kind for kind in CauseKind if Cause(kind=kind).by_push} == pushed

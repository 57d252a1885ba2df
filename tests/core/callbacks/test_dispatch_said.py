"""What components say by themselves, and what browsers have kept: nobody's act, once over all pages, or not at all."""

from dataclasses import replace

from dash_devices_nb.core.callbacks.propagation import ACTED, Cause, CauseKind
from tests.core.desk import Desk, client, component, key


def test_a_component_answers_once_over_all_pages():
    """What components say of a pushed value is taken once, from nobody; the page that was first may correct itself."""
    desk = Desk()
    desk.callback("act", "", "slider.drag")
    desk.callback("move", "", "slider.value")
    desk.start(component("slider", value=1))
    one, other = client("one"), client("other")
    desk.push({"slider.value": 9})
    cause = Cause(key("slider.value"), desk.dispatcher.state.revision, kind=CauseKind.SAID)
    desk.settle()
    desk.forget()
    for who, value in ((one, 9), (other, 9), (other, 8), (one, 7)):
        desk.change(who, {"slider.drag": value}, cause)
        desk.settle()
    assert [args for _, args in desk.called] == [[9], [7]]
    assert desk.clients == [None, None]
    assert [(refuse.client, refuse.mods[key("slider.drag")].plain) for refuse in desk.refused] == [(other, 9)]
    desk.push({"slider.value": 3})
    desk.change(other, {"slider.drag": 9}, cause)
    assert desk.value("slider.drag") == 7, "it answers a change that is no more the newest"


def test_a_component_may_answer_with_the_very_prop_that_was_pushed():
    """A toast that closes: each push of it is answered once, and the answer by nothing."""
    desk = Desk()
    desk.callback("act", "", "toast.is_open")
    desk.start(component("toast"))
    one, other = client("one"), client("other")
    for _ in range(2):
        desk.push({"toast.is_open": True})
        cause = Cause(key("toast.is_open"), desk.dispatcher.state.revision, kind=CauseKind.SAID)
        for who in (one, other):
            desk.change(who, {"toast.is_open": False}, cause)
        desk.change(other, {"toast.is_open": True}, replace(cause, revision=desk.dispatcher.state.revision))
        desk.settle()
    assert [args for _, args in desk.called] == [[True], [False]] * 2
    assert set(desk.clients) == {None}


def test_what_a_browser_has_kept_is_given_back():
    """It is not taken, whether the prop was ever set or not, and the page gets what the app has."""
    desk = Desk()
    desk.callback("act", "", ["field.value", "other.value"])
    desk.start(component("field", value="5"), component("other", value="1"))
    desk.push({"other.value": "2"})
    desk.forget()
    desk.change(client("one"), {"field.value": "9", "other.value": "9"}, Cause(kind=CauseKind.KEPT))
    assert desk.called == []
    assert {k: v.plain for k, v in desk.refused[0].mods.items()} == {key("field.value"): "5", key("other.value"): "2"}


def test_what_the_acting_pages_component_said_itself_no_other_page_answers():
    """A store's time comes with the act; the other pages' stores, each with a time of its own, are not heard."""
    desk = Desk()
    desk.callback("act", "", "store.data")
    desk.callback("time", "", "store.time")
    desk.start(component("store"))
    one, other = client("one"), client("other")
    desk.change(one, {"store.data": 2})
    cause = Cause(key("store.data"), desk.dispatcher.state.revision, kind=CauseKind.SAID)
    desk.change(one, {"store.time": 100})
    desk.change(other, {"store.time": 103}, cause)
    desk.settle()
    assert desk.called == [("act", [2]), ("time", [100])]
    assert desk.clients == [one, one]
    assert [(refuse.client, refuse.mods[key("store.time")].plain) for refuse in desk.refused] == [(other, 100)]
    desk.push({"store.data": 3})
    desk.change(
        other, {"store.time": 200}, Cause(key("store.data"), desk.dispatcher.state.revision, kind=CauseKind.SAID)
    )
    desk.settle()
    assert desk.called[-1] == ("time", [200]), "a push is answered as before"


def test_what_a_person_has_done_no_other_page_answers_first():
    """The acting page's store tells its time a task later; until that page leaves, it alone speaks of its act."""
    desk = Desk()
    desk.callback("act", "", "store.data")
    desk.callback("time", "", "store.time")
    desk.start(component("store"))
    one, other = client("one"), client("other")
    desk.change(one, {"store.data": 2})
    cause = Cause(key("store.data"), desk.dispatcher.state.revision, kind=CauseKind.SAID)
    desk.change(other, {"store.time": 103}, cause)
    desk.change(one, {"store.time": 100})
    desk.settle()
    assert desk.called == [("act", [2]), ("time", [100])]
    assert desk.clients == [one, one]
    desk.change(one, {"store.data": 3})
    cause = replace(cause, revision=desk.dispatcher.state.revision)
    desk.take(desk.dispatcher.receive_leave("one"))
    desk.change(other, {"store.time": 200}, cause)
    desk.settle()
    assert desk.called[2:] == [("act", [3]), ("time", [200])]
    assert desk.clients[3] is None


def test_what_a_component_says_of_nothing_counts_where_nobody_has_set_the_prop():
    """At the start of a page: a table says what it shows, which the first page has said already."""
    desk = Desk()
    desk.callback("act", "", "table.shown")
    desk.start(component("table"))
    one, other = client("one"), client("other")
    desk.change(one, {"table.shown": [1]}, Cause(kind=CauseKind.SAID))
    desk.change(other, {"table.shown": [2]}, Cause(kind=CauseKind.SAID))
    desk.settle()
    assert [args for _, args in desk.called][-1] == [[1]]
    assert desk.value("table.shown") == [1]


def test_what_a_component_says_to_an_act_counts_unless_that_came_of_it():
    """The act of that page's person may have been shared or not."""
    desk = Desk()
    desk.callback("act", "", "slider.drag slider.value")
    desk.callback("back", "slider.value", "other.v", initial=False)
    desk.start(component("slider", value=1), component("other"))
    one = client("one")
    said = Cause(key("slider.value"), ACTED, kind=CauseKind.SAID)
    desk.change(one, {"slider.drag": 5}, said)
    assert desk.value("slider.drag") == 5, "the app had heard of no act"
    desk.change(one, {"slider.value": 6})
    desk.change(one, {"slider.drag": 6}, said)
    assert desk.value("slider.drag") == 6
    desk.change(one, {"slider.drag": 6.5})
    desk.change(one, {"slider.value": 7}, Cause(key("slider.drag"), desk.dispatcher.state.revision))
    desk.change(client("two"), {"slider.drag": 8}, said)
    assert desk.value("slider.drag") == 6.5, "the value had come of it"

"""Compare and set: a change that counts only if nobody else was faster."""

from __future__ import annotations

from dash_devices_nb.core.callbacks.actions import Refuse, Run, Send
from tests.core.desk import Desk, client, component, values


def test_of_two_that_add_to_one_value_only_the_first_counts():
    """The second gets the value that holds, and adds to that."""
    desk = Desk()
    desk.callback("f", "shown.children", "n.v", initial=False)
    desk.start(component("n", v=0), component("shown"))
    anne, ben = client("anne"), client("ben")
    dispatcher = desk.dispatcher
    first = dispatcher.receive_change(anne, values({"n.v": 1}), if_revision=0)
    assert [type(action) for action in first] == [Send, Run]
    revision = dispatcher.state.get(("n", "v")).revision
    (refused,) = dispatcher.receive_change(ben, values({"n.v": 1}), if_revision=0)
    assert isinstance(refused, Refuse)
    assert (refused.client, refused.mods) == (ben, values({"n.v": 1}))
    assert refused.reason == "n.v was changed after revision 0"
    assert dispatcher.changed_since([("n", "v")], revision) == []
    dispatcher.receive_change(ben, values({"n.v": 2}), if_revision=revision)
    assert dispatcher.value(("n", "v")).plain == 2


def test_a_batch_is_set_whole_or_not_at_all():
    """One stale prop keeps the others, whose values are told, too."""
    desk = Desk()
    desk.callback("f", "shown.children", "a.v b.v", initial=False)
    desk.start(component("a", v=0), component("b", v=0), component("shown"))
    desk.dispatcher.receive_change(client("ben"), values({"b.v": 5}))
    (refused,) = desk.dispatcher.receive_change(client("anne"), values({"a.v": 1, "b.v": 1}), if_revision=0)
    assert refused.mods == values({"a.v": 0, "b.v": 5})
    assert desk.dispatcher.state.get(("a", "v")) is None

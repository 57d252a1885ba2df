"""Shared callbacks: serialized, in order, once at the start, once a change, chained on the server."""

from hypothesis import given
from hypothesis import strategies as st

from dash_devices_nb.core.callbacks.services import Services
from tests.core.desk import SHARED_MOST_RECENT, Desk, client, component

ANN, BEN = client("ann"), client("ben")


def diamond(desk: Desk) -> None:
    """a leads to b and c, both lead to d."""
    desk.callback("d", "d.v", "b.v c.v")
    desk.callback("b", "b.v", "a.v")
    desk.callback("c", "c.v", "a.v")


def boxes(names: str, **given_values) -> list:
    """Components with a value each; its own name by default."""
    return [component(name, v=given_values.get(name, name)) for name in names.split()]


# ---- the start


def test_at_the_start_each_is_called_once_in_dependency_order():
    """From the layout's values, and down the chain from the results, whatever the order of the declarations."""
    desk = Desk()
    diamond(desk)
    desk.start(*boxes("a b c d"))
    assert desk.names == ["b", "c"]
    desk.settle()
    assert desk.called == [("b", ["a"]), ("c", ["a"]), ("d", ["b(a)", "c(a)"])]
    assert desk.value("d.v") == "d(b(a),c(a))"
    assert desk.clients == [None, None, None]


def test_what_is_set_while_an_initial_call_runs_stays():
    """A cell may start the app and push to a callback's output in its next line; the first call ends later."""
    desk = Desk()
    desk.callback("f", "b.v c.v", "a.v")
    desk.callback("g", "d.v", "b.v")
    desk.start(*boxes("a b c d"))
    assert desk.names == ["f"]
    desk.push({"b.v": "pushed"})
    desk.settle()
    assert desk.value("b.v") == "pushed"
    assert desk.value("c.v") == "f(a)"
    assert desk.value("d.v") == "g(pushed)"
    desk.change(ANN, {"a.v": "new"})
    desk.settle()
    assert desk.value("b.v") == "f(new)"


def test_nothing_is_called_before_the_start():
    """A push before `run` sets the value from which the start begins."""
    desk = Desk()
    desk.callback("f", "b.v", "a.v")
    propagation = desk.push({"a.v": "pushed"})
    assert propagation.over
    desk.change(ANN, {"a.v": "early"})
    assert desk.called == []
    desk.start(*boxes("a b"))
    assert desk.called == [("f", ["early"])]


def test_a_callback_without_output_is_not_called_by_itself():
    """Not at the start, not down the chain of the start, not when its components come."""
    desk = Desk()
    desk.callback("reboot", "", "a.v")
    desk.callback("f", "b.v", "a.v")
    desk.callback("log", "", "b.v")
    desk.callback("late", "", "c.v")
    desk.start(*boxes("a b"))
    desk.settle()
    desk.come(*boxes("c"))
    assert desk.names == ["f"]
    desk.change(ANN, {"a.v": 1})
    desk.settle()
    assert desk.names == ["f", "reboot", "f", "log"]


def test_prevent_initial_call_is_respected():
    """It is called by changes only, also by those of the start's chain."""
    desk = Desk()
    desk.callback("quiet", "b.v", "a.v", initial=False)
    desk.callback("f", "x.v", "y.v")
    desk.callback("down", "z.v", "x.v", initial=False)
    desk.start(*boxes("a b x y z"))
    desk.settle()
    assert desk.names == ["f", "down"]


def test_components_that_come_later_bring_the_first_call():
    """Once, when the last of its inputs is there; not again when they come again."""
    desk = Desk()
    desk.callback("f", "c.v", "a.v b.v")
    desk.start(*boxes("a"))
    assert desk.called == []
    desk.come(*boxes("b"))
    assert desk.called == []
    desk.come(*boxes("c"))
    assert desk.called == [("f", ["a", "b"])]
    desk.settle()
    desk.come(*boxes("a b c"))
    assert len(desk.called) == 1


def test_components_that_a_callback_brings_in_get_their_first_call():
    """By its normal output as by a push."""
    desk = Desk()
    desk.callback("f", "out.children", "a.v", function=lambda a: [component("inner", v="from f")])
    desk.callback("g", "shown.v", "inner.v")
    desk.callback("h", "shown2.v", "pushed.v")
    desk.start(*boxes("a shown shown2"), component("out"))
    desk.settle()
    assert desk.called == [("f", ["a"]), ("g", ["from f"])]
    desk.push({"out.children": [component("pushed", v="from push")]})
    desk.settle()
    assert desk.called[-1] == ("h", ["from push"])


def test_a_callback_declared_while_the_app_runs_is_called_at_once():
    """As it would have been at the start; and again when it is declared anew."""
    desk = Desk()
    desk.start(*boxes("a b"))
    first = desk.callback("f", "b.v", "a.v")
    desk.settle()
    assert desk.called == [("f", ["a"])]
    desk.push({"a.v": 1})
    desk.settle()
    desk.dispatcher.remove_callback(first)
    desk.change(ANN, {"a.v": 2})
    desk.callback("f", "b.v", "a.v")
    assert desk.called == [("f", ["a"]), ("f", [1]), ("f", [2])]


# ---- a change


def test_one_change_is_one_call_with_the_client_in_the_first_link_only():
    """Down the chain the client is None."""
    desk = Desk()
    desk.start(*boxes("a b c"))
    desk.callback("f", "b.v", "a.v", initial=False)
    desk.callback("g", "c.v", "b.v", initial=False)
    desk.change(ANN, {"a.v": 1})
    desk.settle()
    assert desk.called == [("f", [1]), ("g", ["f(1)"])]
    assert desk.clients == [ANN, None]


def test_a_push_has_no_client():
    """Nobody made it."""
    desk = Desk()
    desk.start(*boxes("a b"))
    desk.callback("f", "b.v", "a.v", initial=False)
    desk.push({"a.v": 1})
    assert desk.clients == [None]


def test_a_diamond_is_called_once():
    """Its end waits for both sides."""
    desk = Desk()
    diamond(desk)
    desk.start(*boxes("a b c d"))
    desk.settle()
    desk.forget()
    desk.change(ANN, {"a.v": 1})
    b, c = desk.running
    desk.finish(b, {"b.v": "B"})
    assert desk.names == ["b", "c"]
    desk.finish(c, {"c.v": "C"})
    assert desk.called[-1] == ("d", ["B", "C"])


def test_a_side_that_sends_nothing_does_not_hold_up_the_diamond():
    """The end is called with what changed; if nothing did, it is not called."""
    desk = Desk()
    diamond(desk)
    desk.start(*boxes("a b c d"))
    desk.settle()
    desk.forget()
    desk.change(ANN, {"a.v": 1})
    b, c = desk.running
    desk.finish(b)
    desk.finish(c, {"c.v": "C"})
    assert desk.called[-1] == ("d", ["b(a)", "C"])
    desk.settle()
    desk.forget()
    desk.change(ANN, {"a.v": 2})
    for call in list(desk.running):
        desk.finish(call)
    assert desk.names == ["b", "c"]


def test_several_props_of_one_change_make_one_call():
    """All that came in one frame is one change."""
    desk = Desk()
    desk.start(*boxes("a b c"))
    desk.callback("f", "c.v", "a.v b.v", initial=False)
    desk.change(ANN, {"a.v": 1, "b.v": 2})
    assert desk.called == [("f", [1, 2])]
    assert desk.running[0].triggered in ((("a", "v"), ("b", "v")), (("b", "v"), ("a", "v")))


def test_calls_are_serialized_and_in_the_order_of_the_changes():
    """With the values at the time of each change, state included."""
    desk = Desk()
    desk.start(*boxes("a b s"))
    desk.callback("f", "b.v", "a.v", "s.v", initial=False)
    for number in range(3):
        desk.change(ANN if number % 2 else BEN, {"a.v": number, "s.v": -number} if number == 1 else {"a.v": number})
    assert desk.called == [("f", [0, "s"])]
    desk.settle()
    assert desk.called == [("f", [0, "s"]), ("f", [1, -1]), ("f", [2, -1])]
    assert desk.clients == [BEN, ANN, BEN]


def test_a_slow_callback_does_not_hold_up_another():
    """Different serial queues run at once."""
    desk = Desk()
    desk.start(*boxes("a b c d"))
    desk.callback("slow", "b.v", "a.v", initial=False)
    desk.callback("quick", "d.v", "c.v", initial=False)
    desk.change(ANN, {"a.v": 1})
    desk.change(BEN, {"c.v": 2})
    assert len(desk.running) == 2


def test_callbacks_with_one_lock_do_not_overlap():
    """They run in the order of the changes, one after the other."""
    desk = Desk()
    desk.start(*boxes("a b c d"))
    desk.callback("f", "b.v", "a.v", queue_key="device", initial=False)
    desk.callback("g", "d.v", "c.v", queue_key="device", initial=False)
    for mods in ({"a.v": 1}, {"c.v": 2}, {"a.v": 3}):
        desk.change(ANN, mods)
    assert len(desk.running) == 1
    desk.settle()
    assert desk.called == [("f", [1]), ("g", [2]), ("f", [3])]


def test_a_callback_that_is_not_serialized_overlaps_with_itself():
    """Its serial queue is None."""
    desk = Desk()
    desk.start(*boxes("a b"))
    service = Services.SHARED & ~Services.SERIALIZED_CALLBACK
    desk.callback("f", "b.v", "a.v", queue_key=None, initial=False, service=service)
    desk.change(ANN, {"a.v": 1})
    desk.change(ANN, {"a.v": 2})
    assert len(desk.running) == 2


def test_most_recent_drops_the_waiting_changes_but_the_newest():
    """What runs is not interrupted; all that was triggered meanwhile is named."""
    desk = Desk()
    desk.start(*boxes("a b c"))
    desk.callback("f", "c.v", "a.v b.v", service=Services.SHARED_MOST_RECENT, initial=False)
    for mods in ({"a.v": 1}, {"a.v": 2}, {"b.v": 3}, {"a.v": 4}):
        desk.change(ANN, mods)
    desk.settle()
    assert desk.called == [("f", [1, "b"]), ("f", [4, 3])]


def test_most_recent_settles_the_wave_that_was_dropped_with_the_newer_one():
    """Whoever waits for it waits for the newer one, by which what hangs on it is called."""
    desk = Desk()
    desk.start(*boxes("a b c"))
    desk.callback("f", "b.v", "a.v", service=Services.SHARED_MOST_RECENT, initial=False)
    desk.callback("g", "c.v", "b.v", initial=False)
    propagations = [desk.push({"a.v": number}) for number in range(4)]
    waiters = [desk.dispatcher.wait(propagation, None, blocks_loop=False) for propagation in propagations]
    desk.finish(desk.running[0], {"b.v": "f(0)"})
    assert [propagation.over for propagation in propagations] == [False, False, False, False]
    desk.finish(desk.running[1], {"c.v": "g(f(0))"})
    assert [propagation.over for propagation in propagations] == [True, False, False, False]
    assert desk.called == [("f", [0]), ("f", [3]), ("g", ["f(0)"])]
    desk.settle()
    assert desk.released == waiters[:1] + waiters[1:3] + waiters[3:]
    assert all(propagation.over for propagation in propagations)
    assert [desk.names.count(name) for name in "fg"] == [2, 2]
    assert desk.value("c.v") == "g(f(3))"


def test_a_callback_that_fails_lets_the_next_one_run():
    """A device service goes on after an error."""
    desk = Desk()
    desk.start(*boxes("a b"))
    desk.callback("f", "b.v", "a.v", initial=False)
    desk.change(ANN, {"a.v": 1})
    desk.change(ANN, {"a.v": 2})
    desk.finish(desk.running[0])
    assert desk.called[-1] == ("f", [2])
    desk.settle()
    assert desk.value("b.v") == "f(2)"


def test_a_callback_that_is_removed_while_it_runs_ends_in_peace():
    """Its running and waiting calls go on; a new change no longer calls it."""
    desk = Desk()
    desk.start(*boxes("a b"))
    spec = desk.callback("f", "b.v", "a.v", initial=False)
    desk.change(ANN, {"a.v": 1})
    desk.change(ANN, {"a.v": 2})
    desk.dispatcher.remove_callback(spec)
    desk.settle()
    assert desk.names == ["f", "f"]
    desk.push({"a.v": 3})
    assert desk.running == []


CHANGES = st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 9)), min_size=1, max_size=12)
STEPS = st.lists(st.booleans(), max_size=40)


@given(CHANGES, STEPS, st.booleans())
def test_any_interleaving_of_changes_and_results_ends_in_the_same_state(changes, steps, one_lock):
    """One callback sees its changes in their order, never overlaps, and the end follows from the last values."""
    desk = Desk()
    desk.start(*boxes("a b x y z"))
    queue_key = "device" if one_lock else "own"
    desk.callback("f", "x.v", "a.v", queue_key=queue_key, initial=False)
    desk.callback("g", "y.v", "b.v", queue_key=queue_key, initial=False)
    desk.callback("h", "z.v", "x.v y.v", initial=False)
    pending, given_steps = list(changes), iter(steps)
    while pending or desk.running:
        if pending and (not desk.running or next(given_steps, True)):
            name, value = pending.pop(0)
            desk.change(ANN, {f"{name}.v": value})
        else:
            call = desk.running[0]
            argument = ",".join(str(value.plain) for value in call.inputs)
            desk.finish(call, {".".join(call.resolved.output_keys[0]): f"{call.spec.name}({argument})"})
        queues = [call.queue_key for call in desk.running]
        assert len(queues) == len(set(queues))
    for name, function in (("a", "f"), ("b", "g")):
        calls = [arguments[0] for called, arguments in desk.called if called == function]
        assert calls == [value for changed, value in changes if changed == name]
    last = dict(changes)
    x, y = (f"f({last['a']})" if "a" in last else "x"), (f"g({last['b']})" if "b" in last else "y")
    assert desk.value("z.v") == f"h({x},{y})"
    assert len(desk.dispatcher.queues) == 0


def test_the_newest_call_overtakes_none_of_another_callback():
    """Two that share a serial queue: each has its own newest call wait there."""
    desk = Desk()
    queue_key = object()
    for name in "fg":
        options = {"queue_key": queue_key, "initial": False, "service": SHARED_MOST_RECENT}
        desk.callback(name, "", f"{name}.v", **options)
    desk.start(component("f"), component("g"))
    for mods in ({"f.v": 1}, {"g.v": 1}, {"f.v": 2}, {"g.v": 2}, {"f.v": 3}):
        desk.push(mods)
    desk.settle()
    assert desk.called == [("f", [1]), ("g", [2]), ("f", [3])]

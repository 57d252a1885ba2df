"""What callbacks return beside their outputs: alternate outputs, `set_props`, and patterns in shared callbacks."""

from dash_devices_nb.core.props.ids import Ref, Wild
from dash_devices_nb.errors import CallbackCycleError
from tests.core.desk import Desk, client, component

ANN = client("ann")


def desk_of(names: str) -> Desk:
    """Components with their names as values, and the app started."""
    desk = Desk()
    desk.start(*(component(name, v=name) for name in names.split()))
    return desk


def test_an_alternate_output_goes_to_all_and_is_kept():
    """Also to a component that no callback names."""
    desk = desk_of("a b other")
    desk.callback("f", "b.v", "a.v", initial=False)
    desk.change(ANN, {"a.v": 1})
    desk.finish(desk.running[0], {"other.v": 5})
    assert desk.sent[-1].but is None
    assert (desk.value("other.v"), desk.value("b.v")) == (5, "b")


def test_an_alternate_output_calls_what_hangs_on_it():
    """With client None, and so does that of a callback without output."""
    desk = desk_of("a b x y")
    desk.callback("f", "", "a.v")
    desk.callback("g", "y.v", "x.v", initial=False)
    desk.change(ANN, {"a.v": 1})
    desk.finish(desk.running[0], {"x.v": 5})
    assert desk.called == [("f", [1]), ("g", [5])]
    assert desk.clients == [ANN, None]


def test_an_alternate_output_within_the_plan_calls_once():
    """d hangs on the normal output of f and on the alternate one."""
    desk = desk_of("a b x d")
    desk.callback("f", "b.v", "a.v", initial=False)
    desk.callback("d", "d.v", "b.v x.v", initial=False)
    desk.change(ANN, {"a.v": 1})
    desk.finish(desk.running[0], {"b.v": 2, "x.v": 3})
    assert desk.called == [("f", [1]), ("d", [2, 3])]


def test_an_own_input_as_output_does_not_call_again():
    """A callback that corrects what was given is not called by its own correction; others are."""
    desk = desk_of("a b")
    desk.callback("clamp", "a.v", "a.v", initial=False)
    desk.callback("f", "b.v", "a.v", initial=False)
    desk.change(ANN, {"a.v": 99})
    [clamp] = [call for call in desk.running if call.spec.name == "clamp"]
    for call in [call for call in desk.running if call is not clamp]:
        desk.finish(call, {"b.v": "early"})
    desk.finish(clamp, {"a.v": 10})
    desk.settle()
    assert desk.names.count("clamp") == 1
    assert desk.value("a.v") == 10
    assert desk.value("b.v") == "f(10)"


def test_alternate_outputs_in_a_circle_are_stopped_and_named():
    """They cannot be seen when the callbacks are declared."""
    desk = desk_of("a b")
    desk.callback("ping", "", "a.v", function=lambda a: {"b.v": a + 1})
    desk.callback("pong", "", "b.v", function=lambda b: {"a.v": b + 1})
    desk.change(ANN, {"a.v": 1})
    desk.settle()
    assert desk.names == ["ping", "pong"]
    [report] = desk.reported
    assert isinstance(report.error, CallbackCycleError)
    assert str(report.error) == (
        "alternate outputs would call shared callbacks for ever: ping -> pong -> ping; stopped after one round"
    )
    assert desk.value("a.v") == 3
    desk.change(ANN, {"a.v": 5})
    assert desk.names[-1] == "ping"


def test_a_push_that_comes_back_unchanged_ends_the_circle():
    """A callback pushes its own input: a clamped value reaches the device, and the same one again only pages."""
    desk = desk_of("a b")
    desk.callback("clamp", "", "a.v")
    desk.change(ANN, {"a.v": 9})
    for _ in range(2):
        [call] = desk.running
        desk.push({"a.v": 5}, holder=call)
        desk.finish(call)
    assert desk.running == []
    assert desk.called == [("clamp", [9]), ("clamp", [5])]
    assert len([send for send in desk.sent if send.but is None]) == 2
    desk.push({"a.v": 5})
    assert desk.called[2:] == [("clamp", [5])]


def test_callbacks_that_push_to_each_other_end_where_nothing_changes():
    """The way back is in the lineage; what it brings besides is called all the same."""
    desk = desk_of("a b x")
    desk.callback("ping", "", "a.v")
    desk.callback("pong", "", "b.v")
    desk.callback("other", "", "x.v")
    desk.change(ANN, {"a.v": 1})
    [ping] = desk.running
    desk.push({"b.v": "b"}, holder=ping)  # it has this value already, but did not lead here
    desk.finish(ping)
    [pong] = desk.running
    desk.push({"a.v": 1, "x.v": "x"}, holder=pong)
    desk.finish(pong)
    desk.settle()
    assert desk.names == ["ping", "pong", "other"]


def test_the_start_does_not_call_callbacks_without_output_through_alternate_outputs():
    """Nobody acted."""
    desk = Desk()
    desk.callback("f", "b.v", "a.v", function=lambda a: {"x.v": 1})
    desk.callback("reboot", "", "x.v")
    desk.start(*(component(name, v=name) for name in "abx"))
    desk.settle()
    assert desk.names == ["f"]


# ---- patterns


def rows(count: int, kind: str = "row") -> list:
    """Numbered components with their numbers as values."""
    return [component({"kind": kind, "n": n}, v=n) for n in range(count)]


def pattern(kind: str, wild: Wild) -> Ref:
    """All rows, or the matching one."""
    return Ref(f"{kind}-{wild.value}", "v", (("kind", kind), ("n", wild)))


def row(n: int, kind: str = "row") -> str:
    """A prop of a row."""
    return f'{{"kind":"{kind}","n":{n}}}.v'


def test_match_calls_the_instance_of_the_component_that_changed():
    """Each instance has its own output."""
    desk = Desk()
    desk.callback("f", [pattern("label", Wild.MATCH)], [pattern("row", Wild.MATCH)], initial=False)
    desk.start(*rows(3), *rows(3, "label"))
    desk.change(ANN, {row(1): 10})
    assert desk.called == [("f", [10])]
    assert desk.running[0].resolved.output_keys == (('{"kind":"label","n":1}', "v"),)


def test_all_gets_every_value_in_the_order_of_the_layout():
    """As a list, in one call."""
    desk = Desk()
    desk.callback("total", "total.v", [pattern("row", Wild.ALL)])
    desk.start(*rows(3), component("total"))
    desk.settle()
    desk.change(ANN, {row(1): 10})
    assert desk.called == [("total", [[0, 1, 2]]), ("total", [[0, 10, 2]])]
    assert desk.running[0].triggered == (('{"kind":"row","n":1}', "v"),)


def test_components_of_a_pattern_that_come_later_bring_their_instances():
    """Each new instance of MATCH is called once, the old ones are not called again."""
    desk = Desk()
    desk.callback("f", [pattern("label", Wild.MATCH)], [pattern("row", Wild.MATCH)])
    desk.start(*rows(1), *rows(1, "label"))
    desk.settle()
    desk.come(*rows(3), *rows(3, "label"))
    desk.settle()
    assert desk.called == [("f", [0]), ("f", [1]), ("f", [2])]


def test_instances_of_one_callback_are_serialized_too():
    """They are one callback, which may drive one device."""
    desk = Desk()
    desk.callback("f", [pattern("label", Wild.MATCH)], [pattern("row", Wild.MATCH)], initial=False)
    desk.start(*rows(2), *rows(2, "label"))
    desk.change(ANN, {row(0): 5})
    desk.change(ANN, {row(1): 6})
    assert len(desk.running) == 1


def test_a_callback_from_all_to_match_of_one_prop_is_called_once_for_each():
    """Its instances lead to each other: none waits for another, none is called again, and what follows is called."""
    desk = Desk()
    desk.callback("f", [pattern("row", Wild.MATCH)], [pattern("row", Wild.ALL)], initial=False)
    desk.callback("total", "total.v", [pattern("row", Wild.ALL)], initial=False)
    desk.start(*rows(3), component("total"))
    waiter = desk.dispatcher.wait(propagation := desk.push({row(1): 10}), None, blocks_loop=False)
    assert waiter is not None
    desk.settle()
    assert desk.names == ["f", "f", "f", "total"]
    assert [desk.value(row(n)) for n in range(3)] == ["f([0, 10, 2])"] * 3
    assert desk.reported == []
    assert propagation.over
    assert desk.released == [waiter]


def test_each_row_from_the_smaller_ones_of_the_same_prop_is_computed_in_order():
    """These lead to each other in one direction only."""
    desk = Desk()
    desk.callback("sum", [pattern("row", Wild.MATCH)], [pattern("row", Wild.ALLSMALLER)], initial=False, function=sum)
    desk.start(*rows(4))
    desk.push({row(0): 5})
    desk.settle()
    assert [desk.value(row(n)) for n in range(4)] == [5, 5, 10, 20]

"""Shared callbacks with ALL, when more components come that they mean."""

from dash_devices_nb.core.props.ids import Ref, Wild, canonical
from tests.core.desk import Desk, component

CELLS = Ref(canonical({"kind": "cell", "n": "all"}), "value", (("kind", "cell"), ("n", Wild.ALL)))


def cell(n: int):
    return component({"kind": "cell", "n": n}, value=n)


def test_a_callback_with_all_is_called_when_more_components_come():
    """It is called with all that are there, once for those that come together, and not for those it knows."""
    desk = Desk()
    desk.callback("total", "sum.children", [CELLS])
    desk.start(component("sum"), cell(1))
    desk.settle()
    assert desk.called == [("total", [[1]])]
    desk.come(cell(2), cell(3))
    desk.settle()
    assert desk.called[1:] == [("total", [[1, 2, 3]])]
    desk.come(component("sum"), cell(1), cell(2), cell(3))
    desk.settle()
    assert len(desk.called) == 2


def test_a_callback_that_is_not_called_at_the_start_is_not_called_then():
    """Without output, or with prevent_initial_call, components that come call nothing."""
    desk = Desk()
    desk.callback("none", [], [CELLS])
    desk.callback("prevented", "sum.children", [CELLS], initial=False)
    desk.start(component("sum"), cell(1))
    desk.come(cell(2))
    desk.settle()
    assert desk.called == []


def test_a_callback_with_all_is_called_without_the_components_that_a_push_has_removed():
    """What a value for all pages no longer holds is gone, also what was pushed into it; what only moved stays."""
    desk = Desk()
    desk.callback("total", "sum.children", [CELLS])
    desk.start(component("sum"), component("box", children=[cell(1), component("inner")]), component("other"))
    desk.settle()
    desk.push({"inner.children": [cell(2)]})
    desk.settle()
    assert desk.called[-1] == ("total", [[1, 2]])
    desk.push({"other.children": [cell(2)], "box.children": [cell(3)]})
    desk.settle()
    assert desk.called[-1] == ("total", [[2, 3]])
    desk.push({"box.children": "empty"})
    desk.settle()
    assert desk.called[-1] == ("total", [[2]])


def test_components_that_come_while_the_first_call_runs_count():
    """The later of two calls that nobody asked for holds, although the earlier has set the output meanwhile."""
    desk = Desk()
    desk.callback("total", "sum.children", [CELLS])
    desk.start(component("sum"), cell(1))
    desk.come(cell(2))
    desk.settle()
    assert desk.called == [("total", [[1]]), ("total", [[1, 2]])]
    assert desk.value("sum.children") == "total([1, 2])"

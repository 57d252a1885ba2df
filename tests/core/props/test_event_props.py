"""Values that are events: marked for the pages, plain for the program."""

from dash_devices_nb.core.props.event_props import MARK, EventProps, EventValue
from dash_devices_nb.core.props.layout import Layout
from dash_devices_nb.core.props.values import Value
from tests.core.desk import Desk, component, key


def test_a_marked_value_is_the_plain_one_to_whoever_asks():
    """What it brings is not searched for components, and each asker gets an object of its own."""
    inner = Value.of({"add": [{"type": "Div", "namespace": "html", "props": {}}]})
    value = EventValue(inner, kept=True)
    assert value.json == b'{"%s":%s}' % (MARK.encode(), inner.json)
    assert value.plain == inner.plain
    assert inner.may_hold_components
    assert not value.may_hold_components
    value.fresh()["add"].clear()
    assert value.fresh() == inner.plain


def test_of_a_component_that_nobody_knows_prop_or_value_tell():
    """A grid's transaction by its prop, a download by what it is; another `data` is a plain value."""
    events, layout = EventProps(), Layout()
    layout.declare(["declared"])
    for name in ("unknown", "declared"):
        assert events.is_marked((name, "rowTransaction"), Value.of({}), layout)
        assert events.is_marked((name, "data"), Value.of({"filename": "a", "content": "b", "type": None}), layout)
        for other in ({"filename": "a"}, ['"filename"', '"content"'], 'the "filename"', 3):
            assert not events.is_marked((name, "data"), Value.of(other), layout), other
    layout.add(component("store", kind="Store"))
    download = Value.of({"filename": "a", "content": "b"})
    assert not events.is_marked(("store", "data"), download, layout)
    events.add("Store", "data")
    assert events.is_marked(("store", "data"), download, layout)
    marked = events.marked({("store", "data"): download, ("store", "id"): download}, layout)
    assert isinstance(marked["store", "data"], EventValue)
    assert marked["store", "id"] is download


def test_a_shared_callback_may_answer_with_a_transaction():
    """All pages get it, marked; the rows that it makes are kept, and call nothing a second time."""
    desk = Desk()
    desk.callback("f", "grid.rowTransaction", "a.v", initial=False, function=lambda a: {"add": [{"n": a}]})
    desk.callback("rows", "", "grid.rowData", initial=False)
    desk.start(component("grid", kind="AgGrid", rowData=[{"n": 0}]), component("a"))
    desk.push({"a.v": 1})
    desk.finish(desk.running[0], {"grid.rowTransaction": {"add": [{"n": 1}]}})
    [_, sent] = desk.sent
    assert isinstance(sent.mods[key("grid.rowTransaction")], EventValue)
    assert desk.value("grid.rowData") == [{"n": 0}, {"n": 1}]
    assert desk.names == ["f"]

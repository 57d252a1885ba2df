"""Layout trees: finding components anywhere in them, and laying the shared values over them."""

from hypothesis import given
from hypothesis import strategies as st

from dash_devices_nb.core.props.ids import Ref, Wild, canonical
from dash_devices_nb.core.props.layout import Layout, components, is_component, overlay
from tests.core.desk import component


def ids(tree) -> list[str]:
    """The ids in a tree, in the order in which they are found."""
    return [component_id for component_id, _ in components(tree)]


def test_components_are_found_wherever_they_stand():
    """In children, in lists of lists, and in any other prop."""
    tree = component(
        "a",
        children=[component("b"), "text", None, [component("c", label=component("d"))]],
        options=[{"label": component("e"), "value": 1}],
    )
    assert ids(tree) == ["a", "b", "c", "d", "e"]


def test_a_component_without_an_id_is_passed_through():
    """What stands below it is found."""
    tree = {"type": "Div", "namespace": "x", "props": {"children": component("inside")}}
    assert is_component(tree)
    assert ids(tree) == ["inside"]


def test_what_only_looks_like_a_component_is_none():
    """Data of a figure may have props of its own."""
    assert not is_component({"props": {"id": "x"}})
    assert not is_component({"type": "scatter", "namespace": "x", "props": 3})
    assert ids({"data": [{"props": {"id": "x"}}]}) == []


def test_a_dict_id_is_known_by_its_canonical_text():
    """Whatever the order of its keys."""
    layout = Layout()
    assert layout.add(component({"type": "row", "n": 1}, value=5)) == ['{"n":1,"type":"row"}']
    assert '{"n":1,"type":"row"}' in layout
    assert layout.initial('{"n":1,"type":"row"}', "value") == 5


def test_only_new_components_change_the_version():
    """What is cached by the version stays good when a component only comes again."""
    layout = Layout()
    layout.add(component("a", value=1))
    version = layout.version
    assert layout.add(component("a", value=2)) == []
    assert layout.version == version
    assert layout.initial("a", "value") == 2
    assert layout.initial("a", "absent") is None
    assert layout.initial("absent", "value") is None
    assert layout.add([component("a"), component("b")]) == ["b"]
    assert layout.version > version


def test_matching_is_in_the_order_of_the_layout():
    """A callback with ALL gets its values as they stand on the page."""
    layout = Layout()
    layout.add([component({"n": n}) for n in (3, 1, 2)])
    layout.add(component("plain"))
    every = Ref("pattern", "v", (("n", Wild.ALL),))
    assert list(layout.matching(every)) == [canonical({"n": n}) for n in (3, 1, 2)]
    assert list(layout.matching(Ref("plain", "v"))) == ["plain"]
    assert list(layout.matching(Ref("absent", "v"))) == []


def test_values_are_laid_over_the_layout_in_place():
    """A page loads the user's layout with the shared values."""
    tree = component("a", value=1, children=component("b", value=2))
    assert overlay(tree, {"a": {"value": 10}, "b": {"value": 20, "max": 5}}.get)
    assert tree["props"]["value"] == 10
    assert tree["props"]["children"]["props"] == {"id": "b", "value": 20, "max": 5}
    assert not overlay(component("c"), {"a": {"value": 10}}.get)


def test_values_are_laid_over_what_a_value_brings_in():
    """A pushed `children` may hold a component that has a shared value itself."""
    tree = component("a")
    kept = {"a": {"children": [component("b", value=1)]}, "b": {"children": component("c")}, "c": {"value": 3}}
    assert overlay(tree, kept.get)
    assert ids(tree) == ["a", "b", "c"]
    [(_, _), (_, _), (_, c)] = components(tree)
    assert c["props"]["value"] == 3


def test_a_component_that_brings_itself_in_does_not_go_round():
    """A value that holds a component of its own id is laid over once."""
    kept = {"a": {"children": component("a", value=2)}}
    tree = component("a", value=1)
    assert overlay(tree, lambda component_id: {k: component("a", value=2) for k in kept[component_id]})
    assert tree["props"]["children"]["props"]["value"] == 2


TREES = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.builds(lambda i, c: component(i, children=c), st.sampled_from("abcdef"), inner)
        | st.dictionaries(st.text("xyz", max_size=2), inner, max_size=2)
    ),
    max_leaves=12,
)


@given(TREES)
def test_every_component_of_a_layout_is_known_afterwards(tree):
    """With the props of its last appearance, so that the layout and the dispatcher agree."""
    layout = Layout()
    layout.add(tree)
    found = list(components(tree))
    assert set(layout.by_id) == {component_id for component_id, _ in found}
    for component_id, node in {i: n for i, n in found}.items():  # noqa: C416 - the last of each id
        assert layout.by_id[component_id].props == node["props"]


@given(TREES)
def test_after_an_overlay_every_component_shows_the_value(tree):
    """Nowhere in the tree an old value is left, at the first place where an id stands."""
    overlay(tree, lambda component_id: {"value": component_id.upper()})
    seen = set()
    for component_id, node in components(tree):
        if component_id not in seen:
            seen.add(component_id)
            assert node["props"]["value"] == component_id.upper()


def test_what_is_declared_again_is_no_news():
    """Whatever hangs on the layout's version is not reckoned anew."""
    layout = Layout()
    layout.declare(["a"])
    version = layout.version
    layout.declare(["a"])
    assert layout.version == version
    assert "a" in layout

"""Ids and patterns: how a dict id is written, and what matches what."""

import json

import pytest
from dash.dependencies import ALL, MATCH, Input, stringify_id
from hypothesis import given
from hypothesis import strategies as st

from dash_devices_nb.core.props.ids import Ref, Wild, canonical, output_refs, parsed, stop_name

SCALARS = st.one_of(st.integers(-1000, 1000), st.text(max_size=5), st.booleans())
DICT_IDS = st.dictionaries(st.text(min_size=1, max_size=4), SCALARS, min_size=1, max_size=3)
WILDS = st.sampled_from(Wild)


def pattern(**keys) -> Ref:
    """A dependency on prop "v" with this pattern."""
    return Ref("pattern", "v", tuple(sorted(keys.items())))


@given(DICT_IDS)
def test_a_dict_id_is_written_as_dash_writes_it(component_id):
    """The canonical text is Dash's own, and reading it gives the dict."""
    assert canonical(component_id) == stringify_id(component_id)
    assert parsed(canonical(component_id)) == component_id


@given(DICT_IDS)
def test_the_order_of_the_keys_does_not_matter(component_id):
    """Two dicts that are equal have one text."""
    assert canonical(component_id) == canonical(dict(reversed(component_id.items())))


@given(st.text())
def test_a_string_id_is_itself(component_id):
    """Whatever it holds, spaces and braces included."""
    assert canonical(component_id) == component_id


@pytest.mark.parametrize("text", ["slider", "a b", "", "{", "{not json}", "[1]", "{}x"])
def test_a_string_id_is_no_dict(text):
    """Also where it looks like one."""
    assert parsed(text) is None


def test_a_plain_dependency_binds_its_own_component_only():
    """Binding gives no keys, or None."""
    assert Ref("a", "v").bind("a") == ()
    assert Ref("a", "v").bind("b") is None
    assert Ref("a", "v").key == ("a", "v")
    assert str(Ref("a", "v")) == "a.v"


def test_match_binds_and_all_does_not():
    """The bindings are the values of the MATCH keys."""
    both = pattern(kind="row", number=Wild.MATCH, part=Wild.ALL)
    assert both.bind(canonical({"kind": "row", "number": 3, "part": "x"})) == (("number", 3),)
    assert both.bind(canonical({"kind": "column", "number": 3, "part": "x"})) is None
    assert both.many
    assert both.match_keys == ("number",)
    assert not pattern(number=Wild.MATCH).many


def test_a_component_with_other_keys_does_not_match():
    """More keys, fewer keys, other keys, and a string id."""
    ref = pattern(a=Wild.ALL, b=Wild.ALL)
    for component_id in ({"a": 1}, {"a": 1, "b": 2, "c": 3}, {"a": 1, "c": 2}):
        assert ref.bind(canonical(component_id)) is None
    assert ref.bind("a") is None


def test_allsmaller_needs_a_smaller_value_of_the_matched_key():
    """Without bindings everything is smaller; what cannot be compared is not."""
    ref = pattern(n=Wild.ALLSMALLER)
    assert ref.bind(canonical({"n": 1}), (("n", 2),)) == ()
    assert ref.bind(canonical({"n": 2}), (("n", 2),)) is None
    assert ref.bind(canonical({"n": "x"}), (("n", 2),)) is None
    assert ref.bind(canonical({"n": 9})) == ()


@given(DICT_IDS, DICT_IDS)
def test_all_matches_every_id_with_its_keys(one, other):
    """A pattern of ALL alone asks for the keys, whatever the values."""
    ref = Ref("pattern", "v", tuple((k, Wild.ALL) for k in sorted(one)))
    assert (ref.bind(canonical(other)) is not None) == (one.keys() == other.keys())


@given(DICT_IDS, st.data())
def test_match_finds_the_id_it_was_made_from(component_id, data):
    """Bound to the id's own values, the pattern matches that id and none that differs in a MATCH key."""
    wild = data.draw(st.sets(st.sampled_from(sorted(component_id))))
    ref = Ref("pattern", "v", tuple((k, Wild.MATCH if k in wild else component_id[k]) for k in sorted(component_id)))
    bindings = ref.bind(canonical(component_id))
    assert bindings == tuple((k, component_id[k]) for k in sorted(wild))
    assert ref.bind(canonical(component_id), bindings) == bindings
    for k in wild:
        assert ref.bind(canonical({**component_id, k: "something else"}), bindings) is None


@given(DICT_IDS, st.data())
def test_overlap_is_symmetric_and_follows_from_a_common_component(component_id, data):
    """If one component is meant by both patterns they overlap, in either direction."""

    def drawn() -> Ref:
        pairs = [(k, data.draw(st.one_of(WILDS, st.just(component_id[k])))) for k in sorted(component_id)]
        return Ref("pattern", "v", tuple(pairs))

    one, other, plain = drawn(), drawn(), Ref(canonical(component_id), "v")
    assert one.overlaps(other)
    assert other.overlaps(one)
    assert one.overlaps(plain)
    assert plain.overlaps(one)


def test_different_props_and_different_constants_do_not_overlap():
    """The prop counts, and a constant of the pattern."""
    assert not Ref("a", "v").overlaps(Ref("a", "w"))
    assert not Ref("a", "v").overlaps(Ref("b", "v"))
    assert not pattern(t="x", n=Wild.ALL).overlaps(pattern(t="y", n=Wild.ALL))
    assert not pattern(n=Wild.ALL).overlaps(pattern(m=Wild.ALL))


def test_dash_writes_a_pattern_as_we_expect():
    """The text of a pattern is Dash's, so that an error message shows what the program wrote."""
    dependency = Input({"type": "row", "n": MATCH, "k": ALL}, "value")
    assert json.loads(dependency.component_id_str()) == {"k": ["ALL"], "n": ["MATCH"], "type": "row"}


def test_a_dependency_is_read_as_pages_get_it():
    """A plain id, a component's dict id however it is written, and a pattern, whose wildcards are lists."""
    assert Ref.read("plain", "v") == Ref("plain", "v")
    assert Ref.read('{"n": 1, "kind": "row"}', "v") == Ref('{"kind":"row","n":1}', "v")
    read = Ref.read('{"n":["MATCH"],"kind":"row"}', "v")
    assert read.pattern == (("kind", "row"), ("n", Wild.MATCH))
    assert read.bind('{"kind":"row","n":4}') == (("n", 4),)


def test_outputs_are_read_from_the_text_by_which_dash_knows_a_callback():
    """One or several, with dict ids and the marks of duplicates."""
    assert output_refs("a.v") == [Ref("a", "v")]
    assert output_refs('..{"n":1}.v@3f...b.w..') == [Ref('{"n":1}', "v"), Ref("b", "w")]


def test_stop_buttons_with_different_labels_have_different_addresses():
    """Also where their labels have no letter, or differ in case only; an address has only plain characters."""
    names = [stop_name(label) for label in ("+", "-", "Stop", "stop", "Beam off \u00e4")]
    assert len(set(names)) == len(names)
    assert names[4].startswith("beam-off---")
    assert all(name.isascii() and name.replace("-", "").isalnum() for name in names)

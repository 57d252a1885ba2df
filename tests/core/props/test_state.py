"""The shared state: revisions that only grow, and what is newer than one of them."""

from hypothesis import given
from hypothesis import strategies as st

from dash_devices_nb.core.props.state import SharedState
from dash_devices_nb.core.props.values import Value

KEYS = st.tuples(st.sampled_from("abc"), st.sampled_from("vw"))
EVENTS = st.lists(st.dictionaries(KEYS, st.integers(), min_size=1, max_size=3), max_size=12)


def test_what_was_never_set_is_not_there():
    """No entry, no component, not contained."""
    state = SharedState()
    assert state.get(("a", "v")) is None
    assert state.of("a") is None
    assert ("a", "v") not in state
    assert len(state) == 0
    assert state.since(0) == {}


def test_several_props_of_one_event_have_one_revision():
    """A revision is an event."""
    state = SharedState()
    assert state.next_revision() == 1
    state.set(("a", "v"), Value.of(1))
    state.set(("a", "w"), Value.of(2), frozenset({("b", "v")}))
    assert {entry.revision for _, entry in state.items()} == {1}
    assert state.of("a").keys() == {"v", "w"}
    assert state.get(("a", "w")).lineage == {("b", "v")}
    assert state.get(("a", "v")).lineage == frozenset()


@given(EVENTS, st.integers(0, 12))
def test_a_page_of_any_revision_is_brought_up_to_date_by_what_is_newer(events, known):
    """The state at a revision plus what is newer than it is the state now; oldest first."""
    state = SharedState()
    model: dict = {}
    at_known: dict = {}
    for number, event in enumerate(events, 1):
        assert state.next_revision() == number
        for key, value in event.items():
            state.set(key, Value.of(value))
        model.update(event)
        if number <= known:
            at_known = dict(model)
    newer = state.since(known)
    assert at_known | {key: entry.value.plain for key, entry in newer.items()} == model
    revisions = [entry.revision for entry in newer.values()]
    assert revisions == sorted(revisions)
    assert all(revision > known for revision in revisions)
    assert len(state) == len(model)
    assert {key: entry.value.plain for key, entry in state.items()} == model


def test_a_component_that_has_gone_for_good_is_forgotten():
    """With all of its props; others stay, and one that is not there is no error."""
    state = SharedState()
    for name in ("a", "b"):
        state.set((name, "v"), Value.of(1), frozenset())
    state.forget("a")
    state.forget("a")
    assert ("a", "v") not in state
    assert ("b", "v") in state


def test_it_goes_on_to_the_revision_of_another_state_and_never_back():
    """A relay's state has the revisions of the app's."""
    state = SharedState()
    state.reach(7)
    state.reach(3)
    assert (state.revision, state.next_revision()) == (7, 8)

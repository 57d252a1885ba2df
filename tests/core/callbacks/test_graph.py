"""The graph of shared callbacks: cycles and doubles refused when declared, and plans in dependency order."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dash_devices_nb.core.callbacks.graph import CallbackGraph
from dash_devices_nb.core.callbacks.spec import CallbackSpec, flat
from dash_devices_nb.core.props.ids import Ref, Wild
from dash_devices_nb.core.props.layout import Layout
from dash_devices_nb.errors import CallbackCycleError, DuplicateOutputError
from tests.core.desk import component, refs


def spec(name: str, outputs, inputs, state="", **options) -> CallbackSpec:
    """A callback."""
    return CallbackSpec(name, refs(inputs), refs(state), refs(outputs), **options)


def graph(*specs: CallbackSpec, layout: Layout | None = None) -> CallbackGraph:
    """A graph of these callbacks."""
    made = CallbackGraph(layout or Layout())
    for each in specs:
        made.add(each)
    return made


def names(resolved_callbacks) -> list[str]:
    """The callbacks' names."""
    return [resolved.spec.name for resolved in resolved_callbacks]


def pattern(kind: str, wild: Wild, prop: str = "v") -> Ref:
    """A dependency on all rows of a kind, or on the matching one."""
    return Ref(f"{kind}-{wild.value}", prop, (("kind", kind), ("n", wild)))


def test_a_cycle_is_refused_and_named():
    """The message shows the way round and says what to do instead."""
    made = graph(spec("first", "b.v", "a.v"), spec("second", "c.v", "b.v"))
    with pytest.raises(CallbackCycleError) as caught:
        made.add(spec("third", "a.v", "c.v"))
    message = str(caught.value)
    assert "third(c.v) -> first(a.v) -> second(b.v) -> third(c.v)" in message
    assert "make them one callback with both props as inputs and outputs" in message
    assert [s.name for s in made.specs] == ["first", "second"]


def test_two_callbacks_that_set_each_other_are_a_cycle():
    """The smallest one."""
    made = graph(spec("celsius", "c.v", "f.v"))
    with pytest.raises(CallbackCycleError, match=r"fahrenheit\(c\.v\) -> celsius\(f\.v\) -> fahrenheit\(c\.v\)"):
        made.add(spec("fahrenheit", "f.v", "c.v"))


def test_a_cycle_through_patterns_is_seen():
    """A pattern leads where one of its components could."""
    made = graph(spec("spread", [pattern("row", Wild.MATCH, "w")], [pattern("row", Wild.MATCH)]))
    with pytest.raises(CallbackCycleError, match="gather"):
        made.add(spec("gather", ['{"kind":"row","n":1}.v'], [pattern("row", Wild.ALL, "w")]))


def test_a_callback_may_set_its_own_input():
    """It corrects what was given; its own result does not call it."""
    made = graph(spec("clamp", "a.v", "a.v"))
    [clamp] = made.resolved_callbacks(made.specs[0])
    assert made.plan_of([clamp]).downstream[clamp] == ()


def test_state_closes_no_cycle():
    """A state does not call."""
    graph(spec("first", "b.v", "a.v"), spec("second", "a.v", "c.v", "b.v"))


def test_an_output_has_one_callback():
    """The message names the other one and the way out."""
    made = graph(spec("first", "x.v", "a.v"))
    with pytest.raises(DuplicateOutputError) as caught:
        made.add(spec("second", "x.v", "b.v"))
    assert "x.v is already an output of first(a.v) -> x.v" in str(caught.value)
    assert "Output('x', 'v', allow_duplicate=True)" in str(caught.value)
    made.add(spec("third", "x.v", "b.v", allow_duplicate=frozenset({0})))


def test_a_pattern_that_covers_an_output_is_a_double():
    """A component of the pattern would have two callbacks."""
    made = graph(spec("one", ['{"kind":"row","n":1}.v'], "a.v"))
    with pytest.raises(DuplicateOutputError, match="is already an output of one"):
        made.add(spec("every", [pattern("row", Wild.ALL)], "b.v"))


def test_what_is_removed_is_free_again():
    """Its outputs, and the cycle that it was part of."""
    first = spec("first", "b.v", "a.v")
    made = graph(first)
    made.remove(first)
    made.add(spec("second", "a.v", "b.v"))
    made.add(spec("third", "c.v", "a.v"))
    with pytest.raises(ValueError, match=r"list\.remove"):
        made.remove(first)


def test_every_dependency_is_shared():
    """Inputs, state and outputs; nothing else."""
    made = graph(spec("f", "out.v", "in.v", "state.v"))
    assert [made.is_shared((i, "v")) for i in ("out", "in", "state", "other")] == [True, True, True, False]
    assert not made.is_shared(("in", "w"))
    assert made.refs() == list(refs("in.v state.v out.v"))


def test_components_of_a_pattern_are_shared_also_before_they_come():
    """A page may bring them in before the app has seen them."""
    made = graph(spec("f", [pattern("row", Wild.MATCH, "w")], [pattern("row", Wild.MATCH)]))
    assert made.is_shared(('{"kind":"row","n":8}', "v"))
    assert not made.is_shared(('{"kind":"column","n":8}', "v"))


def test_match_makes_an_instance_for_each_component():
    """The instances come and go with the components, in layout order."""
    layout = Layout()
    made = graph(
        spec("f", [pattern("label", Wild.MATCH)], [pattern("row", Wild.MATCH)], [pattern("row", Wild.ALL)]),
        layout=layout,
    )
    [callback] = made.specs
    assert made.resolved_callbacks(callback) == ()
    for n in (2, 1):
        layout.add([component({"kind": "row", "n": n}), component({"kind": "label", "n": n})])
    layout.add(component({"kind": "label", "n": 3}))
    two, one = made.resolved_callbacks(callback)
    assert two.bindings == (("n", 2),)
    assert two.inputs == (('{"kind":"row","n":2}', "v"),)
    assert two.outputs == (('{"kind":"label","n":2}', "v"),)
    assert two.state == ((('{"kind":"row","n":2}', "v"), ('{"kind":"row","n":1}', "v")),)
    assert one.output_keys == (('{"kind":"label","n":1}', "v"),)
    assert names(made.triggered_by(('{"kind":"row","n":1}', "v"))) == ["f"]


def test_allsmaller_takes_the_smaller_ones():
    """Instance n depends on all with a smaller number."""
    layout = Layout()
    layout.add([component({"kind": k, "n": n}) for n in (1, 2, 3) for k in ("row", "label")])
    smaller = Ref("smaller", "v", (("kind", "row"), ("n", Wild.ALLSMALLER)))
    made = graph(spec("f", [pattern("label", Wild.MATCH)], [pattern("row", Wild.MATCH)], [smaller]), layout=layout)
    sizes = [len(flat(resolved.state)) for resolved in made.resolved_callbacks(made.specs[0])]
    assert sizes == [0, 1, 2]


def test_a_plan_holds_what_can_follow_and_nothing_else():
    """Everything downstream, and what of it waits for what."""
    made = graph(spec("b", "b.v", "a.v"), spec("c", "c.v", "a.v"), spec("d", "d.v", "b.v c.v"), spec("z", "z.v", "y.v"))
    plan = made.plan(frozenset({("a", "v")}))
    assert sorted(names(plan.order)) == ["b", "c", "d"]
    assert {i.spec.name: n for i, n in plan.upstream.items()} == {"b": 0, "c": 0, "d": 2}
    assert names(made.plan(frozenset({("c", "v")})).order) == ["d"]
    assert names(made.plan(frozenset({("nothing", "v")})).order) == []


EDGES = st.lists(
    st.tuples(st.integers(0, 7), st.sets(st.integers(0, 7), min_size=1, max_size=3)),
    max_size=8,
    unique_by=lambda e: e[0],
)


@given(EDGES, st.integers(0, 7))
def test_an_acyclic_graph_is_taken_and_planned_in_dependency_order(edges, root):
    """Each callback comes after all that it waits for, whatever the order of the declarations."""
    edges = [(n, {i for i in inputs if i < n}) for n, inputs in edges]
    edges = [(n, inputs) for n, inputs in edges if inputs]
    made = graph(*(spec(f"f{n}", f"p{n}.v", " ".join(f"p{i}.v" for i in sorted(inputs))) for n, inputs in edges))
    plan = made.plan(frozenset({(f"p{root}", "v")}))
    place = {resolved: number for number, resolved in enumerate(plan.order)}
    assert set(place) == set(plan.upstream)
    for resolved, following in plan.downstream.items():
        for other in following:
            assert place[resolved] < place[other]
    reachable = {root}
    for n, inputs in sorted(edges):
        if reachable & inputs:
            reachable.add(n)
    assert set(names(plan.order)) == {
        f"f{n}" for n, inputs in edges if (n in reachable and n != root) or inputs & reachable
    }


@given(EDGES)
def test_a_graph_with_a_cycle_is_refused_at_the_declaration_that_closes_it(edges):
    """What was taken before is acyclic and stays; what closes a cycle is not added."""
    assume(edges)
    made = graph()
    taken: dict[int, set[int]] = {}

    def reaches(start: int, goal: int) -> bool:
        seen, pending = set(), [start]
        while pending:
            n = pending.pop()
            if n == goal:
                return True
            if n not in seen:
                seen.add(n)
                pending += [m for m, inputs in taken.items() if n in inputs and m != n]
        return False

    for n, inputs in edges:
        closes = any(i != n and reaches(n, i) for i in inputs)
        try:
            made.add(spec(f"f{n}", f"p{n}.v", " ".join(f"p{i}.v" for i in sorted(inputs))))
        except CallbackCycleError:
            assert closes
        else:
            assert not closes
            taken[n] = inputs
    assert [s.name for s in made.specs] == [f"f{n}" for n in taken]


def test_a_state_of_a_match_that_nothing_binds_makes_no_instance():
    """Which component it means could not be told."""
    layout = Layout()
    layout.add([component({"kind": "row", "n": 1}), component({"kind": "note", "n": 1})])
    [callback] = graph(spec("f", "out.v", "in.v", [pattern("note", Wild.MATCH)]), layout=layout).specs
    assert graph(callback, layout=layout).resolved_callbacks(callback) == ()


def test_what_pages_ask_about_is_remembered_up_to_a_bound(monkeypatch):
    """They may name what there is not, without end."""
    monkeypatch.setattr("dash_devices_nb.core.callbacks.graph.MOST_KEPT", 3)
    made = graph(spec("f", "out.v", "in.v"))
    asked = [("in", "v"), *((f"none{number}", "v") for number in range(9)), ("out", "v")]
    assert [made.is_shared(key) for key in asked] == [True, *[False] * 9, True]

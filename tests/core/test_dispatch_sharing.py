"""What the pages get: everybody the same, nobody an echo, late joiners too, and values that are not plain."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dash_devices_nb.core.dispatch import Dispatcher
from dash_devices_nb.core.services import Services
from dash_devices_nb.core.values import Value
from dash_devices_nb.errors import PatchError
from tests.core.desk import Desk, client, component, key, patch, values

ANN, BEN = client("ann"), client("ben")


def shared_desk() -> Desk:
    """f makes b from a."""
    desk = Desk()
    desk.callback("f", "b.v", "a.v", initial=False)
    desk.start(component("a", v=0), component("b", v=0), component("private", v=0))
    return desk


def test_the_change_itself_is_sent_to_the_others_before_the_callback_has_run():
    """At once, and not to the page that made it."""
    desk = shared_desk()
    desk.change(ANN, {"a.v": 1})
    [send] = desk.sent
    assert (send.mods, send.but, send.to) == (values({"a.v": 1}), ANN, None)
    assert len(desk.running) == 1


def test_the_outputs_go_to_all():
    """Also to the page that made the change."""
    desk = shared_desk()
    desk.change(ANN, {"a.v": 1})
    desk.settle()
    send = desk.sent[-1]
    assert (send.mods, send.but, send.to) == (values({"b.v": "f(1)"}), None, None)


def test_without_the_bit_the_change_itself_is_not_sent():
    """The outputs are; the value is kept for those who come later."""
    desk = Desk()
    service = Services.SHARED & ~Services.SHARE_WITH_OTHER_CLIENTS
    desk.callback("f", "b.v", "a.v", initial=False, service=service)
    desk.start(component("a"), component("b"))
    desk.change(ANN, {"a.v": 1})
    assert desk.sent == []
    assert desk.value("a.v") == 1
    desk.settle()
    assert [send.mods for send in desk.sent] == [values({"b.v": "f(1)"})]


def test_revisions_grow_by_one_with_each_event():
    """All clients see the changes in their order."""
    desk = shared_desk()
    desk.change(ANN, {"a.v": 1})
    desk.push({"b.v": 2})
    desk.settle()
    revisions = [send.revision for send in desk.sent]
    assert revisions == sorted(set(revisions))
    assert desk.dispatcher.state.revision == revisions[-1]


def test_a_prop_that_is_not_shared_is_refused_and_nothing_is_lost():
    """The page is told why; what came with it is taken."""
    desk = shared_desk()
    desk.change(ANN, {"private.v": 1, "a.v": 2})
    [refused] = desk.refused
    assert refused.client is ANN
    assert refused.reason == "private.v is not shared: no shared callback uses it"
    assert refused.mods == {}
    assert desk.value("private.v") == 0
    assert desk.called == [("f", [2])]


def test_what_was_only_pushed_is_not_shared():
    """The value is kept for late joiners; a page's change of it stays there."""
    desk = shared_desk()
    desk.push({"private.v": 1})
    sent = len(desk.sent)
    desk.change(ANN, {"private.v": 2})
    assert len(desk.refused) == 1
    assert desk.value("private.v") == 1
    assert len(desk.sent) == sent


def test_late_joiners_see_the_shared_state_and_nothing_private():
    """The layout that a page loads has the values laid over it."""
    desk = shared_desk()
    desk.change(ANN, {"a.v": 1})
    desk.settle()
    tree = desk.come(component("a", v=0), component("b", v=0), component("private", v=0))
    assert [node["props"]["v"] for node in tree] == [1, "f(1)", 0]


def test_a_push_to_a_component_that_is_not_there_is_kept_for_it():
    """It shows when the component comes, and its callback starts from it."""
    desk = Desk()
    desk.callback("f", "b.v", "late.v")
    desk.start(component("b"))
    desk.push({"late.v": 7, "late.max": 9})
    desk.settle()
    desk.forget()
    [late] = desk.come(component("late", v=0))
    assert late["props"] == {"id": "late", "v": 7, "max": 9}
    assert desk.called == [("f", [7])]


def test_a_layout_that_changes_gives_the_new_values_to_callbacks():
    """A layout function may give other values each time; what is not shared yet is read from the newest."""
    desk = Desk()
    desk.callback("f", "b.v", "a.v", "s.v", initial=False)
    desk.start(component("a", v=1), component("b"), component("s", v=1))
    desk.come(component("s", v=2))
    desk.push({"a.v": 5})
    assert desk.called == [("f", [5, 2])] or desk.called == [("f", [5, 1])]


def test_a_patch_is_sent_as_it_is_and_kept_applied():
    """Pages apply it to theirs; who comes later gets the result."""
    desk = shared_desk()
    desk.push({"b.v": {"data": [1]}})
    desk.push({"b.v": patch(("Append", ["data"], {"value": 2}), ("Assign", ["n"], {"value": 3}))})
    assert b"operations" in desk.sent[-1].mods[key("b.v")].json
    assert desk.value("b.v") == {"data": [1, 2], "n": 3}
    [late] = desk.come(component("b"))
    assert late["props"]["v"] == {"data": [1, 2], "n": 3}


def test_a_patch_for_a_value_that_only_the_pages_know_is_theirs_to_apply():
    """The component comes by a callback of each page: what can be made of nothing is kept, the rest is sent alone."""
    desk = shared_desk()
    desk.push({"later.figure": patch(("Append", ["data"], {"value": 2})), "a.v": 9})
    assert b"Append" in desk.sent[-1].mods[key("later.figure")].json
    assert (desk.value("a.v"), desk.value("later.figure")) == (9, None)
    assert key("later.figure") not in desk.dispatcher.state
    desk.push({"later.figure": patch(("Assign", ["layout", "title"], {"value": "made"}))})
    assert b"operations" in desk.sent[-1].mods[key("later.figure")].json
    assert desk.value("later.figure") == {"layout": {"title": "made"}}
    with pytest.raises(PatchError, match=r"Patch Append at \['data'\] does not fit"):
        desk.push({"later.figure": patch(("Append", ["data"], {"value": 2}))})


def test_a_patch_that_does_not_fit_changes_nothing_at_all():
    """Neither what came with it nor the revision."""
    desk = shared_desk()
    desk.push({"b.v": [1]})
    before = desk.dispatcher.state.revision
    with pytest.raises(PatchError, match=r"Patch Append at \['x'\] does not fit"):
        desk.push({"a.v": 9, "b.v": patch(("Append", ["x"], {"value": 2}))})
    assert (desk.value("a.v"), desk.value("b.v"), desk.dispatcher.state.revision) == (0, [1], before)
    assert len(desk.sent) == 1


@pytest.mark.parametrize("operation", [("Append", ["x"], {"value": 2}), ("Div", [], {"value": 0})])
def test_a_callback_that_returns_such_a_patch_is_reported_and_the_next_call_runs(operation):
    """The service goes on."""
    desk = shared_desk()
    desk.push({"b.v": 1})
    desk.forget()
    desk.change(ANN, {"a.v": 1})
    desk.change(ANN, {"a.v": 2})
    call = desk.running[0]
    desk.finish(call, {"b.v": patch(operation)})
    [report] = desk.reported
    assert isinstance(report.error, PatchError)
    assert report.call is call
    assert desk.called == [("f", [1]), ("f", [2])]


def test_points_are_added_to_a_figure_without_encoding_it():
    """A stream costs what its points cost, not what the figure costs; who comes later has it encoded then."""
    desk = Desk()
    desk.start(component("g", figure={"data": [{"y": [1]}]}))
    desk.push({"g.extendData": [{"y": [[2]]}, [0]]})
    desk.push({"g.extendData": [{"y": [[3]]}, [0]]})
    assert desk.dispatcher.value(key("g.figure")).known_size == 0
    assert desk.value("g.figure") == {"data": [{"y": [1, 2, 3]}]}


def test_extend_data_is_an_event_that_is_sent_each_time_and_kept_in_the_figure():
    """The event itself is no state; the figure of a late joiner has all points."""
    desk = Desk()
    desk.start(component("g", kind="Graph", figure={"data": [{"y": [0]}]}))
    for number in (1, 2):
        desk.push({"g.extendData": [{"y": [[number]]}, [0], 2]})
    assert [send.mods[key("g.extendData")].plain[0] for send in desk.sent] == [{"y": [[1]]}, {"y": [[2]]}]
    assert key("g.extendData") not in desk.dispatcher.state
    [late] = desk.come(component("g", kind="Graph", figure={"data": [{"y": [0]}]}))
    assert late["props"]["figure"]["data"] == [{"y": [1, 2]}]
    assert "extendData" not in late["props"]


def test_a_figure_and_its_extension_in_one_push_apply_in_order():
    """The extension extends the new figure."""
    desk = Desk()
    desk.start(component("g", kind="Graph", figure={"data": [{"y": [0]}]}))
    desk.push({"g.figure": {"data": [{"y": [5]}]}, "g.extendData": {"y": [[6]]}})
    assert desk.value("g.figure")["data"] == [{"y": [5, 6]}]


def test_components_in_a_pushed_value_get_the_values_kept_for_them():
    """In what is sent as in what is kept."""
    desk = Desk()
    desk.start(component("out"))
    desk.push({"inner.v": 5})
    desk.push({"out.children": [component("inner", v=0)]})
    assert desk.sent[-1].mods[key("out.children")].plain == [component("inner", v=5)]
    assert desk.value("out.children") == [component("inner", v=5)]


def test_an_empty_push_is_a_push_of_nothing():
    """No wave to wait for."""
    desk = shared_desk()
    assert desk.push({}).over


def test_values_are_not_shared_between_readers():
    """What a layout reader does to its copy is not seen by the next one."""
    dispatcher = Dispatcher()
    dispatcher.receive_push({("a", "v"): Value.of({"list": [1]})})
    dispatcher.shared_values("a")["v"]["list"].append(2)
    assert dispatcher.shared_values("a") == {"v": {"list": [1]}}
    assert dispatcher.shared_values("b") is None


NUMBERS = st.integers(-(2**53), 2**53)
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["ann", "ben"]), st.dictionaries(st.sampled_from(["a.v", "x.v"]), NUMBERS)),
        st.tuples(st.just("push"), st.dictionaries(st.sampled_from(["a.v", "b.v", "x.v"]), NUMBERS)),
        st.just(("finish", {})),
    ),
    max_size=25,
)


@given(EVENTS)
def test_all_pages_end_with_the_state_of_the_server(events):
    """After any interleaving every page shows what a late joiner gets."""
    desk = Desk()
    desk.callback("f", "b.v", "a.v", initial=False)
    desk.callback("g", "y.v", "b.v x.v", initial=False)
    desk.start(*(component(name, v=0) for name in "abxy"))
    people = {"ann": ANN, "ben": BEN}
    pages = {who: {f"{name}.v": 0 for name in "abxy"} for who in people.values()}
    taken = 0

    def deliver() -> None:
        nonlocal taken
        for send in desk.sent[taken:]:
            for who, page in pages.items():
                if send.but is not who:
                    page.update({".".join(k): v.plain for k, v in send.mods.items()})
        taken = len(desk.sent)

    for kind, mods in events:
        if kind == "push":
            desk.push(mods)
        elif kind == "finish":
            if desk.running:
                call = desk.running[0]
                desk.finish(
                    call, {".".join(k): f"{call.spec.name}{len(desk.called)}" for k in call.instance.output_keys}
                )
        else:
            pages[people[kind]].update(mods)
            desk.change(people[kind], mods)
        deliver()
    desk.settle()
    deliver()
    late = {f"{node['props']['id']}.v": node["props"]["v"] for node in desk.come(*(component(n, v=0) for n in "abxy"))}
    assert all(page == late for page in pages.values())


def test_a_change_of_what_was_shared_is_taken():
    """A page may not have heard yet that the callback is gone."""
    desk = shared_desk()
    desk.dispatcher.remove_callback(desk.dispatcher.graph.specs[0])
    desk.change(ANN, {"a.v": 1})
    [send] = desk.sent
    assert (send.mods, send.but) == (values({"a.v": 1}), ANN)
    assert desk.value("a.v") == 1


def test_a_call_of_a_callback_that_is_gone_sets_nothing():
    """It was slow; the callback that took its place may have set the output already. Who waits for it is let go."""
    desk = shared_desk()
    desk.change(ANN, {"a.v": 1})
    [call] = desk.running
    desk.dispatcher.remove_callback(desk.dispatcher.graph.specs[0])
    desk.callback("g", "b.v", "a.v")
    desk.settle()
    assert desk.value("b.v") == "g(1)"
    assert call.wave.over

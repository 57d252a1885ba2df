"""What the pages get: everybody the same, nobody an echo, late joiners too, and values that are not plain."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dash_devices_nb.core.callbacks.dispatcher import Dispatcher
from dash_devices_nb.core.callbacks.services import Services
from dash_devices_nb.core.props import values as value_module
from dash_devices_nb.core.props.ids import Ref, Wild
from dash_devices_nb.core.props.json_limits import written
from dash_devices_nb.core.props.values import Value
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
    assert (send.mods, send.but) == (values({"a.v": 1}), ANN)
    assert len(desk.running) == 1


def test_the_outputs_go_to_all():
    """Also to the page that made the change."""
    desk = shared_desk()
    desk.change(ANN, {"a.v": 1})
    desk.settle()
    send = desk.sent[-1]
    assert (send.mods, send.but) == (values({"b.v": "f(1)"}), None)


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


def test_points_are_added_to_a_figure_without_encoding_it(monkeypatch):
    """A stream costs what its points cost, not what the figure costs; who comes later has it encoded then."""
    desk = Desk()
    desk.start(component("g", figure={"data": [{"y": [1]}]}))
    encoded = []
    monkeypatch.setattr(value_module, "written", lambda plain: encoded.append(plain) or written(plain))
    desk.push({"g.extendData": [{"y": [[2]]}, [0]]})
    desk.push({"g.extendData": [{"y": [[3]]}, [0]]})
    assert not [plain for plain in encoded if isinstance(plain, dict) and "data" in plain]
    assert desk.dispatcher.value(key("g.figure")).json
    assert [plain for plain in encoded if isinstance(plain, dict) and "data" in plain]
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
    """No propagation to wait for."""
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
                    call, {".".join(k): f"{call.spec.name}{len(desk.called)}" for k in call.resolved.output_keys}
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
    assert call.propagation.over


def test_a_callback_may_extend_a_figure():
    """The pages get the points alone, the figure has them, and what hangs on the figure is not called by it."""
    desk = Desk()
    desk.callback("f", "g.extendData", "a.v", initial=False)
    desk.callback("g", "", "g.figure", initial=False)
    desk.start(component("g", figure={"data": [{"y": [1]}]}), component("a"))
    desk.push({"a.v": 1})
    desk.finish(desk.running[0], {"g.extendData": [{"y": [[2]]}, [0]]})
    assert list(desk.sent[-1].mods) == [key("g.extendData")]
    assert desk.value("g.figure") == {"data": [{"y": [1, 2]}]}
    assert desk.names == ["f"]


def test_points_for_a_figure_that_nobody_has_are_the_pages_own_business():
    """They are sent, and nothing is kept."""
    desk = Desk()
    desk.start(component("g"))
    desk.push({"g.extendData": [{"y": [[2]]}, [0]]})
    assert list(desk.sent[-1].mods) == [key("g.extendData")]
    assert desk.value("g.figure") is None


def test_another_layout_keeps_the_shared_values_and_brings_its_own():
    """Callbacks that waited for its components are called; what pages had shown of the old one counts no more."""
    desk = Desk()
    desk.callback("late", "out.v", "late.v")
    desk.callback("rows", "total.v", [Ref("rows", "v", (("n", Wild.ALL),))], initial=False)
    desk.start(component("a", v=1), component("total"))
    desk.callback("a", "", "a.v", initial=False)
    desk.push({"a.v": 2})
    desk.dispatcher.receive_declared("page", ['{"n":1}'], [])
    assert list(desk.dispatcher.declared("page")) == ['{"n":1}']
    desk.settle()
    desk.forget()
    desk.take(desk.dispatcher.receive_layout([component("late", v=3), component("out"), component("a", v=1)]))
    assert desk.called == [("late", [3])]
    assert desk.value("a.v") == 2
    assert desk.value("total.v") is None
    assert list(desk.dispatcher.declared("page")) == []
    assert '{"n":1}' not in desk.dispatcher.layout


def test_the_value_of_the_layout_can_be_asked_for_behind_a_shared_one():
    """Also where the shared one lies over it in what pages get."""
    desk = Desk()
    desk.callback("a", "", "a.v", initial=False)
    desk.start(component("a", v=1))
    desk.push({"a.v": 2})
    [tree] = desk.come(component("a", v=1))
    assert tree["props"]["v"] == 2
    assert desk.dispatcher.layout_value(key("a.v")).plain == 1
    assert desk.dispatcher.layout_value(key("a.w")).plain is None


def test_a_grid_whose_rows_nobody_knows_gets_its_transaction_as_an_event():
    """Nothing is kept, so a page that falls behind must get it all the same."""
    desk = Desk()
    desk.start(component("other"))
    desk.push({"grid.rowTransaction": {"add": [{"n": 1}]}})
    [sent] = desk.sent
    assert not sent.mods[key("grid.rowTransaction")].kept
    assert key("grid.rowData") not in desk.dispatcher.state


def test_a_patch_that_brings_components_lays_what_is_shared_over_them():
    """The pages get the whole then, with the values in it; a patch without components goes as it is."""
    desk = Desk()
    desk.callback("f", "", "inner.v", initial=False)
    desk.start(component("list", children=[]))
    desk.push({"inner.v": 5})
    desk.push({"list.children": patch(("Append", ["children"][:0], {"value": component("inner", v=1)}))})
    [sent] = desk.sent[-1].mods.values()
    assert sent.plain[0]["props"]["v"] == 5
    desk.push({"list.title": "a"})
    change = patch(("Assign", [], {"value": "b"}))
    desk.push({"list.title": change})
    assert list(desk.sent[-1].mods.values()) == [change]


def test_what_answers_bring_into_one_page_counts_as_long_as_it_shows_it():
    """Shared values are laid over it, unless they are withheld; with the next answer, or the page, it goes."""
    desk = Desk()
    desk.callback("all", "total.v", [Ref("rows", "v", (("n", Wild.ALL),))], initial=False)
    desk.start(component("total"), component("fields"))
    fields = key("fields.children")

    def answer(page: str, *numbers: int, withheld: bool = False) -> list:
        tree = [component({"n": n}, v=0) for n in numbers]
        desk.take(desk.dispatcher.receive_answer(page, [(fields, tree)], withheld=withheld))
        return [each["props"]["v"] for each in tree]

    answer("a", 1, 2)
    desk.change(client("a"), {'{"n":1}.v': 5})
    assert desk.called[-1] == ("all", [[5, 0]])
    assert answer("b", 1) == [5]
    assert answer("b", 1, withheld=True) == [0]
    assert list(desk.dispatcher.brought("b")) == [fields]
    answer("a", 2)
    assert '{"n":1}' in desk.dispatcher.layout
    desk.take(desk.dispatcher.receive_leave("b"))
    assert '{"n":1}' not in desk.dispatcher.layout
    assert list(desk.dispatcher.brought("b")) == []
    tree = [component({"n": 1}, v=0), component({"n": 9}, v=0)]
    desk.dispatcher.lay_over(tree)
    assert [each["props"]["v"] for each in tree] == [5, 0]
    assert '{"n":9}' not in desk.dispatcher.layout


def test_a_callback_hears_what_an_input_had_that_no_page_shows_any_more():
    """A page's callback shows another of the program's pages: the last value counts until the component comes again."""
    desk = Desk()
    desk.callback("configure", "", "mode.v speed.v")
    desk.start(component("place"), component("speed", v=1))
    place = key("place.children")

    def show(*tree: dict) -> None:
        desk.take(desk.dispatcher.receive_answer("a", [(place, list(tree))], withheld=False))

    show(component("mode", v="auto", title="not shared"))
    show(component("other"))
    assert "mode" not in desk.dispatcher.layout
    desk.push({"speed.v": 2})
    assert desk.called == [("configure", ["auto", 2])]
    assert desk.value("mode.title") is None
    show(component("mode", v="manual"))
    desk.settle()
    desk.push({"speed.v": 3})
    assert desk.called[1:] == [("configure", ["manual", 3])]
    desk.take(desk.dispatcher.receive_leave("a"))
    desk.push({"speed.v": 4})
    desk.settle()
    assert desk.called[2:] == [("configure", ["manual", 4])]


def test_a_callback_hears_what_an_input_had_that_was_pushed_away():
    """The same where the program puts something else in its place for all."""
    desk = Desk()
    desk.callback("configure", "", "mode.v speed.v")
    desk.start(component("place", children=[component("mode", v="auto")]), component("speed", v=1))
    desk.push({"place.children": [component("other")]})
    assert "mode" not in desk.dispatcher.layout
    desk.push({"speed.v": 2})
    assert desk.called == [("configure", ["auto", 2])]


def test_a_page_may_declare_what_a_pattern_can_mean():
    """An id that is written another way, or that no pattern means, is none; once let go, its value is forgotten."""
    desk = Desk()
    desk.callback("all", "", [Ref("rows", "v", (("n", Wild.ALL),))], initial=False)
    desk.start(component("other"))
    ids = ['{"n":1}', '{ "n": 2 }', '{"m":1}', "plain", "{broken"]
    desk.take(desk.dispatcher.receive_declared("page", ids, []))
    assert list(desk.dispatcher.declared("page")) == ['{"n":1}']
    desk.change(client("page"), {'{"n":1}.v': 5})
    assert desk.called == [("all", [[5]])]
    desk.take(desk.dispatcher.receive_declared("page", [], ['{"n":1}']))
    assert '{"n":1}' not in desk.dispatcher.layout
    assert desk.dispatcher.shared_values('{"n":1}') is None


def test_components_that_are_withheld_come_as_they_are():
    """They count all the same: the callbacks that waited for them are called."""
    desk = Desk()
    desk.callback("late", "out.v", "late.v")
    desk.start(component("out"))
    desk.push({"late.v": 5})
    tree = [component("late", v=1)]
    desk.take(desk.dispatcher.receive_components(tree, withheld=True))
    assert tree[0]["props"]["v"] == 1
    assert desk.called == [("late", [5])]


def test_a_prop_of_a_callback_that_was_removed_may_still_be_sent():
    """Pages may not have heard of that yet."""
    desk = Desk()
    spec = desk.callback("f", "", "a.v", initial=False)
    desk.start(component("a"))
    assert desk.dispatcher.may_be_sent(key("a.v"))
    desk.dispatcher.remove_callback(spec)
    assert not desk.dispatcher.is_shared(key("a.v"))
    assert desk.dispatcher.may_be_sent(key("a.v"))
    assert not desk.dispatcher.may_be_sent(key("a.w"))


def test_what_a_page_says_of_an_event_is_no_change():
    """The component has taken it, and empties the prop."""
    desk = Desk()
    desk.callback("f", "", "g.extendData", initial=False)
    desk.start(component("g"))
    desk.change(client("one"), {"g.extendData": None})
    assert (desk.called, desk.sent, desk.refused) == ([], [], [])


def test_a_page_may_mean_what_is_there():
    """A plain id always; one of a pattern if it is in the layout, or has a value."""
    desk = Desk()
    desk.callback("all", "", [Ref("rows", "v", (("n", Wild.ALL),))], initial=False)
    desk.start(component({"n": 1}))
    desk.push({'{"n":2}.v': 1})
    meant = [desk.dispatcher.is_there(key(f"{name}.v")) for name in ("any", '{"n":1}', '{"n":2}', '{"n":3}')]
    assert meant == [True, True, True, False]


def test_what_the_app_brings_itself_is_no_pages_own_any_more():
    """It stays when the page leaves that had it first."""
    desk = Desk()
    desk.callback("all", "", [Ref("rows", "v", (("n", Wild.ALL),))], initial=False)
    desk.start(component("other"))
    for number in (1, 2):
        desk.take(desk.dispatcher.receive_declared("page", [f'{{"n":{number}}}'], []))
    desk.come(component({"n": 1}))
    desk.take(desk.dispatcher.receive_leave("page"))
    assert '{"n":1}' in desk.dispatcher.layout
    assert '{"n":2}' not in desk.dispatcher.layout

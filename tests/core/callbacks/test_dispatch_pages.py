"""Pages whose own callbacks set shared props: one answer to one change, and circles that settle."""

from collections import deque
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.callbacks.propagation import ACTED, Cause
from tests.core.desk import Desk, client, component, key


class Pages:
    """Open pages that answer changes by callbacks of their own, as `client/bridge.js` does it.

    Each page has a queue in either direction; the test says which one moves.

    Attributes:
        desk: the app.
        shown: what each page shows.
        rules: for each page, source and target, what its callback makes of a value.
        answers: how many answers of pages have reached the app.
    """

    def __init__(
        self, desk: Desk, rules: dict[Client, dict[tuple[str, str], Callable[[int], int]]], names: str
    ) -> None:
        self.desk = desk
        self.rules = rules
        self.shown = {who: dict.fromkeys((f"{name}.v" for name in names), 0) for who in rules}
        self.answers = 0
        self._down: dict[Client, deque] = {who: deque() for who in rules}
        self._up: dict[Client, deque] = {who: deque() for who in rules}
        self._pending: dict[Client, dict[str, int]] = {who: {} for who in rules}

    def act(self, who: Client, name: str, value: int) -> None:
        """A person changes a prop in one page."""
        self._set(who, name, value, None)
        self._react(who, name, Cause())

    def move(self, who: Client, *, up: bool) -> bool:
        """Deliver the oldest frame of one direction. Returns whether there was one."""
        queue = self._up[who] if up else self._down[who]
        if not queue:
            return False
        if up:
            name, value, cause = queue.popleft()
            self.answers += cause is not None
            before, refused = len(self.desk.sent), len(self.desk.refused)
            self.desk.change(who, {name: value}, cause)
            self._down[who].append(("ack", name, None, None))
            for refusal in self.desk.refused[refused:]:
                for changed, current in refusal.mods.items():
                    self._down[who].append(("force", ".".join(changed), current.plain, None))
            self._spread(before)
            return True
        kind, name, value, revision = queue.popleft()
        pending = self._pending[who]
        if kind == "ack":
            pending[name] -= 1
        elif kind == "force" or not pending.get(name):
            self.shown[who][name] = value
            if kind == "mods":
                self._react(who, name, Cause(key(name), revision))
        return True

    def push(self, name: str, value: int) -> None:
        """The program sets a prop."""
        before = len(self.desk.sent)
        self.desk.push({name: value})
        self._spread(before)

    def _spread(self, before: int) -> None:
        for send in self.desk.sent[before:]:
            for who, queue in self._down.items():
                if send.but is not who:
                    for changed, value in send.mods.items():
                        queue.append(("mods", ".".join(changed), value.plain, send.revision))

    def _react(self, who: Client, name: str, cause: Cause) -> None:
        """What a page's callbacks make of a change; a person's is followed as far as it leads in that page."""
        for (source, target), function in self.rules[who].items():
            if source == name:
                value = function(self.shown[who][source])
                if value != self.shown[who][target]:
                    self._set(who, target, value, None if cause == Cause() else cause)

    def _set(self, who: Client, name: str, value: int, cause: Cause | None) -> None:
        self.shown[who][name] = value
        self._pending[who][name] = self._pending[who].get(name, 0) + 1
        self._up[who].append((name, value, cause))


def shared_boxes(names: str) -> Desk:
    """Components whose values are shared, as a callback has them as state."""
    desk = Desk()
    desk.callback("reads", "", "button.v", " ".join(f"{name}.v" for name in names))
    desk.start(*(component(name, v=0) for name in names))
    desk.push({f"{name}.v": 0 for name in names})
    desk.forget()
    return desk


def people(count: int) -> list[Client]:
    """So many clients."""
    return [client(f"client{number}") for number in range(count)]


def settle(pages: Pages, moves: list[int]) -> int:
    """Move frames in a given order, then round robin, until all is quiet. Returns how many were moved."""
    ways = [(who, up) for who in pages.rules for up in (True, False)]
    moved = 0
    for choice in moves:
        who, up = ways[choice % len(ways)]
        moved += pages.move(who, up=up)
    quiet = False
    while not quiet:
        quiet = True
        for who, up in ways:
            while pages.move(who, up=up):
                quiet = False
                moved += 1
                assert moved < 2000, "the pages keep on answering each other"
    return moved


MOVES = st.lists(st.integers(0, 20), max_size=60)


@given(MOVES, st.integers(2, 4))
@settings(deadline=None)
def test_pages_that_answer_each_other_settle_and_agree(moves, count):
    """b from a in every page and a from b in every page, none of which agrees with another: it ends, equal for all."""
    desk = shared_boxes("ab")
    rules = {
        who: {("a.v", "b.v"): lambda v, n=n: v + n + 1, ("b.v", "a.v"): lambda v, n=n: v * 2 + n}
        for n, who in enumerate(people(count))
    }
    pages = Pages(desk, rules, "ab")
    pages.act(next(iter(rules)), "a.v", 5)
    settle(pages, moves)
    server = {name: desk.value(name) for name in ("a.v", "b.v")}
    assert all(shown == server for shown in pages.shown.values())


@given(MOVES)
@settings(deadline=None)
def test_one_pushed_change_is_answered_once_however_many_pages_are_open(moves):
    """Every page computes the answer, the first one counts, and the others get it."""
    desk = shared_boxes("ab")
    rules = {who: {("a.v", "b.v"): lambda v, n=n: v + n} for n, who in enumerate(people(3), 1)}
    pages = Pages(desk, rules, "ab")
    pages.push("a.v", 10)
    settle(pages, moves)
    assert desk.value("b.v") in (11, 12, 13)
    assert pages.answers == 3
    assert len([send for send in desk.sent if key("b.v") in send.mods]) == 1
    assert {shown["b.v"] for shown in pages.shown.values()} == {desk.value("b.v")}


@given(MOVES, st.integers(1, 3))
@settings(deadline=None)
def test_a_ring_through_three_props_settles(moves, rounds):
    """The lineage follows the whole way, not only the last step, also when people act meanwhile."""
    desk = shared_boxes("abc")
    step = {("a.v", "b.v"): lambda v: v + 1, ("b.v", "c.v"): lambda v: v + 1, ("c.v", "a.v"): lambda v: v + 1}
    everybody = people(2)
    pages = Pages(desk, dict.fromkeys(everybody, step), "abc")
    for number in range(rounds):
        pages.act(everybody[number % 2], "abc"[number] + ".v", 100 * number + 1)
        settle(pages, moves)
    server = {f"{name}.v": desk.value(f"{name}.v") for name in "abc"}
    assert all(shown == server for shown in pages.shown.values())


ANN = client("ann")


def test_an_answer_to_an_old_change_is_not_taken():
    """A newer change has come meanwhile, whose answer follows; the page gets what holds."""
    desk = shared_boxes("ab")
    desk.push({"a.v": 1})
    old = desk.sent[-1].revision
    desk.push({"a.v": 2})
    desk.change(ANN, {"b.v": 10}, Cause(key("a.v"), old))
    assert desk.value("b.v") == 0
    [refused] = desk.refused
    assert (refused.mods[key("b.v")].plain, refused.reason) == (0, "")


def test_an_answer_with_the_value_that_holds_is_nothing():
    """No revision, no send, no refusal."""
    desk = shared_boxes("ab")
    desk.push({"a.v": 1, "b.v": 5})
    before = desk.dispatcher.state.revision
    desk.change(ANN, {"b.v": 5}, Cause(key("a.v"), desk.sent[-1].revision))
    assert desk.dispatcher.state.revision == before
    assert desk.refused == []


@pytest.mark.parametrize("own_comes_first", [True, False])
def test_the_acting_page_and_the_others_give_one_answer(own_comes_first: bool):
    """Whoever is first; the other's later answer, the same or another, makes no revision."""
    desk = shared_boxes("ab")
    desk.change(ANN, {"a.v": 1})
    revision = desk.dispatcher.state.revision
    answers = [
        (ANN, Cause(key("a.v"), ACTED), 10),
        (client("ben"), Cause(key("a.v"), revision), 10),
        (client("cat"), Cause(key("a.v"), revision), 11),
    ]
    if not own_comes_first:
        answers[0], answers[1] = answers[1], answers[0]
    for who, cause, value in answers:
        desk.change(who, {"b.v": value}, cause)
    assert desk.value("b.v") == 10
    assert desk.dispatcher.state.revision == revision + 1


def test_the_answer_to_a_newer_act_of_the_same_page_is_taken():
    """Two acts in a row: the second answer holds, though the first was taken for the newer act."""
    desk = shared_boxes("ab")
    for value in (1, 2):
        desk.change(ANN, {"a.v": value})
    for value in (10, 20):
        desk.change(ANN, {"b.v": value}, Cause(key("a.v"), ACTED))
    assert desk.value("b.v") == 20


def test_an_initial_call_of_a_page_sets_a_shared_prop_only_if_nobody_has():
    """The first page's view becomes the shared value; a page that is opened later does not reset the device."""
    desk = Desk()
    desk.callback("f", "x.v", "b.v", initial=False)
    desk.start(component("b", v=0), component("x"))
    desk.change(ANN, {"b.v": 1}, Cause())
    assert desk.value("b.v") == 1
    desk.change(client("ben"), {"b.v": 2}, Cause())
    assert desk.value("b.v") == 1
    assert desk.refused[0].mods[key("b.v")].plain == 1
    assert desk.called == [("f", [1])]


def test_an_answer_starts_the_shared_callbacks_like_any_change():
    """With the client whose page answered."""
    desk = Desk()
    desk.callback("f", "x.v", "b.v", initial=False)
    desk.start(component("a"), component("b"), component("x"))
    desk.push({"a.v": 1})
    desk.change(ANN, {"b.v": 2}, Cause(key("a.v"), desk.sent[-1].revision))
    assert desk.called == [("f", [2])]
    assert desk.clients == [ANN]


def test_a_shared_result_does_not_come_back_to_where_it_began():
    """A person changes a; f makes b on the server; pages answer b with a: that is not taken, or it would never end."""
    desk = Desk()
    desk.callback("f", "b.v", "a.v", initial=False, function=lambda a: a + 1)
    desk.start(component("a", v=0), component("b", v=0))
    desk.change(ANN, {"a.v": 1})
    desk.settle()
    revision = desk.sent[-1].revision
    desk.change(ANN, {"a.v": 50}, Cause(key("b.v"), revision))
    assert desk.value("a.v") == 1
    assert desk.running == []


def test_a_person_is_never_taken_for_a_circle():
    """What a person does counts, whatever the lineage."""
    desk = shared_boxes("ab")
    desk.push({"a.v": 1})
    desk.change(ANN, {"b.v": 2}, Cause(key("a.v"), desk.sent[-1].revision))
    desk.change(ANN, {"a.v": 3})
    desk.change(ANN, {"b.v": 4})
    assert (desk.value("a.v"), desk.value("b.v")) == (3, 4)
    assert desk.refused == []


def test_what_answers_a_person_carries_where_it_came_from():
    """A page's callback answers its person's act; another page's answer to that answer comes back to it no more."""
    desk = Desk()
    desk.callback("watch", "log.children", "celsius.value fahrenheit.value")
    desk.start(component("celsius"), component("fahrenheit"), component("log"))
    desk.settle()
    anne, ben = client("anne"), client("ben")
    desk.change(anne, {"celsius.value": 100})
    desk.change(anne, {"fahrenheit.value": 212}, Cause(key("celsius.value"), ACTED))
    revision = desk.dispatcher.state.get(key("fahrenheit.value")).revision
    desk.change(ben, {"celsius.value": 100.01}, Cause(key("fahrenheit.value"), revision))
    desk.change(anne, {"celsius.value": 100.02}, Cause(key("fahrenheit.value"), ACTED))
    assert desk.dispatcher.value(key("celsius.value")).plain == 100
    desk.change(anne, {"celsius.value": 99}, Cause(key("celsius.value"), ACTED))
    assert desk.dispatcher.value(key("celsius.value")).plain == 99


def test_a_pages_callback_may_answer_an_act_that_the_app_has_not_heard_of():
    """The prop of the act is that page's own."""
    desk = Desk()
    desk.callback("act", "", "out.v")
    desk.start(component("own"), component("out"))
    desk.change(client("one"), {"out.v": 3}, Cause(key("own.v"), ACTED))
    assert desk.value("out.v") == 3

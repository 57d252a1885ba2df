import itertools
import threading
import weakref
from types import SimpleNamespace

import pytest

from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.callbacks.dispatcher import Cause
from dash_devices_nb.core.journal.entries import CALL, CHANGE, CONNECT, KINDS, PUSH, REFUSAL, Journal
from dash_devices_nb.core.props.values import Value

TARGET, SHOWN = ("target", "value"), ("shown", "children")


def client(name: str) -> Client:
    return Client(name, connect_time=0.0, address="127.0.0.1")


def call(name: str, *keys: tuple[str, str]) -> SimpleNamespace:
    return SimpleNamespace(name=name, keys=keys, triggered=("target.value",), size=3, weight=3)


GUESTS = (("owner", "owner", None), ("viewer", "view", "link"), ("guest", "control", "link"))


class Large:
    """A call with much in it."""

    name, keys, triggered, size, weight, error = "large", (), (), 5000, 5000, None

    def let_go(self) -> "Large":
        """The same, without that."""
        return self


class Failed:
    """A call that raised."""

    name, keys, triggered, size, weight, error, frames = "bad", (), (), 3, 3, ZeroDivisionError(), True
    _numbers = itertools.count()

    def __init__(self) -> None:
        self.number = next(self._numbers)

    def without_frames(self) -> "Failed":
        """The same, without frames."""
        self.frames = False
        return self


@pytest.fixture
def journal() -> Journal:
    """Two clients come, one changes the target, a callback is called, the program pushes."""
    journal = Journal()
    anne, ben = client("anne"), client("ben")
    journal.add(1.0, CONNECT, anne, "127.0.0.1")
    journal.add(2.0, CONNECT, ben, "127.0.0.1")
    journal.add(3.0, CHANGE, anne, {TARGET: Value.of(21)})
    journal.add(3.1, CALL, anne, call("show", TARGET, SHOWN))
    journal.add(4.0, PUSH, None, {SHOWN: Value(b'"warm"')}, SimpleNamespace(name="control"))
    journal.add(5.0, CHANGE, ben, {SHOWN: Value.of("x")}, Cause(TARGET, 7))
    journal.add(5.5, CHANGE, ben, {SHOWN: Value.of("y")}, Cause())
    journal.add(6.0, REFUSAL, ben, "You may not.")
    return journal


def numbers(entries) -> list[int]:
    return [entry.number for entry in entries]


def test_entries_are_numbered_and_kept_up_to_the_limit():
    """The oldest entries go first; numbers go on, also over a change of the limit and after clearing."""
    journal = Journal(limit=3)
    for time in range(5):
        journal.add(float(time), REFUSAL, None, "")
    assert numbers(journal) == [3, 4, 5]
    journal.limit = 2
    assert numbers(journal) == [4, 5]
    journal.clear()
    journal.add(9.0, REFUSAL, None, "")
    assert numbers(journal) == [6]
    assert journal[-1].time == 9.0


def test_guests_entries_give_way_to_those_of_others():
    """Once the journal is full, viewers have a fifth of it and other guests half; what is empty is theirs to fill."""
    owner, viewer, guest = (Client(name, connect_time=0.0, role=role, share=share) for name, role, share in GUESTS)
    journal = Journal(limit=100)
    for number in range(25):
        journal.add(float(number), CHANGE, owner, {TARGET: Value.of(number)})
    for _ in range(60):
        journal.add(30.0, REFUSAL, viewer, "no")
    assert len(journal.filter(client=viewer)) == 60
    for _ in range(500):
        journal.add(30.0, REFUSAL, viewer, "no")
        journal.add(30.0, CHANGE, guest, {TARGET: Value.of(0)})
        journal.add(30.0, CALL, None, call("chained"), by=viewer)
        journal.add(30.0, PUSH, guest, {SHOWN: Value.of(0)}, by=viewer)
    of_viewer = [entry for entry in journal if entry.client is viewer or entry.kind in (CALL, PUSH)]
    assert (len(journal), len(of_viewer)) == (100, 20)
    assert numbers(journal.filter(client=owner)) == list(range(1, 26))
    assert numbers(journal) == sorted(numbers(journal))
    for _ in range(100):
        journal.add(31.0, PUSH, viewer, {SHOWN: Value.of(0)})
    assert {entry.kind for entry in journal} == {PUSH}, "what the program pushes to one is its own"


def test_guests_large_values_give_way_to_those_of_others():
    """A viewer's requests of much state do not let go the values of the owner, nor their errors the tracebacks."""
    owner, viewer, guest = (Client(name, connect_time=0.0, role=role, share=share) for name, role, share in GUESTS)
    journal = Journal(memory=100_000)
    large = Value.of("x" * 5000)
    for _ in range(5):
        journal.add(0.0, CHANGE, owner, {TARGET: large})
    for _ in range(50):
        journal.add(1.0, CHANGE, viewer, {TARGET: large})
        journal.add(1.0, CHANGE, guest, {TARGET: large})
    held = [entry.client for entry in journal if isinstance(entry.what, dict)]
    assert [held.count(each) for each in (owner, viewer, guest)] == [5, 3, 11]
    assert journal.held <= 100_000
    journal.add(2.0, CHANGE, viewer, {TARGET: Value.of("x" * 100_000)})
    assert isinstance(journal[0].what, dict), "one that alone is more than its part lets go itself"
    failed = [Failed() for _ in range(30)]
    journal.add(3.0, CALL, owner, failed[0])
    for each in failed[1:]:
        journal.add(4.0, CALL, viewer, each)
    with_frames = [entry.what.number for entry in journal.filter(CALL) if entry.what.frames]
    assert len(with_frames) == 20
    assert with_frames[0] == failed[0].number


def test_what_entries_held_goes_with_them():
    """A dropped entry's large value counts no more and is freed, of whosever part, and its error's frames are."""
    clients = [Client(name, connect_time=0.0, role=role, share=share) for name, role, share in GUESTS]
    journal, freed = Journal(limit=20), []
    for number in range(1000):
        one = Failed() if number % 7 == 0 else Large()
        weakref.finalize(one, freed.append, number)
        journal.add(0.0, CALL, clients[number % 3], one)
        del one
        assert journal.held <= 5000 * len(journal)
    for _ in range(5):
        journal.add(1.0, PUSH, None, {TARGET: Value.of(0)})
    kept = [entry.what for entry in journal.filter(CALL)]
    assert 0 < len(kept) < 20
    assert journal.held == sum(each.weight for each in kept if isinstance(each, Large))
    assert len(freed) == 1000 - len(kept)
    journal.limit = 1
    assert journal.held == 0


def test_what_entries_of_several_threads_held_goes_with_them():
    """Entries whose values were held in another order than they were added leave nothing behind."""
    journal = Journal(limit=50, lock=threading.Lock())
    large = Value.of("x" * 5000)

    def add():
        for _ in range(2000):
            journal.add(0.0, PUSH, None, {TARGET: large})

    threads = [threading.Thread(target=add) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    for _ in range(100):
        journal.add(1.0, PUSH, None, {TARGET: Value.of(0)})
    assert (len(journal), journal.held) == (50, 0)


@pytest.mark.parametrize("limit", [0, -1, 1.5, True, "10", None])
def test_a_limit_that_is_no_number_of_entries_is_refused(limit):
    """The message says what the limit takes."""
    with pytest.raises(ValueError, match="it takes a whole number of entries, 1 or more"):
        Journal().limit = limit


def test_entries_are_found_by_kind_client_component_and_time(journal: Journal):
    """Filters can be combined; a client is itself or its id."""
    assert numbers(journal.filter()) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert numbers(journal.filter("change")) == [3, 6, 7]
    assert numbers(journal.filter(client="anne")) == [1, 3, 4]
    assert numbers(journal.filter(client=journal[0].client)) == [1, 3, 4]
    assert numbers(journal.filter(id="shown")) == [4, 5, 6, 7]
    assert numbers(journal.filter(since=5.0)) == [6, 7, 8]
    assert numbers(journal.filter("change", client="ben", id="shown", since=5.2)) == [7]
    assert [found.name for found in journal.calls("show")] == ["show"]
    assert journal.calls("other") == []
    assert [found.name for found in journal.calls(id="target", client="anne")] == ["show"]


def test_an_unknown_kind_is_refused(journal: Journal):
    """The message names the kinds."""
    with pytest.raises(ValueError, match=f"kind='click'; the kinds are {', '.join(KINDS)}"):
        journal.filter("click")


def test_a_component_is_named_as_in_the_layout():
    """A dict id, whatever the order of its keys."""
    journal = Journal()
    journal.add(1.0, CHANGE, None, {('{"index":1,"type":"knob"}', "value"): Value.of(1)})
    assert numbers(journal.filter(id={"type": "knob", "index": 1})) == [1]
    assert numbers(journal.filter(id={"type": "knob", "index": 2})) == []


def test_a_time_that_is_none_is_refused(journal: Journal):
    """The message says what it takes."""
    with pytest.raises(ValueError, match="since='noon'; it takes seconds since the epoch"):
        journal.filter(since="noon")  # type: ignore[arg-type]


def test_entries_say_what_led_to_them_and_what_they_moved(journal: Journal):
    """A call names its inputs, a push its callback, a page's own change what it answered; sizes are bytes of JSON."""
    assert [entry.cause for entry in journal] == [
        "", "", "", "target.value", "control", "the page, for target.value", "the page, at its start", "",
    ]  # fmt: skip
    assert [entry.size for entry in journal] == [0, 0, 2, 3, 6, 3, 3, 0]
    assert journal[2].summary == "target.value = 21"


def test_what_may_be_held_can_be_asked_and_set():
    """What is no number of bytes is refused with the value; less lets the oldest go."""
    journal = Journal(limit=3, memory=50_000)
    for name in "ab":
        journal.add(0.0, PUSH, None, {(name, "v"): Value.of("x" * 20_000)})
    assert (journal.memory, journal.held) == (50_000, 40_004)
    journal.memory = 30_000
    assert (journal.memory, journal.held) == (30_000, 20_002)
    assert repr(journal) == "<journal of 2 entries, at most 3>"
    for wrong in (-1, 2.5, True):
        with pytest.raises(ValueError, match=rf"journal\.memory = {wrong!r}; it takes a whole number of bytes"):
            journal.memory = wrong


def test_an_entry_in_words():
    """Who, what, and of how many bytes; what was let go says so."""
    journal = Journal(memory=5000)
    for number in range(2):
        journal.add(0.0, PUSH, None, {TARGET: Value.of(str(number) * 4500)})
    journal.add(1.0, CHANGE, client("anne"), {SHOWN: Value.of(5)})
    journal.add(2.0, REFUSAL, None, "You may not.")
    first, second, third, last = journal
    assert repr(first) == "<1 push: target.value (let go: 4502 bytes)>"
    assert (first.size, second.size, third.size, last.size) == (4502, 4502, 1, 0)
    assert repr(third) == "<3 change by <Client anne 127.0.0.1>: shown.children = 5>"
    assert repr(last) == "<4 refusal: You may not.>"


def test_the_newest_of_the_owner_is_held_however_large_it_is():
    """All else goes."""
    journal = Journal(memory=10_000)
    owner = client("owner")
    for size in (5_000, 50_000):
        journal.add(0.0, CHANGE, owner, {TARGET: Value.of("x" * size)})
    assert [isinstance(entry.what, dict) for entry in journal] == [False, True]
    assert journal.held == 50_002

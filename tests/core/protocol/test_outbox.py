"""The outbox: bounded, in order, never an own frame lost, and the final state always right."""

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from dash_devices_nb.core.protocol.outbox import MOST_TRANSIENT, Outbox, Resync


def drained(outbox: Outbox, revision: int = 0) -> list:
    """All that the outbox hands out; a resync brings the page up to `revision`."""
    taken = []
    while (item := outbox.next()) is not None:
        taken.append(item)
        if isinstance(item, Resync):
            outbox.synced(revision)
    return taken


def test_frames_leave_in_the_order_in_which_they_came():
    """Shared, own and passing frames share one queue."""
    outbox = Outbox()
    outbox.add_shared("shared 1", 1)
    outbox.add_own("own", outbox.next_number())
    outbox.add_transient("ack")
    outbox.add_shared("shared 2", 2)
    assert drained(outbox) == ["shared 1", "own", "ack", "shared 2"]
    assert outbox.revision == 2
    assert outbox.next() is None


def test_a_resync_that_is_asked_for_comes_behind_what_waits():
    """Nothing is dropped for it, and it comes once."""
    outbox = Outbox()
    outbox.add_shared("shared 1", 1)
    outbox.ask_resync()
    assert outbox.only() is None
    assert drained(outbox, revision=2) == ["shared 1", Resync(1)]
    assert (outbox.skipped, outbox.anything) == (0, False)


def test_what_waits_alone_may_be_taken_the_short_way():
    """Only a frame beside which nothing waits, and while the page may have more."""
    outbox = Outbox(frames=2)
    assert outbox.only() is None
    outbox.add_shared("shared 1", 1)
    assert (outbox.only(), outbox.revision, outbox.anything) == ("shared 1", 1, False)
    outbox.add_image(("camera", "src"), "image")
    outbox.add_shared("shared 2", 2)
    assert outbox.only() is None
    assert drained(outbox) == ["shared 2", "image"]
    outbox.add_shared("shared 3", 3)
    assert outbox.only() is None
    outbox.applied(1)
    assert outbox.only() == "shared 3"


def test_a_slow_page_skips_to_the_latest():
    """Above the limit the waiting shared frames are dropped, and one resync takes their place; own frames stay."""
    outbox = Outbox(limit=10)
    outbox.add_shared("12345", 1)
    outbox.add_own("own", outbox.next_number())
    outbox.add_shared("123456", 2)
    outbox.add_shared("1", 3)
    assert outbox.skipped == 3
    assert drained(outbox, revision=3) == ["own", Resync(0)]
    assert outbox.revision == 3
    outbox.add_shared("again", 4)
    assert drained(outbox) == ["again"]


def test_one_frame_over_the_limit_is_sent_if_nothing_waits():
    """A spectrum of a megabyte is no reason for a resync, which would be as large."""
    outbox = Outbox(limit=10)
    outbox.add_shared("x" * 100, 1)
    assert outbox.waiting == 100
    assert drained(outbox) == ["x" * 100]
    assert outbox.skipped == 0


def test_a_page_that_comes_back_gets_its_own_frames_again_and_a_resync():
    """What it confirmed is not sent again; what it has of the shared state is where the resync starts."""
    outbox = Outbox()
    for name in ("one", "two", "three"):
        outbox.add_own(name, outbox.next_number())
    outbox.add_shared("shared", 7)
    outbox.add_transient("ack")
    drained(outbox)
    outbox.resume(1, 5)
    assert drained(outbox, revision=9) == ["two", "three", Resync(5)]
    assert outbox.revision == 9


def test_own_frames_that_are_never_confirmed_overflow_at_the_hard_limit():
    """Memory stays bounded: the page is given up."""
    outbox = Outbox(hard_limit=10)
    outbox.add_own("x" * 10, outbox.next_number())
    assert not outbox.overflowed
    outbox.add_own("x", outbox.next_number())
    assert outbox.overflowed


def test_frames_that_are_only_told_in_passing_overflow_by_their_number():
    """A page that asks and never reads is given up; what is queued for it afterwards is not kept."""
    outbox = Outbox()
    for _ in range(MOST_TRANSIENT):
        outbox.add_transient("pong")
    assert not outbox.overflowed
    waiting = outbox.waiting
    outbox.add_transient("pong")
    assert outbox.overflowed
    outbox.add_own("own", outbox.next_number())
    assert outbox.waiting == waiting


def test_confirmed_frames_do_not_count():
    """A page that takes what it gets is never given up."""
    outbox = Outbox(hard_limit=10)
    for _ in range(100):
        number = outbox.next_number()
        outbox.add_own("x" * 10, number)
        outbox.confirm(number)
    assert not outbox.overflowed


class Traffic(RuleBasedStateMachine):
    """Any interleaving of changes, sends, lost connections and comings back, against the plain model.

    A shared frame is "prop=value"; the page applies what it gets.
    """

    def __init__(self) -> None:
        super().__init__()
        self.outbox = Outbox(limit=20)
        self.state: dict[str, tuple[int, int]] = {}
        self.revision = 0
        self.page: dict[str, int] = {}
        self.page_revision = 0
        self.page_number = 0
        self.own_sent: list[str] = []
        self.own_taken: list[str] = []
        self.connected = True

    @rule(prop=st.sampled_from("abcd"), value=st.integers(0, 10**6))
    def change(self, prop, value):
        self.revision += 1
        self.state[prop] = (value, self.revision)
        self.outbox.add_shared(f"{prop}={value}", self.revision)

    @rule()
    def answer(self):
        number = self.outbox.next_number()
        self.own_sent.append(f"own{number}")
        self.outbox.add_own(f"#{number}", number)

    @rule(arrives=st.booleans(), short=st.booleans())
    def send(self, arrives, short=False):
        item = (short and self.outbox.only()) or self.outbox.next()
        if isinstance(item, Resync):
            newer = {k: v for k, (v, revision) in self.state.items() if revision > item.revision}
            self.outbox.synced(self.revision)
            if self.connected and arrives:
                self.page.update(newer)
                self.page_revision = self.revision
        elif item is not None and self.connected and arrives:
            self.take(item)
        # A frame is lost with its connection, and so is all that follows on it.
        self.connected = self.connected and arrives

    def take(self, frame):
        if frame.startswith("#"):
            number = int(frame[1:])
            if number > self.page_number:
                self.own_taken.append(f"own{number}")
                self.page_number = number
            return
        prop, _, value = frame.partition("=")
        self.page[prop] = int(value)
        self.page_revision = max(self.page_revision, self.outbox.revision)

    @rule()
    def confirm(self):
        if self.connected:
            self.outbox.confirm(self.page_number)

    @precondition(lambda self: not self.connected)
    @rule()
    def come_back(self):
        self.connected = True
        self.outbox.resume(self.page_number, self.page_revision)

    @invariant()
    def memory_is_bounded(self):
        shared = sum(len(frame) for frame, revision in self.outbox._queue if revision is not None)
        assert shared <= 20 + len("a=1000000")

    def teardown(self):
        if not self.connected:
            self.come_back()
        for _ in range(10_000):
            if self.outbox._queue or self.outbox._lagging:
                self.send(arrives=True)
        assert self.page == {k: v for k, (v, _) in self.state.items()}
        assert self.own_taken == self.own_sent


TestTraffic = Traffic.TestCase
TestTraffic.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@given(st.lists(st.integers(1, 30), max_size=30), st.integers(1, 50))
def test_waiting_counts_what_waits(sizes, limit):
    """Bytes that wait are those of the frames that will be handed out."""
    outbox = Outbox(limit=limit)
    for revision, size in enumerate(sizes, 1):
        outbox.add_shared("x" * size, revision)
    waiting = outbox.waiting
    assert waiting == sum(len(item) for item in drained(outbox) if isinstance(item, str))
    assert outbox.waiting == 0


def test_a_page_that_starts_anew_gets_all_of_the_shared_state():
    """What waited for it is dropped with what it has had; its own frames are not."""
    outbox = Outbox()
    outbox.add_own("own", outbox.next_number())
    outbox.add_shared("shared", 7)
    assert drained(outbox) == ["own", "shared"]
    outbox.add_shared("more", 8)
    outbox.start_anew()
    assert (outbox.unconfirmed, outbox.revision) == (1, 0)
    assert outbox.next() == Resync(0)

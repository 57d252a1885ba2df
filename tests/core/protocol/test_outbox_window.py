"""The outbox's window of shared frames that are on their way, and images, of which only the newest waits."""

from hypothesis import given
from hypothesis import strategies as st

from dash_devices_nb.core.protocol.outbox import Outbox, Resync

CAMERA, SCOPE = ("camera", "src"), ("scope", "src")


def taken(outbox: Outbox) -> list:
    """What the outbox hands out until it holds back; a resync is answered with 5 bytes."""
    items = []
    while (item := outbox.next()) is not None:
        items.append(item)
        if isinstance(item, Resync):
            outbox.synced(item.revision + 100, 5)
    return items


def test_past_the_window_a_page_gets_no_more_until_it_has_applied_some():
    """What is on its way is bounded, and goes on in order."""
    outbox = Outbox(limit=1000, window=10)
    for revision in range(1, 6):
        outbox.add_shared(f"frame{revision}", revision)
    assert taken(outbox) == ["frame1"]
    assert (outbox.in_flight, outbox.revision) == (6, 1)
    outbox.applied(1)
    assert taken(outbox) == ["frame2"]
    outbox.applied(2)
    outbox.applied(2)
    assert taken(outbox) == ["frame3"]


def test_a_frame_larger_than_the_window_goes_alone():
    """A spectrum of a megabyte is sent when the page has applied all before it."""
    outbox = Outbox(limit=1000, window=10)
    outbox.add_shared("small", 1)
    outbox.add_shared("large" * 10, 2)
    assert taken(outbox) == ["small"]
    outbox.applied(1)
    assert taken(outbox) == ["large" * 10]


def test_a_page_that_applies_nothing_is_brought_up_to_date_when_it_does():
    """Over the limit all that waits is dropped; half the window must be free before the resync goes out."""
    outbox = Outbox(limit=20, window=10)
    outbox.add_shared("frame1", 1)
    assert taken(outbox) == ["frame1"]
    for revision in range(2, 11):
        outbox.add_shared(f"frame{revision}", revision)
    assert (outbox.waiting, outbox.skipped) == (0, 9)
    assert taken(outbox) == []
    outbox.applied(1)
    assert taken(outbox) == [Resync(1)]
    assert outbox.in_flight == 5
    outbox.add_shared("x", 200)
    assert taken(outbox) == ["x"]
    assert outbox.revision == 200


def test_many_small_frames_are_too_many_long_before_they_are_large():
    """A page that renders slower than values come skips to the latest, instead of showing old ones for long."""
    outbox = Outbox(frames=4)
    for revision in range(1, 9):
        outbox.add_shared(f"f{revision}", revision)
        if revision == 4:
            assert taken(outbox) == ["f1", "f2", "f3", "f4"]
    assert taken(outbox) == []
    outbox.applied(1)
    assert taken(outbox) == ["f5"]
    for revision in range(9, 20):
        outbox.add_shared(f"f{revision}", revision)
    assert outbox.waiting == 0
    outbox.applied(2)
    assert taken(outbox) == []
    outbox.applied(3)
    assert taken(outbox) == [Resync(5)]


def test_frames_that_the_app_has_not_had_time_to_send_are_not_dropped():
    """A page is slow only if it has not applied what it was sent; a burst before that goes out whole."""
    outbox = Outbox(frames=4)
    burst = [f"f{revision}" for revision in range(1, 21)]
    for revision, frame in enumerate(burst, 1):
        outbox.add_shared(frame, revision)
    got = []
    while len(got) < 20:
        got += taken(outbox)
        outbox.applied(len(got))
    assert got == burst


def test_answers_pass_through_while_no_shared_frame_waits_before_them():
    """Own frames are not counted in the window, but keep their place in the order."""
    outbox = Outbox(limit=1000, window=5)
    outbox.add_shared("12345", 1)
    outbox.add_own("answer", outbox.next_number())
    outbox.add_shared("67890", 2)
    outbox.add_own("later", outbox.next_number())
    assert taken(outbox) == ["12345", "answer"]
    outbox.applied(1)
    assert taken(outbox) == ["67890", "later"]


def test_a_page_that_comes_back_starts_with_an_empty_window():
    """What was on its way is lost with the connection; the page counts from zero again."""
    outbox = Outbox(limit=1000, window=6)
    outbox.add_shared("frame1", 1)
    outbox.add_shared("frame2", 2)
    assert taken(outbox) == ["frame1"]
    outbox.resume(0, 0)
    assert outbox.in_flight == 0
    assert taken(outbox) == [Resync(0)]
    outbox.applied(1)
    assert outbox.in_flight == 0


def test_a_page_that_says_too_much_gains_nothing():
    """Counts over what was sent do not open the window further than it is."""
    outbox = Outbox(limit=1000, window=6)
    outbox.applied(10**9)
    outbox.add_shared("frame1", 1)
    outbox.add_shared("frame2", 2)
    assert taken(outbox) == ["frame1"]
    assert outbox.in_flight == 6


def test_only_the_newest_image_waits():
    """One is on its way for each place, the next is the newest there is."""
    outbox = Outbox()
    for number in range(5):
        outbox.add_image(CAMERA, f"camera{number}")
    outbox.add_image(SCOPE, "scope0")
    assert taken(outbox) == ["camera4", "scope0"]
    outbox.add_image(CAMERA, "camera5")
    outbox.add_image(CAMERA, "camera6")
    assert outbox.waiting == len("camera6")
    assert taken(outbox) == []
    outbox.shown(CAMERA)
    assert taken(outbox) == ["camera6"]
    assert outbox.skipped == 5


def test_images_wait_for_the_rest():
    """What the state says comes before a picture."""
    outbox = Outbox()
    outbox.add_image(CAMERA, "image")
    outbox.add_shared("shared", 1)
    assert taken(outbox) == ["shared", "image"]


def test_a_page_that_comes_back_may_get_images_at_once():
    """It cannot say that it has shown one that was lost."""
    outbox = Outbox()
    outbox.add_image(CAMERA, "lost")
    assert taken(outbox) == ["lost"]
    outbox.resume(0, 0)
    outbox.add_image(CAMERA, "next")
    assert taken(outbox) == [Resync(0), "next"]


@given(st.lists(st.tuples(st.sampled_from(["shared", "image", "send", "apply"]), st.integers(1, 40)), max_size=200))
def test_memory_is_bounded_whatever_the_page_does(steps):
    """At most the limit waits (or one frame), the window flies (or one frame), and one image waits a place."""
    outbox = Outbox(limit=50, window=30)
    revision = sent = 0
    for step, size in steps:
        match step:
            case "shared":
                revision += 1
                outbox.add_shared("x" * size, revision)
            case "image":
                outbox.add_image(CAMERA, "i" * size)
            case "send":
                item = outbox.next()
                if isinstance(item, Resync):
                    outbox.synced(revision, 10)
                sent += item is not None
            case "apply":
                outbox.applied(min(size, sent))
        assert outbox.waiting <= 50 + 40
        assert outbox.in_flight <= 30 + 40


def test_images_that_wait_can_be_dropped():
    """As one whom nothing shared shall reach any more; they count as skipped."""
    outbox = Outbox(limit=1000, window=10)
    outbox.add_image(("video", "src"), "image")
    skipped = outbox.skipped
    outbox.drop_images()
    assert outbox.skipped == skipped + 1
    assert taken(outbox) == []


def test_a_layout_does_not_wait_for_what_a_page_without_one_cannot_apply():
    """What waited before it is dropped; what is newer follows once the page has applied the rest."""
    outbox = Outbox(limit=1000, window=10)
    for revision in range(1, 6):
        outbox.add_shared(f"frame{revision}", revision)
    assert taken(outbox) == ["frame1"]
    outbox.make_way(4)
    outbox.add_own("layout", outbox.next_number())
    assert taken(outbox) == ["layout"]
    assert outbox.skipped == 0, "the page misses none of it"
    outbox.applied(1)
    assert taken(outbox) == [Resync(4)]


def test_nothing_makes_way_where_nothing_waits():
    """A page that keeps up is not brought up from the state."""
    outbox = Outbox(limit=1000, window=100)
    outbox.add_shared("frame1", 1)
    assert taken(outbox) == ["frame1"]
    outbox.make_way(1)
    outbox.add_own("layout", outbox.next_number())
    outbox.add_shared("frame2", 2)
    assert taken(outbox) == ["layout", "frame2"]


def test_an_image_that_is_shown_is_no_video():
    """A page may say that it lacks a key frame of what has become an image meanwhile."""
    outbox = Outbox()
    outbox.add_image(CAMERA, "image1")
    assert outbox.next() == "image1"
    outbox.add_image(CAMERA, "image2")
    assert outbox.next() is None
    outbox.shown(CAMERA, lost=True)
    assert outbox.next() == "image2"
    assert outbox.skipped == 0


def test_an_image_that_waits_is_dropped_when_its_place_shows_something_else():
    """Those of other places stay."""
    outbox = Outbox()
    assert not outbox.images_wait
    for place in (CAMERA, ("other", "src")):
        outbox.add_image(place, "image")
    outbox.drop_image(CAMERA)
    outbox.drop_image(CAMERA)
    assert (outbox.images_wait, outbox.skipped, outbox.next(), outbox.next()) == (True, 1, "image", None)

"""What waits of a video: whole groups are dropped, and each page goes on with a key frame."""

from hypothesis import given
from hypothesis import strategies as st

from dash_devices_nb.core.protocol.outbox import Outbox
from dash_devices_nb.core.protocol.video_lane import IN_FLIGHT, LATE, MOST_BYTES, VideoLane, VideoUnit

PLACE = ("camera", "src")
STEP = 40_000


def unit(number: int, key: bool = False, size: int = 4, at: int | None = None) -> VideoUnit[str]:
    """A unit whose frame is its number, with "K" if it is a key frame."""
    name = f"{'K' if key else ''}{number}".ljust(size)
    return VideoUnit(name, number, key, number * STEP if at is None else at)


def taken(lane: VideoLane[str]) -> list[str]:
    """All that may be sent now."""
    units = []
    while lane.ready:
        units.append(lane.next().strip())
    return units


def test_a_page_begins_with_a_key_frame():
    """What comes before is of no use to it."""
    lane: VideoLane[str] = VideoLane()
    assert lane.wants_key
    assert lane.add(unit(1)) == 1
    assert lane.add(unit(2, key=True)) == 0
    assert not lane.wants_key
    lane.add(unit(3))
    assert (taken(lane), lane.bytes) == (["K2", "3"], 0)


def test_a_gap_ends_the_group():
    """A unit that does not follow on the last one cannot be decoded; nor can those after it."""
    lane: VideoLane[str] = VideoLane()
    lane.add(unit(1, key=True))
    assert [lane.add(unit(3)), lane.add(unit(4)), lane.add(unit(5, key=True))] == [1, 1, 1]
    assert taken(lane) == ["K5"]


def test_only_so_many_are_in_flight():
    """The next ones come when the page has shown some."""
    lane: VideoLane[str] = VideoLane()
    for number in range(IN_FLIGHT + 2):
        lane.add(unit(number, key=number == 0))
    assert len(taken(lane)) == IN_FLIGHT
    lane.shown(1)
    assert taken(lane) == [str(IN_FLIGHT)]
    lane.shown(100)
    assert taken(lane) == [str(IN_FLIGHT + 1)]


def test_a_page_that_falls_behind_goes_on_with_a_key_frame_when_it_has_shown_all():
    """The rest of the group is dropped when it has waited too long."""
    lane: VideoLane[str] = VideoLane()
    lane.add(unit(0, key=True))
    for number in range(1, IN_FLIGHT):
        lane.add(unit(number))
    assert len(taken(lane)) == IN_FLIGHT
    waits = LATE // STEP + 1
    dropped = [lane.add(unit(IN_FLIGHT + n)) for n in range(waits + 2)]
    assert dropped == [0] * waits + [waits + 1, 1]
    assert (lane.bytes, lane.ready, lane.wants_key) == (0, False, False)
    lane.shown(IN_FLIGHT - 1)
    key = IN_FLIGHT + waits + 2
    lane.add(unit(key, key=True))
    assert not lane.ready
    lane.shown(1)
    assert taken(lane) == [f"K{key}"]


def test_a_page_that_has_shown_all_wants_a_key_frame():
    """So the encoder is asked for one."""
    lane: VideoLane[str] = VideoLane()
    lane.add(unit(0, key=True))
    taken(lane)
    lane.drop()
    assert not lane.wants_key
    lane.shown(1)
    assert lane.wants_key


def test_bytes_are_bounded():
    """However fast large pictures come."""
    lane: VideoLane[str] = VideoLane()
    lane.add(unit(0, key=True, size=MOST_BYTES // 2, at=0))
    assert lane.add(unit(1, size=MOST_BYTES // 2, at=1)) == 0
    assert lane.add(unit(2, size=1, at=2)) == 3
    assert lane.bytes == 0


def test_a_newer_group_takes_the_place_of_what_waits():
    """Nobody needs the older one."""
    lane: VideoLane[str] = VideoLane()
    lane.add(unit(0, key=True))
    lane.add(unit(1))
    assert lane.add(unit(2, key=True)) == 2
    assert taken(lane) == ["K2"]


def test_who_comes_later_gets_a_group_however_old_it_is():
    """And what follows on it."""
    lane: VideoLane[str] = VideoLane()
    count = 3 * LATE // STEP
    lane.bring([unit(n, key=n == 0) for n in range(count)])
    assert lane.add(unit(count)) == 0
    got = []
    while lane.ready:
        got += taken(lane)
        lane.shown(IN_FLIGHT)
    assert got == ["K0", *map(str, range(1, count + 1))]
    lane.bring([])
    assert (lane.ready, lane.wants_key) == (False, True)


def test_the_outbox_hands_out_videos_after_all_else():
    """An image takes the place of a video, and a video that of an image."""
    outbox: Outbox[str] = Outbox()
    outbox.add_image(PLACE, "image")
    outbox.add_video(PLACE, unit(1, key=True))
    outbox.add_transient("pong")
    assert (outbox.waiting, outbox.skipped, outbox.anything, outbox.only()) == (8, 1, True, None)
    assert [outbox.next(), outbox.next(), outbox.next()] == ["pong", "K1  ", None]
    assert not outbox.anything
    outbox.add_video(PLACE, unit(2))
    outbox.add_image(PLACE, "image")
    assert [outbox.next(), outbox.next()] == ["image", None]
    assert outbox.wants_key(PLACE)


def test_what_a_page_has_shown_and_what_it_lacks():
    """A page whose decoder has failed gets nothing before the next key frame."""
    outbox: Outbox[str] = Outbox()
    outbox.bring_video(PLACE, [unit(1, key=True), unit(2)])
    outbox.next()
    outbox.shown(("other", "src"))
    outbox.shown(PLACE, 1, lost=True)
    assert (outbox.skipped, outbox.anything, outbox.wants_key(PLACE)) == (1, False, True)
    outbox.add_video(PLACE, unit(3))
    outbox.add_video(PLACE, unit(4, key=True))
    assert outbox.next() == "K4  "
    assert not outbox.wants_key(PLACE)
    outbox.drop_video(PLACE)
    assert outbox.wants_key(PLACE)


def test_a_lost_connection_and_withheld_values_end_the_videos():
    """The newest group is brought to a page that comes back; a page without the right gets nothing that waits."""
    outbox: Outbox[str] = Outbox()
    outbox.add_video(PLACE, unit(1, key=True))
    outbox.drop_images()
    assert (outbox.skipped, outbox.anything) == (1, False)
    outbox.add_video(PLACE, unit(2, key=True))
    outbox.resume(0, 0)
    outbox.synced(0)
    assert (outbox.anything, outbox.wants_key(PLACE)) == (False, True)
    outbox.add_video(PLACE, unit(3, key=True))
    outbox.forget()
    assert outbox.waiting == 0


@given(
    st.lists(
        st.one_of(st.just("key"), st.just("unit"), st.just("gap"), st.just("send"), st.integers(1, 10)), max_size=200
    )
)
def test_whatever_happens_each_unit_follows_on_the_one_before_or_is_a_key_frame(history):
    """And no more than allowed waits or is in flight."""
    lane: VideoLane[str] = VideoLane()
    number, last, in_flight = 0, None, 0
    for event in history:
        if event in ("key", "unit", "gap"):
            number += 2 if event == "gap" else 1
            lane.add(unit(number, key=event == "key"))
        elif event == "send":
            if lane.ready:
                name = lane.next().strip()
                assert name.startswith("K") or last == int(name) - 1
                last = int(name.removeprefix("K"))
                in_flight += 1
        else:
            in_flight = max(0, in_flight - event)
            lane.shown(event)
        assert in_flight <= IN_FLIGHT
        assert lane.bytes <= 4 * (LATE // STEP + 2)


def test_a_page_that_has_shown_units_gets_the_next():
    """As many as it has shown may be sent, in order."""
    outbox: Outbox[str] = Outbox()
    outbox.add_video(PLACE, unit(1, key=True))
    for number in range(2, IN_FLIGHT + 2):
        outbox.add_video(PLACE, unit(number))
    sent = []
    while (frame := outbox.next()) is not None:
        sent.append(frame)
    assert len(sent) == IN_FLIGHT
    outbox.shown(PLACE, 1)
    assert str(outbox.next()).strip() == str(IN_FLIGHT + 1)

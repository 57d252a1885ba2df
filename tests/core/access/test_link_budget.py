"""The budget of a link: one for all that comes by it."""

import pytest

from dash_devices_nb.core.access import link_budget
from dash_devices_nb.core.access.link_budget import (
    BURST,
    CPU_SECONDS,
    JOB_CPU_SECONDS,
    JOBS,
    RATE,
    BackgroundJob,
    LinkBudget,
    Shelf,
)
from dash_devices_nb.core.protocol.outbox import Outbox


def test_requests_and_little_frames_are_counted_apart():
    """Pages that look on do not use up what those need that ask; bytes cost as requests do."""
    one = LinkBudget()
    for _ in range(int(link_budget.BURST)):
        assert one.take(0.0, "req", 0) == 0
    assert not one.has_room(0.0, "req", 0)
    assert one.has_room(0.0, "ok", 20)
    assert one.take(0.0, "req", 0) == 1 / link_budget.RATE
    assert one.waits(0.0, link_budget.BYTES) == 3 / link_budget.RATE
    assert one.has_room(10.0, "set", 0)


def test_what_a_thread_computes_is_charged():
    """A request that takes long is as many."""
    one = LinkBudget()
    one.spend(2.0)
    assert not one.has_room(0.0, "req", 0)
    assert one.waits(0.0, 0) == (2.0 / link_budget.CPU_SECONDS - link_budget.BURST + 1) / link_budget.RATE
    assert one.has_room(2.0, "req", 0)


def test_it_is_idle_once_all_is_back():
    """Until then it must not be forgotten: who comes back would have a new one."""
    one = LinkBudget()
    assert one.is_idle(0.0)
    one.take(0.0, "req", 0)
    assert not one.is_idle(0.0)
    assert one.is_idle(1.0)
    one.holds(10)
    assert not one.is_idle(1.0)
    assert one.holds(-10)
    assert one.is_idle(1.0)


def test_messages_that_have_not_come_whole_are_bounded_together():
    """However many connections hold them."""
    one = LinkBudget()
    part = link_budget.UNFINISHED // 4
    assert [one.holds(part) for _ in range(5)] == [True] * 4 + [False]
    assert one.holds(-part)
    assert LinkBudget(10).holds(5 * part)


def test_pages_share_what_they_have_not_confirmed():
    """The page that has more than its share is given up, not those that have little."""
    shelf = Shelf(limit=100)
    small, large = Outbox(shelf=shelf), Outbox(shelf=shelf)
    small.add_own("x" * 10, small.next_number())
    for _ in range(3):
        large.add_own("x" * 40, large.next_number())
    assert (large.overflowed, small.overflowed, shelf.size, shelf.pages) == (True, False, 130, 2)
    small.add_own("x" * 10, small.next_number())
    assert not small.overflowed
    large.forget()
    assert (shelf.size, shelf.pages) == (20, 1)
    small.confirm(2)
    assert (shelf.size, shelf.pages) == (0, 0)


def test_little_frames_have_to_wait_for_each_other_alone():
    """So many at once, then so many a second."""
    one = LinkBudget()
    assert [one.take(0.0, "ok", 10) for _ in range(int(link_budget.LITTLE_BURST))][-1] == 0
    assert one.take(0.0, "ping", 10) == 1 / link_budget.LITTLE_RATE
    assert one.take(0.0, "req", 0) == 0


def test_requests_under_way_and_on_disk_have_a_bound():
    """Who came by no link has many times as much."""
    one, others = LinkBudget(), LinkBudget(times=link_budget.OTHERS)
    for each in (one, others):
        each.under_way.update(range(link_budget.UNDER_WAY))
    assert (one.is_busy, others.is_busy) == (True, False)
    assert one.spools(link_budget.SPOOLED)
    assert not one.spools(1)
    assert one.spools(-link_budget.SPOOLED)
    assert one.spooled == 1
    assert others.spools(link_budget.SPOOLED * link_budget.OTHERS)


def test_connections_of_a_link_come_one_after_the_other():
    """After the first few at once; those of another link, and later ones, do not wait."""
    one = LinkBudget()
    delays = [one.comes(0.0) for _ in range(int(link_budget.COMING_BURST) + 50)]
    assert max(delays[: int(link_budget.COMING_BURST)]) == 0
    assert delays[-1] == pytest.approx(50 / link_budget.COMING_RATE)
    assert LinkBudget().comes(0.0) == 0
    assert not one.is_idle(0.0)
    assert one.comes(10.0) == 0
    assert one.is_idle(11.0)


def test_bodies_of_a_link_are_read_at_a_rate():
    """An upload is read at once; what comes without end is read ever later."""
    one = LinkBudget()
    assert one.reads(0.0, int(link_budget.BODIES_BURST)) == 0
    assert one.reads(0.0, int(link_budget.BODIES_RATE)) == pytest.approx(1)
    assert one.reads(60.0, 1) == 0


def test_background_jobs_cost_their_start_and_have_a_bound():
    """A link may have so many running; one that has ended makes room, and none of them is free."""
    one = LinkBudget()
    jobs = [one.takes_job() for _ in range(JOBS)]
    assert one.take(0.0, "req", 0) >= (JOBS * JOB_CPU_SECONDS / CPU_SECONDS - BURST) / RATE
    assert one.takes_job() is None
    assert not one.is_idle(1000.0)
    first = jobs[0]
    assert first is not None
    first.runs = lambda: False
    assert one.takes_job() is not None
    assert one.takes_job() is None


def test_a_job_runs_as_long_as_who_began_it_says():
    """It counts from the request on, and its process is asked from then on that it has begun."""
    job = BackgroundJob()
    assert job.runs()
    job.began(lambda: False)
    assert not job.runs()

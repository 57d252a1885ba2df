"""The threads for plain functions: always one that is free, also after they were closed and opened again."""

from __future__ import annotations

import threading

from dash_devices_nb.app.execution.call_queue import CallQueue, Job
from dash_devices_nb.app.execution.runtime import Runtime
from dash_devices_nb.app.execution.workers import Workers
from tests.support.eventually import eventually_sync


def test_jobs_that_wait_for_each_other_all_have_a_thread():
    """Each job waits for all others."""
    workers, together, done = Workers("test"), threading.Barrier(8), []
    for number in range(8):
        workers.submit(lambda n=number: (together.wait(5), done.append(n)))
    eventually_sync(lambda: sorted(done) == list(range(8)))
    workers.close()


def test_closed_ones_run_what_came_meanwhile_once_they_are_opened():
    """Nothing is lost and nothing runs twice, whatever the threads of before do: idle, or still at work."""
    workers, go, done = Workers("test"), threading.Event(), []
    workers.submit(lambda: done.append("idle"))
    workers.submit(lambda: (go.wait(5), done.append("slow")))
    eventually_sync(lambda: done == ["idle"])
    workers.close(timeout=0.1)
    workers.submit(lambda: done.append("late"))
    assert done == ["idle"]
    workers.open()
    workers.open()
    eventually_sync(lambda: done == ["idle", "late"])
    go.set()
    eventually_sync(lambda: done == ["idle", "late", "slow"])
    for number in range(20):
        workers.submit(lambda n=number: done.append(n))
    eventually_sync(lambda: len(done) == 23)
    assert sorted(done[3:]) == list(range(20))
    workers.close()


def test_threads_of_a_burst_end_although_jobs_go_on_coming(monkeypatch):
    """One job after the other needs one thread: the others end, which they would not if each got a job in its turn."""
    monkeypatch.setattr("dash_devices_nb.app.execution.workers.IDLE_SECONDS", 0.3)
    workers, together = Workers("burst"), threading.Barrier(9)
    for _ in range(8):
        workers.submit(lambda: together.wait(5))
    together.wait(5)

    def one_more_leaves_one_thread():
        done = threading.Event()
        workers.submit(done.set)
        assert done.wait(5)
        return sum(thread.name.startswith("burst-") for thread in threading.enumerate()) == 1

    eventually_sync(one_more_leaves_one_thread)
    workers.close()


def test_who_waits_for_a_place_gets_the_thread_of_the_one_that_made_room():
    """A bound for the calls bounds the threads: the one that ends is not idle yet when the next call begins."""
    runtime = Runtime("bound")
    calls, threads, go = CallQueue(runtime, lambda: 2), [], [threading.Event() for _ in range(6)]

    def call(number: int) -> Job:
        def run() -> None:
            threads.append(threading.get_ident())
            assert go[number].wait(5)

        return Job(run, lambda: None, lambda: True)

    for number in range(6):
        calls.submit(call(number), "link", guest=False)
    for number in range(6):
        eventually_sync(lambda n=number: len(threads) >= min(6, n + 2))
        go[number].set()
    assert len(set(threads)) == 2
    runtime.workers.close()

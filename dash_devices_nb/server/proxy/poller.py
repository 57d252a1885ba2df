"""Waiting for the bytes of many sockets at little cost for each.

A broadcast to a hundred pages makes a hundred sockets readable one after the other. With asyncio's
own transports each of them costs a turn of the event loop. Here all sockets of all splices wait in
one epoll object, which is one descriptor for the event loop; once it wakes, it is asked again, a
bounded number of times, while sockets are still becoming readable.

A kernel that sends slower than this side carries would still wake the loop for each message. So what
network cards do is done here too: the first sockets of a burst are served at once, the rest of it
once a millisecond.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import Callable
from typing import cast

from tornado.ioloop import IOLoop

TURN = 128  # sockets served before the event loop serves others
BURST = 16  # sockets that are served at once; one page's own traffic stays far below
BURST_WINDOW = 0.005  # seconds in which they have to become readable to be a burst
MODERATION = 0.001  # seconds between two looks within a burst; asyncio's timers are no finer


def selector_loop() -> asyncio.AbstractEventLoop:
    """The running loop, or what Tornado puts beside it where it has no `add_reader` (Windows)."""
    return cast(asyncio.AbstractEventLoop, getattr(IOLoop.current(), "selector_loop"))  # noqa: B009


class Poller:
    """The sockets of one event loop that wait for bytes, on any system. Made when first needed."""

    def __init__(self) -> None:
        self._callbacks: dict[int, Callable[[], None]] = {}
        self._loop = selector_loop()

    def add(self, descriptor: int, callback: Callable[[], None]) -> None:
        """Call back whenever there is something to read, or an end. Idempotent."""
        self._callbacks[descriptor] = callback
        self._loop.add_reader(descriptor, callback)

    def remove(self, descriptor: int) -> None:
        """Call back no more. Idempotent."""
        if self._callbacks.pop(descriptor, None) is not None:
            self._loop.remove_reader(descriptor)

    def close(self) -> None:
        """Call nobody back any more."""
        for descriptor in list(self._callbacks):
            self.remove(descriptor)


class EpollPoller(Poller):
    """The same with an epoll object of its own."""

    def __init__(self) -> None:
        super().__init__()
        self._epoll = select.epoll()
        self._began = 0.0  # when the window of now began
        self._served = 0  # sockets served within it
        self._timer: asyncio.TimerHandle | None = None
        self._loop.add_reader(self._epoll.fileno(), self._woken)

    def add(self, descriptor: int, callback: Callable[[], None]) -> None:
        """Call back whenever there is something to read, or an end. Idempotent."""
        if descriptor not in self._callbacks:
            self._epoll.register(descriptor, select.EPOLLIN)
        self._callbacks[descriptor] = callback

    def remove(self, descriptor: int) -> None:
        """Call back no more. Idempotent."""
        if self._callbacks.pop(descriptor, None) is not None:
            self._epoll.unregister(descriptor)

    def close(self) -> None:
        """Call nobody back any more, and give the descriptor back. Idempotent."""
        if self._epoll.closed:
            return
        if self._timer is not None:
            self._timer.cancel()
        else:
            self._loop.remove_reader(self._epoll.fileno())
        self._callbacks.clear()
        self._epoll.close()

    def _woken(self) -> None:
        now = self._loop.time()
        if now - self._began > BURST_WINDOW:
            self._began = now
            self._served = 0
        self._served += self._serve()
        if self._served >= BURST:
            self._loop.remove_reader(self._epoll.fileno())
            self._timer = self._loop.call_later(MODERATION, self._look)

    def _look(self) -> None:
        if self._serve():
            self._timer = self._loop.call_later(MODERATION, self._look)
            return
        self._timer = None
        self._served = 0
        self._loop.add_reader(self._epoll.fileno(), self._woken)

    def _serve(self) -> int:
        served = 0
        callbacks = self._callbacks
        poll = self._epoll.poll
        while served < TURN and (events := poll(0)):
            served += len(events)
            for descriptor, _event in events:
                callback = callbacks.get(descriptor)  # None: an earlier one of this turn removed it
                if callback is not None:
                    callback()
        return served


def readers() -> Poller:
    """The best that this system has."""
    return EpollPoller() if hasattr(select, "epoll") else Poller()

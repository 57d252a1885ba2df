"""The runtime: one lock around the dispatcher, and the performing of its actions.

Any thread may enter: with a page's frame on the I/O loop, a push from a cell or a timer, or the result of a callback in
a worker. All enter by `Runtime.enter`: it takes the lock, tells the time, calls one `receive_*`, publishes what
happened (see `event_stream`), and performs the actions before it releases the lock. So frames are queued in the order
of the revisions. Performing never blocks. Sending appends to outboxes, and writes to a few pages or wakes the I/O loop
for many. Running hands the call to a worker or to the callback loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine, Hashable, Iterable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from dash_devices_nb.app.execution.call_queue import BusyError, CallQueue, Job
from dash_devices_nb.app.execution.event_stream import (
    PERFORMED,
    ActRefused,
    CallEnded,
    Event,
    EventStream,
    Failed,
    OwnSent,
    Pushed,
    Raised,
)
from dash_devices_nb.app.execution.pause import PauseGate
from dash_devices_nb.app.execution.regular_call import RegularCall
from dash_devices_nb.app.execution.workers import Workers
from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.callbacks.actions import Action, Refuse, Release, Report, Run, Send, Wake
from dash_devices_nb.core.callbacks.deadlock import Waiter
from dash_devices_nb.core.callbacks.dispatcher import Dispatcher
from dash_devices_nb.core.callbacks.propagation import Call, Propagation
from dash_devices_nb.core.callbacks.serial_queues import Queued
from dash_devices_nb.core.journal.retention import FRAMES
from dash_devices_nb.core.props.event_props import EventValue
from dash_devices_nb.core.props.ids import Key
from dash_devices_nb.core.props.mods import Mods
from dash_devices_nb.core.protocol.frames import Frame
from dash_devices_nb.core.protocol.messages import AppFrame, BusyFrame, PausedFrame, SharedModsFrame
from dash_devices_nb.kernel.guard import RunningCalls

if TYPE_CHECKING:
    from dash_devices_nb.app.client_session import ClientSession

log = logging.getLogger(__name__)

WAIT_SECONDS = 30.0
"""The longest that a synchronous push waits for the callbacks that depend on it."""

ERRANDS = 32
"""Jobs in workers that are no callbacks: hooks that are asked, and large messages that are parsed."""
BUSY_SECONDS = 0.2
"""The time that a coroutine callback waits for its loop before the pages show it."""

MOST_LATE = 1000
"""Coroutine calls that nothing else bounds and that may wait while the app is stopped. Further ones are refused."""

FEW_PAGES = 16
"""Above this many sessions with something to send, the calling thread leaves the writing to the I/O loop, so that it
holds the lock for a fraction of a millisecond only."""

running_call: ContextVar[Queued | None] = ContextVar("dash_devices_nb_call", default=None)
"""The call that the current thread or task runs."""

in_coroutine: ContextVar[bool] = ContextVar("dash_devices_nb_coroutine", default=False)
"""Whether a coroutine of ours runs here (a callback, a route). It must not block its loop."""


class ShownImage(NamedTuple):
    """An image that all pages show. `revision`: of the shared state when it was pushed."""

    frame: Frame
    revision: int


@dataclass(eq=False)
class Started:
    """A coroutine function that will run, and the function to call at its end. `begun`: it runs already."""

    function: Callable[[], Coroutine[Any, Any, Any]]
    ended: Callable[[], None]
    begun: bool = False


@contextlib.contextmanager
def running(call: Queued) -> Iterator[None]:
    """Set the call that the current thread or task runs."""
    token = running_call.set(call)
    try:
        yield
    finally:
        running_call.reset(token)


def being_cancelled() -> bool:
    """Whether the current task is being cancelled. If not, a `CancelledError` comes from something that it awaits."""
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


def coroutine_context() -> contextvars.Context:
    """A new context for a coroutine."""
    context = contextvars.Context()
    context.run(in_coroutine.set, True)
    return context


class Runtime:
    """Runs one app.

    Attributes:
        name: the name of the app.
        dispatcher: the core. It is used only with `lock` held.
        pages: the sessions that are connected or within their grace, by client id.
        images: the latest image of each place, unless another value has replaced it. Use it with `lock` held.
        on_demand: the ids of components whose changes are sent only to pages that show them. Use it with `lock` held.
        errors: the last 20 exceptions of callbacks, newest last.
        io_loop, io_thread: the loop that writes frames, and its thread. None before the app runs.
        running: the running plain callbacks, for the stop button.
        callback_loop, callback_thread: the loop of coroutine callbacks, and its thread. None before the app runs.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.lock = threading.RLock()
        self.dispatcher = Dispatcher()
        self.pages: dict[str, ClientSession] = {}
        self.images: dict[Key, ShownImage] = {}
        self.on_demand: set[str] = set()
        self.errors: deque[BaseException] = deque(maxlen=FRAMES)
        self.io_loop: asyncio.AbstractEventLoop | None = None
        self.io_thread: int | None = None
        self.callback_loop: asyncio.AbstractEventLoop | None = None
        self.callback_thread: int | None = None
        self.workers = Workers(f"{name}-callback")
        self._errands = CallQueue(self, lambda: ERRANDS)
        self.running = RunningCalls()
        self._stream = EventStream(self._listener_raised)
        self.subscribe, self.publish = self._stream.subscribe, self._stream.publish
        self.pause_gate = PauseGate()
        self._run_shared: Callable[[Call], None] = lambda call: None
        self._run_regular: Callable[[RegularCall], None] = lambda call: None
        self._waiting: dict[Waiter, Callable[[], object]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._unstarted: set[Started] = set()
        self._late: list[Started] = []
        """Coroutines that were to run while the app does not; they start when it does again."""
        self._stopped = False
        self._abandoned: deque[Callable[[], None]] = deque()
        self._abandons = False
        self._held_up = False
        self._dirty: set[ClientSession] = set()
        self._waking = False

    # ---- entering

    def attach(self, shared: Callable[[Call], None], regular: Callable[[RegularCall], None]) -> None:
        """Set what runs the calls of shared and of regular callbacks. Neither blocks, nor raises. Once."""
        self._run_shared, self._run_regular = shared, regular

    def enter(
        self, receive: Callable[[], Iterable[Action]], happened: Callable[[], Event | None] | None = None
    ) -> None:
        """The one way in: take the lock, tell the time, let the dispatcher receive, publish, and perform.

        From any thread, with or without the lock.

        Args:
            receive: lets the dispatcher receive an event, and returns the actions.
            happened: returns the event to publish. Called after `receive`. None: nothing is published.
        """
        with self.lock:
            self.dispatcher.tell_time(time.monotonic())
            actions = receive()
            if happened is not None:
                try:
                    event = happened()
                except Exception as error:  # noqa: BLE001 - the actions must be performed all the same
                    self.report(error)
                else:
                    if event is not None:
                        self.publish(event)
            self._perform(actions)

    def push(self, mods: Mods) -> Propagation:
        """The program sets props for all pages. Returns the propagation that this starts. From any thread.

        Raises:
            PatchError: a `Patch` does not fit. Nothing was changed.
        """
        started: list[Propagation] = []

        def receive() -> list[Action]:
            actions, propagation = self.dispatcher.receive_push(mods, running_call.get())
            started.append(propagation)
            return actions

        self.enter(receive, lambda: Pushed(None, mods))
        return started[0]

    def _perform(self, actions: Iterable[Action]) -> None:
        """Perform actions, with the lock held. If one fails, it is reported, and the others are performed."""
        for action in actions:
            try:
                match action:
                    case Send():
                        self._send(action)
                    case Run():
                        self.begin(action.call)
                    case Refuse():
                        self._refuse(action)
                        self.publish(ActRefused(action.client, action.reason))
                    case Release():
                        wake = self._waiting.pop(action.waiter, None)
                        if wake:
                            wake()
                    case Wake():
                        self._wake_at(action.at)
                    case Report():
                        self.report(action.error, action.call)
            except Exception as error:  # noqa: BLE001 - else other calls and their waiters would hang
                self.report(error)
        self.publish(PERFORMED)
        self._wake()

    def _wake_at(self, at: float) -> None:
        """Call the dispatcher at that time."""
        loop = self.io_loop
        if loop is not None and not loop.is_closed():
            late = max(0.0, at - time.monotonic())
            loop.call_soon_threadsafe(
                loop.call_later, late, lambda: self.enter(self.dispatcher.wake), context=contextvars.Context()
            )

    def begin(self, call: Queued) -> None:
        """Run a call, or hold it if calls are paused. Does not block. From any thread."""
        if self.pause_gate.allows(call):
            self._run(call)
        else:
            self.tell_all(PausedFrame(len(self.pause_gate)))

    def _run(self, call: Queued) -> None:
        if isinstance(call, Call):
            self._run_shared(call)
        elif isinstance(call, RegularCall):
            self._run_regular(call)

    def lagging(self, call: Call) -> None:
        """Tell the page that caused a call how late it starts."""
        page = self.pages.get(call.client.id) if call.client else None
        if page is not None:
            with self.lock:
                page.tell_lag(time.monotonic() - call.made)
            self.flush()

    def pause(self) -> None:
        """Hold calls from now on. Running calls go on. Waiters for a call are released."""
        with self.lock:
            self.pause_gate.close()
            for wake in self._waiting.values():
                wake()
            self._waiting.clear()
            self.tell_all(PausedFrame(len(self.pause_gate)))
        self.flush()

    def step(self) -> Queued | None:
        """Run the first held call, and return it. None if there is none."""
        with self.lock:
            call = self.pause_gate.step()
            self.tell_all(PausedFrame(len(self.pause_gate)))
        if call is not None:
            self._run(call)
        self.flush()
        return call

    def resume(self) -> None:
        """Run the held calls in order, and stop holding."""
        with self.lock:
            held = self.pause_gate.open()
            self.tell_all(PausedFrame(None))
        for call in held:
            self._run(call)
        self.flush()

    def tell_all(self, frame: AppFrame) -> None:
        """Queue a frame for each page. Call `flush` afterwards."""
        with self.lock:
            for page in self.pages.values():
                page.send(frame)

    # ---- sending

    def send_own(self, client: Client, mods: Mods) -> None:
        """Send values to one client only. From any thread. Does nothing if the client has left."""
        with self.lock:
            page = self.pages.get((client.stands_for or client).id)
            if page is not None:
                number = page.send_mods(mods)
                call = running_call.get()
                lineage = frozenset() if call is None or call.over else call.lineage
                self.publish(OwnSent(page, mods, number, lineage))
                self._wake()

    def image_of(self, place: Key) -> Frame | None:
        """The image that is shown at a place. None: there is none, or the prop changed later. With the lock held."""
        image = self.images.get(place)
        if image is None:
            return None
        entry = self.dispatcher.state.get(place)
        return image.frame if entry is None or entry.revision <= image.revision else None

    def touch(self, page: ClientSession) -> None:
        """Note that something waits for a page. With the lock held. Call `_wake` afterwards."""
        self._dirty.add(page)

    def flush(self) -> None:
        """Wake the I/O loop for what was queued."""
        with self.lock:
            self._wake()

    def anything_waits(self) -> bool:
        """Whether a page has something to get."""
        with self.lock:
            return any(page.outbox.waiting for page in self.pages.values())

    def offer(self, ids: Iterable[str]) -> None:
        """Send the changes of these components only to pages that show them. From any thread."""
        with self.lock:
            self.on_demand.update(ids)

    def _send(self, action: Send) -> None:
        if not self.pages:
            return
        shared, apart = _split(action.mods)
        anybody = self.on_demand.isdisjoint(key[0] for key in shared)
        changes: dict[frozenset[str] | None, tuple[SharedModsFrame, bool]] = {}
        frames: dict[tuple[frozenset[str] | None, bool], Frame] = {}
        """The messages. Pages that show the same, and take arrays in the same way, get the same bytes."""
        for page in self.pages.values():
            if page.outbox.images_wait:
                for key in shared:
                    page.outbox.drop_image(key)
            if page.client is action.but or not page.takes_shared:
                continue
            watched = None if anybody else page.watched
            if watched not in changes:
                mods = shared if watched is None else {key: shared[key] for key in shared if page.gets(key[0])}
                made = SharedModsFrame(mods, action.revision)
                changes[watched] = made, made.has_arrays
            change, has_arrays = changes[watched]
            if change.m:
                arrays = has_arrays and page.takes_arrays
                frame = frames.get((watched, arrays))
                if frame is None:
                    frame = frames[watched, arrays] = Frame(change.encoded(arrays=arrays))
                page.send_shared(frame, action.revision, change.m)
            if apart:
                page.send_mods(apart)

    def _refuse(self, action: Refuse) -> None:
        page = self.pages.get(action.client.id)
        if page is None:
            return
        if action.mods:
            page.undo(self.shown_to(page, action.mods))
        if action.reason and action.told:
            page.send_notice("error", action.reason)

    def shown_to(self, page: ClientSession, mods: Mods) -> Mods:
        """The current values, as a page may see them. If shared values are withheld from it, the layout's values."""
        return mods if page.takes_shared else {key: self.dispatcher.layout_value(key) for key in mods}

    def _wake(self) -> None:
        if not self._dirty or self.io_loop is None or self.io_loop.is_closed():
            return
        if threading.get_ident() == self.io_thread:
            self._drain()
            return
        if len(self._dirty) <= FEW_PAGES and all(page.reachable for page in self._dirty):
            dirty, self._dirty = self._dirty, set()
            for page in dirty:
                page.wake()
            return
        if self._waking:
            return
        self._waking = True
        self.io_loop.call_soon_threadsafe(self._drain, context=contextvars.Context())

    def _drain(self) -> None:
        with self.lock:
            self._waking = False
            dirty, self._dirty = self._dirty, set()
        for page in dirty:
            page.wake()

    # ---- running

    def report(self, error: BaseException, call: Queued | None = None, client: Client | None = None) -> None:
        """Publish an exception. Subscribers keep it and show it. Never raises. From any thread."""
        try:
            self.publish(Raised(error, call, client))
        except BaseException as another:
            log.error("reporting a %s raised", type(error).__name__, exc_info=another)

    def _listener_raised(self, error: BaseException, event: Event) -> None:
        """Report the exception of a listener of the event stream."""
        match event:
            case Raised() | Failed():  # reporting it could raise again, for ever
                log.error("reporting a %s raised", type(event.error).__name__, exc_info=error)
            case CallEnded():
                self.beside(error, event.recorded.call)
            case _:
                self.report(error)

    def beside(self, error: BaseException, call: Queued) -> None:
        """Report an exception around a callback's function: of the journal, the log, a hook. From any thread."""
        log.error("the journal or a hook raised for a call with the lock %r", call.queue_key, exc_info=error)
        self.report(error, call)

    def work(self, job: Callable[[], None], ended: Callable[[], None]) -> None:
        """Run a job in a worker now. From any thread. Never raises. `ended` is called if the job cannot be run."""
        try:
            self.workers.submit(job)
        except RuntimeError as error:
            self.report(error)
            self._abandon(ended)

    def work_next(self, job: Callable[[], None]) -> None:
        """Run a job in the worker that calls this, when its own has ended."""
        self.workers.follow(job)

    def spawn(
        self,
        function: Callable[[], Coroutine[Any, Any, Any]],
        ended: Callable[[], None],
        refuse: Callable[[], None] | None = None,
    ) -> None:
        """Run a coroutine function on the callback loop, in a new context. From any thread.

        Jobs that come while the app is stopped run when it runs again, as those of plain functions do.

        Args:
            function: the coroutine function.
            ended: called when it has ended, or if it cannot be run.
            refuse: called instead if the app is stopped and many jobs wait already. None: the job always waits, because
                something else bounds such jobs, as a serial queue does.
        """
        loop = self.callback_loop
        started = Started(function, ended)
        with self.lock:
            if self._stopped or loop is None:
                if refuse is None or len(self._late) < MOST_LATE:
                    self._late.append(started)
                    return
                loop = None
        if loop is None:
            assert refuse is not None
            refuse()
            return
        self._unstarted.add(started)  # first, as the loop may start it at once
        # Most changes come on the thread of this loop. It is awake then, and waking it would cost four system calls.
        awake = threading.get_ident() == self.callback_thread
        call_soon = loop.call_soon if awake else loop.call_soon_threadsafe
        try:
            call_soon(self._start, loop, started, context=coroutine_context())
        except RuntimeError:  # the loop is closed by somebody else
            self._unstarted.discard(started)
            self._abandon(ended)
            return
        if self.io_loop is not None and self.io_loop is not loop and not self._held_up:
            self.io_loop.call_soon_threadsafe(self.io_loop.call_later, BUSY_SECONDS, self._look_at, started)

    def take_loops(self, io_loop: asyncio.AbstractEventLoop, callback_loop: asyncio.AbstractEventLoop) -> None:
        """Use these loops from now on. From the thread of the I/O loop."""
        self.io_loop, self.io_thread = io_loop, threading.get_ident()
        self.callback_loop = callback_loop
        self.callback_thread = self.io_thread if callback_loop is io_loop else threading.main_thread().ident

    def leave_loops(self) -> None:
        """Let the loops go: the app does not run any more."""
        self.io_loop = self.callback_loop = None
        self.io_thread = self.callback_thread = None

    def open(self) -> None:
        """The app runs now: run the jobs that came while it was stopped. From any thread."""
        self.workers.open()
        with self.lock:
            self._stopped = False
            late, self._late = self._late, []
        for each in late:
            self.spawn(each.function, each.ended)

    def _look_at(self, started: Started) -> None:
        """Check that a coroutine has started. If not, a cell blocks the callback loop, and the pages show it."""
        if started in self._unstarted:
            self._held_up = True
            self.tell_all(BusyFrame("Some callbacks wait for the running cell"))
            self.flush()

    def _abandon(self, ended: Callable[[], None]) -> None:
        """End jobs that cannot be run, one after the other: the end of one may start the next."""
        with self.lock:
            self._abandoned.append(ended)
            if self._abandons:
                return
            self._abandons = True
            try:
                while self._abandoned:
                    self._abandoned.popleft()()
            finally:
                self._abandons = False

    def _start(self, loop: asyncio.AbstractEventLoop, started: Started) -> None:
        self._unstarted.discard(started)
        with self.lock:
            if self._stopped:
                self._late.append(started)
                return
        if self._held_up:
            self._held_up = False
            self.tell_all(BusyFrame(""))
            self.flush()
        task = loop.create_task(self._run_started(started))
        task.add_done_callback(lambda _: self._ended(started))  # also called for one cancelled before its first step
        self.hold(task)

    async def _run_started(self, started: Started) -> None:
        started.begun = True
        await started.function()

    def _ended(self, started: Started) -> None:
        with self.lock:
            if self._stopped and not started.begun:
                self._late.append(started)
                return
        started.ended()

    def hold(self, task: asyncio.Task[Any]) -> None:
        """Keep a reference to a task until it is done. `stop` cancels it."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def in_worker(
        self,
        function: Callable[[], Any],
        link: Hashable = None,
        *,
        guest: bool = False,
        call_queue: CallQueue | None = None,
    ) -> Any:
        """Run a plain function in a worker and await its result. On any loop.

        Args:
            function: the function.
            link: the link or address of the requester. The function then waits for a place. None: the program asked.
            guest: whether that is a share link.
            call_queue: the queue in which it waits. None: the queue for hooks and other small jobs.

        Raises:
            BusyError: there was no place in time.
            Exception: whatever the function raises.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()

        def job() -> None:
            result: Any = None
            error: BaseException | None = None
            try:
                result = function()
            except BaseException as exc:  # noqa: BLE001 - a program's code may raise anything
                error = exc
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(settle, future, result, error)

        def refuse() -> None:
            error = BusyError("the app has too much to do; please try again")
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(settle, future, None, error)

        if link is None:
            self.workers.submit(job)
        else:
            (call_queue or self._errands).submit(Job(job, refuse, lambda: not future.done()), link, guest=guest)
        return await future

    def stop(self) -> None:
        """Cancel coroutines on the callback loop, and end the threads. Jobs wait until `open`. From any thread."""
        with self.lock:
            self._stopped = True
            for wake in self._waiting.values():
                wake()
            self._waiting.clear()
        loop, tasks = self.callback_loop, list(self._tasks)
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(lambda: [task.cancel() for task in tasks])
        self.workers.close()

    # ---- waiting

    def on_callback_loop(self) -> bool:
        """Whether the current thread runs the callback loop."""
        return threading.get_ident() == self.callback_thread

    def wait(self, propagation: Propagation) -> None:
        """Wait for a propagation, unless that would be a deadlock. From any thread that may block."""
        if propagation.over:
            return
        done = threading.Event()
        with self.lock:
            if self.pause_gate.closed:
                return
            waiter = self.dispatcher.wait(propagation, running_call.get(), blocks_loop=self.on_callback_loop())
            if waiter is None:
                return
            self._waiting[waiter] = done.set
            self.enter(self.dispatcher.hasten)
        if not done.wait(WAIT_SECONDS):
            with self.lock:
                self._waiting.pop(waiter, None)
                self.dispatcher.give_up(waiter)

    async def wait_async(self, propagation: Propagation) -> None:
        """Wait for a propagation without blocking the loop."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        with self.lock:
            if self.pause_gate.closed:
                return
            waiter = self.dispatcher.wait(propagation, running_call.get(), blocks_loop=False)
            if waiter is None:
                return
            self._waiting[waiter] = lambda: loop.call_soon_threadsafe(settle, future, None, None)
            self.enter(self.dispatcher.hasten)
        try:
            await future
        finally:
            with self.lock:
                self._waiting.pop(waiter, None)
                self.dispatcher.give_up(waiter)


def settle(future: asyncio.Future[Any], result: Any, error: BaseException | None = None) -> None:
    """Set the result of a future, unless it is done. On its loop."""
    if future.done():
        return
    if isinstance(error, StopIteration) or not isinstance(error, Exception | None):
        # A future refuses StopIteration. The others would end the loop, or look like the end of the waiting task.
        stopped = RuntimeError(f"it was stopped by {type(error).__name__}")
        stopped.__cause__ = error
        error = stopped
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)


def _split(mods: Mods) -> tuple[Mods, Mods]:
    """Split values into state, which a lagging page gets later, and events, which it must get in any case."""
    apart: Mods = {key: value for key, value in mods.items() if isinstance(value, EventValue) and not value.kept}
    return ({key: value for key, value in mods.items() if key not in apart} if apart else mods), apart

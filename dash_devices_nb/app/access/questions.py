"""`app.ask()`: a question on everybody's page, with the answers live on the owner's.

One question is shown at a time. Pages get it in a frame of its own, when it is asked, and whenever they connect.
Changed counts go to the owner's pages together, so that a whole class may answer at once.
"""

from __future__ import annotations

import asyncio
import html
import time
from collections import deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dash_devices_nb.app.access.permissions import Permissions
from dash_devices_nb.app.client_session import ClientSession
from dash_devices_nb.app.execution.event_stream import ActRefused, Noted
from dash_devices_nb.app.stock_dash.types import Argument
from dash_devices_nb.core.access.poll import Poll, Vote
from dash_devices_nb.core.access.roles import Role
from dash_devices_nb.core.journal.entries import QUESTION
from dash_devices_nb.core.protocol.messages import QuestionFrame
from dash_devices_nb.core.protocol.page_frames import PAGE, ChoiceFrame
from dash_devices_nb.errors import QuestionError
from dash_devices_nb.kernel.display import LiveOutput

if TYPE_CHECKING:
    import pandas

    from dash_devices_nb.app.execution.runtime import Runtime

TOGETHER_SECONDS = 0.25
"""Counts that change within this time of each other go to the owner's pages together."""
NOTHING = QuestionFrame(n=0, text="", options=[], mine=None, open=False, may=False, counts=None)
"""No question is asked, or the client has to log in first."""
MOST_OUTPUTS = 8
"""Outputs of cells that show the answers to one question live. Older ones stay as they are."""


class Question:
    """A question that `app.ask()` has put on the pages. A notebook shows the answers, live. All of it from any thread.

    Attributes:
        text: the question.
        options: the possible answers.
    """

    def __init__(self, questions: Questions, poll: Poll) -> None:
        self._questions = questions
        self._poll = poll
        self.text = poll.text
        self.options = poll.options

    @property
    def open(self) -> bool:
        """Whether it is on the pages and answers are taken."""
        return self._poll.open

    @property
    def answers(self) -> list[tuple[str, str]]:
        """The name and the answer of each person, in the order of their first answers. Names may be there twice."""
        return [(vote.name, self.options[vote.option]) for vote in self._votes()]

    @property
    def counts(self) -> dict[str, int]:
        """How many persons have given each answer."""
        with self._questions.lock:
            return dict(zip(self.options, self._poll.counts, strict=True))

    def to_frame(self) -> pandas.DataFrame:
        """Return the answers as a DataFrame: name, answer (a category) and time (UTC), one row for each person.

        Raises:
            QuestionError: pandas is not installed.
        """
        try:
            import pandas
        except ImportError as error:
            raise QuestionError("to_frame() needs pandas: pip install pandas. .answers works without it.") from error
        votes = self._votes()
        answers = pandas.Categorical.from_codes([vote.option for vote in votes], categories=list(self.options))
        times = pandas.to_datetime([datetime.fromtimestamp(vote.at, UTC) for vote in votes], utc=True)
        return pandas.DataFrame({"name": [vote.name for vote in votes], "answer": answers, "time": times})

    def close(self, show: bool = False) -> None:
        """Take no more answers. The question goes from the pages, or stays with its result.

        Args:
            show: everybody sees how many have chosen each option, until the next question. `close()` later takes that
                away.
        """
        self._questions.close(self._poll, show=show)

    def _votes(self) -> list[Vote]:
        with self._questions.lock:
            return list(self._poll.votes.values())

    def __repr__(self) -> str:
        state = "open" if self.open else "closed"
        counts = ", ".join(f"{option}: {count}" for option, count in self.counts.items())
        return f"<Question {self.text!r}, {state}, {counts}>"

    def _ipython_display_(self, **_: Argument) -> None:
        """Show the answers in the output of the cell, and keep them up to date there."""
        output = LiveOutput(repr(self), self._html())
        self._questions.watch(self._poll, lambda: output.update(repr(self), self._html()))

    def _html(self) -> str:
        counts = self.counts
        people = sum(counts.values())
        rows = "".join(_bar(option, count, people) for option, count in counts.items())
        state = "open" if self.open else "closed"
        answers = "1 answer" if people == 1 else f"{people} answers"
        return (
            f'<div style="max-width:480px;padding:4px 0"><b>{html.escape(self.text)}</b>{rows}'
            f'<div style="opacity:.75;margin-top:6px">{answers}, {state}</div></div>'
        )


def _bar(option: str, count: int, people: int) -> str:
    share = 100 * count / people if people else 0
    return (
        '<div style="display:flex;justify-content:space-between;gap:12px;margin-top:6px">'
        f"<span>{html.escape(option)}</span><span>{count}</span></div>"
        '<div style="height:8px;border-radius:4px;background:rgba(128,128,128,.25)">'
        f'<div style="height:8px;border-radius:4px;background:#2f7bd8;width:{share:.1f}%"></div></div>'
    )


class Questions:
    """The questions of one app.

    Args:
        roles: the permissions of the clients. It says when one joins or changes.
        runtime: the runtime of the app.

    Attributes:
        lock: the lock of the runtime. Polls are read and changed with it only.
    """

    def __init__(self, roles: Permissions, runtime: Runtime) -> None:
        self._runtime = runtime
        self.lock = runtime.lock
        self._asked = 0
        self._poll: Poll | None = None
        self._watchers: dict[int, deque[Callable[[], None]]] = {}
        self._waits = False
        self._timer: asyncio.TimerHandle | None = None
        roles.watchers.append(self._changed)

    # ---- the program's side: from any thread

    def ask(self, text: str, options: Iterable[str]) -> Question:
        """Put a question on the pages, in the place of the one before."""
        given = [str(option) for option in options] if not isinstance(options, str) else [options]
        with self.lock:
            try:
                poll = Poll(self._asked + 1, str(text), given)
            except ValueError as error:
                raise QuestionError(f"ask({text!r:.80}, ...): {error}") from None
            before = self._poll
            if before is not None:
                self._end(before, show=False)
            self._asked += 1
            self._poll = poll
            self._runtime.publish(Noted(QUESTION, None, f"asks {text!r:.200}"))
            self._tell_all()
        self._runtime.flush()
        if before is not None:
            self._show(before)
        return Question(self, poll)

    def close(self, poll: Poll, *, show: bool) -> None:
        """Take no more answers, and show the result or nothing."""
        with self.lock:
            self._end(poll, show=show)
            self._tell_all()
        self._runtime.flush()
        self._show(poll)

    def watch(self, poll: Poll, show: Callable[[], None]) -> None:
        """Call `show` when there are other answers, or none are taken any more. It is called without the lock."""
        with self.lock:
            self._watchers.setdefault(poll.number, deque(maxlen=MOST_OUTPUTS)).append(show)

    def _show(self, poll: Poll) -> None:
        with self.lock:
            watchers = tuple(self._watchers.get(poll.number, ()))
            if not poll.open:
                self._watchers.pop(poll.number, None)
        for show in watchers:
            show()

    def _end(self, poll: Poll, *, show: bool) -> None:
        if poll.close(show=show):
            self._runtime.publish(Noted(QUESTION, None, f"closes {poll.text!r:.200}: {poll.counts}"))
        if self._poll is poll and not show:
            self._poll = None

    # ---- pages

    def greeted(self, page: ClientSession) -> None:
        """A page has connected, for the first time or again: say what is asked. With the lock held."""
        if self._asked and page.client.kind == PAGE:
            page.note_question(None)
            self._tell(page)

    def received(self, page: ClientSession, frame: ChoiceFrame) -> None:
        """A person answers. The page gets its answer back, as it is now."""
        client = page.client
        with self.lock:
            poll = self._poll
            if poll is None or poll.number != frame.poll:
                refused = "the question is closed"
            elif client.withheld:
                refused = "log in first"
            else:
                refused = poll.answer(client.person, client.label, frame.option, time.time())
            if refused:
                self._runtime.publish(ActRefused(client, f"An answer was not taken: {refused}."))
                page.send_notice("warning", f"Your answer was not taken: {refused}.")
            page.note_question(None)
            self._tell(page)
            self._changed()
        self._runtime.flush()

    def _tell(self, page: ClientSession) -> None:
        frame = self._frame(page)
        if frame != page.told_question:
            page.note_question(frame)
            page.send(frame)

    def _frame(self, page: ClientSession) -> QuestionFrame:
        poll, client = self._poll, page.client
        if poll is None or client.withheld:
            return NOTHING
        owner = client.role is Role.OWNER
        return QuestionFrame(
            n=poll.number,
            text=poll.text,
            options=list(poll.options),
            mine=poll.choice(client.person),
            open=poll.open,
            may=poll.open and not owner,
            counts=poll.counts if owner or poll.shown else None,
        )

    def _tell_all(self) -> None:
        for page in self._runtime.pages.values():
            if page.client.kind == PAGE:
                self._tell(page)

    # ---- what changes goes together

    def _changed(self) -> None:
        """Somebody has answered, joined, left or changed. With the lock held."""
        loop = self._runtime.io_loop
        if self._waits or self._poll is None or loop is None or loop.is_closed():
            return
        self._waits = True
        loop.call_soon_threadsafe(self._wait, loop)

    def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = loop.call_later(TOGETHER_SECONDS, self._send)

    def _send(self) -> None:
        with self.lock:
            self._timer, self._waits = None, False
            self._tell_all()
            poll = self._poll
        self._runtime.flush()
        if poll is not None:
            self._show(poll)

    def stop(self) -> None:
        """Forget what waits. On the I/O loop."""
        self._waits = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

"""Plain views, which run in threads. Guests may use a part of the threads, so that an owner's page always loads.

Quart runs plain views in the loop's few threads, first come, first served. A view that shows the page takes some ten
milliseconds of processor time, for which the loop's thread has to wait. So few of those run at a time.
"""

from __future__ import annotations

import contextvars
import inspect
from functools import partial, wraps

import quart
from quart.utils import run_sync_iterable
from werkzeug.exceptions import ServiceUnavailable

from dash_devices_nb.app.execution.call_queue import BusyError, CallQueue
from dash_devices_nb.app.execution.link_spending import spending
from dash_devices_nb.app.sessions.manager import SessionManager
from dash_devices_nb.app.stock_dash.types import Argument, Function, Returned

PLACES = {"dash": 2, "dash_devices_nb": 8}
"""How many of Dash's views run at a time, and how many of ours, which may wait for connect hooks. Guests get half."""


class PlainViews:
    """Runs the plain views of one server in workers, for requests by share links.

    Args:
        sessions: identifies requesters and their share links.
    """

    def __init__(self, sessions: SessionManager) -> None:
        self._sessions = sessions
        self._crews = {whose: CallQueue(sessions.runtime, partial(PLACES.__getitem__, whose)) for whose in PLACES}

    def guard(self, server: quart.Quart) -> None:
        """Take over how a server runs plain functions."""
        stock = server.sync_to_async

        def sync_to_async(function: Function) -> Function:
            own = stock(function)

            @wraps(function)
            async def run(*args: Argument, **kwargs: Argument) -> Returned:
                share = self._share()
                if share is None:
                    return await own(*args, **kwargs)
                return await self._run(share, partial(function, *args, **kwargs))

            return run

        server.sync_to_async = sync_to_async  # type: ignore[method-assign, assignment]

    def _share(self) -> str | None:
        if quart.has_request_context():
            return self._sessions.share_of(None, quart.request)
        return self._sessions.share_of(None, quart.websocket) if quart.has_websocket_context() else None

    async def _run(self, share: str, function: partial[Returned]) -> Returned:
        context = contextvars.copy_context()
        budget = self._sessions.sharing.budget_of_share(share)
        call_queue = self._crews.get(str(getattr(function.func, "__module__", "")).partition(".")[0])

        def job() -> Returned:
            with spending(budget):
                return context.run(function)

        try:
            result = await self._sessions.runtime.in_worker(job, share, guest=True, call_queue=call_queue)
        except StopIteration as error:  # as in Quart: a coroutine cannot raise it
            raise RuntimeError(str(error)) from error
        except BusyError as error:
            raise ServiceUnavailable(str(error)) from error
        return run_sync_iterable(result) if inspect.isgenerator(result) else result

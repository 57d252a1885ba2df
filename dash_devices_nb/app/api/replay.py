"""`replay` and `replay_coro`: feed a saved session to an app."""

from __future__ import annotations

import os

from dash_devices_nb.app.api.dash import Dash
from dash_devices_nb.app.api.parts import parts_of
from dash_devices_nb.app.journal import recording_player
from dash_devices_nb.app.journal.recording_player import Summary


def replay(path: str | os.PathLike[str], app: Dash, speed: float | None = 1.0) -> Summary:
    """Feed a session that `app.journal.save(path)` wrote to an app that runs, and wait until its callbacks are done.

    From a cell, or a thread that may block; in a coroutine `await replay_coro(...)`. A cell that replays holds up
    coroutine callbacks as any cell does: they are called in order once it has ended; `await replay_coro(...)` in the
    cell does not hold them up.

    Args:
        path: the file.
        app: the app, which runs.
        speed: 1.0: with the recorded timing, 2.0: twice as fast; None or 0: as fast as the callbacks are.

    Raises:
        ReplayError: the file is no recording or cannot be read, the app does not run, or this is a coroutine.
    """
    return recording_player.replay(path, parts_of(app), speed)


async def replay_coro(path: str | os.PathLike[str], app: Dash, speed: float | None = 1.0) -> Summary:
    """As `replay`, without holding up the loop. Cancelling it is safe: what was fed stays."""
    return await recording_player.replay_coro(path, parts_of(app), speed)

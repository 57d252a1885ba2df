"""What the console shows of an app, as HTML: made from a look at the app, with its lock held as briefly as can be."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Iterable
from typing import Any

from dash_devices_nb.core.tables import html_table
from dash_devices_nb.kernel.outputlog import LogLine

SHOWN_LINES = 200
"""How many lines of the log are shown; more are kept."""

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_LOG_STYLE = (
    "max-height: 220px; overflow-y: auto; display: flex; flex-direction: column-reverse; margin: 0; "
    "font: 12px/1.45 var(--jp-code-font-family, monospace); white-space: pre-wrap; overflow-wrap: anywhere; "
    "border: 1px solid var(--jp-border-color2, #8884); padding: 4px 8px;"
)


def heading(app: Any) -> str:
    """One line: where the app runs, whether it is paused."""
    runtime = app.runtime
    if runtime.io_loop is None:
        return "<b>The app does not run</b>; app.run() starts it."
    with runtime.lock:
        paused, waiting, count = runtime.gate.closed, len(runtime.gate), len(runtime.pages)
    pages = f"{count} page{'' if count == 1 else 's'}"
    if not paused:
        return f"<b>Running</b>, {pages}"
    return f'<b style="color: var(--jp-warn-color0, #b26a00)">Paused</b>, {waiting} waiting, {pages}'


def clients(app: Any) -> str:
    """The table of the clients."""
    now = time.time()
    with app.runtime.lock:
        rows = [
            (
                _name(page.client),
                page.client.address,
                getattr(page.client, "role", None) or "",
                _duration(now - page.client.connect_time),
                "" if page.client.rtt is None else f"{page.client.rtt * 1000:.1f}",
                page.outbox.waiting + page.outbox.flying,
                page.outbox.skipped,
                "" if page.connected else "away",
            )
            for page in app.runtime.pages.values()
        ]
    if not rows:
        return "<i>Nobody is there.</i>"
    return html_table(("client", "address", "role", "age", "trip ms", "backlog bytes", "skipped", ""), rows)


def callbacks(app: Any) -> str:
    """The table of the callbacks."""
    rows = [
        (
            each.name,
            each.kind,
            each.stats.calls,
            _ms(each.stats.mean),
            _ms(each.stats.worst),
            each.stats.errors,
            each.cell,
        )
        for each in app.callbacks
    ]
    if not rows:
        return "<i>There are no callbacks.</i>"
    return html_table(("callback", "kind", "calls", "mean ms", "worst ms", "errors", "cell"), rows)


def log(lines: Iterable[LogLine]) -> str:
    """The log, newest at the bottom and in sight."""
    shown = list(lines)[-SHOWN_LINES:]
    # column-reverse keeps the end in sight without a script; so the newest comes first.
    text = "".join(map(_line, reversed(shown)))
    return f'<div style="{_LOG_STYLE}">{text or "<i>Callbacks have printed nothing.</i>"}</div>'


def client_options(app: Any) -> list[tuple[str, str]]:
    """(label, id) of the clients, to choose from."""
    return [(f"{_name(client)} ({client.address})", client.id) for client in app.clients]


def _name(client: Any) -> str:
    return str(client.username or getattr(client, "name", None) or client.id)


def _line(line: LogLine) -> str:
    clock = time.strftime("%H:%M:%S", time.localtime(line.time))
    style = "color: var(--jp-error-color1, #c62828)" if line.stream == "stderr" else ""
    text = html.escape(_ANSI.sub("", line.text))
    return f'<div style="{style}"><span style="opacity: .6">{clock} {html.escape(line.name)}</span> {text}</div>'


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f}"


def _duration(seconds: float) -> str:
    seconds = max(0, int(seconds))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02} min"

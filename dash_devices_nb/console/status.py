"""The console's view of an app, as HTML. The app's lock is held as briefly as possible."""

from __future__ import annotations

import html
import re
import time
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from dash_devices_nb.app.api.parts import parts_of
from dash_devices_nb.kernel.html_tables import html_table
from dash_devices_nb.kernel.outputlog import LogLine

if TYPE_CHECKING:
    from dash_devices_nb.app.api.dash import Dash

MOST_ASKING, FITTING_ROWS = 6, 10
SHOWN_LINES = 200
"""Number of log lines that are shown. More are kept."""

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_LOG_STYLE = (
    "max-height: 220px; overflow-y: auto; display: flex; flex-direction: column-reverse; margin: 0; "
    "font: 12px/1.45 var(--jp-code-font-family, monospace); white-space: pre-wrap; overflow-wrap: anywhere; "
    "border: 1px solid var(--jp-border-color2, #8884); padding: 4px 8px;"
)


def heading(app: Dash) -> str:
    """One line: where the app runs, whether it is paused."""
    runtime = parts_of(app).runtime
    if runtime.io_loop is None:
        return "<b>The app does not run</b>; app.run() starts it."
    with runtime.lock:
        paused, waiting, count = runtime.pause_gate.closed, len(runtime.pause_gate), len(runtime.pages)
    pages = f"{count} page{'' if count == 1 else 's'}"
    if not paused:
        return f"<b>Running</b>, {pages}"
    return f'<b style="color: var(--jp-warn-color0, #b26a00)">Paused</b>, {waiting} waiting, {pages}'


def clients(app: Dash) -> str:
    """The table of the clients."""
    now = time.time()
    runtime = parts_of(app).runtime
    with runtime.lock:
        names = _names(page.client for page in runtime.pages.values())
        rows = [
            (
                names[page.client.id],
                page.client.address,
                _role(app, page.client),
                _duration(now - page.client.connect_time),
                "" if page.client.rtt is None else f"{page.client.rtt * 1000:.1f}",
                page.outbox.waiting + page.outbox.in_flight,
                page.outbox.skipped,
                "" if page.connected else "away",
            )
            for page in runtime.pages.values()
        ]
    if not rows:
        return "<i>Nobody is there.</i>"
    table = html_table(("client", "address", "role", "age", "trip ms", "backlog bytes", "skipped", ""), rows)
    return table if len(rows) <= FITTING_ROWS else _scrolled("Clients", "max-height: 300px; overflow-y: auto", table)


def callbacks(app: Dash) -> str:
    """The table of the callbacks."""
    rows = [(each.name, each.kind, *each.figures, each.cell) for each in app.callbacks]
    if not rows:
        return "<i>There are no callbacks.</i>"
    return html_table(("callback", "kind", "calls", "mean ms", "worst ms", "errors", "cell"), rows)


def log(lines: Iterable[LogLine]) -> str:
    """The log, newest at the bottom and in sight."""
    shown = list(lines)[-SHOWN_LINES:]
    # column-reverse keeps the end in sight without a script; therefore the newest comes first.
    text = "".join(map(_line, reversed(shown)))
    return _scrolled("Output of callbacks", _LOG_STYLE, text or "<i>Callbacks have printed nothing.</i>")


def _scrolled(label: str, style: str, content: str) -> str:
    """Content that scrolls, by the keyboard as well."""
    return f'<div role="region" aria-label="{label}" tabindex="0" style="{style}">{content}</div>'


def floor(app: Dash) -> str:
    """One line: who has control, for how long, and who requests it."""
    control = app.control
    asking, left = control.requests, control.left
    holder = control.holder
    text = {"open": "<b>Open</b> to all controllers", "closed": "<b>Closed</b>"}.get(control.state, "")
    if holder is not None:
        clock = "" if left is None else f", {_duration(left + 1)} left"
        text = f"<b>{html.escape(_name(holder))}</b> has control{clock}"
    names = ", ".join(html.escape(_name(client)) for client in asking[:MOST_ASKING])
    more = f" and {len(asking) - MOST_ASKING} more" if len(asking) > MOST_ASKING else ""
    return f"Floor: {text}" + (f"; asking: {names}{more}" if asking else "")


def shares(app: Dash) -> str:
    """The number of share links, and of pages that came by them."""
    links = share_options(app)
    guests = sum(client.share is not None for client in app.clients)
    return f"Share links: {len(links)}, {guests} guest{'' if guests == 1 else 's'}"


def share_options(app: Dash) -> list[tuple[str, str]]:
    """(label, id) of the share links, to choose from."""
    now = time.time()
    return [
        (f"{share.name or share.id[:8]}: {share.role}, {_duration(share.expires - now)}", share.id)
        for share in app.shares
    ]


def put(widget: Any, text: str) -> None:
    """Show a text in a widget. Sends nothing if it is shown already."""
    if widget.value != text:
        widget.value = text


def client_options(app: Dash) -> list[tuple[str, str]]:
    """(label, id) of the clients, to choose from."""
    clients = app.clients
    names = _names(clients)
    return [(f"{names[client.id]} ({client.address})", client.id) for client in clients]


def _names(clients: Iterable[Any]) -> dict[str, str]:
    """The names by id. Equal names, such as one person's tabs, are numbered in the order of arrival."""
    names: dict[str, str] = {}
    seen: Counter[str] = Counter()
    for client in clients:
        name = _name(client)
        seen[name] += 1
        names[client.id] = name if seen[name] == 1 else f"{name} #{seen[name]}"
    return names


def _name(client: Any) -> str:
    return str(client.name or client.username or client.id)


def _role(app: Dash, client: Any) -> str:
    floor = parts_of(app).sessions.roles.floor
    place = floor.place(client)
    held = ", has control" if client is floor.holder else ""
    return f"{client.role}{held}" + (f", asks ({place})" if place else "")


def _line(line: LogLine) -> str:
    clock = time.strftime("%H:%M:%S", time.localtime(line.time))
    style = "color: var(--jp-error-color1, #c62828)" if line.stream == "stderr" else ""
    text = html.escape(_ANSI.sub("", line.text))
    where = f'<span style="color: var(--jp-ui-font-color2, #616161)">{clock} {html.escape(line.name)}</span>'
    return f'<div style="{style}">{where} {text}</div>'


def _duration(seconds: float) -> str:
    seconds = max(0, int(seconds))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02} min"

"""An app that tells lost, doubled and disordered events apart: its device notes each act, and its pages show sums."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from dash_devices_nb import Dash, Input, Output, Patch, dcc, html


@dataclass
class Counted:
    """The app, and what has become of it.

    Attributes:
        app: `name` is shared, `echo` shows it; `go` counts clicks in `clicks`; `ask` asks for the page's own `answer`;
            `graph`, `list` and `last` are pushed to.
        acts: each name that the device was given, oldest first.
        clicks: each number of clicks that it was given.
        pushed: how many points were pushed.
    """

    app: Dash
    acts: list[str] = field(default_factory=list)
    clicks: list[int] = field(default_factory=list)
    pushed: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def push(self, count: int = 1) -> None:
        """Push points: one event, one item of a list, and the newest number each."""
        for _ in range(count):
            with self._lock:
                self.pushed += 1
                number = self.pushed
            more = Patch()
            more.append(f"{number} ")
            point = [{"x": [[number]], "y": [[number]]}, [0]]
            self.app.push_mods(
                {"graph": {"extendData": point}, "list": {"children": more}, "last": {"children": str(number)}}
            )

    @property
    def listed(self) -> str:
        """What `list` shows of all that was pushed."""
        return "".join(f"{number} " for number in range(1, self.pushed + 1)).strip()


def counted(app: Dash | None = None) -> Counted:
    """The app, not yet served."""
    app = app or Dash(__name__)
    found = Counted(app)
    app.layout = html.Div(
        [
            dcc.Input(id="name", value=""),
            html.Button("go", id="go", n_clicks=0),
            html.Button("ask", id="ask"),
            *(html.Div(id=each) for each in ("echo", "clicks", "answer", "last")),
            html.Div([], id="list"),
            dcc.Graph(id="graph", figure={"data": [{"x": [], "y": []}]}),
        ]
    )

    @app.callback_shared(Output("echo", "children"), Input("name", "value"), prevent_initial_call=True)
    def echo(name):
        found.acts.append(name)
        return f"echo {name}"

    @app.callback_shared(Output("clicks", "children"), Input("go", "n_clicks"), prevent_initial_call=True)
    def go(n_clicks):
        found.clicks.append(n_clicks)
        return len(found.clicks)

    @app.callback(Output("answer", "children"), Input("ask", "n_clicks"), prevent_initial_call=True)
    def ask(n_clicks):
        return f"answer {n_clicks}"

    return found


def is_subsequence(some: list[str], of: list[str]) -> bool:
    """Whether a list has nothing but what another has, in its order."""
    rest = iter(of)
    return all(each in rest for each in some)

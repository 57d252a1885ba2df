"""How the thermostat's page looks. It fits a phone, an inline frame and a wide screen."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from dash import dcc, html

from dash_devices_nb.demo.thermostat import KEPT, Reading

ASSETS = str(Path(__file__).with_name("assets"))
"""The folder with the page's style sheet, for `Dash(assets_folder=...)`."""

LINE, TARGET, HEAT = "#0f6fc6", "#64748b", "rgba(234, 122, 24, 0.55)"


def page(history: Iterable[Reading], *controls: Any, title: str = "Thermostat", viewers: bool = True) -> html.Div:
    """The page, with these controls on it.

    Its other parts, for callbacks and pushes, are "temperature", "target-shown", "heater", "viewers" and "message"
    (`children` of each) and "graph".

    Args:
        history: the readings that the graph begins with.
        controls: what is to be set.
        title: the heading.
        viewers: whether there is a readout for how many pages are open.
    """
    readouts = {"temperature": "Room", "target-shown": "Target", "heater": "Heater"}
    if viewers:
        readouts["viewers"] = "Pages open"
    return html.Div(
        [
            html.Header([html.H1(title), html.Div(id="message", className="message")]),
            html.Section(
                [html.Div([html.Span(label), html.B("–", id=name)]) for name, label in readouts.items()],
                className="readouts",
            ),
            html.Section([html.Div(control, className="control") for control in controls], className="controls"),
            dcc.Graph(id="graph", figure=_figure(history), config={"displayModeBar": False}, className="graph"),
        ],
        className="thermostat",
    )


def readings(*those: Reading) -> list[Any]:
    """Readings as `extendData` of the graph takes them: the new points, for which lines, and how many to keep."""
    times = [each.time for each in those]
    lines = [
        [each.temperature for each in those],
        [each.target for each in those],
        [int(each.heating) for each in those],
    ]
    return [{"x": [times] * len(lines), "y": lines}, list(range(len(lines))), KEPT]


def _figure(history: Iterable[Reading]) -> dict[str, Any]:
    points = readings(*history)[0]
    looks: list[dict[str, Any]] = [
        {"name": "room", "line": {"color": LINE, "width": 2}},
        {"name": "target", "line": {"color": TARGET, "width": 1.5, "dash": "dot", "shape": "hv"}},
        {
            "name": "heating", "yaxis": "y2", "fill": "tozeroy", "fillcolor": HEAT,
            "line": {"width": 0, "shape": "hv"}, "hoverinfo": "skip",
        },
    ]  # fmt: skip
    data = [
        {"type": "scatter", "mode": "lines", "x": x, "y": y, **look}
        for x, y, look in zip(points["x"], points["y"], looks, strict=True)
    ]
    quiet = {"showgrid": False, "zeroline": False, "fixedrange": True}
    layout = {
        "margin": {"l": 44, "r": 12, "t": 8, "b": 44},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "system-ui, sans-serif", "color": "#334155"},
        "legend": {"orientation": "h", "y": -0.12, "yanchor": "top", "x": 0.5, "xanchor": "center"},
        "xaxis": {
            **quiet, "type": "date", "tickformat": "%H:%M:%S", "tickangle": 0, "nticks": 5,
            "ticks": "outside", "ticklen": 7, "tickcolor": "#e2e8f0",
        },
        "yaxis": {
            "range": [14, 29], "ticksuffix": "°", "gridcolor": "#e2e8f0", "zeroline": False, "fixedrange": True,
        },
        "yaxis2": {**quiet, "overlaying": "y", "range": [0, 12], "visible": False},
        "hovermode": "x unified",
        "uirevision": "thermostat",
    }  # fmt: skip
    return {"data": data, "layout": layout}

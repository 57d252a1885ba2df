"""A plot that opens with the history and continues live: `devices.graph(...)`.

A regular callback makes the figure of each page, for the range that the page shows. The page itself adds later points
(`components/devices.js`), so no point is missing or there twice.
"""

from __future__ import annotations

import itertools
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import dash
from dash import MATCH, dcc, html, no_update

from dash_devices_nb.components import DeviceView
from dash_devices_nb.devices.device import Device, Group, Signal
from dash_devices_nb.devices.signals import SignalInfo, is_number
from dash_devices_nb.devices.types import Component, Props, PropValue
from dash_devices_nb.errors import SignalError

if TYPE_CHECKING:
    import numpy

    from dash_devices_nb.app.api.dash import Dash
    from dash_devices_nb.devices.history.recorder import History

POINTS = 1600
"""The points of a signal in a figure: two for each pixel column of a plot on a laptop."""
COLORS = ("#2f7fd1", "#e07b24", "#2a9d6e", "#c2457f", "#8266c9", "#9a7a1e", "#3c9aa8", "#d1495b")
_numbers = itertools.count(1)


def graph(
    *signals: Signal | Group | Device, id: str | None = None, hours: float = 1.0, height: int = 360, export: bool = True
) -> html.Div:
    """Plot signals. The plot opens with the readings of `app.record`, and continues live.

    A zoom shows its range in full.

    Args:
        signals: the signals to plot. A group or device stands for all its numbers.
        id: the id from which the ids of its parts are made. Needed for two graphs of the same signals.
        hours: the range that it opens with, in hours.
        height: the height of the plot, in pixels.
        export: whether to show buttons that download the shown readings as CSV and Parquet.

    Raises:
        SignalError: there is nothing to plot.
    """
    chosen = list(dict.fromkeys(_flat(signals)))
    if not chosen:
        raise SignalError("graph() takes signals, groups or devices with something to read")
    if not is_number(hours):
        raise SignalError(f"hours= of a graph is a positive number, not {hours!r}")
    key = id or " ".join(each.id for each in chosen)
    names = [each.id for each in chosen]
    plot = part(key, "plot")
    children: list[Component] = [
        dcc.Graph(
            id=plot,
            figure={"data": [], "layout": _layout([], None, live=False, height=height)},
            config={"displaylogo": False, "responsive": True},
            style={"height": height},
        ),
        DeviceView(id=part(key, "feed"), kind="feed", signals=names, graph=plot, hours=hours),
    ]
    if export:
        children.append(
            html.Div(
                [html.Button(f"↓ {kind.upper()}", id=part(key, kind)) for kind in ("csv", "parquet")]
                + [dcc.Download(id=part(key, "file"))],
                className="ddn-graph-tools",
            )
        )
    return html.Div(children, className="ddn ddn-graph")


def part(key: object, name: str) -> dict[str, object]:
    """Return the id of a part of a graph."""
    return {"device-graph": key, "part": name}


class Graphs:
    """The callbacks behind the graphs of an app.

    Args:
        app: the app.
        devices: the app's devices.
        histories: returns the active records.
    """

    def __init__(self, app: Dash, devices: Iterable[Device], histories: Callable[[], Sequence[History]]) -> None:
        self._devices = list(devices)
        self._histories = histories
        feed = [dash.State(part(MATCH, "feed"), "signals"), dash.State(part(MATCH, "feed"), "hours")]
        shown = dash.Input(part(MATCH, "plot"), "relayoutData")
        app.callback(dash.Output(part(MATCH, "plot"), "figure"), shown, feed)(self._asked)
        app.callback(
            dash.Output(part(MATCH, "file"), "data"),
            [dash.Input(part(MATCH, "csv"), "n_clicks"), dash.Input(part(MATCH, "parquet"), "n_clicks")],
            [dash.State(part(MATCH, "plot"), "relayoutData"), *feed],
            prevent_initial_call=True,
        )(self.download)

    def _asked(self, shown: object, signals: list[str], hours: float) -> PropValue:
        """Make the figure for a page. It has that already when the plot only got another size.

        A figure that came while the page adds newer points to the one before would have these points twice.
        """
        if isinstance(shown, dict) and set(shown) == {"autosize"} and dash.ctx.triggered_prop_ids:
            return no_update
        return self.figure(shown, signals, hours)

    def figure(self, shown: object, signals: list[str], hours: float) -> PropValue:
        """Make the figure for the range that a page shows: after its load, a zoom, or a double click."""
        stretch = range_of(shown, hours)
        if stretch is None:
            return no_update
        start, end, live = stretch
        infos = {each.id: each.info for device in self._devices for each in device if each.id in signals}
        known = [name for name in signals if name in infos]
        traces = [self._trace(name, start, end, n, infos[name]) for n, name in enumerate(known)]
        units = list(dict.fromkeys(infos[name].unit for name in known))
        for trace, name in zip(traces, known, strict=True):
            if units.index(infos[name].unit):
                trace["yaxis"] = "y2"
        return {"data": traces, "layout": _layout(units, None if live else (start, end), live=live)}

    def _trace(self, name: str, start: float, end: float, number: int, info: SignalInfo) -> Props:
        recorded = (each for each in self._histories() if any(signal.id == name for signal in each.signals))
        history = next(recorded, None)
        found = history.thinned(name, start, end, POINTS) if history is not None else None
        times: Sequence[float] | numpy.ndarray = [] if found is None else found[0]
        values = [] if found is None else found[1].tolist()
        offset = utc_offset()
        return {
            "type": "scattergl" if len(times) > POINTS else "scatter",
            "mode": "lines",
            "name": f"{info.label or name}{f' ({info.unit})' if info.unit else ''}",
            "x": _stamps(times, offset),
            "y": values,
            "line": {"width": 1.6, "color": COLORS[number % len(COLORS)]},
            "meta": {"signal": name, "last": float(times[-1]) if len(times) else 0},
        }

    def download(self, csv: object, parquet: object, shown: object, signals: list[str], hours: float) -> PropValue:
        """Return the readings of the range that a page shows, as a file."""
        kind = dash.ctx.triggered_id["part"] if dash.ctx.triggered_id else "csv"
        start, end, _ = range_of(shown, hours) or range_of(None, hours) or (0.0, time.time(), True)
        for history in self._histories():
            recorded = {each.id: each for each in history.signals}
            mine = [recorded[name] for name in signals if name in recorded]
            if mine:
                with tempfile.TemporaryDirectory() as folder:
                    path = Path(folder) / f"readings.{kind}"
                    history.save(path, mine, start, end)
                    return dcc.send_bytes(path.read_bytes(), path.name)
        return no_update


def range_of(shown: object, hours: float) -> tuple[float, float, bool] | None:
    """Return the range that a plot shows, and whether it ends now. None: `shown` is about something else.

    `shown` is Plotly's `relayoutData`. Times are seconds since the epoch.
    """
    now = time.time()
    given = shown if isinstance(shown, dict) else {}
    if not given or given.get("autosize") or given.get("xaxis.autorange"):
        return now - hours * 3600, now, True
    both = given.get("xaxis.range") or [given.get("xaxis.range[0]"), given.get("xaxis.range[1]")]
    if not all(isinstance(each, str) for each in both):
        return None
    try:
        start, end = (_seconds(each) for each in both)
    except ValueError:
        return None
    return start, end, end >= now - 1


def utc_offset() -> float:
    """Return the offset of local time from UTC, in seconds: plots show the time of the lab."""
    return float(time.localtime().tm_gmtoff)


def _stamp(at: float, offset: float) -> str:
    import datetime

    moment = datetime.datetime.fromtimestamp(at + offset, datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}"


def _stamps(times: Sequence[float] | numpy.ndarray, offset: float) -> list[str]:
    """Like `_stamp`, for many at once."""
    import numpy as np

    moments = np.floor((np.asarray(times, float) + offset) * 1000).astype("datetime64[ms]")
    stamps: list[str] = np.datetime_as_string(moments).tolist()
    return stamps


def _seconds(text: str) -> float:
    import datetime

    moment = datetime.datetime.fromisoformat(text.replace(" ", "T")[:26])
    return moment.replace(tzinfo=datetime.UTC).timestamp() - utc_offset()


def _layout(
    units: Sequence[str], stretch: tuple[float, float] | None, *, live: bool, height: int | None = None
) -> Props:
    offset = utc_offset()
    axis = {"gridcolor": "rgba(125,140,160,0.25)", "zeroline": False}
    return {
        "margin": {"l": 56, "r": 56 if len(units) > 1 else 16, "t": 60, "b": 40},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "system-ui, sans-serif", "color": "#7688a0", "size": 12},
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        "showlegend": True,
        "hovermode": "x unified",
        "uirevision": "devices",
        "xaxis": {
            **axis,
            "type": "date",
            "tickangle": 0,  # slanted ones are cut off on a phone
            "nticks": 4,
            **({"range": [_stamp(stretch[0], offset), _stamp(stretch[1], offset)]} if stretch else {}),
        },
        "yaxis": {**axis, "title": {"text": units[0] if units else ""}},
        "yaxis2": {
            **axis,
            "title": {"text": units[1] if len(units) > 1 else ""},
            "overlaying": "y",
            "tickmode": "auto",  # else at the heights of the other axis, which are no round numbers
            "side": "right",
            "showgrid": False,
        },
        "meta": {"live": live, "number": next(_numbers), "offset": offset},
    }


def _flat(given: Iterable[object]) -> Iterable[Signal]:
    for each in given:
        if isinstance(each, Signal):
            yield each
        elif isinstance(each, Group | Device):
            yield from (
                inner for inner in each if inner.info.readable and str(inner.info.dtype) in ("number", "integer")
            )
        else:
            raise SignalError(f"graph() takes signals, groups or devices, not {each!r:.100}")

"""Tables, the JSON file and the picture."""

from __future__ import annotations

import json
import os
import platform
import re
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = (
    "dash",
    "quart",
    "hypercorn",
    "uvicorn",
    "websockets",
    "flask",
    "nicegui",
    "panel",
    "ipywidgets",
    "jupyterlab",
    "orjson",
)


@dataclass
class Measurement:
    """The times of one peer in milliseconds, or why there are none.

    Attributes:
        key: Its short name.
        label: What the tables say.
        times: The single times.
        failure: Why there are none.
        resolution: The step of the clock; 0 where it is finer than matters.
    """

    key: str
    label: str
    times: list[float] = field(default_factory=list)
    failure: str | None = None
    resolution: float = 0.0

    @property
    def median(self) -> float:
        """The median; between two steps of a coarse clock it is interpolated."""
        if not self.resolution:
            return statistics.median(self.times)
        steps = [round(time / self.resolution) for time in self.times]
        return statistics.median_grouped(steps) * self.resolution

    @property
    def p95(self) -> float:
        return statistics.quantiles(self.times, n=20)[-1] if len(self.times) > 1 else self.times[0]


@dataclass(frozen=True)
class Target:
    """A goal for a ratio, and the result (None: a peer is missing)."""

    what: str
    wanted: str
    value: float | None
    met: bool | None


def at_most(what: str, value: float | None, most: float) -> Target:
    """A target with an upper bound."""
    return Target(what, f"at most {most:g}", value, None if value is None else value <= most)


def at_least(what: str, value: float | None, least: float) -> Target:
    """A target with a lower bound."""
    return Target(what, f"at least {least:g}", value, None if value is None else value >= least)


def print_targets(targets: Sequence[Target]) -> None:
    """Print what is wanted, and what came of it."""
    print(f"\n{'':50}{'wanted':>16}{'got':>9}")
    for target in targets:
        got = "-" if target.value is None else f"{target.value:.3g}" if target.value < 1000 else f"{target.value:.0f}"
        verdict = {True: "met", False: "MISSED", None: "not measured"}[target.met]
        print(f"{target.what:50}{target.wanted:>16}{got:>9}  {verdict}", flush=True)


def last_line(output: str) -> str:
    """Why a program failed, as it said last; results are published, so without its directory."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", output).replace(f"{Path.cwd()}/", "")
    return (plain.strip().splitlines() or ["(no output)"])[-1]


def machine() -> dict[str, Any]:
    """What the numbers depend on."""
    versions = {"python": platform.python_version()}
    for name in (*PACKAGES, "dash-devices-nb"):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return {
        "date": time.strftime("%Y-%m-%d %H:%M:%S"),
        "system": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load": [round(number, 2) for number in os.getloadavg()],
        "versions": versions,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def trip_targets(medians: dict[str, float]) -> list[Target]:
    """What the project wants of its trips, each as a ratio of two medians of one run."""

    def of(key: str) -> float | None:
        return medians.get(key)

    def ratio(what: str, top: float | None, bottom: float | None, most: float | None, least: float) -> Target:
        value = top / bottom if top and bottom else None
        return at_least(what, value, least) if most is None else at_most(what, value, most)

    echo, floor, shared, regular = of("echo"), of("floor"), of("shared"), of("regular")
    limit = echo + floor if echo and floor else None
    flask, socket, nicegui = of("dash_flask"), of("dash_websocket"), of("nicegui_page")
    return [
        ratio("shared / (echo + floor)", shared, limit, 1.05, 0),
        ratio("shared through Jupyter / (echo + floor)", of("shared_jupyter"), limit, 1.6, 0),
        ratio("ipywidgets in JupyterLab / shared", of("ipywidgets_lab"), shared, None, 15.0),
        ratio("Panel / shared", of("panel_page"), shared, None, 1.0),
        ratio("Dash on Flask / shared", flask, shared, None, 5.0),
        ratio("Dash WebSocket / shared", socket, shared, None, 2.3),
        ratio("NiceGUI / shared", nicegui, shared, None, 1.0),
        ratio("Dash on Flask / regular", flask, regular, None, 2.0),
        ratio("Dash WebSocket / regular", socket, regular, None, 1.0),
    ]


def print_trips(measurements: Sequence[Measurement]) -> list[Target]:
    """Print the tables of the trips and of the ratios; return the ratios."""
    ours = next((m.median for m in measurements if m.key == "shared" and m.times), None)
    print(f"\n{'one trip, in milliseconds':44}{'n':>5}{'median':>9}{'p95':>9}{'to shared':>11}")
    for m in measurements:
        if m.times:
            relative = f"{m.median / ours:10.2f}x" if ours else f"{'-':>11}"
            print(f"{m.label:44}{len(m.times):5}{m.median:9.2f}{m.p95:9.2f}{relative}")
        else:
            print(f"{m.label:44}  SKIPPED: {m.failure}")
    targets = trip_targets({m.key: m.median for m in measurements if m.times})
    print_targets(targets)
    about = machine()
    print(f"\n{about['processor']}, {about['cores']} cores, load {about['load'][0]}")
    print(", ".join(f"{name} {number}" for name, number in about["versions"].items()))
    return targets


def save_results(
    path: Path,
    measurements: Sequence[Measurement],
    targets: Sequence[Target],
    more_versions: dict[str, str] | None = None,
) -> None:
    """Write all times, the ratios and the machine as JSON."""
    about = machine()
    about["versions"].update(more_versions or {})
    data = {
        "machine": about,
        "unit": "milliseconds",
        "measurements": [
            {
                "key": m.key,
                "label": m.label,
                "failure": m.failure,
                "median": round(m.median, 3) if m.times else None,
                "p95": round(m.p95, 3) if m.times else None,
                "times": [round(number, 3) for number in m.times],
            }
            for m in measurements
        ],
        "ratios": [vars(target) for target in targets],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


def save_picture(
    path: Path,
    measurements: Sequence[Measurement],
    xlabel: str = "milliseconds from typing to the answer (median, 95th percentile)",
) -> None:
    """Draw the medians as bars, with a whisker up to the 95th percentile."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        print("no picture: matplotlib is missing (pip install 'dash-devices-nb[bench]')")
        return
    shown = sorted((m for m in measurements if m.times), key=lambda m: -m.median)
    figure = Figure(figsize=(8, 0.55 * len(shown) + 1.3), layout="constrained")
    axes = figure.subplots()
    positions = range(len(shown))
    colours = ["#1f6f8b" if m.label.startswith("dash_devices_nb") else "#b8c4cc" for m in shown]
    axes.barh(positions, [m.median for m in shown], color=colours)
    axes.errorbar(
        [m.median for m in shown],
        positions,
        xerr=[[0] * len(shown), [max(0.0, m.p95 - m.median) for m in shown]],
        fmt="none",
        ecolor="#555555",
        capsize=3,
        linewidth=1,
    )
    for position, m in zip(positions, shown, strict=True):
        axes.annotate(
            f"{m.median:.3g}",
            (max(m.median, m.p95), position),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
        )
    axes.set_yticks(list(positions), [m.label for m in shown])
    axes.set_xlabel(xlabel)
    axes.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)

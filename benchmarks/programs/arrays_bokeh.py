"""The same lines with Bokeh's server, which sends bytes, too: PORT RATE POINTS. Each session has a plot of a line."""

from __future__ import annotations

import itertools
import sys

import numpy as np
from bokeh.application import Application
from bokeh.application.handlers.function import FunctionHandler
from bokeh.document import Document
from bokeh.models import ColumnDataSource
from bokeh.plotting import figure
from bokeh.server.server import Server


def main(port: int, rate: float, points: int) -> None:
    lines = np.random.default_rng(1).normal(-90, 5, (20, points)).astype("f4")
    x = np.arange(points, dtype="f4")

    def document(doc: Document) -> None:
        source = ColumnDataSource({"x": x, "y": lines[0]})
        plot = figure(width=1200, height=240, y_range=(-120, 0))
        plot.line("x", "y", source=source)
        doc.add_root(plot)
        numbers = itertools.count()

        def update() -> None:
            source.data["y"] = lines[next(numbers) % 20]

        doc.add_periodic_callback(update, int(1000 / rate))

    server = Server({"/": Application(FunctionHandler(document))}, port=port, address="127.0.0.1")
    server.start()
    server.io_loop.start()


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]))

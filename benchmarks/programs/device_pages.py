"""A device of many signals on pages, polled whether a page looks or not: PORT SIGNALS RATE."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator

from dash_devices_nb import Dash, devices


class Counting(devices.Driver):
    """Its signals answer at once, with another number each time."""

    name = "bench"

    def __init__(self, signals: int) -> None:
        self._signals = signals

    def signals(self) -> Iterator[devices.DriverSignal]:
        for number in range(self._signals):
            counter = itertools.count()
            info = devices.SignalInfo((f"s{number}",), dtype=devices.Dtype.INTEGER)
            yield devices.DriverSignal(info=info, read=lambda counter=counter: next(counter))


def main(port: int, signals: int, rate: float) -> None:
    device = devices.connect(Counting(signals), period=1 / rate)
    app = Dash("bench", devices=[device])
    app.layout = devices.panel(device)
    device.want("the benchmark", frozenset(device))
    app.run(port=port, auth=None)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))

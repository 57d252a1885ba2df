"""The programs in docs/devices.md run as they stand, one after the other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dash_devices_nb import Input, Output, html
from dash_devices_nb.testing import Tab
from tests.support.eventually import eventually
from tests.support.serving import Serving

TEXT = (Path(__file__).parents[2] / "docs/devices.md").read_text(encoding="utf-8")
PROGRAMS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


async def test_the_programs_of_the_page(serve: Serving, tmp_path, monkeypatch):
    """The console, a lamp of one's own, a callback on a signal, a sweep; and the lines between them."""
    pytest.importorskip("qcodes")
    pytest.importorskip("duckdb")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"Input": Input, "Output": Output, "html": html}
    for program in PROGRAMS:
        exec(compile(program.replace("app.run()\n", ""), "docs/devices.md", "exec"), names)
    app, cryostat, devices = names["app"], names["cryostat"], names["devices"]
    try:
        url = await serve(app)
        async with Tab(url) as tab:
            run = names["sweep"](stop=2, steps=3)
            await eventually(lambda: run.progress == 1.0)
            await tab.expect("ls/output_1/P", "setpoint", 3.0)
        with app.record(cryostat.A, file="cryostat.duckdb", keep_days=30) as history:
            await eventually(lambda: len(history.to_frame()) > 3)
            assert history.save("week.parquet") > 3
        alarm = app.alarm(cryostat.A.temperature, when=lambda kelvin: kelvin > 10, for_=0.01)
        await eventually(lambda: alarm.state == "active")
        alarm.remove()
        devices.hold(cryostat.output_1.P, 5, 1, hold=0.3, label="Jog +")
        assert app.stop_button(lambda: None).label == "STOP"
    finally:
        cryostat.close()
        cryostat.driver.instrument.close()

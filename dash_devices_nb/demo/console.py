"""The thermostat's console as one function. The notebook `01_thermostat.ipynb` writes the same down cell by cell."""

from __future__ import annotations

from dash_devices_nb import Client, Dash, Input, Output, dcc
from dash_devices_nb.demo.page import ASSETS, page, readings
from dash_devices_nb.demo.thermostat import Reading, Thermostat


def console(thermostat: Thermostat) -> Dash:
    """An app that shows and sets this thermostat; `run()` it."""
    app = Dash("thermostat", assets_folder=ASSETS, title="Thermostat")
    app.layout = lambda: page(
        thermostat.history,
        dcc.Slider(15, 28, 0.5, value=thermostat.target, id="target", updatemode="drag"),
        dcc.Checklist({"on": "Heating allowed"}, ["on"] * thermostat.enabled, id="switch"),
    )

    @app.callback_shared(Output("target-shown", "children"), Input("target", "value"))
    def set_target(target: float) -> str:
        thermostat.target = target
        return f"{target:.1f} °C"

    @app.callback_shared(None, Input("switch", "value"))
    def switch(value: list[str]) -> None:
        thermostat.enabled = "on" in value
        print(f"heating {'allowed' if thermostat.enabled else 'locked'}", flush=True)

    @app.callback_connect
    def count(client: Client, connect: bool) -> None:
        print(f"a page at {client.address} has {'come' if connect else 'gone'}", flush=True)
        app.push_mods({"viewers": {"children": len(app.clients)}})

    def show(reading: Reading) -> None:
        app.push_mods(
            {
                "temperature": {"children": f"{reading.temperature:.1f} °C"},
                "heater": {"children": "heating" if reading.heating else "off"},
                "graph": {"extendData": readings(reading)},
            }
        )

    thermostat.on_reading = show
    return app

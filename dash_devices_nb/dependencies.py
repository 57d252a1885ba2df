"""Dependencies of callbacks, under the original's module name."""

from dash.dependencies import ALL, ALLSMALLER, MATCH, ClientsideFunction, Input, State

from dash_devices_nb.app.execution.outputs import Output

__all__ = ["ALL", "ALLSMALLER", "MATCH", "ClientsideFunction", "Input", "Output", "State"]

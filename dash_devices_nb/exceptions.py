"""Exceptions, under the original's module name: stock Dash's, and ours (see `errors`)."""

from dash.exceptions import *  # noqa: F403
from dash.exceptions import PreventUpdate

from dash_devices_nb.errors import *  # noqa: F403
from dash_devices_nb.errors import DashDevicesError

__all__ = ["DashDevicesError", "PreventUpdate"]

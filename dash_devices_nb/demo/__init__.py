"""The example of the first notebook and of `python -m dash_devices_nb demo`: a simulated thermostat and its page.

- `thermostat`: the device, a control loop in a thread
- `page`: how the page looks
- `console`: the app as a script runs it; the notebook writes the same down cell by cell
"""

from dash_devices_nb.demo.page import ASSETS, page, readings
from dash_devices_nb.demo.thermostat import Thermostat

__all__ = ["ASSETS", "Thermostat", "page", "readings"]

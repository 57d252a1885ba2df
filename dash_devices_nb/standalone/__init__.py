"""`dash-devices-nb serve`: a notebook, or a module, as the device's own page, without Jupyter."""

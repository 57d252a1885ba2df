"""The exceptions of dash_devices_nb.

Everything that this package raises on purpose descends from one root, so that a program can tell
our refusals from bugs::

    DashDevicesError
    ├── RegistrationError     a kernel's record of an app, its name or its place is refused
    └── UpstreamError         the kernel side of an app does not answer the Jupyter server

A message states the fact, the actual value and what is accepted. This module imports nothing,
because the kernel and the Jupyter server share it and may live in different environments.
"""


class DashDevicesError(Exception):
    """Root of all exceptions that dash_devices_nb raises on purpose."""


class RegistrationError(DashDevicesError):
    """A registration record, its name or its place is not acceptable."""


class UpstreamError(DashDevicesError):
    """The kernel side of an app cannot be reached or broke off before it answered."""

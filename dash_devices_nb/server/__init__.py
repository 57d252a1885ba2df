"""The Jupyter server extension: device pages at URLs of the Jupyter server itself.

A kernel that runs an app leaves a record (`dash_devices_nb.registration`); this package reads it
and carries the browser's requests to the kernel's private socket::

    browser ──HTTP, WebSocket──▶ Jupyter server (login, this package) ──Unix socket──▶ kernel

    app             settings (traitlets) and routes
    registry        which apps the kernels of this server run
    kernel_status   what becomes of an app's kernel
    concurrency     how much the guests of one link may have open
    token_bucket    how often they may ask
    logs            keeps share links out of the server's log
    handlers/       who may ask for what: apps, WebSockets, guests, the directory, the status
    proxy/          carries requests and bytes to the app: `headers` filters, `upstream` talks, `splice` carries

It imports neither Dash nor Quart: the Jupyter server may live in another environment than the
kernels.
"""

from __future__ import annotations

from typing import Any


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """What Jupyter loads."""
    from dash_devices_nb.server.app import DashDevicesApp

    return [{"module": "dash_devices_nb.server", "app": DashDevicesApp}]


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    """Where the extension for JupyterLab is and what it is called."""
    return [{"src": "labextension", "dest": "dash-devices-nb"}]

"""The Jupyter server extension: device pages at URLs of the Jupyter server itself.

A kernel that runs an app leaves a record (`dash_devices_nb.registration`); this package reads it
and carries the browser's requests to the kernel's private socket::

    browser ──HTTP, WebSocket──▶ Jupyter server (login, this package) ──Unix socket──▶ kernel

    access        who a request is, and whether another site sent it
    base          what all handlers share: the guard, our headers, our error pages
    registry      which apps the kernels of this server run
    proxy         HTTP to the app: `headers` filters, `upstream` talks
    guests        who comes by a share link, and `places`, how much such people may have open
    websocket     the upgrade; after it `splice` carries bytes and `frames` follows their boundaries
    status        what becomes of the kernel; `statushandler` tells the page
    directory     what runs, for persons and programs
    app           settings (traitlets) and routes

It imports neither Dash nor Quart: the Jupyter server may live in another environment than the
kernels.
"""

from __future__ import annotations

from typing import Any


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """What Jupyter loads."""
    from .app import DashDevicesApp

    return [{"module": "dash_devices_nb.server", "app": DashDevicesApp}]


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    """Where the extension for JupyterLab is and what it is called."""
    return [{"src": "labextension", "dest": "dash-devices-nb"}]

"""Apps from other programs: a notebook, a test bench, a shell.

    from dash_devices_nb.remote import connect

    with connect(url) as device:
        device["target"].set(21)
        print(device["target"].value)

`docs/remote.md` tells more. Nothing here needs Dash or Quart. Each name is loaded when it is first used, so that the
command line can read its arguments at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dash_devices_nb.lazy import loaded

_SOURCES = {
    **dict.fromkeys(("RefusedError", "RemoteError", "UncertainError"), "dash_devices_nb.errors"),
    **dict.fromkeys(("Component", "Device", "Prop", "Watch", "connect"), "dash_devices_nb.remote.blocking"),
    **dict.fromkeys(
        ("AsyncComponent", "AsyncDevice", "AsyncProp", "AsyncWatch", "connect_async"), "dash_devices_nb.remote.device"
    ),
    **dict.fromkeys(("Image", "Update"), "dash_devices_nb.remote.session"),
}

__all__ = [
    "AsyncComponent",
    "AsyncDevice",
    "AsyncProp",
    "AsyncWatch",
    "Component",
    "Device",
    "Image",
    "Prop",
    "RefusedError",
    "RemoteError",
    "UncertainError",
    "Update",
    "Watch",
    "connect",
    "connect_async",
]

if TYPE_CHECKING:
    from dash_devices_nb.errors import RefusedError, RemoteError, UncertainError
    from dash_devices_nb.remote.blocking import Component, Device, Prop, Watch, connect
    from dash_devices_nb.remote.device import AsyncComponent, AsyncDevice, AsyncProp, AsyncWatch, connect_async
    from dash_devices_nb.remote.session import Image, Update


def __getattr__(name: str) -> Any:
    return loaded(__name__, _SOURCES, name)


def __dir__() -> list[str]:
    return sorted(__all__)

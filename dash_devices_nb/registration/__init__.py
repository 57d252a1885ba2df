"""The record through which a kernel registers an app with the Jupyter server.

A kernel that runs an app writes one JSON file, ``{name}-{kernel pid}.json``, into ``dash-devices/``
below Jupyter's runtime directory. The server extension reads these files; there is no other channel
between the two, so a server that restarts, or one in another environment, finds the apps again.

Whoever can write such a file decides where the Jupyter server sends requests. Therefore the
directory has mode 0700 and the files 0600, and a reader accepts only what belongs to its own user
and points to a Unix socket of that user or to a literal loopback address.

Names are part of the URL: lower-case ASCII letters, digits, ``-`` and ``_``, made from what the
user wrote by `slug`. Claiming a name and writing its record happen under a lock of the directory,
so two kernels cannot get the same name.

    names         names of apps in URLs
    record        one record: its fields and which values are accepted
    store         claiming a name, writing, removing, reading
    files         files of mode 0600 in the directory of the records
    keys          secrets that outlive a restart
    tokens        the token of a share link, and its signature
    shares        the share links of one app
    link_watch    closes what is open by a link when the link ends
    share_cookies how a browser carries one
"""

from dash_devices_nb.registration.files import URL_SEGMENT, directory
from dash_devices_nb.registration.keys import stable_secret
from dash_devices_nb.registration.names import MAX_NAME, check_name, slug
from dash_devices_nb.registration.record import Endpoint, Registration, TcpEndpoint, UnixEndpoint
from dash_devices_nb.registration.shares import ShareList, ShareRecord
from dash_devices_nb.registration.store import (
    Registered,
    check_socket,
    is_running,
    process_lives,
    read,
    read_all,
    register,
    remove,
    write,
)
from dash_devices_nb.registration.tokens import holds_token

__all__ = [
    "MAX_NAME",
    "URL_SEGMENT",
    "Endpoint",
    "Registered",
    "Registration",
    "ShareList",
    "ShareRecord",
    "TcpEndpoint",
    "UnixEndpoint",
    "check_name",
    "check_socket",
    "directory",
    "holds_token",
    "is_running",
    "process_lives",
    "read",
    "read_all",
    "register",
    "remove",
    "slug",
    "stable_secret",
    "write",
]

"""Services: how a callback, or the server, talks to its clients.

The bits and their values are those of the original `dash_devices`; the names in capitals without a bit of their own are
presets. A combination that means nothing is refused when it is declared, with the names of the bits that clash.
"""

from __future__ import annotations

import enum

from dash_devices_nb.errors import ServiceError


class Services(enum.IntFlag):
    """Service bits and presets, for `Dash(server_service=, callback_service=)` and `callback(service=)`.

    Single bits:
        PUSHER_UPDATE: updates travel over the WebSocket; without it over HTTP.
        PUSHER_OTHER: layout, dependencies and reload hash travel over the WebSocket (server only).
        NO_CLIENT_INITIAL_CALLBACK: no page makes an initial call.
        SERVER_INITIAL_CALLBACK: the server makes the initial call, once.
        SHARED_CALLBACK: outputs go to all clients; without it to the one that asked.
        SERIALIZED_CALLBACK: one call at a time, in the order of the changes.
        SHARE_WITH_OTHER_CLIENTS: the change itself is shown to the other clients.
        MOST_RECENT: a newer waiting change replaces an older one.
    """

    PUSHER_UPDATE = 1 << 0
    PUSHER_OTHER = 1 << 1
    NO_CLIENT_INITIAL_CALLBACK = 1 << 2
    SERVER_INITIAL_CALLBACK = 1 << 3
    SHARED_CALLBACK = 1 << 4
    SERIALIZED_CALLBACK = 1 << 5
    SHARE_WITH_OTHER_CLIENTS = 1 << 6
    MOST_RECENT = 1 << 7

    S0 = 0
    """A regular callback, as in stock Dash."""
    SHARED = (
        PUSHER_UPDATE
        | NO_CLIENT_INITIAL_CALLBACK
        | SERVER_INITIAL_CALLBACK
        | SHARED_CALLBACK
        | SERIALIZED_CALLBACK
        | SHARE_WITH_OTHER_CLIENTS
    )
    """All clients see the same: one device."""
    SHARED_MOST_RECENT = SHARED | MOST_RECENT
    """As `SHARED`, and only the newest of the waiting changes is worked off."""
    S2 = PUSHER_UPDATE | SERIALIZED_CALLBACK
    """Each client sees its own: one of N devices."""
    PUSHER_ALL = PUSHER_UPDATE | PUSHER_OTHER
    """Server: everything but files travels over the WebSocket."""
    NORMAL = 0
    """Server: plain HTTP, as in stock Dash."""

    @property
    def shared(self) -> bool:
        """Whether the outputs go to all clients."""
        return bool(self & Services.SHARED_CALLBACK)


_NEEDS: tuple[tuple[Services, Services], ...] = (
    (Services.SHARED_CALLBACK, Services.PUSHER_UPDATE),
    (Services.SHARED_CALLBACK, Services.NO_CLIENT_INITIAL_CALLBACK),
    (Services.SERVER_INITIAL_CALLBACK, Services.SHARED_CALLBACK),
    (Services.SHARE_WITH_OTHER_CLIENTS, Services.SHARED_CALLBACK),
    (Services.MOST_RECENT, Services.SERIALIZED_CALLBACK),
)
_ALL_BITS = int(Services.SHARED_MOST_RECENT | Services.PUSHER_OTHER)


def _names(service: Services) -> str:
    return " | ".join(flag.name or "?" for flag in service) or "0"


def _known(value: object, where: str) -> Services:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ServiceError(f"{where}={value!r}: a service is a combination of Services, such as Services.SHARED")
    if value & ~_ALL_BITS or value < 0:
        raise ServiceError(
            f"{where}={value:#x} has bits that no service has; the bits are {_names(Services(_ALL_BITS))}"
        )
    return Services(value)


def check_callback_service(value: object) -> Services:
    """Return `value` as the service of a callback.

    Raises:
        ServiceError: `value` is no service, or two of its bits clash; the message names them.
    """
    service = _known(value, "service")
    if service & Services.PUSHER_OTHER:
        raise ServiceError(
            "service has PUSHER_OTHER, which is for server_service only: it moves the layout, not a callback"
        )
    for bit, needed in _NEEDS:
        if service & bit and not service & needed:
            raise ServiceError(
                f"service {_names(service)}: {bit.name} clashes with a missing {needed.name}; "
                f"add {needed.name}, or use a preset: S0, SHARED, SHARED_MOST_RECENT, S2"
            )
    return service


def check_server_service(value: object) -> Services:
    """Return `value` as the service of the server: `PUSHER_ALL`, `NORMAL` or one of the two `PUSHER_` bits.

    Raises:
        ServiceError: `value` is no service, or has a bit that only callbacks have.
    """
    service = _known(value, "server_service")
    wrong = service & ~Services.PUSHER_ALL
    if wrong:
        raise ServiceError(
            f"server_service has {_names(wrong)}, which only callbacks have; "
            "a server takes PUSHER_ALL, NORMAL, PUSHER_UPDATE or PUSHER_OTHER"
        )
    return service

"""The close codes of WebSockets (RFC 6455, 7.4; the registry of IANA), and those of our own.

`client/socket.js` has the ones that pages tell apart. A page does not come back by itself after a code from 4000 on.
"""

from __future__ import annotations

from enum import IntEnum


class CloseCode(IntEnum):
    """Why a WebSocket is closed."""

    GOING_AWAY = 1001
    ABNORMAL_CLOSURE = 1006
    """Never sent: the connection ended without a close frame."""
    INVALID_DATA = 1007
    """A text that is no UTF-8."""
    POLICY_VIOLATION = 1008
    MESSAGE_TOO_BIG = 1009
    INTERNAL_ERROR = 1011
    """Also where a ping is not answered, as others do."""
    SERVICE_RESTART = 1012
    TRY_AGAIN_LATER = 1013
    CONNECT_REFUSED = 4001
    """Stock Dash's, for a hook `websocket_connect` that returns False."""
    FORBIDDEN = 4403
    NOT_FOUND = 4404
    OTHER_VERSION = 4426
    """The page or program speaks another version of the protocol (`docs/protocol.md`)."""

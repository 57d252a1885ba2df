"""How many WebSocket frames guests may send: each connection, and all connections of a share link together.

Following a frame costs the Jupyter server about a microsecond, whatever it holds. A guest could send empty frames
faster than that, so that the server does nothing else. Nobody loses a frame: who sends more is read later. The limits
are above what an app takes of a guest (`core.access`), so they only matter for what the app would keep waiting too.
"""

from __future__ import annotations

from dataclasses import dataclass

from dash_devices_nb.server.token_bucket import TokenBucket

BURST_SECONDS = 2.0
"""So many seconds' frames of a link may come at once."""
OWN, OWN_BURST_SECONDS = 0.2, 3.0
"""The share of a link's frames that one of its connections may send, and the seconds' frames that may come at once."""


@dataclass(frozen=True, slots=True)
class FrameBudget:
    """The budget of one connection of a guest.

    Attributes:
        own: its own bucket.
        shared: the bucket of its link.
    """

    own: TokenBucket
    shared: TokenBucket

    @classmethod
    def beside(cls, shared: TokenBucket) -> FrameBudget:
        """The budget of a new connection of the link that has this bucket."""
        rate = shared.rate * OWN
        return cls(TokenBucket(rate, rate * OWN_BURST_SECONDS, shared.clock), shared)

    def take(self, count: int) -> None:
        """Count frames, or reads without one."""
        self.own.take(count)
        self.shared.take(count)

    @property
    def wait(self) -> float:
        """Seconds for which nothing may be read; 0 if something may."""
        return max(self.own.wait, self.shared.wait)

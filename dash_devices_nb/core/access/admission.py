"""Admission control: how many pages may be open at a time: in all, by one share link, and from one address."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TypeVar

from dash_devices_nb.core.access.fair_queue import CALLS

Key = TypeVar("Key", str, tuple[str, str])

UPLOAD = 64 * 1024 * 1024
BESIDE = 4 * 1024 * 1024
"""Bytes that a request for a callback may have in addition to the file in it."""


@dataclass
class ConnectionLimits:
    """How many connections an app takes at a time. An owner is never refused. None: any number.

    Attributes:
        clients: pages in all.
        per_address: guests of one share link from one IP address. A whole class may be behind one address, so this is
            not lower. It is counted for each link, so that one link's pages keep no other link's guests out.
        per_share: guests of one share link.
        calls: plain regular callbacks that run at a time, outside serial queues. Guests get half of it. Others wait.
        upload: bytes of a file that a person who may act sends to a callback (`dcc.Upload`). A change counts for pages
            that are opened later. Through Jupyter, the extension's `max_body_bytes` counts too.
    """

    clients: int | None = 500
    per_address: int | None = 300
    per_share: int | None = 300
    calls: int = CALLS
    upload: int = UPLOAD

    @property
    def body(self) -> int:
        """The longest request for a callback, in bytes. A file comes as base64, among the callback's other values."""
        return self.upload * 4 // 3 + BESIDE


class AdmissionControl:
    """Counts the open pages.

    Attributes:
        limits: can be changed at any time. Pages that are open stay.
    """

    def __init__(self) -> None:
        self.limits = ConnectionLimits()
        self._in = 0
        self._addresses: Counter[tuple[str, str]] = Counter()
        self._shares: Counter[str] = Counter()

    def __len__(self) -> int:
        return self._in

    def full(self, address: str, share: str | None) -> str:
        """Why no other page may be opened from there, as a sentence for the person. Empty if one may."""
        limits = self.limits
        for count, most, what in (
            (self._in, limits.clients, "this app"),
            (self._shares[share] if share else 0, limits.per_share if share else None, "this share link"),
            (self._addresses[address, share or ""], limits.per_address if share else None, "your network"),
        ):
            if most is not None and count >= most:
                pages = "1 page" if count == 1 else f"{count} pages"
                return f"Full: {what} has {pages} open, which is the limit. Trying again…"
        return ""

    def enter(self, address: str, share: str | None) -> None:
        """Count a page that was opened."""
        self._in += 1
        if share:
            self._addresses[address, share] += 1
            self._shares[share] += 1

    def leave(self, address: str, share: str | None) -> None:
        """Count a page that was closed."""
        self._in -= 1
        if share:
            _one_less(self._addresses, (address, share))
            _one_less(self._shares, share)


def _one_less(counter: Counter[Key], key: Key) -> None:
    counter[key] -= 1
    if counter[key] <= 0:
        del counter[key]

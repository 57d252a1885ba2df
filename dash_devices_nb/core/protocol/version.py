"""The version of the protocol that pages and programs speak with an app (`docs/protocol.md`)."""

from __future__ import annotations

VERSION = 1
"""It grows when an older page or program would misunderstand what it gets. A new field or frame does not need that."""


def mismatch(theirs: int) -> str:
    """Why whoever speaks another version is sent away; short enough for a close frame."""
    if theirs < VERSION:
        return (
            f"This speaks version {theirs} of the protocol, the app {VERSION}: reload the page, or upgrade the program."
        )
    return f"This speaks version {theirs} of the protocol, the app {VERSION}: restart the app with the newer package."

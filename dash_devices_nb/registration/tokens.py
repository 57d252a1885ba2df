"""What a share link carries: which share, what role, until when, and a signature over it.

    aBcD1234efgh.v6a5b4c3d.0123456789abcdefghijkl
    id           | expires  signature
                 role: v(iew) or c(ontrol); expires is in seconds since the epoch, hexadecimal

Short, because it becomes a code that phones read from a projector's screen.
"""

from __future__ import annotations

import base64
import hmac
import re
from dataclasses import dataclass

from dash_devices_nb.errors import ShareError

LETTERS = {"view": "v", "control": "c"}
"""The roles that a link can give, and how a token says it. An owner is whom Jupyter lets in, never a guest."""
SIGNATURE = 22
"""Characters of the signature: 132 bits of HMAC-SHA256. It cannot be tried offline."""

_ROLES = {letter: role for role, letter in LETTERS.items()}
_TOKEN = re.compile(rf"([A-Za-z0-9_-]{{12}})\.([vc])([0-9a-f]{{8,9}})\.([A-Za-z0-9_-]{{{SIGNATURE}}})")


@dataclass(frozen=True, slots=True)
class Claim:
    """What a token says whose signature is right."""

    id: str
    role: str
    expires: int


def sign(claim: Claim, key: str) -> str:
    """The token for a claim.

    Args:
        claim: Its id has 12 of the characters A-Z a-z 0-9 - _.
        key: Differs for each app, so that a token counts for one only.
    """
    said = f"{claim.id}.{LETTERS[claim.role]}{claim.expires:08x}"
    return f"{said}.{_signature(said, key)}"


def verify(token: str, key: str) -> Claim:
    """What a token says; when it ends is for the caller to look at.

    Raises:
        ShareError: Its form or its signature is wrong.
    """
    found = _TOKEN.fullmatch(token)
    if found is None:
        raise ShareError("This share link is not whole: open it exactly as it was given to you.")
    said, _, signature = token.rpartition(".")
    if not hmac.compare_digest(signature, _signature(said, key)):
        raise ShareError(
            "This share link is not one of this app, or was changed: open it exactly as it was given to you."
        )
    return Claim(found[1], _ROLES[found[2]], int(found[3], 16))


def _signature(said: str, key: str) -> str:
    digest = hmac.digest(key.encode(), said.encode(), "sha256")
    return base64.urlsafe_b64encode(digest).decode()[:SIGNATURE]


def holds_token(text: str) -> bool:
    """Whether a text has something in it that may be a token, whatever its signature."""
    return _TOKEN.search(text) is not None

"""The token of a share link: its id, role and end, with a signature.

    aBcD1234efgh.v6a5b4c3d.0123456789abcdefghijkl
    id           | expires  signature
                 role: v(iew) or c(ontrol); expires is in seconds since the epoch, hexadecimal

It is short, because phones scan it as a code from a projector's screen.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass

from dash_devices_nb.errors import ShareError

LETTERS = {"view": "v", "control": "c"}
"""The roles that a link can give, by their letters. Only Jupyter's users are owners, never guests."""
SIGNATURE = 22
"""Characters of the signature: 132 bits of HMAC-SHA256. It cannot be tried offline."""

_ROLES = {letter: role for role, letter in LETTERS.items()}
_TOKEN = re.compile(rf"([A-Za-z0-9_-]{{12}})\.([vc])([0-9a-f]{{8,9}})\.([A-Za-z0-9_-]{{{SIGNATURE}}})")


@dataclass(frozen=True, slots=True)
class Claim:
    """The content of a token with a valid signature."""

    id: str
    role: str
    expires: int


def sign(claim: Claim, key: str) -> str:
    """Return the token for a claim.

    Args:
        claim: its id has 12 of the characters A-Z a-z 0-9 - _.
        key: the app's key for this role, so that a token is valid for one app only.
    """
    said = f"{claim.id}.{LETTERS[claim.role]}{claim.expires:08x}"
    return f"{said}.{_signature(said, key)}"


def verify(token: str, key: Callable[[str], str]) -> Claim:
    """Return the content of a token. The caller must check whether it has ended.

    Args:
        token: the token.
        key: returns the key for a role.

    Raises:
        ShareError: the form or the signature is wrong.
    """
    found = _TOKEN.fullmatch(token)
    if found is None:
        raise ShareError("This share link is incomplete: open it exactly as it was given to you.")
    said, _, signature = token.rpartition(".")
    role = _ROLES[found[2]]
    if not hmac.compare_digest(signature, _signature(said, key(role))):
        raise ShareError(
            "This share link is not valid for this app, or was changed: open it exactly as it was given to you."
        )
    return Claim(found[1], role, int(found[3], 16))


def _signature(said: str, key: str) -> str:
    digest = hmac.digest(key.encode(), said.encode(), "sha256")
    return base64.urlsafe_b64encode(digest).decode()[:SIGNATURE]


def role_of(token: str) -> str | None:
    """The role that a token claims to give, whatever its signature. None: it is no token."""
    found = _TOKEN.fullmatch(token)
    return None if found is None else _ROLES[found[2]]


def holds_token(text: str) -> bool:
    """Whether a text contains something that looks like a token, whatever its signature."""
    return _TOKEN.search(text) is not None

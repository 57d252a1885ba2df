"""Stable secrets for a user and a purpose, derived from one key of the user."""

from __future__ import annotations

import base64
import hmac
import secrets
from pathlib import Path

from jupyter_core.paths import jupyter_data_dir

from dash_devices_nb.errors import RegistrationError
from dash_devices_nb.registration.files import directory, locked, make_directory, read_private, write_private

KEY_BYTES = 32


def stable_secret(purpose: str) -> str:
    """Return a secret of 43 characters that survives restarts of the program and of the server.

    It is derived from the user's key, a file of mode 0600 in Jupyter's data directory, which is created on first use.

    Raises:
        RegistrationError: the key is readable for others, is not a key, or cannot be written.
    """
    path = Path(jupyter_data_dir()) / "dash_devices_key"
    try:
        key = read_private(path, KEY_BYTES)
    except FileNotFoundError:
        key = _made(path)
    if len(key) != KEY_BYTES:
        raise RegistrationError(f"{path}: has {len(key)} bytes, expected {KEY_BYTES}; remove it to get a new one")
    return base64.urlsafe_b64encode(hmac.digest(key, purpose.encode(), "sha256")).decode().rstrip("=")


def _made(path: Path) -> bytes:
    """The key, created by whichever process comes first."""
    make_directory(path.parent)
    with locked(directory()):
        try:
            return read_private(path, KEY_BYTES)
        except FileNotFoundError:
            key = secrets.token_bytes(KEY_BYTES)
            write_private(path, key)
            return key

"""Names of apps in URLs: lower-case ASCII letters, digits, ``-`` and ``_``, at most 64."""

from __future__ import annotations

import hashlib
import re
import unicodedata

from dash_devices_nb.errors import RegistrationError

MAX_NAME = 64

_NAME = re.compile(rf"[a-z0-9][a-z0-9_-]{{0,{MAX_NAME - 1}}}")


def slug(text: str) -> str:
    """Make a name for the URL from what a person wrote, as in a notebook's file name.

    Accents are dropped and runs of anything else become one ``-``. A text with letters that have no
    ASCII form gets six hexadecimal digits of its hash, so that two such texts remain different. The
    result of the result is the same.

    >>> slug("Messung Köln (2).ipynb"), slug("thermostat")
    ('messung-koln-2-ipynb', 'thermostat')
    """
    decomposed = unicodedata.normalize("NFKD", text).replace("ß", "ss")
    plain = "".join(c for c in decomposed if not unicodedata.combining(c))
    name = re.sub(r"[^a-z0-9_]+", "-", plain.lower()).strip("-_")
    lost = any(c.isalnum() and not c.isascii() for c in plain)
    if lost or not name or len(name) > MAX_NAME:
        digest = hashlib.sha256(unicodedata.normalize("NFC", text).encode("utf-8", "replace")).hexdigest()[:6]
        name = f"{name[: MAX_NAME - 7].rstrip('-_') or 'app'}-{digest}"
    return name


def check_name(name: object) -> str:
    """Return the name if it can be part of the URL.

    Raises:
        RegistrationError: it is not a text, or not as `slug` makes them.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise RegistrationError(
            f"the app name {name!r:.100} is not accepted: 1 to {MAX_NAME} of a-z 0-9 _ -, "
            "beginning with a letter or digit"
        )
    return name

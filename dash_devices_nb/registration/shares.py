"""The share links of one app. Its kernel issues and revokes them; every server that gets one checks it.

The list is a file of mode 0600 next to the app's record, so it survives a restart of the kernel, and the Jupyter server
sees at once what was revoked. A token is valid if its signature is right *and* the list has it. Without the list, or
without the user's key, nobody enters.
"""

from __future__ import annotations

import json
import math
import re
import secrets
import time
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import unquote

from dash_devices_nb.errors import RegistrationError, ShareError
from dash_devices_nb.registration.files import directory, locked, read_private, write_private
from dash_devices_nb.registration.keys import stable_secret
from dash_devices_nb.registration.names import check_name
from dash_devices_nb.registration.record import is_time
from dash_devices_nb.registration.tokens import LETTERS, Claim, sign, verify

VERSION = 1
MOST = 200
"""The most active links of one app."""
MOST_HOURS = 366 * 24
MOST_NAME = 40
"""Characters of a link's name."""
LIST_BYTES = 200_000
"""The largest list, in bytes. When it is full, the links that ended first are dropped."""
KEPT = 7 * 86_400.0
"""Seconds for which a link stays in the list after its end, if there is room."""
SETTLED = 100_000_000  # nanoseconds after which a file's mtime reveals every later change

REVOKED = "This share link was revoked. Ask whoever gave it to you for another one."
ENDED = "This share link has ended. Ask whoever gave it to you for another one."


@dataclass(frozen=True, slots=True)
class ShareRecord:
    """One share link.

    Attributes:
        id: 12 characters.
        role: "view" or "control".
        name: its label, or the person it is for; may be empty.
        created: in seconds since the epoch.
        expires: when it ends by itself, in seconds since the epoch.
        revoked: when it was revoked, in seconds since the epoch, or None.
    """

    id: str
    role: str
    name: str
    created: float
    expires: int
    revoked: float | None = None

    def why_ended(self, now: float) -> str:
        """Why the link is no longer valid, as a sentence for the guest; empty while it is."""
        if self.revoked is not None:
            return REVOKED
        return ENDED if now >= self.expires else ""


class ShareList:
    """The share links of one app. From any thread. Several processes may use the same list.

    Args:
        name: the app's name, as in its URL.
        place: where it is served: the path of its URL at the Jupyter server, or "port:8050". Links are valid only
            there.

    Raises:
        RegistrationError: the name is not accepted.
    """

    def __init__(self, name: str, place: str) -> None:
        self._name = check_name(name)
        self._place = unquote(place)
        self._cache: tuple[tuple[int, ...] | None, list[dict[str, Any]]] = (None, [])

    # ---- checking

    def admit(self, token: str, now: float) -> ShareRecord:
        """Return the link of a token.

        Raises:
            ShareError: the token is forged, of another app, ended or revoked; the text is for the guest.
            RegistrationError: the list or the key cannot be read.
        """
        claim = verify(token, self.key)
        if now >= claim.expires:
            raise ShareError(ENDED)
        record = self.find(claim.id)
        if record is None or (record.role, record.expires) != (claim.role, claim.expires):
            raise ShareError(REVOKED)
        if why := record.why_ended(now):
            raise ShareError(why)
        return record

    def find(self, id: str) -> ShareRecord | None:
        """Return a link by its id, whether or not it has ended."""
        return next((record for record in self._records() if record.id == id), None)

    def why_ended(self, id: str, now: float) -> str:
        """Why a link is no longer valid; empty while it is."""
        record = self.find(id)
        return REVOKED if record is None else record.why_ended(now)

    def records(self, now: float) -> list[ShareRecord]:
        """The links that have not ended, oldest first."""
        return [record for record in self._records() if not record.why_ended(now)]

    def token(self, record: ShareRecord) -> str:
        """The token of a link."""
        return sign(Claim(record.id, record.role, record.expires), self.key(record.role))

    def key(self, role: str) -> str:
        """The key that signs the tokens of a role. That of view links is known to relays: it signs nothing else.

        Raises:
            RegistrationError: the user's key cannot be read.
        """
        purpose = "share" if role != "view" else "share to view"
        return stable_secret(f"{purpose}\0{self._name}\0{self._place}")

    # ---- changing

    def issue(self, role: str, hours: object, name: object, now: float) -> ShareRecord:
        """Make a link.

        Raises:
            ShareError: an argument is not accepted, or there are too many links.
            RegistrationError: the list cannot be read or written.
        """
        if role not in LETTERS:
            raise ShareError(f"role={role!r:.100}; a link gives 'view' or 'control' (owners log in to Jupyter)")
        if not isinstance(hours, int | float) or not math.isfinite(hours) or not 0 < hours <= MOST_HOURS:
            raise ShareError(f"hours={hours!r:.100}; a link lasts more than 0 and at most {MOST_HOURS} hours (a year)")
        if not isinstance(name, str) or len(name) > MOST_NAME or not name.isprintable():
            raise ShareError(
                f"name={name!r:.100}; a link's name is one line of at most {MOST_NAME} characters, or None"
            )
        record = ShareRecord(secrets.token_urlsafe(9), role, name, now, math.ceil(now + hours * 3600))
        with locked(directory()):
            if len(self.records(now)) >= MOST:
                raise ShareError(f"The app has {MOST} share links, which is the limit: revoke some of app.shares.")
            entries = [*self._read(), {**asdict(record), "place": self._place}]
            if (size := len(_text([entry for entry in entries if not _has_ended(entry, now)]))) > LIST_BYTES:
                raise ShareError(
                    f"The share links of this app, at all places where it is served, would take {size} bytes, and "
                    f"their list takes at most {LIST_BYTES} bytes: revoke some of app.shares, or give shorter names."
                )
            self._write(entries, now)
        return record

    def revoke(self, id: str, now: float) -> None:
        """End a link; does nothing if it has ended.

        Raises:
            RegistrationError: the list cannot be read or written.
        """
        with locked(directory()):
            entries = self._read()
            for entry in entries:
                if entry["id"] == id and entry["place"] == self._place and entry["revoked"] is None:
                    entry["revoked"] = now
                    self._write(entries, now)

    # ---- the file

    def _records(self) -> list[ShareRecord]:
        return [_record(entry) for entry in self._read() if entry["place"] == self._place]

    def _read(self) -> list[dict[str, Any]]:
        """Return the entries of all places; read the file again if it has changed."""
        try:
            path = directory() / f"{self._name}.shares"
        except OSError as exc:
            raise RegistrationError(f"{exc.filename}: cannot be used ({exc.strerror})") from exc
        seen, entries = self._cache
        try:
            found = path.lstat()
            now = (found.st_mtime_ns, found.st_ino, found.st_size, found.st_mode, found.st_uid)
            if now != seen:
                entries = _parsed(read_private(path, LIST_BYTES), str(path))
                settled = time.time_ns() - found.st_mtime_ns > SETTLED
                self._cache = (now if settled else None, entries)
        except FileNotFoundError:
            entries = []
        except OSError as exc:
            raise RegistrationError(f"{path}: cannot be read ({exc.strerror})") from exc
        return [dict(entry) for entry in entries]

    def _write(self, entries: list[dict[str, Any]], now: float) -> None:
        kept = [entry for entry in entries if entry["expires"] + KEPT > now]
        ended = sorted((entry for entry in kept if _has_ended(entry, now)), key=_end)
        over = len(_text(kept)) - LIST_BYTES
        while over > 0 and ended:
            oldest = ended.pop(0)
            kept = [entry for entry in kept if entry is not oldest]
            over -= len(_text([oldest])) - len(_text([]))
        write_private(directory() / f"{self._name}.shares", _text(kept))


def _text(entries: list[dict[str, Any]]) -> bytes:
    return json.dumps({"version": VERSION, "shares": entries}).encode()


def _end(entry: dict[str, Any]) -> float:
    return float(entry["expires"] if entry["revoked"] is None else min(entry["revoked"], entry["expires"]))


def _has_ended(entry: dict[str, Any], now: float) -> bool:
    return entry["revoked"] is not None or now >= entry["expires"]


_FIELDS: dict[str, tuple[type, ...]] = {
    "id": (str,),
    "role": (str,),
    "name": (str,),
    "created": (int, float),
    "expires": (int,),
    "revoked": (int, float, type(None)),
    "place": (str,),
}
_ID = re.compile(r"[A-Za-z0-9_-]{12}")


def _parsed(content: bytes, path: str) -> list[dict[str, Any]]:
    """Raise RegistrationError if it is not such a list."""
    try:
        data = json.loads(content)
    except (ValueError, RecursionError) as exc:
        raise RegistrationError(f"{path}: not JSON ({exc})") from exc
    if not isinstance(data, dict) or data.get("version") != VERSION or not isinstance(data.get("shares"), list):
        raise RegistrationError(f"{path}: expected an object with version {VERSION} and the list 'shares'")
    for entry in data["shares"]:
        good = isinstance(entry, dict) and entry.keys() == _FIELDS.keys()
        if not good or any(not isinstance(entry[field], kinds) for field, kinds in _FIELDS.items()):
            raise RegistrationError(f"{path}: {entry!r:.200} is not a share; a share has {', '.join(_FIELDS)}")
        if entry["role"] not in LETTERS or not _ID.fullmatch(entry["id"]):
            raise RegistrationError(f"{path}: {entry!r:.200} has a role or an id that is not accepted")
        if len(entry["name"]) > MOST_NAME or not entry["name"].isprintable():
            raise RegistrationError(f"{path}: {entry!r:.200} has a name that is not one line of {MOST_NAME} characters")
        for field in ("created", "expires", "revoked"):
            if entry[field] is not None and not is_time(entry[field]):
                raise RegistrationError(f"{path}: {entry!r:.200} has {field} that is not a time")
    return list(data["shares"])


def _record(entry: dict[str, Any]) -> ShareRecord:
    return ShareRecord(**{field: entry[field] for field in _FIELDS if field != "place"})

"""The share links of one app: issued and revoked by its kernel, checked wherever somebody comes with one.

The list is a file of mode 0600 next to the app's record, so a kernel that restarts goes on with it, and the Jupyter
server sees at once what was revoked. A token counts if its signature is right *and* the list has it: without the list,
or without the user's key, nobody enters.
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
"""Links of one app that have not ended."""
MOST_HOURS = 366 * 24
MOST_NAME = 40
"""Characters of a link's name."""
LIST_BYTES = 200_000
"""The most that the list takes, of all places: where it is full, the links that ended first are forgotten."""
KEPT = 7 * 86_400.0
"""Seconds for which a link stays in the list after its time, where there is room for it."""
SETTLED = 100_000_000  # nanoseconds after which a file's time of change tells of every later change

REVOKED = "This share link was revoked. Ask whoever gave it to you for another one."
ENDED = "This share link has ended. Ask whoever gave it to you for another one."


@dataclass(frozen=True, slots=True)
class ShareRecord:
    """One share link.

    Attributes:
        id: 12 characters.
        role: "view" or "control".
        name: What its maker calls it, or who it is for; may be empty.
        created: In seconds since the epoch.
        expires: When it ends by itself, in seconds since the epoch.
        revoked: When it was revoked, in seconds since the epoch, or None.
    """

    id: str
    role: str
    name: str
    created: float
    expires: int
    revoked: float | None = None

    def why_ended(self, now: float) -> str:
        """Why it counts no more, as a sentence for the guest; empty while it counts."""
        if self.revoked is not None:
            return REVOKED
        return ENDED if now >= self.expires else ""


class ShareList:
    """The share links of one app. From any thread; several processes may work on the same.

    Args:
        name: The app's name, as in its URL.
        place: Where it is served: the path of its URL at the Jupyter server, or "port:8050". A link counts there only.

    Raises:
        RegistrationError: The name is not accepted.
    """

    def __init__(self, name: str, place: str) -> None:
        self._name = check_name(name)
        self._place = unquote(place)
        self._cache: tuple[tuple[int, int, int] | None, list[dict[str, Any]]] = (None, [])

    # ---- checking

    def admit(self, token: str, now: float) -> ShareRecord:
        """The link that a token stands for.

        Raises:
            ShareError: It is forged, another app's, ended or revoked; with a sentence for the guest.
            RegistrationError: The list or the key cannot be read.
        """
        claim = verify(token, self._key())
        if now >= claim.expires:
            raise ShareError(ENDED)
        record = self.find(claim.id)
        if record is None or (record.role, record.expires) != (claim.role, claim.expires):
            raise ShareError(REVOKED)
        if why := record.why_ended(now):
            raise ShareError(why)
        return record

    def find(self, id: str) -> ShareRecord | None:
        """A link by its id, whether or not it has ended."""
        return next((record for record in self._records() if record.id == id), None)

    def why_ended(self, id: str, now: float) -> str:
        """Why a link counts no more, empty while it does."""
        record = self.find(id)
        return REVOKED if record is None else record.why_ended(now)

    def records(self, now: float) -> list[ShareRecord]:
        """The links that have not ended, oldest first."""
        return [record for record in self._records() if not record.why_ended(now)]

    def token(self, record: ShareRecord) -> str:
        """The token of a link."""
        return sign(Claim(record.id, record.role, record.expires), self._key())

    # ---- changing

    def issue(self, role: str, hours: object, name: object, now: float) -> ShareRecord:
        """Make a link.

        Raises:
            ShareError: An argument is not accepted, or there are too many links.
            RegistrationError: The list cannot be read or written.
        """
        if role not in LETTERS:
            raise ShareError(
                f"role={role!r:.100}; a link gives 'view' or 'control' (an owner is who is logged in to Jupyter)"
            )
        if not isinstance(hours, int | float) or not math.isfinite(hours) or not 0 < hours <= MOST_HOURS:
            raise ShareError(f"hours={hours!r:.100}; a link lasts more than 0 and at most {MOST_HOURS} hours (a year)")
        if not isinstance(name, str) or len(name) > MOST_NAME or not name.isprintable():
            raise ShareError(
                f"name={name!r:.100}; a link's name is one line of at most {MOST_NAME} characters, or None"
            )
        record = ShareRecord(secrets.token_urlsafe(9), role, name, now, math.ceil(now + hours * 3600))
        with locked(directory()):
            if len(self.records(now)) >= MOST:
                raise ShareError(f"The app has {MOST} share links, the most there are: revoke some of app.shares.")
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
            RegistrationError: The list cannot be read or written.
        """
        with locked(directory()):
            entries = self._read()
            for entry in entries:
                if entry["id"] == id and entry["place"] == self._place and entry["revoked"] is None:
                    entry["revoked"] = now
                    self._write(entries, now)

    # ---- the file

    def _key(self) -> str:
        return stable_secret(f"share\0{self._name}\0{self._place}")

    def _records(self) -> list[ShareRecord]:
        return [_record(entry) for entry in self._read() if entry["place"] == self._place]

    def _read(self) -> list[dict[str, Any]]:
        """The entries of all places, read again if the file has changed."""
        try:
            path = directory() / f"{self._name}.shares"
        except OSError as exc:
            raise RegistrationError(f"{exc.filename}: cannot be used ({exc.strerror})") from exc
        seen, entries = self._cache
        try:
            found = path.lstat()
            now = (found.st_mtime_ns, found.st_ino, found.st_size)
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
    """Raises RegistrationError if it is not such a list."""
    try:
        data = json.loads(content)
    except (ValueError, RecursionError) as exc:
        raise RegistrationError(f"{path}: not JSON ({exc})") from exc
    if not isinstance(data, dict) or data.get("version") != VERSION or not isinstance(data.get("shares"), list):
        raise RegistrationError(f"{path}: expected an object with version {VERSION} and the list 'shares'")
    for entry in data["shares"]:
        good = isinstance(entry, dict) and entry.keys() == _FIELDS.keys()
        if not good or any(not isinstance(entry[field], kinds) for field, kinds in _FIELDS.items()):
            raise RegistrationError(f"{path}: {entry!r:.200} is no share; it has {', '.join(_FIELDS)}")
        if entry["role"] not in LETTERS or not _ID.fullmatch(entry["id"]):
            raise RegistrationError(f"{path}: {entry!r:.200} has a role or an id that is not accepted")
        if len(entry["name"]) > MOST_NAME or not entry["name"].isprintable():
            raise RegistrationError(f"{path}: {entry!r:.200} has a name that is not one line of {MOST_NAME} characters")
        for field in ("created", "expires", "revoked"):
            if entry[field] is not None and not is_time(entry[field]):
                raise RegistrationError(f"{path}: {entry!r:.200} has {field} that is no time")
    return list(data["shares"])


def _record(entry: dict[str, Any]) -> ShareRecord:
    return ShareRecord(**{field: entry[field] for field in _FIELDS if field != "place"})

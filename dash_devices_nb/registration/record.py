"""One record: its fields, its JSON form, and which values are accepted."""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from dash_devices_nb.errors import RegistrationError
from dash_devices_nb.registration.names import check_name

VERSION = 1
LATEST = 253_402_300_799  # the end of the year 9999, the last that `datetime` supports

_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")
_PREFIX = re.compile(r"/(?:[!-~]*/)?")
_KERNEL_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")


@dataclass(frozen=True, slots=True)
class UnixEndpoint:
    """A Unix socket, by its absolute path."""

    path: str


@dataclass(frozen=True, slots=True)
class TcpEndpoint:
    """A port on a literal loopback address, for systems without Unix sockets."""

    host: str
    port: int


Endpoint = UnixEndpoint | TcpEndpoint


@dataclass(frozen=True, slots=True)
class Registration:
    """What a kernel registers about one app.

    Attributes:
        name: the app's name in the URL, as `slug` makes it.
        kernel_id: Jupyter's id of the kernel, or None outside of a kernel.
        pid: process id of the kernel.
        notebook: path of the notebook, or None if unknown.
        endpoint: where the app listens.
        secret: 43 characters (``secrets.token_urlsafe(32)``) that every request must carry.
        prefix: path of the app's URL, with a slash at both ends.
        started: when the app was registered, in seconds since the epoch.
        host: name of the machine, because hosts of a cluster may share the directory; None for this one.
    """

    name: str
    kernel_id: str | None
    pid: int
    notebook: str | None
    endpoint: Endpoint
    secret: str
    prefix: str
    started: float
    host: str | None = None

    def __repr__(self) -> str:
        """Show everything but the secret, which must not reach a log."""
        return f"Registration({self.name!r}, kernel_id={self.kernel_id!r}, pid={self.pid}, endpoint={self.endpoint!r})"

    @property
    def filename(self) -> str:
        """Name of the record's file within `directory`."""
        return f"{self.name}-{self.pid}.json"

    def to_json(self) -> dict[str, Any]:
        """Return the JSON text of the record."""
        if isinstance(self.endpoint, UnixEndpoint):
            endpoint: dict[str, Any] = {"kind": "unix", "path": self.endpoint.path}
        else:
            endpoint = {"kind": "tcp", "host": self.endpoint.host, "port": self.endpoint.port}
        return {
            "version": VERSION,
            "name": self.name,
            "kernel_id": self.kernel_id,
            "pid": self.pid,
            "notebook": self.notebook,
            "endpoint": endpoint,
            "secret": self.secret,
            "prefix": self.prefix,
            "started": self.started,
            "host": self.host,
        }

    @classmethod
    def from_json(cls, data: object) -> Registration:
        """Check a record that was read.

        Raises:
            RegistrationError: a field is missing, has another type or a value that is not accepted.
        """
        if not isinstance(data, dict):
            raise RegistrationError(f"the record is a {type(data).__name__}, expected a JSON object")
        if data.get("version") != VERSION:
            raise RegistrationError(f"the record has version {data.get('version')!r}, this program reads {VERSION}")
        record = cls(
            name=check_name(data.get("name")),
            kernel_id=_optional(data, "kernel_id", _KERNEL_ID),
            pid=_integer(data, "pid", 1, 2**31 - 1),
            notebook=_optional(data, "notebook", None),
            endpoint=_endpoint(data.get("endpoint")),
            secret=_matching(data, "secret", _SECRET, "43 characters of A-Z a-z 0-9 _ -", show=False),
            prefix=_matching(data, "prefix", _PREFIX, "a path of printable ASCII with a slash at both ends"),
            started=_time(data, "started"),
            host=_optional(data, "host", None),
        )
        return record


def _endpoint(data: object) -> Endpoint:
    if not isinstance(data, dict):
        raise RegistrationError(f"endpoint is {data!r:.100}, expected an object")
    kind = data.get("kind")
    if kind == "unix":
        path = data.get("path")
        if not isinstance(path, str) or not os.path.isabs(path) or not _names_a_file(path):
            raise RegistrationError(f"endpoint path {path!r:.200} is not accepted: an absolute path without '..'")
        return UnixEndpoint(path)
    if kind == "tcp":
        host = data.get("host")
        try:
            loopback = isinstance(host, str) and ipaddress.ip_address(host).is_loopback
        except ValueError:
            loopback = False
        if not isinstance(host, str) or not loopback:
            raise RegistrationError(f"endpoint host {host!r:.100} is not accepted: a literal loopback address")
        return TcpEndpoint(host, _integer(data, "port", 1, 65_535))
    raise RegistrationError(f"endpoint kind {kind!r:.100} is not accepted: 'unix' or 'tcp'")


def _names_a_file(path: str) -> bool:
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        return False
    return "\0" not in path and ".." not in Path(path).parts


def _integer(data: dict[str, Any], key: str, low: int, high: int) -> int:
    value = data.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise RegistrationError(f"{key} is {_shown(value)}, expected an integer from {low} to {high}")
    return value


def _time(data: dict[str, Any], key: str) -> float:
    value = data.get(key)
    if not is_time(value):
        raise RegistrationError(f"{key} is {_shown(value)}, expected a time in seconds since the epoch")
    return float(value)


def is_time(value: object) -> TypeGuard[int | float]:
    """Whether a JSON number, which may be NaN, infinite or very long, can be seconds since the epoch."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= LATEST


def _shown(value: object) -> str:
    try:
        return f"{value!r:.100}"
    except ValueError:  # an integer with more digits than Python writes
        return "a huge integer"


def _optional(data: dict[str, Any], key: str, pattern: re.Pattern[str] | None) -> str | None:
    value = data.get(key)
    if value is None:
        return None
    if not isinstance(value, str) or (pattern is not None and not pattern.fullmatch(value)):
        form = f" like {pattern.pattern}" if pattern else ""
        raise RegistrationError(f"{key} is {value!r:.100}, expected a text{form}")
    if not value.isascii() and value.encode(errors="replace").decode() != value:
        raise RegistrationError(f"{key} is {value!r:.100}, which has half of a character")
    return value


def _matching(data: dict[str, Any], key: str, pattern: re.Pattern[str], expected: str, *, show: bool = True) -> str:
    value = data.get(key)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise RegistrationError(f"{key} is {f'{value!r:.100}' if show else 'not as it should be'}, expected {expected}")
    return value

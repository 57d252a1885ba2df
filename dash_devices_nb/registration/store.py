"""The directory of the records: claiming a name, writing, removing, reading."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import socket
import stat
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dash_devices_nb.errors import RegistrationError
from dash_devices_nb.registration.files import URL_SEGMENT, directory, is_ours, locked, read_private, write_private
from dash_devices_nb.registration.names import MAX_NAME, slug
from dash_devices_nb.registration.record import Endpoint, Registration, UnixEndpoint

MAX_RECORD = 65_536  # bytes
FORGOTTEN = 7 * 86_400  # seconds


@dataclass(frozen=True, slots=True)
class Registered:
    """The result of `register`: the record, and a sentence for the user if the name was taken."""

    registration: Registration
    note: str | None


def register(
    wanted: str,
    *,
    endpoint: Endpoint,
    secret: str,
    base_url: str,
    kernel_id: str | None = None,
    notebook: str | None = None,
    pid: int | None = None,
) -> Registered:
    """Claim a name and write the record, in one step for all processes of this user.

    Call it when the endpoint listens. It may accept later: the system queues connections. The
    prefix becomes ``{base_url}dash-devices/{name}/``. A name is taken while another living process
    holds it. A kernel that restarted gets the name that it had before.

    Args:
        wanted: the name as the user wrote it, or the notebook's name. `slug` is applied.
        endpoint: where the app listens.
        secret: ``secrets.token_urlsafe(32)``.
        base_url: the Jupyter server's base URL path, as ``/`` or ``/user/x/``.
        kernel_id: Jupyter's id of the kernel.
        notebook: path of the notebook.
        pid: process id of the kernel; this process if None.

    Raises:
        RegistrationError: a value is not accepted, or the directory is not.
    """
    folder = directory()
    base = slug(wanted)
    if notebook is not None:
        notebook = notebook.encode(errors="replace").decode()  # a name in the bytes of another encoding
    owner = os.getpid() if pid is None else pid
    with locked(folder):
        records, _ = read_all()
        former = {r for r in records if kernel_id is not None and r.kernel_id == kernel_id and r.pid != owner}
        holders = {r.name: r for r in records if r not in former and is_running(r)}
        wishes = itertools.chain(_former_names(base, former), _candidates(base))
        name = next(wish for wish in wishes if wish not in holders)
        record = Registration(
            name=name,
            kernel_id=kernel_id,
            pid=owner,
            notebook=notebook,
            endpoint=endpoint,
            secret=secret,
            prefix=f"{base_url.rstrip('/')}/{URL_SEGMENT}/{name}/",
            started=time.time(),
            host=socket.gethostname(),
        )
        Registration.from_json(record.to_json())
        for old in records:
            if old.name == name:
                remove(old)
        write(record)
    holder = holders.get(base)
    if name == base or holder is None:
        return Registered(record, None)
    where = holder.notebook or "another program"
    return Registered(
        record,
        f"The name {base!r} is taken by {where} (process {holder.pid}), so this app is {name!r}: {record.prefix}",
    )


def write(registration: Registration) -> Path:
    """Write the record atomically with mode 0600, and return its path.

    Raises:
        RegistrationError: the directory is not accepted, or the disk refused.
    """
    target = directory() / registration.filename
    write_private(target, json.dumps(registration.to_json()).encode())
    return target


def remove(registration: Registration) -> None:
    """Remove the record, and the socket of a killed process. Does nothing if they are gone."""
    (directory() / registration.filename).unlink(missing_ok=True)
    _remove_socket(registration)


def _remove_socket(old: Registration) -> None:
    """Remove the Unix socket that a killed process left behind."""
    endpoint = old.endpoint
    here = old.host in (None, socket.gethostname())
    if not isinstance(endpoint, UnixEndpoint) or not here or process_lives(old.pid):
        return
    with contextlib.suppress(OSError, RegistrationError):
        check_socket(endpoint.path)
        os.unlink(endpoint.path)


def read_all() -> tuple[list[Registration], list[RegistrationError]]:
    """Read all records. Returns the accepted ones, oldest first, and why the others are refused."""
    accepted: list[Registration] = []
    refused: list[RegistrationError] = []
    for path in sorted(directory().glob("*.json")):
        try:
            accepted.append(read(path))
        except FileNotFoundError:
            continue  # its kernel removed it since the listing
        except RegistrationError as exc:
            refused.append(exc)
    accepted.sort(key=lambda r: (r.started, r.pid))
    return accepted, refused


def read(path: Path) -> Registration:
    """Read and check one record.

    Raises:
        RegistrationError: the file or what it says is not accepted.
        FileNotFoundError: there is no such file.
    """
    content = read_private(path, MAX_RECORD)
    try:
        record = Registration.from_json(json.loads(content))
    except (ValueError, OverflowError, RecursionError, RegistrationError) as exc:
        raise RegistrationError(f"{path}: {exc}") from exc
    if path.name != record.filename:
        raise RegistrationError(f"{path}: the record says it is {record.filename!r}")
    return record


def is_running(registration: Registration) -> bool:
    """Whether the app's process may still be running. One on another machine is assumed to run for a week."""
    if registration.host not in (None, socket.gethostname()):
        return time.time() - registration.started < FORGOTTEN
    if not process_lives(registration.pid):
        return False
    endpoint = registration.endpoint
    return not isinstance(endpoint, UnixEndpoint) or os.path.lexists(endpoint.path)


def process_lives(pid: int) -> bool:
    """Whether a process of that id exists on this machine."""
    if sys.platform == "win32":  # pragma: no cover
        import ctypes

        kernel32 = ctypes.windll.kernel32
        handle = kernel32.OpenProcess(0x00100000, False, pid)  # SYNCHRONIZE
        if not handle:
            return False
        alive = kernel32.WaitForSingleObject(handle, 0) == 0x102  # WAIT_TIMEOUT
        kernel32.CloseHandle(handle)
        return bool(alive)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def check_socket(path: str) -> None:
    """Check, at the time of use, that the path is a socket of our own user.

    Raises:
        RegistrationError: it is something else, or somebody else's.
        FileNotFoundError: there is nothing.
    """
    found = os.lstat(path)
    if not stat.S_ISSOCK(found.st_mode):
        raise RegistrationError(f"{path} is not a socket (a symbolic link is not accepted)")
    if not is_ours(found):
        raise RegistrationError(f"{path} belongs to user {found.st_uid}, expected user {os.getuid()}")


def _candidates(base: str) -> Iterator[str]:
    yield base
    number = 2
    while True:
        suffix = f"-{number}"
        yield base[: MAX_NAME - len(suffix)] + suffix
        number += 1


def _former_names(base: str, former: set[Registration]) -> list[str]:
    """Names with this base that the same kernel had before it restarted, oldest first."""
    mine = re.compile(rf"{re.escape(base)}(-\d+)?")
    return [r.name for r in sorted(former, key=lambda r: r.started) if mine.fullmatch(r.name)]

"""Files that only their user reads and writes, in a directory that is the user's alone."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from jupyter_core.paths import jupyter_runtime_dir

from dash_devices_nb.errors import RegistrationError

URL_SEGMENT = "dash-devices"


def directory() -> Path:
    """The directory of the records, made with mode 0700 if it does not exist.

    Raises:
        RegistrationError: it is not a directory, belongs to somebody else, or cannot be made.
    """
    path = Path(jupyter_runtime_dir()) / URL_SEGMENT
    make_directory(path, mode=0o700)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise RegistrationError(f"{path} is not a directory (a symbolic link is not accepted)")
    if not is_ours(found):
        raise RegistrationError(f"{path} belongs to user {found.st_uid}, expected user {os.getuid()}")
    if os.name == "posix" and stat.S_IMODE(found.st_mode) & 0o077:
        path.chmod(0o700)
    return path


def make_directory(path: Path, mode: int = 0o777) -> None:
    """Make a directory and its parents. Does nothing if it exists.

    Raises:
        RegistrationError: the disk refused.
    """
    with _refusals(path, "made"):
        path.mkdir(mode=mode, parents=True, exist_ok=True)


def read_private(path: Path, limit: int) -> bytes:
    """Read a file of at most `limit` bytes that only our own user can read.

    Raises:
        RegistrationError: the file is something else.
        FileNotFoundError: there is no such file.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        raise
    except OSError as exc:
        raise RegistrationError(f"{path}: cannot be opened ({exc.strerror})") from exc
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise RegistrationError(f"{path}: not a regular file")
        if not is_ours(found):
            raise RegistrationError(f"{path}: belongs to user {found.st_uid}, expected user {os.getuid()}")
        if os.name == "posix" and stat.S_IMODE(found.st_mode) & 0o077:
            raise RegistrationError(f"{path}: has mode {stat.S_IMODE(found.st_mode):04o}, expected 0600")
        content = file.read(limit + 1)
    if len(content) > limit:
        raise RegistrationError(f"{path}: longer than {limit} bytes")
    return content


def write_private(path: Path, content: bytes) -> None:
    """Write a file with mode 0600, atomically, replacing an existing one.

    Raises:
        RegistrationError: the disk refused.
    """
    with _refusals(path, "written"):
        # mkstemp makes the file with mode 0600
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the directory's lock. Other processes and threads wait. The lock is not reentrant.

    Raises:
        RegistrationError: the disk refused.
    """
    with _refusals(folder / ".lock", "made"):
        descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if sys.platform == "win32":  # pragma: no cover
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)  # releases the lock


@contextlib.contextmanager
def _refusals(path: Path, what: str) -> Iterator[None]:
    """Turn errors of the disk into errors that name the file and the operation."""
    try:
        yield
    except OSError as exc:
        raise RegistrationError(f"{path}: cannot be {what} ({exc.strerror})") from exc


def is_ours(found: os.stat_result) -> bool:
    """Whether a file belongs to this process's user."""
    return os.name != "posix" or found.st_uid == os.getuid()

"""A disk that is full, and has room again: a small file system in memory, in a namespace of the program's own."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

_MOUNT = 'mount -t tmpfs -o size="$1" none "$2" && shift 2 && exec "$@"'
PIECE = bytes(4096)


def possible() -> bool:
    """Whether this system lets us have such a disk."""
    if shutil.which("unshare") is None:
        return False
    tried = subprocess.run([*command(Path("/mnt"), "64k"), "true"], capture_output=True, check=False)
    return tried.returncode == 0


def command(directory: Path, size: str) -> Sequence[str]:
    """A command line before that of a program: the program finds an empty disk of so many bytes at the directory."""
    return ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", _MOUNT, "sh", size, str(directory)]


class Disk:
    """The disk of a program that runs.

    Args:
        pid: The program's.
        directory: Where it finds the disk.
    """

    def __init__(self, pid: int, directory: Path) -> None:
        self.seen = Path(f"/proc/{pid}/root{directory}")
        """The directory as we reach it."""
        self._filler = self.seen / "filler"

    def fill(self, leave: int = 0) -> None:
        """Leave room for so many bytes, and no more."""
        with self._filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(PIECE)
        assert os.statvfs(self.seen).f_bavail == 0
        os.truncate(self._filler, self._filler.stat().st_size - leave)

    def free(self) -> None:
        """Leave room again."""
        os.unlink(self._filler)

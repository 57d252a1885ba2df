"""The apps that this Jupyter server's kernels run, read from the records in the runtime directory.

The directory belongs to the user, and several Jupyter servers of one user share it. A record counts
here if its kernel is in this server's kernel manager. Records whose process is gone are removed
once no server can want them back: while the kernel is in our manager it may be restarting, and its
record keeps its name for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from logging import Logger

from dash_devices_nb.registration import Registration, directory, is_running, read_all, remove

SETTLED = 0.1  # seconds after which a directory's mtime reveals every later change


class Registry:
    """Reads the records, and reads them again only when the directory has changed.

    Args:
        ours: returns whether a kernel id belongs to this server.
        log: receives a line for each record that is refused or removed.
    """

    def __init__(self, ours: Callable[[str], bool], log: Logger) -> None:
        self._ours = ours
        self._log = log
        self._records: list[Registration] = []
        self._read_at = 0
        self._changed_at = -1
        self._reported: set[str] = set()

    def records(self) -> list[Registration]:
        """Records of this server's kernels, the newest of each name, oldest first.

        Raises:
            RegistrationError: the directory is not acceptable.
        """
        newest = {r.name: r for r in self._all() if self._is_ours(r)}
        return sorted(newest.values(), key=lambda r: r.started)

    def find(self, name: str) -> Registration | None:
        """The record of an app, whether or not its kernel lives.

        Raises:
            RegistrationError: the directory is not acceptable.
        """
        for record in reversed(self._all()):
            if record.name == name and self._is_ours(record):
                return record
        return None

    def prune(self) -> None:
        """Remove the records of kernels that ended and cannot come back."""
        for record in self._all():
            if self._is_ours(record) or is_running(record):
                continue
            self._log.info("Removing the record of %r: process %d ended", record.name, record.pid)
            remove(record)

    def _is_ours(self, record: Registration) -> bool:
        return record.kernel_id is not None and self._ours(record.kernel_id)

    def _all(self) -> list[Registration]:
        changed_at = directory().stat().st_mtime_ns
        if changed_at == self._changed_at and self._read_at - changed_at > SETTLED * 1e9:
            return self._records
        self._read_at = time.time_ns()
        self._changed_at = changed_at
        self._records, refused = read_all()
        for problem in refused:
            if str(problem) not in self._reported:
                self._reported.add(str(problem))
                self._log.warning("Not accepted: %s", problem)
        return self._records

"""The output of `serve`: on the standard output, and in a file that rotates."""

from __future__ import annotations

import logging
import logging.handlers
import re
import sys
from pathlib import Path

from dash_devices_nb.errors import RunError

MAX_BYTES = 5_000_000
BACKUPS = 5

_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_SECRET = re.compile(r"(\?token=)[\w.-]+")


class Log:
    """Writes the lines of `serve`, and what the program prints.

    Secrets of addresses are for the terminal: the file does not have them.

    Args:
        file: the file, or None.

    Raises:
        RunError: the file cannot be written.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._logger = logging.Logger("dash-devices-nb serve", logging.INFO)
        terminal = logging.StreamHandler(sys.stdout)
        terminal.setFormatter(logging.Formatter("%(message)s"))
        self._logger.addHandler(terminal)
        self._rest = ""
        if file is not None:
            try:
                handler = logging.handlers.RotatingFileHandler(
                    file, maxBytes=MAX_BYTES, backupCount=BACKUPS, encoding="utf-8", errors="backslashreplace"
                )
            except OSError as exc:
                raise RunError(f"The log {file} cannot be written: {exc.strerror}.") from exc
            handler.setFormatter(_WithoutSecrets("%(asctime)s %(message)s"))
            self._logger.addHandler(handler)

    def say(self, text: str) -> None:
        """Write a line, or several. From any thread."""
        self._logger.info("%s", without_colours(text))

    def printed(self, text: str) -> None:
        """Take a piece of the program's output. It is written line by line."""
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self.say(line.rpartition("\r")[2])

    def close(self) -> None:
        """Write the rest, and close the file."""
        if self._rest:
            self.printed("\n")
        for handler in self._logger.handlers:
            handler.close()


class _WithoutSecrets(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return _SECRET.sub(r"\1...", super().format(record))


def without_colours(text: str) -> str:
    """Return a text without terminal colours."""
    return _ANSI.sub("", text)

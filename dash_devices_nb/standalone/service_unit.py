"""The systemd unit of a served program."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from dash_devices_nb.errors import RunError


def default_path(program: Path) -> Path:
    """The directory of the user's own units."""
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", program.stem) or "app"
    base = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return base / "systemd" / "user" / f"dash-devices-{name}.service"


def unit_text(command: Sequence[str], directory: Path, description: str, *, system: bool, user: str) -> str:
    """The text of the unit.

    Args:
        command: the program's path and its arguments.
        directory: the working directory.
        description: one line.
        system: whether the unit is one of the system, and not of the user.
        user: as whom a unit of the system runs.
    """
    lines = [
        "[Unit]",
        f"Description={_escaped(description)}",
        "Wants=network-online.target" if system else "",
        "After=network-online.target" if system else "",
        "",
        "[Service]",
        f"User={_escaped(user)}" if system else "",
        f"WorkingDirectory={_escaped(str(directory))}",
        f"ExecStart={' '.join(_quoted(each) for each in command)}",
        "Environment=PYTHONUNBUFFERED=1",
        "Restart=on-failure",
        "RestartSec=5",
        "# SIGTERM for us alone: the program's kernel is stopped in order.",
        "KillMode=mixed",
        "TimeoutStopSec=60",
        "",
        "[Install]",
        f"WantedBy={'multi-user.target' if system else 'default.target'}",
    ]
    kept = [line for line, before in zip(lines, [None, *lines], strict=False) if line or before]
    return "\n".join(kept) + "\n"


def install(path: Path, text: str) -> str:
    """Write the unit.

    Returns:
        What the person must run.

    Raises:
        RunError: it cannot be written.
    """
    if path.suffix != ".service":
        raise RunError(f"{path} is not the name of a unit; a name ends in .service.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as exc:
        raise RunError(f"The unit {path} cannot be written: {exc.strerror}.") from exc
    if is_of_system(path):
        return (
            f"Written: {path}\nRun:\n  sudo systemctl daemon-reload\n  sudo systemctl enable --now {path.name}\n"
            f"Its log: journalctl -u {path.name} -f"
        )
    return (
        f"Written: {path}\nRun:\n  systemctl --user daemon-reload\n  systemctl --user enable --now {path.name}\n"
        f"  loginctl enable-linger   # so that it runs without a login\n"
        f"Its log: journalctl --user -u {path.name} -f"
    )


def is_of_system(path: Path) -> bool:
    """Return True if this is the path of a system unit."""
    return path.absolute().is_relative_to("/etc") or path.absolute().is_relative_to("/usr")


def _escaped(text: str) -> str:
    if "\n" in text or "\r" in text:
        raise RunError(f"{text!r} has a line end, which a unit cannot take.")
    return text.replace("%", "%%")


def _quoted(argument: str) -> str:
    text = _escaped(argument).replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$")
    return f'"{text}"' if re.search(r"[^\w@%+=:,./-]", text) else text

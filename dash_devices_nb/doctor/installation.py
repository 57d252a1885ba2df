"""Checks of the environment of this Python."""

from __future__ import annotations

import shutil
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from dash_devices_nb.doctor.finding import Finding

PACKAGE = "dash-devices-nb"
SERVER_ONLY = "dash-devices-nb-server"
EXTENSION = "dash_devices_nb.server"
SINCE = (3, 11, 4)
FOR_DEVELOPERS = frozenset({"test", "lint", "dist", "bench", "others", "kraken", "examples"})


def check_python(version: Sequence[int] = sys.version_info[:3]) -> Iterator[Finding]:
    """Return True if asyncio does not read from a handed-over socket before it is asked to (gh-103607)."""
    if tuple(version) < SINCE:
        yield Finding(
            f"Python {'.'.join(map(str, version))}: before 3.11.4 asyncio begins to read from a socket too early.",
            "update Python to 3.11.4 or newer, and install the packages there.",
        )


def check_requirements(requirements: Sequence[str] | None = None) -> Iterator[Finding]:
    """Check that each required package has a tested version, and list the missing optional ones."""
    try:
        lines = metadata.requires(PACKAGE) or [] if requirements is None else requirements
    except metadata.PackageNotFoundError:
        yield Finding(f"{PACKAGE} is not installed in {sys.prefix}.", f"{sys.executable} -m pip install {PACKAGE}")
        return
    missing = defaultdict(list)
    for line in lines:
        required = Requirement(line)
        extra = _extra(required)
        if extra in FOR_DEVELOPERS or (required.marker and not required.marker.evaluate({"extra": extra})):
            continue
        lacks = _lacks(required)
        if lacks and extra:
            missing[extra].append(required.name)
        elif lacks:
            wanted = f"{required.name}{required.specifier}"
            yield Finding(f"{lacks}, tested is {required.specifier}.", f'{sys.executable} -m pip install "{wanted}"')
    for extra, names in sorted(missing.items()):
        yield Finding(
            f"The optional packages of {extra!r} are not there ({', '.join(sorted(names))}).",
            f'{sys.executable} -m pip install "{PACKAGE}[{extra}]", if you want them.',
            wrong=False,
        )


def _extra(required: Requirement) -> str:
    """Return the extra to which a requirement belongs, or ""."""
    text = str(required.marker or "")
    return text.partition("extra == ")[2].split('"')[1] if "extra == " in text else ""


def _lacks(required: Requirement) -> str:
    """Return what is wrong with a package: it is missing, or has another version. "": nothing."""
    try:
        version = metadata.version(required.name)
    except metadata.PackageNotFoundError:
        return f"{required.name} is not installed"
    return "" if required.specifier.contains(version, prereleases=True) else f"{required.name} is {version}"


def check_extension(config_path: Sequence[str] | None = None) -> Iterator[Finding]:
    """Check that a Jupyter server of this environment loads the extension."""
    from jupyter_core.paths import jupyter_config_path
    from jupyter_server.extension.config import ExtensionConfigManager

    paths = jupyter_config_path() if config_path is None else config_path
    manager = ExtensionConfigManager(read_config_path=list(paths))
    enabled = manager.get_jpserver_extensions()  # type: ignore[no-untyped-call]
    if not enabled.get(EXTENSION, False):
        state = "disabled" if EXTENSION in enabled else "not enabled"
        yield Finding(
            f"The Jupyter server extension is {state} (the configuration in {', '.join(paths)}).",
            f"{sys.executable} -m jupyter server extension enable {EXTENSION}, then restart the Jupyter server.",
        )


def check_server_only() -> Iterator[Finding]:
    """Check that the extension is not installed by itself beside the package that has it."""
    try:
        version = metadata.version(SERVER_ONLY)
    except metadata.PackageNotFoundError:
        return
    yield Finding(
        f"{SERVER_ONLY} {version} is installed, too: it does no harm and is not used, as {PACKAGE} has the extension.",
        f"{sys.executable} -m pip uninstall {SERVER_ONLY}, if it was meant for another environment.",
        wrong=False,
    )


def check_command() -> Iterator[Finding]:
    """Check that the command `jupyter` belongs to this environment."""
    found = shutil.which("jupyter")
    if found is not None and Path(found).parent.resolve() != Path(sys.executable).parent.resolve():
        yield Finding(
            f"The command jupyter is {found}, of another environment than this Python ({sys.executable}).",
            f"install {PACKAGE} there too, or start {sys.executable} -m jupyterlab.",
            wrong=False,
        )

"""Names of a package that are loaded when they are first used (PEP 562)."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from typing import Any


def loaded(package: str, sources: Mapping[str, str], name: str) -> Any:
    """Load a name of a package from the module that has it, and keep it in the package.

    Args:
        package: the name of the package: its `__name__`.
        sources: the module of each name.
        name: the name.

    Raises:
        AttributeError: the package has no such name.
        ImportError: only the Jupyter server extension is installed, which has no such module.
    """
    if name not in sources:
        raise AttributeError(f"module {package!r} has no attribute {name!r}")
    try:
        module = importlib.import_module(sources[name])
    except ModuleNotFoundError as exc:
        if (exc.name or "").partition(".")[0] != package.partition(".")[0]:
            raise
        raise ImportError(
            f"{name} is not in dash-devices-nb-server, which only carries the pages of kernels in other environments; "
            f"here it needs: {sys.executable} -m pip install dash-devices-nb"
        ) from exc
    value = getattr(module, name)
    setattr(sys.modules[package], name, value)
    return value

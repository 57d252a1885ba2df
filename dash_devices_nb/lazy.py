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
    """
    if name not in sources:
        raise AttributeError(f"module {package!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(sources[name]), name)
    setattr(sys.modules[package], name, value)
    return value

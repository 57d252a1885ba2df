"""What is set: values by their props, in order."""

from __future__ import annotations

from typing import TypeAlias

from dash_devices_nb.core.props.ids import Key
from dash_devices_nb.core.props.values import Value

Mods: TypeAlias = dict[Key, Value]
"""Values to apply, in order."""

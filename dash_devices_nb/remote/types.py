"""The types of values that an app sends and that have no type of their own. Each has one name."""

from __future__ import annotations

from typing import Any, TypeAlias

PropValue: TypeAlias = Any
"""The value of a prop, as its component has it: JSON of a shape that only the component knows."""
Props: TypeAlias = dict[str, PropValue]
"""The props of a component."""
Frame: TypeAlias = dict[str, Any]
"""A frame, as `docs/protocol.md` and `client/types.d.ts` have it. The app writes it, so it is not checked here."""
Argument: TypeAlias = Any
"""An argument that is passed on."""
Returned: TypeAlias = Any
"""What a callback of the app returned."""

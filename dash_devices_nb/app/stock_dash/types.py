"""The types of Dash's and a program's own values, of which nobody says more. Each stands here once, and has a name.

Dash has no types, and a program gives what it likes: an alias says what a value is to us. `object` is for a value that
we only pass on or look at with `isinstance`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

# ---- JSON

JsonObject: TypeAlias = dict[str, Any]
"""A parsed JSON object."""
JsonValue: TypeAlias = Any
"""A parsed JSON value."""

# ---- what a program gives

Function: TypeAlias = Callable[..., Any]
"""A function of a program, or a view of a server."""
Arguments: TypeAlias = tuple[Any, ...]
"""Positional arguments that are passed on."""
Keywords: TypeAlias = dict[str, Any]
"""Keyword arguments that are passed on."""
Argument: TypeAlias = Any
"""One argument among those that are passed on."""
Returned: TypeAlias = Any
"""What a program's function returned."""
PropValue: TypeAlias = Any
"""The value of a prop, as a program gives or gets it: JSON, components, figures, arrays, `Patch`."""
Array: TypeAlias = Any
"""An array of numpy or of what looks like it."""

# ---- Dash

DashApp: TypeAlias = Any
"""A `dash.Dash`, with its private attributes."""
BackgroundManager: TypeAlias = Any
"""What runs background callbacks."""
Component: TypeAlias = Any
"""A component, or a layout of them."""
Dependency: TypeAlias = Any
"""An `Input`, `State` or `Output`."""
Grouping: TypeAlias = Any
"""How outputs or arguments are grouped: a dependency, or lists and dicts of them."""
Context: TypeAlias = Any
"""What `callback_context` shows in a call; read by name."""
Config: TypeAlias = Any
"""An `AttributeDict` of settings."""
Hook: TypeAlias = Any
"""One of `dash.hooks`."""
Registered: TypeAlias = dict[str, Any]
"""An entry of Dash's `callback_map`."""
McpFunctions: TypeAlias = dict[str, Any]
"""The functions of `dash.mcp.mcp_enabled`, by name."""

# ---- HTTP and WebSockets

Request: TypeAlias = Any
"""A request as Dash reads it: Quart's, or one that came over a page's WebSocket."""
Response: TypeAlias = Any
"""A response of Quart, or whatever a view may return instead."""
WebSocket: TypeAlias = Any
"""A WebSocket of Quart, or `ctx.websocket`."""

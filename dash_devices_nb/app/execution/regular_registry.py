"""The regular callbacks of an app: what we know about each beyond what stock Dash knows."""

from __future__ import annotations

import inspect

from dash_devices_nb.app.execution.regular_call import RegisteredCallback, RegularSpec


class RegularRegistry:
    """The regular callbacks of one app.

    Attributes:
        specs: what we know about each, by its output. A removed callback stays here.
        registrations: the callbacks in Dash's tables, oldest first.
        declared: the outputs of the callbacks that were not announced to the open pages yet.
    """

    def __init__(self) -> None:
        self.specs: dict[str, RegularSpec] = {}
        self.registrations: list[RegisteredCallback] = []
        self.declared: set[str] = set()

    def newest(self, output: str) -> RegisteredCallback | None:
        """Return the newest callback with an output, which is the one to call, and use its spec from now on."""
        for each in reversed(self.registrations):
            if each.output == output:
                if each.spec is not None:
                    self.specs[output] = each.spec
                return each
        return None

    def has_coroutines(self) -> bool:
        """Whether a callback runs on the callback loop."""
        functions = [spec.function for spec in self.specs.values()]
        return any(inspect.iscoroutinefunction(f) or inspect.isasyncgenfunction(f) for f in functions)

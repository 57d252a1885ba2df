"""A call of a callback's function with arguments of its own: what an API endpoint or an MCP tool asks for."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from dash_devices_nb.app.execution.regular_call import OK, Answer, RegularCall, Runs
from dash_devices_nb.app.stock_dash import dash_internals


@dataclass(eq=False, repr=False)
class DirectCall(RegularCall):
    """A call of a function by its parameters' names; its answer has what the function returns.

    Attributes:
        function: the program's.
    """

    function: Callable[..., Any] = field(kw_only=True)

    @property
    def arguments(self) -> dict[str, Any]:
        """By name."""
        arguments: dict[str, Any] = self.body["arguments"]
        return arguments

    def prepared(self, stock: Runs) -> tuple[Callable[[], Any], Any]:
        """What runs it. There is no context of a callback in it, as in stock Dash."""
        dash_internals.app_context.set(stock)
        return functools.partial(self.function, **self.arguments), None

    def answer(self, returned: Any, context: Any) -> Answer:
        """Its answer."""
        return Answer(OK, "", value=returned)

    def kept(self) -> DirectCall:
        """Itself as the journal keeps it."""
        kept = super().kept()
        return DirectCall(**vars_of(kept), function=self.function)


def vars_of(call: RegularCall) -> dict[str, Any]:
    """The fields by which a call is made."""
    return {name: value for name, value in vars(call).items() if name not in ("is_serial", "budget")}

"""Direct calls of a callback's function, by an API endpoint or an MCP tool with its own arguments."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field, fields

from dash_devices_nb.app.execution.regular_call import OK, Answer, RegularCall, Runs
from dash_devices_nb.app.stock_dash.types import Context, Function, JsonObject, Returned


@dataclass(eq=False, repr=False)
class DirectCall(RegularCall):
    """A call of a function with arguments by name. Its answer has what the function returns.

    Attributes:
        function: the program's function.
    """

    function: Function = field(kw_only=True)

    @property
    def arguments(self) -> JsonObject:
        """The arguments by name."""
        arguments: JsonObject = self.body["arguments"]
        return arguments

    def prepared(self, stock: Runs) -> tuple[Callable[[], Returned], Context]:
        """Return a function that runs it. It has no callback context, as in stock Dash."""
        stock.enter_app()
        return functools.partial(self.function, **self.arguments), None

    def answer(self, returned: Returned, context: Context) -> Answer:
        """Return the answer."""
        return Answer(OK, "", value=returned)

    def kept(self) -> DirectCall:
        """Return a copy for the journal."""
        kept = super().kept()
        taken = {each.name: getattr(kept, each.name) for each in fields(RegularCall) if each.init}
        return DirectCall(**taken, function=self.function)

"""The causes that a program names for changes that pages report: `app.cause_of`."""

from __future__ import annotations

from dash_devices_nb.core.props.ids import Ref
from dash_devices_nb.core.props.json_types import Json
from dash_devices_nb.core.protocol import messages
from dash_devices_nb.errors import DeclarationError

KINDS = ("page", "once", "never")


class Causes:
    """The causes that the program has named, by dependency."""

    def __init__(self) -> None:
        self._kinds: dict[Ref, str] = {}

    def name(self, ref: Ref, kind: str) -> None:
        """Name the cause of all changes of a prop.

        Raises:
            DeclarationError: there is no such cause.
        """
        if kind not in KINDS:
            raise DeclarationError(f"cause_of({ref}, {kind!r:.100}): accepted are {', '.join(map(repr, KINDS))}")
        self._kinds[ref] = kind

    def for_pages(self) -> list[list[Json]]:
        """Return the causes as pages get them: [id or pattern, prop, kind]."""
        return [[*messages.ref_json(ref), kind] for ref, kind in self._kinds.items()]

"""Departed sessions: pages that return after the app has forgotten them, as after a sleep or a stop of the app.

Such a page sends its unacknowledged changes again. The app may have taken some of them before the session ended. And
cells may have been run in between. So a little is kept of each session that ends: how far its changes were taken, and
which callbacks and layout it knew.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dash_devices_nb.core.access.clients import Client

if TYPE_CHECKING:
    from dash_devices_nb.app.client_session import ClientSession

MOST_LEFT = 300
"""Number of departed sessions that are kept of one share link, or of all pages without one: the last ones."""
MOST_LINKS = 30


@dataclass(frozen=True, slots=True)
class DepartedSession:
    """What is kept of a session that has ended.

    Attributes:
        key: the secret by which the page proves that it is the same.
        username: the Jupyter user.
        sequence: the number of the last change that was taken from it.
        version: the version of the definitions that it was told, at the latest in its frame `told`.
    """

    key: str
    username: str | None
    sequence: int
    version: int
    told: int


class DepartedSessions:
    """The departed sessions, and the versions of definitions. All methods need the runtime's lock.

    Attributes:
        version: a number that grows with each change of callbacks or layout.
    """

    def __init__(self) -> None:
        self.version = 0
        self._laid_out = 0
        self._defined: dict[str, int] = {}
        self._left: OrderedDict[str | None, OrderedDict[str, DepartedSession]] = OrderedDict()

    def declares(self, output: str) -> None:
        """A regular callback with this output is being declared. Call `defined` afterwards."""
        self._defined[output] = self.version + 1

    def defined(self) -> None:
        """Callbacks were declared or removed."""
        self.version += 1

    def laid_out(self) -> None:
        """The layout was replaced."""
        self.version += 1
        self._laid_out = self.version

    def leaves(self, page: ClientSession) -> None:
        """Keep a session that ends."""
        client = page.client
        of_link = self._left.setdefault(client.share, OrderedDict())
        self._left.move_to_end(client.share)
        of_link[client.id] = DepartedSession(page.key, client.username, page.sequence, *page.knows)
        if len(of_link) > MOST_LEFT:
            of_link.popitem(last=False)
        if len(self._left) > MOST_LINKS:
            self._left.popitem(last=False)

    def back(self, client_id: str, key: bytes, client: Client) -> DepartedSession | None:
        """The departed session of a returning client, if key and person are the same."""
        of_link = self._left.get(client.share, OrderedDict[str, DepartedSession]())
        left = of_link.get(client_id)
        if left is None or left.username != client.username or not secrets.compare_digest(left.key.encode(), key):
            return None
        return of_link.pop(client_id)

    def missed(self, left: DepartedSession | None, number: int) -> tuple[list[str], bool] | None:
        """The definitions that a page has missed, if it has its own frames up to `number`.

        Returns:
            The outputs of the regular callbacks that are new to it, and whether the layout is new. None: nothing.
        """
        knows = left.version if left is not None and left.told <= number else 0
        if knows == self.version:
            return None
        return sorted(output for output, at in self._defined.items() if at > knows), self._laid_out > knows

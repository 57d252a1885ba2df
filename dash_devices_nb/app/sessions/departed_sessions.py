"""Pages that come back after the app has forgotten them: a laptop that slept, an app that was stopped and runs again.

Such a page says once more what it has not heard acknowledged; some of that the app took before the page was forgotten.
And cells may have been run meanwhile. So a little is kept of each page that leaves: how far the app had taken its
changes, and which callbacks and layout it knew.
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
"""Pages of one share link, or of all who came without one, of which something is kept; the last ones that left."""
MOST_LINKS = 30


@dataclass(frozen=True, slots=True)
class DepartedSession:
    """What is kept of a page that has left.

    Attributes:
        key: by which it proves that it is that page.
        username: who its person was, for Jupyter.
        sequence: number of the last change that was taken from it.
        version: of the definitions that it was told of, at the latest in its frame `told`.
    """

    key: str
    username: str | None
    sequence: int
    version: int
    told: int


class DepartedSessions:
    """What the pages know of the definitions, and what is kept of those that have left. With the runtime's lock held.

    Attributes:
        version: grows with each change of callbacks or layout.
    """

    def __init__(self) -> None:
        self.version = 0
        self._laid_out = 0
        self._defined: dict[str, int] = {}
        self._left: OrderedDict[str | None, OrderedDict[str, DepartedSession]] = OrderedDict()

    def declares(self, output: str) -> None:
        """A regular callback with this output is being declared; `defined` follows."""
        self._defined[output] = self.version + 1

    def defined(self) -> None:
        """Callbacks were declared, or taken away."""
        self.version += 1

    def laid_out(self) -> None:
        """There is another layout."""
        self.version += 1
        self._laid_out = self.version

    def leaves(self, page: ClientSession) -> None:
        """A page leaves."""
        client = page.client
        of_link = self._left.setdefault(client.share, OrderedDict())
        self._left.move_to_end(client.share)
        of_link[client.id] = DepartedSession(page.key, client.username, page.sequence, *page.knows)
        if len(of_link) > MOST_LEFT:
            of_link.popitem(last=False)
        if len(self._left) > MOST_LINKS:
            self._left.popitem(last=False)

    def back(self, client_id: str, key: bytes, client: Client) -> DepartedSession | None:
        """What is kept of the page that comes back as this client, if it is that page, and its person the same."""
        of_link = self._left.get(client.share, OrderedDict[str, DepartedSession]())
        left = of_link.get(client_id)
        if left is None or left.username != client.username or not secrets.compare_digest(left.key.encode(), key):
            return None
        return of_link.pop(client_id)

    def missed(self, left: DepartedSession | None, number: int) -> tuple[list[str], bool] | None:
        """What a page has missed that has the frames up to `number` of those that were sent to it alone.

        Returns:
            The outputs of the regular callbacks that are new to it, and whether the layout is; None: nothing.
        """
        knows = left.version if left is not None and left.told <= number else 0
        if knows == self.version:
            return None
        return sorted(output for output, at in self._defined.items() if at > knows), self._laid_out > knows

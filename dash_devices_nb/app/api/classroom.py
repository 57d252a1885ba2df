"""People at the pages: share links, the floor, presence and notices."""

from __future__ import annotations

from typing import Any

import dash
from dash import html

from dash_devices_nb.app.access.floor_control import Control
from dash_devices_nb.app.access.share_links import Share
from dash_devices_nb.app.api.push import Pushing
from dash_devices_nb.app.definitions.declare import ref_of
from dash_devices_nb.core.access.admission import ConnectionLimits
from dash_devices_nb.errors import InvalidModsError

LEVELS = ("info", "warning", "error")


class People(Pushing):
    """Share links, the floor, presence and notices."""

    # ---- share links

    def share(self, role: str = "view", hours: float = 8, name: str | None = None) -> Share:
        """Make a link for guests. It opens this app and nothing else, without a login. From any thread.

        A notebook shows it with a QR code. `.url` is its text, `.revoke()` ends it.

        Args:
            role: the role of the guests: "view" or "control".
            hours: how long it is valid, at most a year.
            name: the name of the guest. Leave it out if many use the link: they give their own names.

        Raises:
            RunError: the app does not run.
            ShareError: an argument is not accepted, or there are too many links.
            RegistrationError: the list of the links cannot be written.
        """
        return self.sessions.sharing.issue(role, hours, name)

    @property
    def shares(self) -> list[Share]:
        """The valid share links, oldest first, including those from before a restart of the kernel."""
        return self.sessions.sharing.all()

    @property
    def limits(self) -> ConnectionLimits:
        """The limits of open pages (`.clients`, `.per_address`, `.per_share`) and of running callbacks (`.calls`)."""
        return self.sessions.sharing.admission.limits

    # ---- whose act a change is

    def cause_of(self, component_id: Any, prop: str, cause: str) -> None:
        """Declare the cause of changes of a prop that pages report, for a component that is not understood by itself.

        By default, a change is an act of the page's person if it comes with an input event, or after one in that
        component. Any other change is nobody's act, and counts once for all pages. From any thread.

        Args:
            component_id: the id of the component, a string or a dict. A dict may have wildcards such as `ALL`.
            prop: the prop.
            cause: "page": each change is an act on its page. "once": no change is an act; the answers of all pages to a
                change of the app count once. "never": changes of pages are refused, and the app's value is shown.

        Raises:
            DeclarationError: the cause is unknown.
        """
        self.sessions.causes.name(ref_of(dash.Input(component_id, prop)), cause)
        self.sessions.definitions_changed()

    # ---- the floor and notices

    @property
    def control(self) -> Control:
        """The floor: who may act now. `app.control.lock(client)`, `.open()`, `.close()`, `.grant()`, ..."""
        return self.sessions.control

    def presence(self, id: str = "dash-devices-presence") -> html.Div:
        """Make a component for the layout that shows who is here and who has the floor.

        It is kept up to date. Names are text. Changes are shown together, less often the more pages there are.

        Args:
            id: the id of the component. Its `className` is "dash-devices-presence".
        """
        return self.sessions.presence.component(id)

    def notice(self, text: str, to: Any = None, level: str = "info") -> None:
        """Show a notice in the pages: text, never markup. From any thread.

        Args:
            text: the text of the notice.
            to: one of `app.clients`, a list of them, or a role. None: all.
            level: "info", "warning" or "error".

        Raises:
            InvalidModsError: the level is unknown, or `to` is something else.
        """
        if level not in LEVELS:
            raise InvalidModsError(f"level={level!r:.100}; accepted are {', '.join(map(repr, LEVELS))}")
        with self.runtime.lock:
            wanted = None if to is None else {client.id for client in self.chosen(to)}
            for page in self.runtime.pages.values():
                if wanted is None or page.client.id in wanted:
                    page.send_notice(level, str(text))
        self.runtime.flush()

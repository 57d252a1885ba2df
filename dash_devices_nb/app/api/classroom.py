"""What a program says of the people at its pages: who may act, who is here, what they shall read."""

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
        """Make a link that lets guests in to this app and to nothing else, without a login. From any thread.

        A notebook shows it with a code to scan; `.url` is its text, `.revoke()` ends it.

        Args:
            role: what guests may do: "view" or "control".
            hours: how long it counts, at most a year.
            name: whom it is for: the guest is called so. Leave it out for a link of many, who give their own names.

        Raises:
            RunError: the app does not run.
            ShareError: an argument is not accepted, or there are too many links.
            RegistrationError: the list of the links cannot be written.
        """
        return self.sessions.sharing.issue(role, hours, name)

    @property
    def shares(self) -> list[Share]:
        """The share links that have not ended, oldest first; those of before a restart of the kernel, too."""
        return self.sessions.sharing.all()

    @property
    def limits(self) -> ConnectionLimits:
        """How much there may be at a time: pages (`.clients`, `.per_address`, `.per_share`), callbacks (`.calls`)."""
        return self.sessions.sharing.admission.limits

    # ---- whose act a change is

    def cause_of(self, component_id: Any, prop: str, cause: str) -> None:
        """Say whose act the changes of a prop are that a page reports, where a component is not understood by itself.

        Without this, a change is the act of its page's person if it comes with an input event, or after one in
        that component; else it is nobody's, and counts once over all pages. From any thread.

        Args:
            component_id: of the component, a string or a dict; in a dict, wildcards such as `ALL` are allowed.
            prop: its prop.
            cause: "page": each change is an act of its page. "once": none is; what the pages say of one change of the
                app's counts once. "never": the pages' changes are not taken, and the app's value is shown instead.

        Raises:
            DeclarationError: there is no such cause.
        """
        self.sessions.causes.name(ref_of(dash.Input(component_id, prop)), cause)
        self.sessions.definitions_changed()

    # ---- the floor and notices

    @property
    def control(self) -> Control:
        """The floor: who may act now. `app.control.lock(client)`, `.open()`, `.close()`, `.grant()`, ..."""
        return self.sessions.control

    def presence(self, id: str = "dash-devices-presence") -> html.Div:
        """A component for the layout that shows who is here and who has the floor, and is kept up to date.

        Names are text. What happens in a moment is shown together, the seldomer the more pages there are.

        Args:
            id: of the component; `className` is "dash-devices-presence".
        """
        return self.sessions.presence.component(id)

    def notice(self, text: str, to: Any = None, level: str = "info") -> None:
        """Show a notice in the pages: text, never markup. From any thread.

        Args:
            text: what they shall read.
            to: one of `app.clients`, a list of them, or a role; None: all.
            level: "info", "warning" or "error".

        Raises:
            InvalidModsError: there is no such level, or `to` is something else.
        """
        if level not in LEVELS:
            raise InvalidModsError(f"level={level!r:.100}; accepted are {', '.join(map(repr, LEVELS))}")
        with self.runtime.lock:
            wanted = None if to is None else {client.id for client in self.chosen(to)}
            for page in self.runtime.pages.values():
                if wanted is None or page.client.id in wanted:
                    page.send_notice(level, str(text))
        self.runtime.flush()

"""The console's part about people: clients and roles, the floor with its queue, share links, notices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as widgets

from dash_devices_nb.console import status
from dash_devices_nb.core.access.roles import Role

ALL = "all"
_WRAP = {"flex_flow": "row wrap", "align_items": "center"}
_LABEL = {"padding": "0 6px 0 4px"}


class People(widgets.VBox):  # type: ignore[misc]
    """The part of the panel about people.

    Args:
        act: runs a button's action, and shows an error.
        app: returns the app that is shown.

    Attributes:
        chosen, role: the client that the buttons beside them are for, and the role that it gets.
        floor, grant, deny: who may act, and the buttons for the first who asks.
        links, link, shares: the row of the share links, the chosen link, and how many there are.
        text, to: a notice, and whom it goes to.
    """

    def __init__(self, act: Callable[[Callable[[], object]], None], app: Callable[[], Any]) -> None:
        self._perform = act
        self._app = app
        self.floor, self.shares = widgets.HTML(layout=_LABEL), widgets.HTML()
        self.chosen = choice("Client", [], min_width="200px", max_width="360px")
        self.role = choice("Role", list(map(str, Role)), width="130px")
        self._shown: tuple[str, Role] | None = None  # the client and role that were shown last
        self.chosen.observe(lambda _: self._show_role(), "value")
        self.link = choice("Link", [], min_width="190px", max_width="350px")
        self.text = widgets.Text(
            placeholder="A notice for the pages", layout={"width": "auto", "min_width": "180px", "flex": "1 1 180px"}
        )
        self.to = choice("To", [ALL, *map(str, Role), "chosen client"], width="155px")
        self.grant = self._button("Grant", "hand-paper-o", self._on_grant, "Give control to the first who asks")
        self.deny = self._button("Deny", "ban", self._on_deny, "Strike the first who asks from the queue")
        revoke = self._button("Revoke", "chain-broken", self._on_revoke, "End the share link, and close its pages")
        self.links = widgets.HBox([self.shares, self.link, revoke], layout=_WRAP)
        super().__init__(
            [
                widgets.HBox(
                    [
                        self.chosen,
                        self.role,
                        self._button("Set role", "user", self._on_role, "Give the chosen client this role"),
                        self._button("Give control", "gamepad", self._on_give, "Lock the floor to the chosen client"),
                        self._button("Disconnect", "times", self._on_disconnect, "Close the chosen client's page"),
                    ],
                    layout=_WRAP,
                ),
                widgets.HBox(
                    [
                        self.floor,
                        self.grant,
                        self.deny,
                        self._button("Open", "unlock", lambda: app().control.open(), "All act whose role lets them"),
                        self._button("Close", "lock", lambda: app().control.close(), "Only owners act"),
                    ],
                    layout=_WRAP,
                ),
                self.links,
                widgets.HBox(
                    [self.text, self.to, self._button("Send", "bullhorn", self._on_send, "Show the notice")],
                    layout=_WRAP,
                ),
            ]
        )

    def show(self) -> None:
        """Show the current state. From any thread. Sends only changes."""
        app = self._app()
        _offer(self.chosen, status.client_options(app))
        self._show_role()
        status.put(self.floor, status.floor(app))
        asked = bool(app.control.requests)
        self.grant.disabled = self.deny.disabled = not asked
        links = status.share_options(app)
        _offer(self.link, links)
        status.put(self.shares, status.shares(app))
        self.links.layout.display = "flex" if links else "none"

    def _show_role(self) -> None:
        """Show the chosen client's role if it has changed. A role that a person is about to set stays."""
        client = self._client()
        shown = None if client is None else (client.id, client.role)
        if client is not None and shown != self._shown:
            self.role.value = str(client.role)
        self._shown = shown

    def _client(self) -> Any:
        return next((each for each in self._app().clients if each.id == self.chosen.value), None)

    # ---- buttons

    def _button(self, label: str, icon: str, act: Callable[[], object], tip: str) -> Any:
        return button(label, icon, lambda: self._act(act), tip)

    def _act(self, act: Callable[[], object]) -> None:
        self._perform(act)

    def _on_role(self) -> None:
        client = self._client()
        if client is not None:
            client.role = self.role.value

    def _on_give(self) -> None:
        client = self._client()
        if client is not None:
            self._app().control.lock(client)

    def _on_grant(self) -> None:
        self._app().control.grant()

    def _on_deny(self) -> None:
        for client in self._app().control.requests[:1]:
            self._app().control.deny(client)

    def _on_disconnect(self) -> None:
        client = self._client()
        if client is not None:
            self._app().disconnect(client)

    def _on_revoke(self) -> None:
        for share in self._app().shares:
            if share.id == self.link.value:
                share.revoke()

    def _on_send(self) -> None:
        text, to = self.text.value.strip(), self.to.value
        chosen = [each for each in (self._client(),) if each is not None]
        if text:
            self._app().notice(text, None if to == ALL else to if to in set(Role) else chosen)
            self.text.value = ""


def button(label: str, icon: str, act: Callable[[], object], tip: str) -> Any:
    """Return a button with an action."""
    made = widgets.Button(description=label, icon=icon, tooltip=tip, layout={"width": "auto"})
    made.on_click(lambda _: act())
    return made


def choice(label: str, options: Sequence[str], width: str = "auto", **layout: str) -> Any:
    """Return a drop-down list with its name before it, which is also what a screen reader says."""
    return widgets.Dropdown(
        description=label, options=options, layout={"width": width, **layout}, style={"description_width": "initial"}
    )


def _offer(dropdown: Any, options: list[tuple[str, str]]) -> None:
    """Set the options of a dropdown. The chosen one stays if it still exists."""
    if options != list(dropdown.options):
        kept, there = dropdown.value, [value for _, value in options]
        dropdown.options = options
        dropdown.value = kept if kept in there else next(iter(there), None)

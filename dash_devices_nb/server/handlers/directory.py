"""``{base_url}dash-devices/``: the apps that run, for a person, and at ``_apps`` for a program."""

from __future__ import annotations

from tornado import web

from dash_devices_nb.server.handlers.access import RESOURCE, Refused
from dash_devices_nb.server.handlers.base import GuardedHandler
from dash_devices_nb.server.handlers.render import render


class ListHandler(GuardedHandler):
    """``{"apps": [{name, url, notebook, kernel_id, state, clients, started}]}``, as JSON."""

    auth_resource = RESOURCE

    @web.authenticated
    def get(self) -> None:
        """Answer with the list."""
        self.set_header("Cache-Control", "no-store")
        self.finish({"apps": self.extension.apps(self.root)})


class DirectoryHandler(ListHandler):
    """The same as a page."""

    @web.authenticated
    def get(self) -> None:
        """Answer with the page, or with JSON where that alone is accepted."""
        self.extension.registry.prune()
        if not self.request.path.endswith("/"):
            self.redirect(self.root)
        elif self.request.headers.get("Accept", "").startswith("application/json"):
            super().get()
        else:
            self.set_header("Cache-Control", "no-store")
            self.finish(render("directory.html", root=self.root, apps=self.extension.apps(self.root)))


class UnknownHandler(GuardedHandler):
    """Everything below dash-devices/ whose name no app can have."""

    auth_resource = RESOURCE

    @web.authenticated
    def get(self, name: str) -> None:
        """Answer 404 and say what names are like."""
        raise Refused(
            404,
            f"There is no app {name!r:.100}: names are of a-z 0-9 _ - and begin with a letter or digit.",
        )

    post = get
    put = get
    patch = get
    delete = get
    head = get
    options = get

"""``{base_url}dash-devices/``: the apps that run, for a person, and at ``_apps`` for a program."""

from __future__ import annotations

from tornado import web

from dash_devices_nb.server.handlers.access import RESOURCE, Refused
from dash_devices_nb.server.handlers.base import GuardedHandler
from dash_devices_nb.server.handlers.render import render
from dash_devices_nb.version import __version__


class ListHandler(GuardedHandler):
    """``{"version": ..., "apps": [{name, url, notebook, kernel_id, state, clients, started}]}``, as JSON."""

    auth_resource = RESOURCE

    @web.authenticated
    def get(self) -> None:
        """Answer with the list."""
        self.set_header("Cache-Control", "no-store")
        self.finish({"version": __version__, "apps": self.extension.apps(self.root)})


class DirectoryHandler(ListHandler):
    """The same as a page."""

    @web.authenticated
    def get(self) -> None:
        """Answer with the page, or with JSON if the client accepts only that."""
        self.extension.registry.prune()
        if not self.request.path.endswith("/"):
            self.redirect(self.root)
        elif self.request.headers.get("Accept", "").startswith("application/json"):
            super().get()
        else:
            self.set_header("Cache-Control", "no-store")
            self.finish(render("directory.html", root=self.root, apps=self.extension.apps(self.root)))


class UnknownHandler(GuardedHandler):
    """Every path below dash-devices/ that cannot be an app's name."""

    auth_resource = RESOURCE

    @web.authenticated
    def get(self, name: str) -> None:
        """Answer 404 and say what names look like."""
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

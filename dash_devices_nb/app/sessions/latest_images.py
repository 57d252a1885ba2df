"""The latest camera image of each place, or the newest group of its video, which pages that join later get.

An image is shown until another comes, or until the prop itself changes for all: both have one order, although images
carry no revision.
"""

from __future__ import annotations

from collections.abc import Iterable

from dash_devices_nb.app.client_session import ClientSession
from dash_devices_nb.app.execution.runtime import Runtime, ShownImage
from dash_devices_nb.app.sessions.latest_videos import LatestVideos
from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.props.ids import Key
from dash_devices_nb.core.props.state import StateEntry
from dash_devices_nb.core.protocol.frames import Frame
from dash_devices_nb.core.protocol.own_values import newer


class LatestImages:
    """The latest images of one app.

    Args:
        runtime: the app's runtime.

    Attributes:
        videos: the newest groups of the videos.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self.videos = LatestVideos(runtime)

    def show(self, place: Key, frame: Frame, clients: Iterable[Client] | None) -> None:
        """Show an image to some clients, or to all (None). From any thread."""
        with self._runtime.lock:
            pages = list(self._runtime.pages.values())
            if clients is None:
                self._runtime.images[place] = ShownImage(frame, self._runtime.dispatcher.state.revision)
                self.videos.end(place)
            else:
                wanted = {client.id for client in clients}
                pages = [page for page in pages if page.client.id in wanted]
            for page in pages:
                page.send_image(place, frame, own=clients is not None)
        self._runtime.flush()

    def bring(self, page: ClientSession) -> None:
        """Queue the latest images and videos for a page. With the lock held."""
        for place in self._runtime.images:
            frame = self._runtime.image_of(place)
            if frame is not None:
                page.send_image(place, frame)
        self.videos.bring(page)

    def overtaken(self) -> dict[Key, StateEntry]:
        """The values that came after the last image of their place. With the lock held."""
        images = self._runtime.images.items()
        return newer(self._runtime.dispatcher.state, ((place, image.revision) for place, image in images))

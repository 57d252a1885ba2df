"""The newest group of each video, which pages get that join later, and the pages that wait for a key frame."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from dash_devices_nb.app.client_session import ClientSession
from dash_devices_nb.app.execution.runtime import Runtime
from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.props.ids import Key
from dash_devices_nb.core.protocol.frames import Frame
from dash_devices_nb.core.protocol.page_frames import NEEDS_IMAGES, ShownFrame
from dash_devices_nb.core.protocol.video_lane import VideoUnit

GROUP_BYTES = 1024 * 1024
GROUP_UNITS = 250
"""A longer group is not kept. Who joins then waits for the next key frame."""
STILL_SECONDS = 1.0
"""A video of which nothing came for so long stands still. A page that waits for a key frame then gets the group."""

Picture: TypeAlias = Callable[[list[bytes]], Frame | None]
"""Makes an image of the last picture of a group. None: it cannot."""


@dataclass
class _Group:
    """The newest group of a video.

    Attributes:
        codec: of the video, as `HelloFrame.video` names it.
        picture: makes an image of it.
        units, contents: the units, and what an encoder made of each. Empty if the group is not kept.
        size: the bytes of the units.
        last: the time at which a unit came last.
        image: the newest picture as an image, if it was made.
    """

    codec: str
    picture: Picture
    units: list[VideoUnit[Frame]] = field(default_factory=list)
    contents: list[bytes] = field(default_factory=list)
    size: int = 0
    last: float = 0.0
    image: Frame | None = None

    def add(self, unit: VideoUnit[Frame], content: bytes) -> None:
        """Keep a unit, if it goes on with the group, or begins one."""
        follows = self.units and unit.number == self.units[-1].number + 1
        fits = self.size + len(unit.frame) <= GROUP_BYTES and len(self.units) < GROUP_UNITS
        if unit.key or not (follows and fits):
            self.units, self.contents, self.size = [], [], 0
            if not unit.key:
                return
        self.units.append(unit)
        self.contents.append(content)
        self.size += len(unit.frame)


class Wanted(NamedTuple):
    """What the pages need of the next picture.

    Attributes:
        anew: nobody has anything of the video: without a key frame nobody can begin.
        key: a page waits for a key frame, or the group is too long to be kept.
        images: a page cannot decode the video.
    """

    anew: bool
    key: bool
    images: bool


class LatestVideos:
    """The videos of one app. Used with the runtime's lock held, but for `wanted` and `show`.

    Args:
        runtime: the app's runtime.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._groups: dict[Key, _Group] = {}

    def pages(self, clients: Collection[Client] | None) -> list[ClientSession]:
        """The pages that a unit for these clients, or for all (None), goes to."""
        pages = self._runtime.pages.values()
        if clients is None:
            return [page for page in pages if page.takes_shared]
        wanted = {client.id for client in clients}
        return [page for page in pages if page.client.id in wanted]

    def wanted(self, place: Key, codec: str, clients: Collection[Client] | None) -> Wanted:
        """What the pages of these clients, or all (None), need of the next picture."""
        with self._runtime.lock:
            pages = self.pages(clients)
            group = self._groups.get(place)
            waits = any(page.connected and page.outbox.wants_key(place) for page in pages if codec in page.decodes)
            anew = clients is None and group is None
            unkept = group is not None and not group.units and clients is None
            return Wanted(anew, waits or unkept, any(codec not in page.decodes for page in pages))

    def show(
        self,
        place: Key,
        codec: str,
        unit: VideoUnit[Frame],
        content: bytes,
        image: Frame | None,
        picture: Picture,
        clients: Collection[Client] | None,
    ) -> None:
        """Show the next picture of a video. From any thread, in the order of the units.

        Args:
            place: (id, prop).
            codec: of the video, as `HelloFrame.video` names it.
            unit: the picture, for pages that can decode it.
            content: what an encoder made of it.
            image: the picture for pages that cannot. None: there are none, or it cannot be made.
            picture: makes such an image later, of the contents of a group.
            clients: who sees it. None: all.
        """
        with self._runtime.lock:
            if clients is None:
                group = self._groups.setdefault(place, _Group(codec, picture))
                group.add(unit, content)
                group.last, group.image = time.monotonic(), image
                self._runtime.images.pop(place, None)
            for page in self.pages(clients):
                if codec in page.decodes:
                    page.send_video(place, unit, own=clients is not None)
                elif image is not None:
                    page.send_image(place, image, own=clients is not None)
        self._runtime.flush()

    def end(self, place: Key) -> None:
        """There is no video at this place any more."""
        self._groups.pop(place, None)

    def bring(self, page: ClientSession) -> None:
        """Queue the newest groups for a page."""
        for place in self._groups:
            self._bring(page, place)

    def _bring(self, page: ClientSession, place: Key) -> None:
        group = self._groups[place]
        if not page.takes_shared:
            return
        if group.codec in page.decodes:
            page.outbox.bring_video(place, group.units)
            self._runtime.touch(page)
        elif group.image is not None:
            page.send_image(place, group.image)
        elif group.contents:
            contents = list(group.contents)
            self._runtime.work(lambda: self._bring_image(page, place, group, contents), _nothing)

    def _bring_image(self, page: ClientSession, place: Key, group: _Group, contents: list[bytes]) -> None:
        """Make an image of the newest picture for a page that has none. In a worker."""
        image = group.picture(contents)
        with self._runtime.lock:
            if image is None or self._groups.get(place) is not group:
                return
            # If a picture has come meanwhile, the page was shown that.
            if group.image is None:
                page.send_image(place, image)
                if contents == group.contents:
                    group.image = image
        self._runtime.flush()

    def shown(self, page: ClientSession, frame: ShownFrame) -> None:
        """A page has shown pictures: see to it that it goes on. On the I/O loop."""
        place = frame.place
        group = self._groups.get(place)
        if group is None:
            return
        if frame.lacks == NEEDS_IMAGES:
            page.cannot_decode(group.codec)
            for each in self._groups:
                page.outbox.drop_video(each)
            self.bring(page)
        elif group.codec in page.decodes and page.outbox.wants_key(place) and self._runtime.io_loop is not None:
            self._runtime.io_loop.call_later(STILL_SECONDS, self._stands_still, page, place)

    def _stands_still(self, page: ClientSession, place: Key) -> None:
        """Bring a page that still waits for a key frame what it has missed, if no other pictures come."""
        with self._runtime.lock:
            group = self._groups.get(place)
            late = group is not None and time.monotonic() - group.last >= STILL_SECONDS
            if late and page.connected and page.outbox.wants_key(place):
                self._bring(page, place)
        self._runtime.flush()


def _nothing() -> None:
    """Do nothing: nobody waits for it."""

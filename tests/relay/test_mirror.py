"""The mirror without I/O: frames in, and what pages get out."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import orjson
import pytest

from dash_devices_nb.core.props.ids import Key
from dash_devices_nb.core.props.mods import Mods
from dash_devices_nb.core.protocol.frames import Frame
from dash_devices_nb.core.protocol.messages import ImageHeader, RelayFrame, RoleFrame, WelcomeFrame
from dash_devices_nb.core.protocol.version import VERSION
from dash_devices_nb.errors import PatchError, RemoteError
from dash_devices_nb.relay.mirror import Mirror

PATCH, EVENT = "__dash_patch_update", "__dash_devices_event"


class Pages:
    """What an audience hears."""

    def __init__(self) -> None:
        self.heard: list[Any] = []

    def restarted(self) -> None:
        self.heard.append("restarted")

    def shared(self, frame: Frame, revision: int, keys: Iterable[Key]) -> None:
        self.heard.append((revision, json.loads(frame.payload)["m"]))

    def own(self, mods: Mods) -> None:
        self.heard.append({key: value.plain for key, value in mods.items()})

    def image(self, place: Key, frame: Frame) -> None:
        self.heard.append((place, frame.payload))

    def told(self, frame: dict[str, Any]) -> None:
        self.heard.append(frame["t"])

    def links_changed(self) -> None:
        self.heard.append("links")


def component(kind: str, **props: Any) -> dict[str, Any]:
    return {"namespace": "dash_core_components", "type": kind, "props": props}


LAYOUT = component("Div", children=[component("Graph", id="graph", figure={"data": [{"x": [0], "y": [0]}]})])


class App:
    """The frames of an app, as it sends them."""

    def __init__(self, mirror: Mirror) -> None:
        self.mirror = mirror
        self.asked: dict[str, int] = {}

    def welcome(self, epoch: str = "e", *, resumed: bool = False, v: int = VERSION) -> list[dict[str, Any]]:
        self.mirror.greeting()
        frame = WelcomeFrame("c", "k", epoch, resumed, 0, 0, [], [], [], "all", False, v=v)
        out = self.mirror.receive(str(frame.encoded()))
        self.asked |= {each["path"]: each["n"] for each in out if each["t"] == "req"}
        role = RoleFrame("owner", "owner", "", False, False, "open", "", False, 0, 0)
        self.mirror.receive(str(role.encoded()))
        self.mirror.receive(str(RelayFrame("key", {"id": 9}, 3).encoded()))
        return out

    def says(self, t: str, **fields: Any) -> list[dict[str, Any]]:
        return self.mirror.receive(orjson.dumps({"t": t, **fields}).decode())

    def loads(self, layout: Any = LAYOUT, revision: int = 0) -> None:
        self.says("res", q=1, n=self.asked["_dash-dependencies"], s=200, b=[])
        self.says("res", q=2, n=self.asked["_dash-layout"], s=200, b=layout, r=revision)


@pytest.fixture
def pages() -> Pages:
    return Pages()


@pytest.fixture
def app(pages: Pages) -> App:
    app = App(Mirror(pages))
    app.welcome()
    return app


def test_it_is_ready_with_layout_callbacks_and_state(app: App):
    """And not before: a page would get half of it."""
    assert not app.mirror.ready
    app.loads()
    assert not app.mirror.ready
    app.says("mods", m={"late": {"children": "kept for a component that comes"}}, r=4)
    assert app.mirror.ready
    assert app.mirror.since(0)[1].keys() == {("late", "children")}
    assert (app.mirror.key, app.mirror.links, app.mirror.version) == ("key", {"id": 9}, 3)


def test_events_and_patches_are_applied_and_handed_on_as_they_came(app: App, pages: Pages):
    """A late page gets their effect, the others the events."""
    app.loads()
    app.says("mods", m={}, r=0)
    extension = [{"x": [[1]], "y": [[5]]}, [0]]
    patch = {
        PATCH: PATCH,
        "operations": [{"operation": "Append", "location": ["data", 0, "x"], "params": {"value": 2}}],
    }
    pages.heard.clear()
    app.says("mods", m={"graph": {"extendData": extension}}, r=1)
    app.says("mods", m={"graph": {"figure": patch}}, r=2)
    app.says("mods", m={"down": {"data": {EVENT: {"content": "x"}}}}, q=7)
    assert pages.heard[0] == (1, {"graph": {"extendData": extension}})
    revision, layout = app.mirror.layout()
    figure = json.loads(layout)["props"]["children"][0]["props"]["figure"]
    assert (revision, figure["data"][0]) == (2, {"x": [0, 1, 2], "y": [0, 5]})
    assert app.mirror.since(1)[1].keys() == {("graph", "figure")}
    assert app.mirror.own == {}, "an event is not said again to those who come later"


def test_a_shared_value_takes_the_place_of_one_that_came_for_the_relay_alone(app: App):
    """A page that comes later would get the older one last."""
    app.loads()
    app.says("mods", m={"late": {"children": "for these", "title": "stays"}}, q=7)
    app.says("mods", m={"late": {"children": "for all"}}, r=1)
    assert app.mirror.own.keys() == {("late", "title")}
    assert app.mirror.since(0)[1]["late", "children"].plain == "for all"


def test_lines_of_a_waterfall_are_kept_for_those_who_come_later(app: App):
    """As many as the component keeps."""
    app.loads(component("Div", children=[component("Waterfall", id="fall", history=2)]))
    for n in (1, 2, 3):
        app.says("mods", m={"fall": {"addLines": {EVENT: [n, n]}}}, r=n)
    assert app.mirror.since(0)[1]["fall", "lines"].plain == [[2, 2], [3, 3]]
    assert json.loads(app.mirror.layout()[1])["props"]["children"][0]["props"]["lines"] == [[2, 2], [3, 3]]


def test_what_comes_before_the_layout_is_not_applied_twice(app: App):
    """The layout of revision 2 has the effect of events up to 2, and not of the third."""
    grown = component("Div", children=[component("Graph", id="graph", figure={"data": [{"x": [0, 1, 2]}]})])
    for n in (1, 2, 3):
        app.says("mods", m={"graph": {"extendData": [{"x": [[n]]}, [0]]}}, r=n)
    app.loads(grown, revision=2)
    figure = app.mirror.since(0)[1]["graph", "figure"].plain
    assert figure == {"data": [{"x": [0, 1, 2, 3]}]}


def test_another_epoch_and_another_version(app: App, pages: Pages):
    """A new run of the app is taken from the start; a session that goes on is not asked for again."""
    app.loads()
    app.says("mods", m={"a": {"b": 1}}, r=5)
    assert app.mirror.greeting()["rev"] == 5
    assert [each["t"] for each in app.welcome(resumed=True)] == []
    assert app.mirror.ready
    pages.heard.clear()
    app.welcome("later")
    assert pages.heard[0] == "restarted"
    assert not app.mirror.ready
    assert app.mirror.greeting()["rev"] == 0
    with pytest.raises(RemoteError, match=f"version 9 of the protocol, this relay version {VERSION}"):
        app.welcome("other", v=9)


def test_a_patch_that_does_not_fit_is_told(app: App):
    """Whoever carries the frames then starts anew."""
    app.loads()
    app.says("mods", m={"graph": {"figure": {"data": []}}}, r=1)
    patch = {PATCH: PATCH, "operations": [{"operation": "Append", "location": ["data", 7], "params": {"value": 2}}]}
    with pytest.raises(PatchError):
        app.says("mods", m={"graph": {"figure": patch}}, r=2)
    app.mirror.start_anew()
    assert not app.mirror.ready
    assert app.mirror.greeting()["epoch"] == ""


def test_images_and_new_layouts(app: App, pages: Pages):
    """An image is confirmed at once; a new layout is announced when it is there."""
    app.loads()
    app.says("mods", m={}, r=1)
    pages.heard.clear()
    image = ImageHeader("camera", "src", "image/png").encoded() + b"png"
    assert [each["t"] for each in app.mirror.receive(image)] == ["shown"]
    assert app.mirror.images["camera", "src"].payload == image
    out = app.says("reload", q=3, dist=[])
    app.asked |= {each["path"]: each["n"] for each in out if each["t"] == "req"}
    assert pages.heard == [(("camera", "src"), image)]
    app.loads(component("Div", id="new"), revision=1)
    assert pages.heard[-1] == "reload"
    assert json.loads(app.mirror.layout()[1])["props"]["id"] == "new"


def test_it_acknowledges(app: App):
    """Its own frames by number, the shared ones by count, as often as the app asks for it."""
    app.loads()
    said = [each for n in range(100) for each in app.says("mods", m={"a": {"b": n}}, r=n + 1)]
    assert [(each["t"], each["q"]) for each in said] == [("ok", 2)] * len(said)
    assert said
    assert said[-1]["k"] >= 60


def test_what_has_replaced_an_image_or_a_value_of_its_own_is_there_for_late_pages(app: App):
    """A shared value, and one that the app sends once more behind a layout, as the relay was given another before."""
    app.loads()
    app.mirror.receive(ImageHeader("camera", "src", "image/png").encoded() + b"picture")
    app.says("mods", m={"text": {"children": "for the relay"}}, q=3)
    assert (set(app.mirror.images), set(app.mirror.own)) == ({("camera", "src")}, {("text", "children")})
    app.says("mods", m={"camera": {"src": "parked.png"}}, r=4)
    app.says("mods", m={"text": {"children": "for all"}}, q=4, at=4)
    assert (app.mirror.images, app.mirror.own) == ({}, {})

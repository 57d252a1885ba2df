"""A page ends with everybody's state, also behind values for it alone, images, and layouts that come by another way."""

from __future__ import annotations

import threading

import pytest

from dash_devices_nb import Dash, Input, Output, Patch, Services, dcc, html
from tests.support.counted import counted
from tests.support.eventually import eventually
from tests.support.rawpage import RawPage

JPEG = b"\xff\xd8\xff\xe0 a picture"


class Gate:
    """Holds up the changes of pages on their way: the program has to authorize each, and takes its time."""

    def __init__(self, app: Dash) -> None:
        self.free = threading.Event()
        self.free.set()
        self.asked = 0
        app.callback_authorize_output(self._authorize)

    def _authorize(self, client, output):
        self.asked += 1
        return self.free.wait(20)

    async def hold(self, act) -> None:
        """Let a page act, and hold up its change."""
        self.free.clear()
        before = self.asked
        await act
        await eventually(lambda: self.asked > before)


async def ends_with(pages, component_id, prop, value, echo):
    """All pages end with this value, and with what the app makes of it."""
    for each in pages:
        await each.settled()
        await each.expect("echo", "children", echo)
        assert each.prop(component_id, prop) == value


async def test_a_layout_over_http_keeps_a_change_that_is_still_on_its_way(app_server, tab):
    """It overtakes the change, and shows the value before."""
    found = counted(Dash(__name__, server_service=Services.NORMAL))
    gate = Gate(found.app)
    app_server.run(found.app)
    page, witness = await tab(found.app), await tab(found.app)
    await gate.hold(page.act("name", "value", "typed"))
    await page.reload()
    await page.until(lambda: page.session.loaded)
    gate.free.set()
    await ends_with((page, witness), "name", "value", "typed", "echo typed")


async def test_a_layout_has_what_others_changed_after_the_page(app_server, tab):
    """The page changes a value while it waits for the layout, and so do others, later."""
    found = counted()
    first, release = found.app.layout, threading.Event()
    release.set()

    def layout():
        release.wait(20)
        return first

    found.app.layout = layout
    app_server.run(found.app)
    page, witness = await tab(found.app), await tab(found.app)
    release.clear()
    await page.reload()
    await page.act("name", "value", "mine")
    await witness.expect("echo", "children", "echo mine")
    await witness.act("name", "value", "theirs")
    await witness.expect("echo", "children", "echo theirs")
    release.set()
    await page.until(lambda: page.session.loaded)
    await ends_with((page, witness), "name", "value", "theirs", "echo theirs")


async def two(app_server, tab, app=None):
    """An app, a page with its client, and another page."""
    found = counted(app)
    app_server.run(found.app)
    page, witness = await tab(found.app), await tab(found.app)
    [client] = [each for each in found.app.clients if each.id == page.client_id]
    return found, page, client, witness


async def test_what_one_page_is_given_comes_before_its_change_that_is_on_its_way(app_server, tab):
    """The program pushes to the page alone before the app has the page's change."""
    found = counted()
    gate = Gate(found.app)
    app_server.run(found.app)
    page, witness = await tab(found.app), await tab(found.app)
    [client] = [each for each in found.app.clients if each.id == page.client_id]
    await gate.hold(page.act("name", "value", "typed"))
    found.app.push_mods({"name": {"value": "for you"}}, client)
    found.app.push_mods({"last": {"children": "mark"}}, client)
    await page.expect("last", "children", "mark")
    gate.free.set()
    await ends_with((page, witness), "name", "value", "typed", "echo typed")


async def test_what_one_page_is_given_comes_after_its_change_that_the_app_has(app_server, tab):
    """A callback corrects what the page shows, before the app has acknowledged the change that calls it."""
    found, page, client, witness = await two(app_server, tab)

    @found.app.callback_shared(None, Input("name", "value"), prevent_initial_call=True)
    def correct(name):
        found.app.push_mods({"name": {"value": name.upper()}}, client)

    await page.act("name", "value", "typed")
    await page.expect("name", "value", "TYPED")
    await page.settled()
    assert page.prop("name", "value") == "TYPED"
    assert witness.prop("name", "value") == "typed"


@pytest.mark.parametrize("given", ["for you", "a patch"])
async def test_what_one_page_is_given_before_a_layout_does_not_replace_a_newer_value_in_it(app_server, tab, given):
    """It waited in the page for the layout. A patch would be applied to a value that it was not meant for."""
    found, page, client, witness = await two(app_server, tab)
    more = Patch()
    more.append("for you")
    found.app.push_mods({"list": {"children": ["first"]}})
    await page.expect("list", "children", ["first"])
    # The page hears nothing while its loop stands still.
    page.session.load()
    found.app.push_mods({"list": {"children": more if given == "a patch" else [given]}}, client)
    found.app.push_mods({"list": {"children": ["newer"]}})
    await page.session.proceed()
    await page.settled()
    for each in (page, witness):
        await each.expect("list", "children", ["newer"])


async def test_what_one_page_is_given_is_shown_after_a_layout_until_the_prop_changes(app_server, tab):
    """Nothing was newer: it stays, as without a layout."""
    found, page, client, witness = await two(app_server, tab)
    found.app.push_mods({"list": {"children": ["first"]}})
    await page.expect("list", "children", ["first"])
    page.session.load()
    found.app.push_mods({"list": {"children": ["for you"]}}, client)
    found.app.push_mods({"last": {"children": "newer"}})
    await page.session.proceed()
    await page.settled()
    await page.expect("last", "children", "newer")
    assert page.prop("list", "children") == ["for you"]
    assert witness.prop("list", "children") == ["first"]
    found.app.push_mods({"list": {"children": ["last"]}})
    for each in (page, witness):
        await each.expect("list", "children", ["last"])


@pytest.fixture
def camera() -> Dash:
    """A camera, a canvas and a text."""
    app = Dash(__name__)
    app.layout = html.Div([html.Img(id="camera"), html.Canvas(id="raw"), html.Div(id="text"), dcc.Input(id="name")])
    return app


async def test_who_comes_later_gets_no_image_that_another_value_has_replaced(camera, app_server):
    """Nor does a page that is loading, and one whose image still waits."""
    async with RawPage(app_server.run(camera)) as slow:
        camera.push_frame("camera", JPEG)
        await slow.got(lambda: slow.images)
        camera.push_frame("camera", JPEG + b"waits")
        camera.push_mods({"camera": {"src": "parked.png"}})
        await slow.got(lambda: slow.values.get("camera.src") == "parked.png")
        await slow.shown()
        async with RawPage(camera.url) as late:
            camera.push_frame("raw", JPEG)
            for page in (slow, late):
                await page.got(lambda p=page: any(header["id"] == "raw" for header, _ in p.images))
        assert [header["id"] for header, _ in slow.images] == ["camera", "raw"]
        assert [header["id"] for header, _ in late.images] == ["raw"]
        camera.push_frame("camera", JPEG + b"again")
        await slow.got(lambda: slow.images[-1][1] == JPEG + b"again")
        async with RawPage(camera.url) as late:
            await late.got(lambda: len(late.images) == 2)


async def test_a_layout_is_followed_by_what_has_replaced_an_image(camera, app_server):
    """The image may wait in the page for the layout, and would be shown over the value in it."""
    async with RawPage(app_server.run(camera)) as page:
        camera.push_frame("camera", JPEG)
        camera.push_mods({"camera": {"src": "parked.png"}})
        await page.send(t="req", n=1, path="_dash-layout")
        await page.got(lambda: [frame for frame in page.kinds("mods") if "at" in frame])
    after = page.frames[page.frames.index(page.kinds("res")[0]) :]
    [held] = [frame for frame in after if frame["t"] == "mods" and "at" in frame]
    assert held["m"] == {"camera": {"src": "parked.png"}}
    assert held["at"] == page.kinds("res")[0]["r"]


async def test_what_is_refused_where_an_image_is_shown_is_undone_by_the_image(camera, app_server):
    """The value of the prop is older; others show the image all the while."""

    @camera.callback_shared(Output("text", "children"), Input("camera", "src"), prevent_initial_call=True)
    def text(source):
        return source

    camera.push_frame("camera", JPEG)
    async with RawPage(app_server.run(camera)) as page:
        await page.got(lambda: page.images)
        await page.shown()
        [client] = camera.clients
        client.role = "view"
        await page.set("camera", "src", "mine.png")
        await page.got(lambda: len(page.images) == 2)
        assert [frame["m"] for frame in page.kinds("mods") if "f" in frame] == [{"camera": {"src": None}}]
        assert page.kinds("ack")[-1]["s"] == 1, "a page takes no image for newer than a change on its way"

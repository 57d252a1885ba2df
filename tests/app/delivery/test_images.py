"""Camera images: binary messages, the newest wins, at the rate that each page takes."""

import io

import numpy as np
import pytest
from PIL import Image

from dash_devices_nb import Dash, html
from dash_devices_nb.app.api.parts import parts_of
from dash_devices_nb.app.delivery import images
from dash_devices_nb.errors import InvalidModsError, InvalidValueError
from tests.support.eventually import eventually
from tests.support.rawpage import RawPage

JPEG = b"\xff\xd8\xff\xe0 a picture"


@pytest.fixture
def app() -> Dash:
    """A camera and a canvas."""
    app = Dash(__name__)
    app.layout = html.Div([html.Img(id="camera"), html.Canvas(id="raw"), html.Div(id="text")])
    return app


async def test_bytes_travel_as_they_are(app, app_server):
    """The header says where they go and what they are; what they are is seen by their first bytes, or said."""
    async with RawPage(app_server.run(app)) as page:
        app.push_frame("camera", JPEG)
        await page.got(lambda: page.images)
        await page.shown()
        app.push_frame("camera", memoryview(b"<svg/>"), "image/svg+xml")
        await page.got(lambda: len(page.images) == 2)
    assert page.images == [
        ({"id": "camera", "prop": "src", "mime": "image/jpeg"}, JPEG),
        ({"id": "camera", "prop": "src", "mime": "image/svg+xml"}, b"<svg/>"),
    ]


@pytest.mark.parametrize("shape", [(48, 64), (48, 64, 3), (48, 64, 4)])
async def test_an_array_becomes_a_jpeg(app, app_server, shape):
    """Grey, RGB and RGBA, of the right size and colour."""
    array = np.zeros(shape, np.uint8)
    array[..., 0] = 200
    async with RawPage(app_server.run(app)) as page:
        app.push_frame("camera", array)
        await page.got(lambda: page.images)
    header, content = page.images[0]
    assert header["mime"] == "image/jpeg"
    picture = np.asarray(Image.open(io.BytesIO(content)))
    assert picture.shape[:2] == (48, 64)
    if len(shape) == 3:
        assert np.abs(picture.astype(int).mean(axis=(0, 1)) - (200, 0, 0)).max() < 5


@pytest.mark.parametrize("shape", [(4, 6), (4, 6, 3), (4, 6, 4)])
async def test_a_raw_array_travels_as_its_pixels(app, app_server, shape):
    """Row by row, also where the array is a view with strides of its own."""
    array = np.arange(np.prod(shape) * 2, dtype=np.uint8).reshape(shape[0] * 2, *shape[1:])[::2]
    async with RawPage(app_server.run(app)) as page:
        app.push_frame("raw", array, "raw")
        await page.got(lambda: page.images)
    header, content = page.images[0]
    depth = shape[2] if len(shape) == 3 else 1
    assert header == {"id": "raw", "prop": "src", "mime": "raw", "w": 6, "h": 4, "d": depth}
    assert content == array.tobytes()


async def test_the_newest_image_wins_and_each_page_has_its_own_rate(app, app_server):
    """A page that shows nothing gets no second image; one that does gets all that it can take; both end right."""
    async with RawPage(app_server.run(app)) as slow, RawPage(app.url) as fast:
        for number in range(20):
            app.push_frame("camera", JPEG + bytes([number]))
            await fast.got(lambda n=number: len(fast.images) == n + 1)
            await fast.shown()
        app.push_mods({"text": {"children": "the rest goes on"}})
        await slow.got(lambda: "text.children" in slow.values)
        assert [content[-1] for _, content in fast.images] == list(range(20))
        assert len(slow.images) == 1
        await slow.shown()
        await slow.got(lambda: len(slow.images) == 2)
    assert slow.images[1][1] == JPEG + bytes([19])


async def test_who_comes_later_gets_the_last_image(app, app_server, tab):
    """Also one that was pushed before there was a page, or before the app ran."""
    app.push_frame("camera", JPEG)
    async with RawPage(app_server.run(app)) as page:
        await page.got(lambda: page.images)
        app.push_frame("camera", JPEG + b"2")
    late = await tab(app)
    await eventually(
        lambda: late.image("camera") == ({"id": "camera", "prop": "src", "mime": "image/jpeg"}, JPEG + b"2")
    )
    assert late.image("raw") is None


async def test_a_page_that_comes_back_gets_the_last_image(app, tab):
    """What was pushed while it was away, although it never said that it had shown the one before."""
    page = await tab(app)
    app.push_frame("camera", JPEG)
    await eventually(lambda: page.image("camera"))
    await page.drop()
    app.push_frame("camera", JPEG + b"while away")
    await page.reconnect()
    await eventually(lambda: page.image("camera")[1] == JPEG + b"while away")


async def test_an_image_for_one_client(app, app_server):
    """Nobody else gets it, and who comes later does not, either."""
    async with RawPage(app_server.run(app)) as anne, RawPage(app.url) as ben:
        client = next(each for each in app.clients if each.id == anne.client)
        app.push_frame("camera", JPEG, client=[client])
        app.push_mods({"text": {"children": "after"}})
        for page in (anne, ben):
            await page.got(lambda p=page: "text.children" in p.values)
        await anne.got(lambda: anne.images)
        async with RawPage(app.url) as late:
            app.push_mods({"text": {"children": "again"}})
            await late.got(lambda: "text.children" in late.values)
            assert ben.images == late.images == []


async def test_dict_ids_are_taken(app, app_server):
    """As everywhere."""
    async with RawPage(app_server.run(app)) as page:
        app.push_frame({"kind": "camera", "n": 1}, JPEG)
        await page.got(lambda: page.images)
    assert page.images[0][0]["id"] == '{"kind":"camera","n":1}'


@pytest.mark.parametrize(
    ("image", "mime", "message"),
    [
        ("text", None, r"push_frame got 'text'; it takes encoded bytes .*, or an array of uint8 of the shape"),
        (np.zeros((2, 2)), None, r"push_frame got an array of float64, \(2, 2\); it takes"),
        (np.zeros((2, 2, 2), np.uint8), None, r"push_frame got an array of uint8, \(2, 2, 2\); it takes"),
        (np.zeros(5, np.uint8), "raw", r"push_frame got an array of uint8, \(5,\); it takes"),
        (np.zeros((0, 5), np.uint8), None, r"push_frame got an array of uint8, \(0, 5\); it takes"),
        (b"12", "raw", r"push_frame\(mime='raw'\) takes an array of uint8, not bytes"),
        (b"", None, r"push_frame got no bytes"),
    ],
)
def test_what_is_no_image_is_refused(app, image, mime, message):
    """The message says what it was and what is taken; nothing is kept."""
    with pytest.raises(InvalidValueError, match=message):
        app.push_frame("camera", image, mime)
    assert parts_of(app).runtime.images == {}


def test_a_client_that_is_none_is_refused(app):
    """As `push_mods` does."""
    with pytest.raises(InvalidModsError, match="got the client 'anne'"):
        app.push_frame("camera", JPEG, client="anne")


def test_without_an_encoder_the_error_says_what_to_install(app, monkeypatch):
    """Encoded bytes and raw arrays need none."""

    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(images.importlib, "import_module", missing)
    with pytest.raises(InvalidValueError, match=r"pip install pillow \(or opencv-python\); or give encoded bytes"):
        app.push_frame("camera", np.zeros((2, 2), np.uint8))
    app.push_frame("raw", np.zeros((2, 2), np.uint8), "raw")

"""Videos: encoded once, kept for who comes later, and JPEG for those that cannot decode them."""

import io

import numpy as np
import pytest
from PIL import Image

from dash_devices_nb import Dash, html
from dash_devices_nb.app.delivery import video
from dash_devices_nb.app.delivery.video import Decoder, Encoder
from dash_devices_nb.errors import InvalidValueError
from tests.support.rawpage import RawPage

RED = np.full((48, 64, 3), (200, 40, 40), np.uint8)


@pytest.fixture
def app() -> Dash:
    """A canvas, and what is none."""
    app = Dash(__name__)
    app.layout = html.Div([html.Canvas(id="camera"), html.Img(id="picture")])
    return app


@pytest.mark.parametrize("shape", [(48, 64), (48, 64, 3), (48, 64, 4), (47, 63, 3)])
def test_what_is_encoded_can_be_decoded(shape):
    """Nearly the same colours come back; an odd size is padded."""
    array = np.full(shape, 90, np.uint8)
    array[:24] = 200
    decoded = Decoder().decode(Encoder(shape[1], shape[0], 18, None).encode(array, 0, True))
    assert decoded.shape == (48, 64, 3)
    expected = array if array.ndim == 2 else array[..., 0]
    assert np.abs(decoded[: shape[0], : shape[1], 0].astype(int) - expected).mean() < 3


async def test_a_page_that_names_no_codec_gets_jpeg(app, app_server):
    """As programs and older pages do. The header says that it stands for a video."""
    async with RawPage(app_server.run(app)) as page:
        assert app.push_video("camera", RED) is False
        await page.got(lambda: page.images)
    header, content = page.images[0]
    assert header == {"id": "camera", "prop": "src", "mime": "image/jpeg", "of": "video/h264"}
    picture = np.asarray(Image.open(io.BytesIO(content)))
    assert np.abs(picture.astype(int).mean(axis=(0, 1)) - (200, 40, 40)).max() < 8


def test_the_first_picture_is_a_key_frame_and_others_are_on_demand(app):
    """Pictures that follow are smaller."""
    encoder = Encoder(64, 48, 23, 500_000)
    noise = np.random.default_rng(1).integers(0, 255, (48, 64, 3), np.uint8)
    sizes = [len(encoder.encode(noise, n * 40_000, n == 2)) for n in range(3)]
    assert sizes[1] < min(sizes[0], sizes[2]) / 2


@pytest.mark.parametrize(
    ("component", "picture", "key", "message"),
    [
        (
            "camera",
            "text",
            None,
            r"push_video got 'text'; it takes an access unit of H.264 \(bytes\), or an array of uint8",
        ),
        ("camera", np.zeros((2, 2)), None, r"push_video got an array of float64, \(2, 2\); it takes an access unit"),
        ("camera", b"12", None, r"push_video got 2 bytes without a start code \(00 00 01\)"),
        ("camera", b"\x00\x00\x01\x41\x9a", True, r"key=True with an access unit that is no key frame"),
        ("picture", RED, None, r"takes the id of an html.Canvas; 'picture' is a Img"),
    ],
)
async def test_what_is_no_picture_is_refused(app, app_server, component, picture, key, message):
    """The message says what it was and what is taken."""
    app_server.run(app)
    with pytest.raises(InvalidValueError, match=message):
        app.push_video(component, picture, key=key)


def test_without_an_encoder_the_error_says_what_to_install(app, monkeypatch):
    """The extra has it."""

    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(video.importlib, "import_module", missing)
    with pytest.raises(
        InvalidValueError, match=r"push_video with an array needs PyAV: pip install 'dash-devices-nb\[video\]'"
    ):
        app.push_video("camera", RED)


def test_a_bitrate_bounds_the_bytes():
    """Two seconds of noise, which no encoder makes small, take about what is allowed."""
    noise = np.random.default_rng(1).integers(0, 255, (60, 96, 128, 3), np.uint8)

    def size(bitrate: int | None) -> int:
        encoder = Encoder(128, 96, 18, bitrate)
        return sum(len(encoder.encode(each, n * 33_333, n == 0)) for n, each in enumerate(noise))

    bounded = size(200_000)
    assert bounded < 2 * 200_000 / 8 * 1.5
    assert bounded < size(None) / 2


async def test_a_video_for_one_client_reaches_no_other(app, app_server):
    """Nor those who join later: it is not the picture that all see."""
    url = app_server.run(app)
    async with RawPage(url) as anne, RawPage(url) as bert:
        (client,) = [each for each in app.clients if each.id == anne.client]
        app.push_video("camera", RED, client=client)
        await anne.got(lambda: anne.images)
        app.push_mods({"picture": {"title": "after it"}})
        await bert.got(lambda: bert.values.get("picture.title") == "after it")
        assert bert.images == []
        async with RawPage(url) as carl:
            app.push_mods({"picture": {"title": "and then"}})
            await carl.got(lambda: carl.values.get("picture.title") == "and then")
            assert carl.images == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"bitrate": 0}, "bitrate"),
        ({"bitrate": "1M"}, "bitrate"),
        ({"quality": 52}, "quality"),
        ({"quality": True}, "quality"),
    ],
)
async def test_settings_out_of_range_are_refused(app, app_server, settings, message):
    """The message says what was given and what is accepted."""
    app_server.run(app)
    with pytest.raises(InvalidValueError, match=message):
        app.push_video("camera", RED, **settings)

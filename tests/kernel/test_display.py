from collections.abc import AsyncIterator

import pytest

from dash_devices_nb.errors import DisplayError
from dash_devices_nb.kernel.display import DisplayedPage, check_mode, check_size, show
from dash_devices_nb.kernel.environment import Environment, Host
from tests.support.kernels import Kernel, running_kernel

SETUP = """
    from dash_devices_nb.kernel.display import DisplayedPage, show, update
    page = DisplayedPage("/user/x/dash-devices/app/", title="app", address="http://hub/user/x/dash-devices/app/")
"""


@pytest.fixture(scope="module")
async def kernel() -> AsyncIterator[Kernel]:
    """One kernel for all of these tests, which leave nothing in it."""
    async with running_kernel() as kernel:
        yield kernel


def test_an_unknown_mode_lists_what_is_accepted():
    """A wrong mode names itself and the modes there are."""
    with pytest.raises(DisplayError) as error:
        check_mode("inlin")
    assert str(error.value) == (
        "jupyter_mode is 'inlin'; accepted are 'inline', 'tab', 'external', 'jupyterlab', '_none'."
    )
    with pytest.raises(DisplayError, match="jupyter_mode is 3 of type int; accepted are 'inline'"):
        check_mode(3)  # type: ignore[arg-type]
    assert (check_mode("TAB"), check_mode(None)) == ("tab", "inline")


@pytest.mark.parametrize(
    ("size", "css"),
    [(650, "650px"), ("650", "650px"), ("100%", "100%"), ("40vh", "40vh"), (0.5, "0.5px")],
)
def test_sizes_are_pixels_or_css(size, css):
    """A number counts pixels, anything else is CSS."""
    assert check_size("jupyter_height", size) == css


@pytest.mark.parametrize("size", [True, -1, "", '1px"><script>', None])
def test_an_impossible_size_is_refused(size):
    """A size that is neither says what is accepted."""
    with pytest.raises(DisplayError) as error:
        check_size("jupyter_height", size)
    assert str(error.value) == (
        f"jupyter_height is {size!r}; accepted are a number of pixels, as 650, or CSS, as '100%' or '40vh'."
    )


async def test_inline_shows_a_frame_with_a_path_of_the_same_origin(kernel: Kernel):
    """The frame's source is the absolute path, the text for exports the whole address."""
    await kernel.run(SETUP)
    cell = await kernel.run("show(page, height=400)")
    [bundle] = cell.displays
    assert bundle["text/html"] == (
        '<iframe src="/user/x/dash-devices/app/" title="app" style="width: 100%; height: 400px; '
        'border: 0" allow="clipboard-read; clipboard-write; fullscreen"></iframe>'
    )
    assert bundle["text/plain"] == "Dash app running on http://hub/user/x/dash-devices/app/"


async def test_a_frame_can_be_pointed_elsewhere(kernel: Kernel):
    """`update` changes what an earlier cell shows, by its display id."""
    await kernel.run(SETUP)
    first = await kernel.run("show(page, display_id='app')")
    [message] = [m for m in first.messages if m["msg_type"] == "display_data"]
    assert message["content"]["transient"] == {"display_id": "app"}
    second = await kernel.run("update(DisplayedPage('http://127.0.0.1:1/'), display_id='app')")
    [message] = [m for m in second.messages if m["msg_type"] == "update_display_data"]
    assert message["content"]["transient"] == {"display_id": "app"}
    assert 'src="http://127.0.0.1:1/"' in message["content"]["data"]["text/html"]


async def test_external_shows_a_link_and_tab_opens_it(kernel: Kernel):
    """`external` is a link, `tab` adds a script (browsers may block it), `_none` shows nothing."""
    await kernel.run(SETUP)
    [external] = (await kernel.run("show(page, mode='external')")).displays
    assert external["text/html"] == (
        'Dash app running on <a href="/user/x/dash-devices/app/" target="_blank">'
        "http://hub/user/x/dash-devices/app/</a>"
    )
    [tab] = (await kernel.run("show(page, mode='tab')")).displays
    assert tab["text/html"] == (
        external["text/html"] + "<script>window.open(\"/user/x/dash-devices/app/\", '_blank')</script>"
    )
    assert (await kernel.run("show(page, mode='_none')")).displays == []


async def test_jupyterlab_without_the_extension_says_what_happens(kernel: Kernel):
    """The mode falls back to a browser tab and names what is missing."""
    await kernel.run(SETUP)
    [bundle] = (await kernel.run("show(page, mode='jupyterlab')")).displays
    assert "that takes the extension @plotly/dash-jupyterlab, or" in bundle["text/plain"]
    assert 'lab.commands.execute(\'help:open\', {"url": "/user/x/' in bundle["text/html"]


async def test_jupyterlab_with_the_extension_uses_its_comm(kernel: Kernel):
    """With stock Dash's extension, the page is handed to it."""
    await kernel.run(SETUP)
    await kernel.run("""
        import os, pathlib
        data = pathlib.Path(os.environ["JUPYTER_DATA_DIR"])
        place = data / "labextensions/@plotly/dash-jupyterlab"
        place.mkdir(parents=True); (place / "package.json").write_text("{}")
    """)
    cell = await kernel.run("show(page, mode='jupyterlab')")
    comms = [m["content"] for m in cell.messages if m["msg_type"].startswith("comm_")]
    assert comms[0]["target_name"] == "dash"
    assert comms[1]["data"] == {
        "type": "show", "port": "app", "url": "/user/x/dash-devices/app/"
    }  # fmt: skip
    await kernel.run("(place / 'package.json').unlink(); place.rmdir()")


async def test_markup_in_an_address_stays_text(kernel: Kernel):
    """Nothing in a URL or title becomes markup or script."""
    await kernel.run(SETUP)
    await kernel.run("bad = DisplayedPage('/a\"></iframe></script><b>', title='<i>')")
    for mode in ("inline", "tab", "jupyterlab"):
        [bundle] = (await kernel.run(f"show(bad, mode={mode!r})")).displays
        assert "<b>" not in bundle["text/html"]
        assert "<i>" not in bundle["text/html"]


def test_a_script_prints_the_address(capsys):
    """Outside a kernel the address is printed."""
    show(DisplayedPage("http://127.0.0.1:8050/"), environment=Environment(Host.SCRIPT))
    assert capsys.readouterr().out == "Dash app running on http://127.0.0.1:8050/\n"


def test_a_script_opens_a_browser_in_mode_tab(capsys, monkeypatch):
    """Outside a kernel `tab` asks the system for a browser, and says if there is none."""
    import webbrowser

    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda url: bool(opened.append(url)))
    show(DisplayedPage("http://127.0.0.1:8050/"), mode="tab", environment=Environment(Host.TERMINAL))
    assert opened == ["http://127.0.0.1:8050/"]
    assert capsys.readouterr().out.endswith("No browser could be opened; open http://127.0.0.1:8050/ yourself.\n")

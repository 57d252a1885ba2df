"""`app.stop_button`: reached past pause, locks, queues and the floor, by whose role suffices."""

from __future__ import annotations

import threading

import pytest

from dash_devices_nb import Dash, Input, html
from dash_devices_nb.errors import DeviceError, RoleError
from dash_devices_nb.testing import Tab
from tests.support.eventually import eventually
from tests.support.serving import Serving


@pytest.fixture
def app():
    made = Dash(__name__)
    made.stopped = threading.Event()
    made.layout = html.Div([html.Button(id="go"), made.stop_button(made.stopped.set)])
    return made


async def never() -> None:
    """Nobody would wait for it."""


def test_what_cannot_stop_anything_is_refused(app):
    """A press of it would say that it has stopped."""
    for wrong in (5, None, never):
        with pytest.raises(DeviceError, match="a plain function without arguments"):
            app.stop_button(wrong)


async def test_labels_that_look_alike_are_different_buttons(serve: Serving, app):
    """Each stops what it stands for."""
    pressed: list[str] = []
    app.layout = html.Div([app.stop_button(lambda each=each: pressed.append(each), f"Stop {each}") for each in "+-*äö"])
    async with Tab(await serve(app)) as tab:
        for each in "+-*äö":
            assert await tab.press_stop(f"Stop {each}") == (200, "stopped")
    assert pressed == list("+-*äö")


async def test_it_passes_what_holds_up_callbacks(serve: Serving, app):
    """A paused app, a lock that is taken, a queue that waits, a floor that somebody else has."""
    gate = threading.Event()

    @app.callback_shared(None, Input("go", "n_clicks"), lock="device")
    def hang(clicks):
        gate.wait(10)

    url = await serve(app)
    async with Tab(url) as tab:
        await tab.act("go", "n_clicks", 1)
        app.pause()
        app.control.close()
        assert await tab.press_stop() == (200, "stopped")
        assert app.stopped.is_set()
        gate.set()
        app.control.open()
        app.resume()
    assert any("'STOP' was pressed" in str(each) for each in app.journal)


async def test_a_role_that_does_not_suffice(serve: Serving, app):
    """Who only views presses in vain, and is told; so is whoever names a button that is not there."""
    url = await serve(app)
    async with Tab(url) as tab:
        app.clients[0].role = "view"
        assert await tab.press_stop() == (403, "That needs the role 'control'.")
        assert not app.stopped.is_set()
        status, said = await tab.press_stop("other")
        assert (status, said) == (404, "This button no longer exists; reload the page.")


async def test_a_function_that_raises(serve: Serving):
    """It is reported as any callback's exception is, and the page hears that it failed."""
    app = Dash(__name__)

    def fails() -> None:
        raise RuntimeError("no relay")

    app.layout = html.Div(app.stop_button(fails, "Emergency stop"))
    url = await serve(app)
    async with Tab(url) as tab:
        assert await tab.press_stop("Emergency stop") == (500, "Emergency stop failed: no relay")
        await eventually(lambda: app.errors)
        assert str(app.errors[-1]) == "no relay"


def test_no_such_role(app):
    """It is said when the button is made."""
    with pytest.raises(RoleError, match="'boss' is not a role"):
        app.stop_button(print, role="boss")

"""A prop becomes shared, or ceases to be, while a person changes it: nothing they do is lost."""

from __future__ import annotations

import pytest

from dash_devices_nb import Dash, Input, Output, dcc, html
from dash_devices_nb.app.api.parts import parts_of
from dash_devices_nb.testing import AppServer, Tab


@pytest.fixture
def app() -> Dash:
    app = Dash(__name__)
    app.layout = html.Div([dcc.Input(id="target", value=20), html.Div(id="shown"), html.Div(id="other")])

    @app.callback_shared(Output("other", "children"), Input("shown", "children"))
    def other(shown):
        return f"other {shown}"

    return app


def share(app: Dash) -> None:
    @app.callback_shared(Output("shown", "children"), Input("target", "value"))
    def show(target):
        return f"target {target}"


async def test_a_change_made_before_the_page_knows_is_told_when_it_does(app: Dash, app_server: AppServer):
    """The prop is shared from the declaration on, not from when the news of it has come to the page."""
    app_server.run(app)
    async with Tab(app.url) as anne, Tab(app.url) as ben:
        await anne.settled()
        with parts_of(app).runtime.lock:  # so that no news goes out
            share(app)
            await anne.act("target", "value", 7)
            await ben.act("other", "children", "typed")
        await ben.expect("target", "value", 7)
        await anne.expect("shown", "children", "target 7")
        await ben.expect("shown", "children", "target 7")
        assert [entry.summary for entry in app.journal.filter("change", id="target")] == ["target.value = 7"]


async def test_a_change_made_long_before_stays_the_pages_own(app: Dash, app_server: AppServer):
    """What somebody has set on a page of their own is not for all, because a cell uses the prop now."""
    app_server.run(app)
    async with Tab(app.url) as anne, Tab(app.url) as ben:
        await anne.act("target", "value", 7)
        anne.session._own = {key: (at - 60, cause) for key, (at, cause) in anne.session._own.items()}
        share(app)
        await ben.expect("shown", "children", "target 20")
        await anne.expect("shown", "children", "target 20")
        assert (anne.prop("target", "value"), ben.prop("target", "value")) == (7, 20)
        await ben.act("target", "value", 8)
        await anne.expect("target", "value", 8)


async def test_a_change_made_without_a_connection_is_told_when_there_is_one(app: Dash, app_server: AppServer):
    """The page was away while its prop became shared."""
    app_server.run(app)
    async with Tab(app.url) as anne, Tab(app.url) as ben:
        await anne.settled()
        await anne.drop()
        share(app)
        await ben.expect("shown", "children", "target 20")
        await anne.act("target", "value", 7)
        await anne.reconnect()
        await ben.expect("shown", "children", "target 7")
        await anne.expect("shown", "children", "target 7")


async def test_a_change_of_what_just_ceased_to_be_shared_is_no_error(app: Dash, app_server: AppServer):
    """The page could not know; the person gets no word of it."""
    share(app)
    app_server.run(app)
    async with Tab(app.url) as anne, Tab(app.url) as ben:
        await anne.expect("shown", "children", "target 20")
        with parts_of(app).runtime.lock:
            app.callbacks["show"].remove()
            await anne.act("target", "value", 7)
        await anne.settled()
        await ben.expect("target", "value", 7)
        assert anne.notices == []
        assert app.journal.filter("refusal") == []

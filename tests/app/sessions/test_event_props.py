"""Event props: what reaches pages that are slow, come late, or say that they have taken one."""

from __future__ import annotations

import asyncio

import pytest

from dash_devices_nb import Dash, Input, Output, State, dcc, html
from dash_devices_nb.app.api.parts import parts_of
from dash_devices_nb.core.props.event_props import MARK
from dash_devices_nb.errors import UnknownPropError
from tests.support.rawpage import RawPage


@pytest.fixture
def app() -> Dash:
    """A bell whose title is an event, a place for downloads, and a text."""
    app = Dash(__name__)
    app.events.add(html.Div, "title")
    app.layout = html.Div([html.Div(id="bell"), dcc.Download(id="file"), html.P(id="text")])
    return app


def rings(page: RawPage) -> list[str]:
    """The events that came, in order."""
    mods = [frame["m"] for frame in page.kinds("mods")]
    return [each["bell"]["title"][MARK] for each in mods if "bell" in each]


async def test_a_page_that_falls_behind_gets_every_event(app, app_server):
    """It skips to the latest text, and misses none of the events."""
    wanted = [str(n) for n in range(1000)]
    async with RawPage(app_server.run(app), reads=False) as page:

        def push() -> None:
            for name in wanted:
                app.push_mods({"bell": {"title": name}, "text": {"children": name * 500}})

        await asyncio.to_thread(push)
        page.read()
        await page.got(lambda: len(rings(page)) == len(wanted) and page.values.get("text.children") == "999" * 500)
        assert rings(page) == wanted
        texts = [frame for frame in page.kinds("mods") if "text" in frame["m"]]
        assert len(texts) < len(wanted)


async def test_events_are_no_state(app, app_server):
    """Neither a shared callback's State nor a late joiner's layout has one; a download of one client is marked, too."""
    seen = []
    app.callback_shared(None, [Input("text", "title")], [State("bell", "title")])(lambda *args: seen.append(args))
    url = app_server.run(app)
    async with RawPage(url) as page:
        app.push_mods([Output("bell", "title", "ring"), {"text": {"title": "go"}}])
        app.push_mods({"file": {"data": {"content": "x", "filename": "a.txt"}}}, client=app.clients[0])
        await page.got(lambda: any("file" in frame["m"] for frame in page.kinds("mods")))
        [download] = [frame["m"]["file"]["data"] for frame in page.kinds("mods") if "file" in frame["m"]]
        assert download == {MARK: {"content": "x", "filename": "a.txt"}}
        await page.set("bell", "title", None)  # the component has taken it
        await page.set("text", "title", "went")
        await page.got(lambda: seen[1:] == [("went", None)])
        assert seen == [("go", None), ("went", None)]
        assert page.kinds("notice") == []
        await page.set("text", "title", {MARK: "forged"})
        await page.got(lambda: "an event, which others would apply" in str(page.kinds("notice")))
    assert not [key for key, _ in parts_of(app).runtime.dispatcher.state.items() if key[0] in ("bell", "file")]


@pytest.mark.parametrize(
    ("component", "prop", "message"),
    [
        ("Div", "nonsense", "Div has no prop 'nonsense'; it has "),
        (html.Div, "nonsense", "Div has no prop 'nonsense'; it has "),
        (5, "title", "app.events.add got 5 and 'title'; it takes a component's name"),
        ("Div", "", "app.events.add got 'Div' and ''; it takes"),
    ],
)
def test_what_is_no_prop_is_refused(app, component, prop, message):
    """The message says what is taken."""
    with pytest.raises(UnknownPropError, match=message):
        app.events.add(component, prop)
    app.events.add("OfALibraryThatComesLater", "anything")

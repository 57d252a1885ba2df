"""`Tab` against real apps: it does what a page does, and says what it waited for."""

import threading

import pytest
from dash import ALL, MATCH, Patch, ctx, no_update, set_props
from dash.exceptions import PreventUpdate

from dash_devices_nb import Dash, Input, Output, Services, State, dcc, html
from dash_devices_nb.app.api.parts import parts_of
from dash_devices_nb.testing import Tab, open_tab
from tests.support.eventually import eventually


def simple(**options) -> Dash:
    """A shared slider with a regular view of it."""
    app = Dash(__name__, **options)
    app.layout = html.Div(
        [dcc.Slider(0, 30, id="target", value=20), html.Div(id="shown"), html.Div(id="own"), dcc.Input(id="private")]
    )

    @app.callback_shared(Output("shown", "children"), Input("target", "value"))
    def show(target):
        return f"target {target}"

    @app.callback(Output("own", "children"), Input("private", "value"), State("target", "value"))
    def own(private, target):
        return f"{private} at {target}"

    return app


@pytest.mark.parametrize("service", [Services.PUSHER_ALL, Services.NORMAL])
async def test_tabs_share_what_is_shared_and_keep_what_is_not(tab, service):
    """Over the WebSocket alone and with HTTP."""
    app = simple(server_service=service)
    anne, ben = await tab(app), await tab(app)
    assert (anne.prop("target", "value"), anne.prop("own", "children")) == (20, "None at 20")
    await anne.act("target", "value", 5)
    await ben.expect("shown", "children", "target 5")
    assert ben.prop("target", "value") == 5
    await anne.act("private", "value", "x")
    await anne.expect("own", "children", "x at 5")
    assert ben.prop("own", "children") == "None at 20"
    assert len(app.clients) == 2
    assert {client.id for client in app.clients} == {anne.client_id, ben.client_id}


async def test_a_tab_loads_the_state_that_there_is(tab):
    """Who comes late sees what the others see."""
    app = simple()
    anne = await tab(app)
    await anne.act("target", "value", 7)
    await anne.expect("shown", "children", "target 7")
    ben = await tab(app)
    assert (ben.prop("target", "value"), ben.prop("shown", "children")) == (7, "target 7")
    assert ben.ids == ["target", "shown", "own", "private"]


async def test_what_was_expected_and_did_not_come_is_told(tab):
    """The message has the value, the deadline, and what the app told the person."""
    anne = await tab(simple())
    with pytest.raises(AssertionError) as caught:
        await anne.expect("shown", "children", "target 6", within=0.05)
    assert str(caught.value) == "shown.children is 'target 20', not 'target 6', after 0.05 s"
    with pytest.raises(AssertionError, match="there is no component 'absent', not as expected"):
        await anne.expect("absent", "children", lambda value: value, within=0.05)
    await anne.send("{")
    await eventually(lambda: anne.notices)
    with pytest.raises(
        AssertionError, match=r"the page was told:  A change could not be read.*: a frame of 1 bytes is not JSON"
    ):
        await anne.expect("shown", "children", 1, within=0.05)
    await anne.drop()
    with pytest.raises(AssertionError, match="the tab has no connection"):
        await anne.expect("shown", "children", 1, within=0.05)


async def test_an_unknown_component_is_refused_with_those_that_there_are(tab):
    """For what a person does, and for a look."""
    anne = await tab(simple())
    with pytest.raises(LookupError, match="the page has no component 'x'; it has target, shown, own, private"):
        await anne.act("x", "value", 1)
    with pytest.raises(LookupError, match="the page has no component 'x'"):
        anne.prop("x", "value")


async def test_a_lost_connection_loses_nothing(tab):
    """Neither what others do meanwhile nor what this person does; it is the same client."""
    app = simple()
    anne, ben = await tab(app), await tab(app)
    name = ben.client_id
    await ben.drop()
    assert not ben.connected
    await anne.act("target", "value", 8)
    await ben.act("private", "value", "offline")
    await ben.reconnect()
    await ben.expect("shown", "children", "target 8")
    await ben.expect("own", "children", lambda text: text.startswith("offline"))
    assert ben.client_id == name
    await ben.drop()
    await ben.act("target", "value", 9)
    await ben.reconnect()
    await anne.expect("shown", "children", "target 9")


async def test_a_tab_that_is_closed_has_left(tab):
    """At once, not after the grace."""
    app = simple()
    anne = await tab(app)
    await anne.close()
    await eventually(lambda: app.clients == [], within=1.0)
    await anne.close()


async def test_history_has_every_value(tab):
    """Also those that were shown for a moment only."""
    app = simple()
    anne = await tab(app)
    for number in range(5):
        app.push_mods({"shown": {"title": number}})
    await anne.expect("shown", "title", 4)
    assert anne.history("shown", "title") == [0, 1, 2, 3, 4]


async def test_patterns_are_resolved(tab):
    """MATCH makes an instance for each component, ALL a list; what comes in later counts."""
    app = Dash(__name__)
    app.layout = html.Div([dcc.Input(id="count"), html.Div(id="rows"), html.Div(id="total")])

    @app.callback(Output("rows", "children"), Input("count", "value"), prevent_initial_call=True)
    def rows(count):
        return [
            html.Div([dcc.Input(id={"kind": "row", "n": n}, value=n), html.Div(id={"kind": "twice", "n": n})])
            for n in range(count)
        ]

    @app.callback(Output({"kind": "twice", "n": MATCH}, "children"), Input({"kind": "row", "n": MATCH}, "value"))
    def twice(value):
        return 2 * value

    @app.callback(Output("total", "children"), Input({"kind": "row", "n": ALL}, "value"))
    def total(values):
        return sum(values)

    anne = await tab(app)
    await anne.act("count", "value", 3)
    await anne.expect("total", "children", 3)
    await anne.expect({"kind": "twice", "n": 2}, "children", 4)
    await anne.act({"kind": "row", "n": 1}, "value", 10)
    await anne.expect("total", "children", 12)
    await anne.expect({"n": 1, "kind": "twice"}, "children", 20)
    assert anne.prop({"kind": "twice", "n": 2}, "children") == 4


async def test_answers_are_applied_as_a_page_applies_them(tab):
    """`Patch`, `no_update`, `PreventUpdate`, `set_props`, several outputs, and the chain after them."""
    app = Dash(__name__)
    app.layout = html.Div([dcc.Input(id="in"), *(html.Div(id=name) for name in "abcde")])

    @app.callback(Output("a", "children"), Output("b", "children"), Input("in", "value"), prevent_initial_call=True)
    def both(value):
        if value == "nothing":
            raise PreventUpdate
        set_props("e", {"children": f"side {value}"})
        return value, no_update

    @app.callback(Output("c", "children"), Input("a", "children"), prevent_initial_call=True)
    def patched(value):
        patch = Patch()
        patch.append(value)
        return patch

    @app.callback(Output("d", "children"), Input("c", "children"), Input("b", "children"), prevent_initial_call=True)
    def last(c, b):
        return [ctx.triggered_id, len(c), b]

    anne = await tab(app)
    app.push_mods({"c": {"children": []}})
    await anne.expect("c", "children", [])
    await anne.settled()
    await anne.act("in", "value", "x")
    await anne.expect("d", "children", ["c", 1, None])
    assert (anne.prop("a", "children"), anne.prop("e", "children")) == ("x", "side x")
    before = list(anne.asked)
    await anne.act("in", "value", "nothing")
    await anne.settled()
    assert anne.asked == [*before, "..a.children...b.children.."]


async def test_a_callback_waits_for_those_that_lead_to_it(tab):
    """A diamond is asked for once, with both values."""
    app = Dash(__name__)
    app.layout = html.Div([dcc.Input(id="in"), *(html.Div(id=name) for name in "abc")])
    app.callback(Output("a", "children"), Input("in", "value"))(lambda value: f"a{value}")
    app.callback(Output("b", "children"), Input("in", "value"))(lambda value: f"b{value}")
    app.callback(Output("c", "children"), Input("a", "children"), Input("b", "children"))(lambda a, b: f"{a} {b}")
    anne = await tab(app)
    assert anne.prop("c", "children") == "aNone bNone"
    await anne.act("in", "value", 1)
    await anne.expect("c", "children", "a1 b1")
    assert anne.asked.count("c.children") == 2


async def test_a_newer_call_takes_the_place_of_an_older_one(tab):
    """The answer of the older one is not applied, however late it comes."""
    app = Dash(__name__)
    app.layout = html.Div([dcc.Input(id="in"), html.Div(id="out")])
    released = threading.Event()

    @app.callback(Output("out", "children"), Input("in", "value"), prevent_initial_call=True)
    def slow(value):
        if value == "slow":
            released.wait(5)
        return value

    anne = await tab(app)
    await anne.act("in", "value", "slow")
    await anne.act("in", "value", "quick")
    await anne.expect("out", "children", "quick")
    released.set()
    await anne.settled()
    assert anne.history("out", "children") == ["quick"]


async def test_a_secret_is_needed_where_there_is_one(app_server):
    """The whole URL opens a tab, the one without its token does not."""
    app = simple()
    url = app_server.run(app, auth="secret")
    async with Tab(url) as anne:
        assert anne.prop("target", "value") == 20
        assert (await anne.fetch("_dash-layout"))[0] == 200
    with pytest.raises(ConnectionError, match="answers 403 and is not a page of dash_devices_nb"):
        await Tab(url.partition("?")[0]).open()


async def test_nobody_there_is_told():
    """A URL where nothing listens, an app that does not run, and a path of a Jupyter server."""
    with pytest.raises(ConnectionError, match=r"nobody answers at http://127\.0\.0\.1:9/"):
        await Tab("http://127.0.0.1:9/").open()
    with pytest.raises(ConnectionError, match=r"the app does not run; app\.run\(\)"):
        open_tab(simple())
    with pytest.raises(ConnectionError, match="'/dash-devices/x/' is a path on the Jupyter server"):
        open_tab("/dash-devices/x/")


def test_the_same_without_a_loop(sync_tab):
    """All methods wait for their end; attributes are attributes."""
    app = simple()
    anne, ben = sync_tab(app), sync_tab(app)
    anne.act("target", "value", 5)
    assert ben.expect("shown", "children", "target 5") == "target 5"
    assert ben.prop("target", "value") == 5
    ben.drop()
    assert not ben.connected
    ben.reconnect()
    assert ben.connected
    with pytest.raises(AssertionError, match=r"shown\.children is 'target 5', not 'x', after 0\.01 s"):
        ben.expect("shown", "children", "x", within=0.01)


def test_an_app_that_cannot_start_says_why(app_server):
    """The error is raised where the test asked for the app."""
    app = Dash(__name__)
    with pytest.raises(Exception, match="layout"):
        app_server.run(app)


def test_an_app_is_served_when_it_has_started(app_server):
    """It has a URL before, and a push then called nothing."""
    app = Dash(__name__)
    served = threading.Event()

    def layout() -> html.Div:
        if app.url:  # and not when it is declared
            served.wait(0.2)
        return html.Div(id="a")

    app.layout = layout
    app_server.run(app)
    ready = "a" in parts_of(app).runtime.dispatcher.layout
    served.set()
    assert ready


def test_an_app_is_served_once_and_stops(app_server):
    """A second wish for the same app gives the same URL; afterwards it has none."""
    app = simple()
    url = app_server.run(app)
    assert app_server.run(app) == url
    app_server.stop(app)
    assert app.url is None
    app_server.stop(app)
    with pytest.raises(ConnectionError, match="nobody answers"):
        open_tab(url)


async def test_the_revision_of_an_answer_is_not_that_of_the_layout(tab):
    """What is shared, and older than the components that an answer brought, is shown all the same."""
    anne = await tab(simple())
    session, answers = anne.session, []
    session.request({"output": "own.children"}, lambda status, body: answers.append(body))
    session.receive({"t": "res", "n": session.requests, "s": 200, "b": {}, "r": 900})
    session.receive({"t": "mods", "r": 800, "q": 0, "m": {"target": {"value": 3}}})
    assert answers == [{}]
    assert anne.prop("target", "value") == 3

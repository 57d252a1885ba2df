"""`app.stream`: points are added to traces, and who comes later gets the window that the others see."""

import threading

import numpy as np
import pytest

from dash_devices_nb import Dash, dcc, html
from dash_devices_nb.app.api.parts import parts_of
from dash_devices_nb.errors import InvalidModsError, UnknownPropError
from tests.support.rawpage import RawPage


@pytest.fixture
def app() -> Dash:
    """A graph of three traces, the first of which has a point."""
    app = Dash(__name__)
    traces = [{"x": [0], "y": [0]}, {"x": [], "y": []}, {"x": [], "y": []}]
    app.layout = html.Div([dcc.Graph(id="graph", figure={"data": traces}), html.Div(id="text")])
    return app


def ys(page, number: int) -> list:
    """The y of a trace in a tab."""
    return page.prop("graph", "figure")["data"][number]["y"]


@pytest.mark.parametrize(
    ("x", "y", "options", "sent"),
    [
        ([1, 2], [3, 4], {}, [{"x": [[1, 2]], "y": [[3, 4]]}, [0]]),
        ([[1], [2]], [[3], [4]], {}, [{"x": [[1], [2]], "y": [[3], [4]]}, [0, 1]]),
        ([1], [3], {"traces": [2], "max_points": 5}, [{"x": [[1]], "y": [[3]]}, [2], 5]),
        (np.arange(2), np.array([0.5, np.nan]), {}, [{"x": [[0, 1]], "y": [[0.5, None]]}, [0]]),
        (
            [np.arange(1), np.arange(2)],
            [np.arange(1), np.arange(2)],
            {},
            [{"x": [[0], [0, 1]], "y": [[0], [0, 1]]}, [0, 1]],
        ),
        (["09:00"], (1.5,), {}, [{"x": [["09:00"]], "y": [[1.5]]}, [0]]),
    ],
)
async def test_what_a_page_gets(app, app_server, x, y, options, sent):
    """The new points alone, of one trace or several, of lists or arrays."""
    async with RawPage(app_server.run(app)) as page:
        app.stream("graph", x, y, **options)
        await page.got(lambda: "graph.extendData" in page.values)
    assert page.values == {"graph.extendData": sent}


async def test_who_comes_later_gets_the_window(app, tab):
    """The last `max_points` of each trace, as those see it who were there."""
    first = await tab(app)
    for n in range(1, 21):
        app.stream("graph", [[n], [n]], [[n], [-n]], max_points=5)
    late = await tab(app)
    for page in (first, late):
        await page.expect("graph", "figure", lambda figure: figure["data"][0]["y"][-1:] == [20])
        assert ys(page, 0) == [16, 17, 18, 19, 20]
        assert ys(page, 1) == [-16, -17, -18, -19, -20]
        assert ys(page, 2) == []


async def test_a_page_that_joins_while_points_stream_misses_none_and_doubles_none(app, tab):
    """Whenever it comes, between any two of them."""
    await tab(app)
    stop = threading.Event()

    def push() -> None:
        n = 0
        while not stop.wait(0.002):
            n += 1
            app.stream("graph", [n], [n], traces=[1])
        app.push_mods({"text": {"children": n}})

    thread = threading.Thread(target=push)
    thread.start()
    try:
        pages = [await tab(app) for _ in range(4)]
    finally:
        stop.set()
        thread.join()
    for page in pages:
        last = await page.expect("text", "children", bool)
        assert ys(page, 1) == list(range(1, last + 1))


async def test_points_for_one_client(app, tab):
    """The others do not get them."""
    anne, ben = await tab(app), await tab(app)
    client = next(each for each in app.clients if each.id == anne.client_id)
    app.stream("graph", [1], [1], client=client)
    app.push_mods({"text": {"children": "after"}})
    for page in (anne, ben):
        await page.expect("text", "children", "after")
    assert (ys(anne, 0), ys(ben, 0)) == ([0, 1], [0])


@pytest.mark.parametrize(
    ("x", "y", "traces", "message"),
    [
        ([1, 2], [1], None, r"stream got x of \[2\] points, y of \[1\] and 1 traces; x and y take as many points"),
        ([[1], [2]], [[1]], None, r"x of \[1, 1\] points, y of \[1\] and 1 traces"),
        ([[1], [2]], [[1], [2]], [0], r"y of \[1, 1\] and 1 traces"),
    ],
)
def test_points_that_do_not_fit_are_refused(app, x, y, traces, message):
    """The message says how many there are of each."""
    with pytest.raises(InvalidModsError, match=message):
        app.stream("graph", x, y, traces=traces)


def test_only_a_graph_takes_points(app):
    """The message says what the component has instead."""
    parts_of(app).sessions  # noqa: B018 - the layout is known from here on
    parts_of(app).runtime.dispatcher.store.learn(
        {"namespace": "dash_html_components", "type": "Div", "props": {"id": "text"}}
    )
    with pytest.raises(UnknownPropError, match="'text' is a Div, which has no prop 'extendData'"):
        app.stream("text", [1], [1])

"""Batches: one message for all that is pushed in one, and the same state as without."""

import asyncio
import threading

import pytest

from dash_devices_nb import Dash, Input, Output, Patch, dcc, html
from dash_devices_nb.app.api.parts import parts_of
from dash_devices_nb.errors import InvalidValueError
from tests.support.rawpage import RawPage


@pytest.fixture
def app() -> Dash:
    """Three texts, a graph, and a callback that hangs on two of them."""
    app = Dash(__name__)
    graph = dcc.Graph(id="graph", figure={"data": [{"x": [0], "y": [0]}]})
    app.layout = html.Div([*(html.Div(id=name) for name in ("a", "b", "c", "sum")), graph])
    app.calls = []

    @app.callback_shared(
        Output("sum", "children"), Input("a", "children"), Input("b", "children"), prevent_initial_call=True
    )
    def add(a, b):
        app.calls.append((a, b))
        return f"{a}+{b}"

    return app


def shared(page: RawPage) -> list[dict]:
    """The values of the shared frames that came, in order."""
    return [frame["m"] for frame in page.kinds("mods") if "r" in frame]


async def test_a_batch_is_one_message_and_one_call(app, app_server):
    """What hangs on several of its props is called once, and the end of the batch waits for it."""
    async with RawPage(app_server.run(app)) as page:

        def push() -> str:
            with app.batch():
                app.push_mods({"a": {"children": 1}})
                app.push_mods({"b": {"children": 2}})
                app.push_mods([Output("c", "children", 3), {"a": {"title": "t"}}])
                assert app.calls == []
            return app.calls[-1]

        assert await asyncio.to_thread(push) == (1, 2)
        await page.got(lambda: page.values.get("sum.children") == "1+2")
    pushed = {"a": {"children": 1, "title": "t"}, "b": {"children": 2}, "c": {"children": 3}}
    assert shared(page) == [pushed, {"sum": {"children": "1+2"}}]
    assert app.calls == [(1, 2)]


async def test_the_last_value_of_a_prop_wins(app, app_server):
    """Earlier ones are never sent."""
    async with RawPage(app_server.run(app)) as page:
        with app.batch():
            for number in range(100):
                app.push_mods({"c": {"children": number}})
        await page.got(lambda: page.values.get("c.children") == 99)
    assert shared(page) == [{"c": {"children": 99}}]


async def test_a_patch_is_applied_to_what_was_pushed_before(app, app_server, tab):
    """To a value of the same batch at once; two patches become one."""
    patch, more = Patch(), Patch()
    patch.append("b")
    more.append("c")
    async with RawPage(app_server.run(app)) as page:
        with app.batch():
            app.push_mods({"c": {"children": ["a"]}})
            app.push_mods({"c": {"children": patch}})
        with app.batch():
            app.push_mods({"c": {"children": patch}})
            app.push_mods({"c": {"children": more}})
        await page.got(lambda: len(shared(page)) == 2)
    assert shared(page)[0] == {"c": {"children": ["a", "b"]}}
    assert [step["operation"] for step in shared(page)[1]["c"]["children"]["operations"]] == ["Append", "Append"]
    late = await tab(app)
    assert late.prop("c", "children") == ["a", "b", "b", "c"]


async def test_every_event_counts(app, app_server):
    """Points of two pushes are two messages, as neither may replace the other."""
    async with RawPage(app_server.run(app)) as page:
        with app.batch():
            app.stream("graph", [1], [10])
            app.push_mods({"c": {"children": "with the first"}})
            app.stream("graph", [2], [20])
        await page.got(lambda: len(shared(page)) == 2)
    first, second = shared(page)
    assert first == {"graph": {"extendData": [{"x": [[1]], "y": [[10]]}, [0]]}, "c": {"children": "with the first"}}
    assert second == {"graph": {"extendData": [{"x": [[2]], "y": [[20]]}, [0]]}}


async def test_a_figure_after_points_is_not_overtaken_by_them(app, app_server, tab):
    """A page applies events after all else of a message: a figure that follows points is a message of its own."""
    figure = {"data": [{"x": [7], "y": [7]}]}
    async with RawPage(app_server.run(app)) as page:
        with app.batch():
            app.stream("graph", [1], [10])
            app.push_mods({"graph": {"figure": figure}})
        await page.got(lambda: len(shared(page)) == 2)
    assert [list(mods["graph"]) for mods in shared(page)] == [["extendData"], ["figure"]]
    late = await tab(app)
    assert late.prop("graph", "figure") == figure


async def test_batches_of_two_threads_do_not_mix(app, app_server):
    """A batch belongs to its thread, and one inside another is part of it."""
    async with RawPage(app_server.run(app)) as page:
        inside, pushed = threading.Event(), threading.Event()

        def batch() -> None:
            with app.batch():
                app.push_mods({"b": {"title": "batch"}})
                inside.set()
                pushed.wait(10)
                with app.batch():
                    app.push_mods({"c": {"children": "inner"}})

        def other() -> None:
            inside.wait(10)
            app.push_mods({"a": {"title": "other"}})
            pushed.set()

        await asyncio.gather(asyncio.to_thread(batch), asyncio.to_thread(other))
        await page.got(lambda: "c.children" in page.values)
    assert shared(page) == [{"a": {"title": "other"}}, {"b": {"title": "batch"}, "c": {"children": "inner"}}]


async def test_one_clients_values_go_to_it_alone(app, app_server):
    """In one message of its own; all others get the rest."""
    async with RawPage(app_server.run(app)) as anne, RawPage(app.url) as ben:
        client = next(each for each in app.clients if each.id == anne.client)
        with app.batch():
            app.push_mods({"a": {"title": "anne"}}, client)
            app.push_mods({"b": {"title": "all"}})
            app.push_mods({"c": {"title": "anne"}}, client)
        await anne.got(lambda: len(anne.kinds("mods")) == 2)
        await ben.got(lambda: ben.kinds("mods"))
    assert [frame["m"] for frame in anne.kinds("mods")] == [
        {"a": {"title": "anne"}, "c": {"title": "anne"}},
        {"b": {"title": "all"}},
    ]
    assert [frame["m"] for frame in ben.kinds("mods")] == [{"b": {"title": "all"}}]


async def test_what_was_pushed_before_an_error_is_sent(app, app_server):
    """A value that is refused raises where it is pushed; the rest goes out."""
    async with RawPage(app_server.run(app)) as page:

        def push() -> None:
            with app.batch():
                app.push_mods({"c": {"children": "sent"}})
                app.push_mods({"c": {"children": object()}})

        with pytest.raises(InvalidValueError, match="is not JSON"):
            push()
        await page.got(lambda: page.values.get("c.children") == "sent")


def test_a_batch_before_run_is_kept(app):
    """As single pushes are."""
    with app.batch():
        app.push_mods({"c": {"children": "early"}})
    assert parts_of(app).runtime.dispatcher.value(("c", "children")).plain == "early"

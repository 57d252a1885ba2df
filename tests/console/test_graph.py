"""The picture of the callbacks: well-formed, complete, escaped, and readable in a real browser."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

from dash_devices_nb import ALL, MATCH, Dash, Input, Output, State, html
from dash_devices_nb.console.graph import KINDS
from tests.support.browser import Tabs

SVG = "{http://www.w3.org/2000/svg}"


def device() -> Dash:
    app = Dash(__name__)
    app.layout = html.Div()

    @app.callback_shared(Output("heater", "value"), Input("target", "value"), State("gain", "value"))
    def control(target, gain):
        return target

    @app.callback_shared([Output("shown", "children"), Output("<b>", "title")], Input("heater", "value"))
    def show(heater):
        return heater, heater

    @app.callback(Output("view", "children"), Input("shown", "children"), Input({"row": ALL}, "n_clicks"))
    def view(shown, clicks):
        return shown

    app.clientside_callback("x => x", Output({"row": MATCH}, "style"), Input({"row": MATCH}, "n_clicks"))

    @app.callback_connect
    def come(client, connect): ...

    return app


def texts(svg: str) -> list[str]:
    return [text.text or "" for text in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_every_prop_and_callback_is_drawn_once():
    """Props, callbacks with their calls, times and errors; hooks, which have no props, are left out."""
    app = device()
    app.callbacks["control"].stats.add(0.002, failed=False)
    app.callbacks["control"].stats.add(0.004, failed=True)
    found = texts(app.graph().svg)
    for name in ("target.value", "gain.value", "heater.value", "shown.children", "<b>.title", "view.children"):
        assert found.count(name) == 1
    for name in ("{row: ALL}.n_clicks", "{row: MATCH}.n_clicks", "{row: MATCH}.style"):
        assert found.count(name) == 1
    for name in ("control", "show", "view", "clientside"):
        assert name in found
    assert "2 calls · 3.0 ms · 1 failed" in found
    assert found.count("0 calls") == 2
    assert "runs in the page" in found
    assert "come" not in found


def test_the_kinds_are_told_apart():
    """Shared, regular and clientside callbacks have colours of their own, which the legend names."""
    root = ElementTree.fromstring(device().graph().svg)
    colours = [rect.get("fill") for rect in root.iter(f"{SVG}rect") if rect.get("fill-opacity") == ".16"]
    assert sorted(map(colours.count, KINDS.values())) == [1, 1, 2]
    for kind in KINDS:
        assert kind in texts(device().graph().svg)


def test_an_app_without_callbacks_says_so():
    """An empty picture has a text."""
    app = Dash(__name__)
    assert "There are no callbacks." in texts(app.graph().svg)


def test_the_notebook_gets_svg_and_html_that_scrolls():
    """The HTML is the same picture in a box that scrolls."""
    graph = device().graph()
    assert graph._repr_svg_() == graph.svg
    assert graph.svg in graph._repr_html_()
    assert "overflow: auto" in graph._repr_html_()


async def test_a_hundred_and_twenty_inputs_can_be_read(browser: Tabs):
    """In a browser no two boxes overlap, every text fits its box, and the picture scrolls instead of shrinking."""
    app = Dash(__name__)
    for group in range(6):

        @app.callback_shared(
            Output(f"group-{group}", "children"), [Input(f"channel-{group}-{n}", "value") for n in range(20)]
        )
        def gather(*values):
            return values

    @app.callback(Output("a-rather-long-id-of-a-graph-in-the-page", "figure"), Input("group-0", "children"))
    def a_rather_long_name_of_a_callback_in_the_program(children): ...

    page = await browser.open()
    await page.set_content(app.graph()._repr_html_())
    boxes = await page.evaluate(
        """() => [...document.querySelectorAll('svg g')].map(group => {
            const all = [...group.querySelectorAll('rect, text')].map(part => part.getBBox());
            return {box: all[0], texts: all.filter((_, n) => n && all[n].height < 20)};
        }).map(({box, texts}) => ({x: box.x, y: box.y, w: box.width, h: box.height,
                                   fits: texts.every(t => t.x + t.width <= box.x + box.width)}))"""
    )
    assert len(boxes) == 120 + 6 + 6 + 1 + 1
    assert all(box["fits"] for box in boxes)
    for number, one in enumerate(boxes):
        for other in boxes[number + 1 :]:
            apart = (
                one["x"] + one["w"] <= other["x"]
                or other["x"] + other["w"] <= one["x"]
                or one["y"] + one["h"] <= other["y"]
                or other["y"] + other["h"] <= one["y"]
            )
            assert apart, (one, other)
    scrolls = await page.evaluate(
        "() => { const box = document.querySelector('div'); return box.scrollHeight > box.clientHeight; }"
    )
    assert scrolls

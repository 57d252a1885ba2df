"""dcc and html."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Page

from dash_devices_nb import dcc, html
from tests.components.cases import OPTIONS, Act, Case, Walk, click, drag, hover, press, then

FIGURE = {
    "data": [{"x": [1, 2, 3, 4], "y": [1, 2, 3, 4], "mode": "markers", "type": "scatter", "marker": {"size": 16}}],
    "layout": {"width": 500, "height": 400, "dragmode": "select"},
}
POINT = ".scatterlayer .point"


def sets(**props: Any) -> Act:
    """What a script of the page sets, outside callbacks."""
    return lambda page: page.evaluate("props => window.dash_clientside.set_props('it', props)", props)


def upload(name: str) -> Act:
    file = {"name": name, "mimeType": "text/plain", "buffer": b"x"}
    return lambda page: page.locator("#it input[type=file]").set_input_files(file)


def on_point(*, clicked: bool) -> Act:
    """Move to a marker of the graph, and click it; the plot's drag layer lies over it."""

    async def act(page: Page) -> None:
        box = await page.locator(POINT).nth(1).bounding_box()
        assert box is not None
        at = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        await page.mouse.move(*at)
        if clicked:
            await page.mouse.click(*at)

    return act


def clicks(push: int = 10, selector: str = "#it") -> Walk:
    return Walk("n_clicks", "click", click(selector), push)


CASES = [
    Case(
        "dcc.Input",
        lambda: dcc.Input(id="it", value="old"),
        [
            Walk("value", "type a letter", press("#it", "x"), "pushed"),
            Walk("n_submit", "Enter", press("#it", "Enter"), 10),
            Walk("n_blur", "Tab", press("#it", "Tab"), 10),
        ],
    ),
    Case(
        "dcc.Input debounce",
        lambda: dcc.Input(id="it", debounce=True, value="old"),
        [
            Walk("value", "type a letter, Enter", press("#it", "x", "Enter"), "pushed"),
            Walk("n_submit", "type a letter, Enter", press("#it", "y", "Enter"), 10),
        ],
    ),
    Case(
        "dcc.Input debounce=0.3",
        lambda: dcc.Input(id="it", debounce=0.3, value="old"),
        [Walk("value", "type a letter", press("#it", "x"), "pushed")],
    ),
    Case(
        "dcc.Input number",
        lambda: dcc.Input(id="it", type="number", value=1),
        [
            Walk("value", "click on the stepper", click(".dash-stepper-increment"), 42),
            Walk("n_submit", "Enter", press("#it", "Enter"), 10),
        ],
    ),
    Case(
        "dcc.Textarea",
        lambda: dcc.Textarea(id="it", value="old"),
        [
            clicks(),
            Walk("value", "type a letter", press("#it", "x"), "pushed"),
            Walk("n_blur", "Tab", press("#it", "Tab"), 10),
        ],
    ),
    Case(
        "dcc.Dropdown",
        lambda: dcc.Dropdown(OPTIONS, "a", id="it"),
        [
            Walk("value", "choose an option", click("#it", "[role=option]:has-text('b')"), "c"),
            Walk("search_value", "open, type a letter", then(click("#it"), press(".dash-dropdown-search", "b")), "c"),
        ],
    ),
    Case(
        "dcc.Dropdown multi",
        lambda: dcc.Dropdown(OPTIONS, ["a"], id="it", multi=True),
        [
            Walk(
                "value",
                "choose an option, Escape",
                then(click("#it", "[role=option]:has-text('b')"), press("body", "Escape")),
                ["c"],
            )
        ],
    ),
    Case(
        "dcc.Slider",
        lambda: dcc.Slider(0, 10, 1, value=5, id="it"),
        [
            Walk("value", "arrow key", press("[role=slider]", "ArrowRight"), 2),
            Walk("drag_value", "arrow key", press("[role=slider]", "ArrowRight"), 8),
        ],
        ready="[role=slider]",
    ),
    Case(
        "dcc.Slider dragged",
        lambda: dcc.Slider(0, 10, 1, value=1, id="it"),
        [
            Walk("value", "drag in four steps", drag("[role=slider]", (300, 0), 4), 2, many=True),
            Walk("drag_value", "drag in four steps", drag("[role=slider]", (300, 0), 4), 8, many=True),
        ],
        ready="[role=slider]",
    ),
    Case(
        "dcc.RangeSlider",
        lambda: dcc.RangeSlider(0, 10, 1, value=[3, 6], id="it"),
        [
            Walk("value", "arrow key", press("[role=slider]", "ArrowRight"), [1, 9]),
            Walk("drag_value", "arrow key", press("[role=slider]", "ArrowRight"), [2, 8]),
        ],
        ready="[role=slider]",
    ),
    Case(
        "dcc.Checklist",
        lambda: dcc.Checklist(OPTIONS, ["a"], id="it"),
        [Walk("value", "click", click("#it label:has-text('b')"), ["c"])],
    ),
    Case(
        "dcc.RadioItems",
        lambda: dcc.RadioItems(OPTIONS, "a", id="it"),
        [Walk("value", "click", click("#it label:has-text('b')"), "c")],
    ),
    Case(
        "dcc.Tabs",
        lambda: dcc.Tabs([dcc.Tab(f"in {each}", label=each, value=each) for each in OPTIONS], value="a", id="it"),
        [Walk("value", "click", click("#it .tab:has-text('b')"), "c")],
    ),
    Case(
        "dcc.DatePickerSingle",
        lambda: dcc.DatePickerSingle(id="it", date="2026-01-10"),
        [Walk("date", "choose a day", click("#it", ".dash-datepicker-calendar td:has-text('15')"), "2026-01-20")],
    ),
    Case(
        "dcc.DatePickerRange",
        lambda: dcc.DatePickerRange(id="it", start_date="2026-01-10", end_date="2026-01-12"),
        [
            Walk(
                "start_date",
                "choose two days",
                click(
                    "#it", ".dash-datepicker-calendar td:has-text('15')", ".dash-datepicker-calendar td:has-text('18')"
                ),
                "2026-01-05",
            ),
            Walk(
                "end_date",
                "type a date, Escape",
                then(press("#it-end-date", "End", "Backspace", "9", "Enter"), press("body", "Escape")),
                "2026-01-25",
            ),
        ],
    ),
    Case(
        "dcc.Upload",
        lambda: dcc.Upload("up", id="it"),
        [
            Walk("contents", "choose a file", upload("x.txt"), "data:text/plain;base64,eQ=="),
            Walk("filename", "choose a file", upload("z.txt"), "y.txt"),
        ],
        others=["last_modified"],
    ),
    *(
        Case(
            f"dcc.Store {kind}",
            lambda kind=kind: dcc.Store(id="it", storage_type=kind, data=1),
            [Walk("data", "a script sets it", sets(data=2), 3)],
            others=["modified_timestamp"],
            ready="#ready",
        )
        for kind in ("memory", "local", "session")
    ),
    Case(
        "dcc.Interval max_intervals=1",
        lambda: dcc.Interval(id="it", interval=50, max_intervals=1),
        [Walk("n_intervals", "-", None, 5)],
        ready="#ready",
    ),
    Case(
        "dcc.Location refresh=False",
        lambda: html.Div(
            [
                dcc.Location(id="it", refresh=False),
                *(dcc.Link(each, href=f"/{each}?{each}#{each}", id=each) for each in OPTIONS),
            ]
        ),
        [
            Walk("pathname", "click on a link", click("#a"), "/pushed"),
            Walk("search", "click on a link", click("#b"), "?b=2"),
            Walk("hash", "click on a link", click("#c"), "#pushed"),
        ],
        others=["href"],
        ready="#c",
    ),
    Case(
        "dcc.Clipboard",
        lambda: dcc.Clipboard(id="it", content="text"),
        [clicks(), Walk("content", "-", None, "pushed")],
    ),
    Case(
        "dcc.ConfirmDialogProvider",
        lambda: dcc.ConfirmDialogProvider(html.Button("sure?", id="button"), id="it", message="?"),
        [
            Walk("cancel_n_clicks", "click, cancel", click("#button"), 10),
        ],
        others=["submit_n_clicks"],
        ready="#button",
    ),
    Case(
        "dcc.ConfirmDialog",
        lambda: dcc.ConfirmDialog(id="it", message="?"),
        [Walk("cancel_n_clicks", "a script shows it in this page; cancel", sets(displayed=True), 10)],
        others=["submit_n_clicks"],
        ready="#ready",
    ),
    Case(
        "dcc.Graph",
        lambda: dcc.Graph(id="it", figure=FIGURE),
        [
            Walk("hoverData", "move to a point", on_point(clicked=False), {"points": []}),
            Walk("clickData", "click on a point", on_point(clicked=True), {"points": []}),
            Walk("selectedData", "select by a box", drag(".nsewdrag", (60, 60), 3), {"points": []}, many=True),
            Walk(
                "relayoutData", "click on the modebar", then(hover("#it"), click("[data-val=in]")), {"autosize": True}
            ),
        ],
        others=["restyleData"],
        ready=POINT,
    ),
    Case("dcc.Button", lambda: dcc.Button("go", id="it"), [clicks(), Walk("n_blur", "Tab", press("#it", "Tab"), 10)]),
    Case("html.Button", lambda: html.Button("go", id="it"), [clicks()]),
    Case("html.Div", lambda: html.Div("go", id="it"), [clicks()]),
    Case(
        "html.Details",
        lambda: html.Details([html.Summary("more"), "text"], id="it"),
        [Walk("open", "click", click("summary"), False), clicks(selector="summary")],
    ),
    Case(
        "html.Dialog",
        lambda: html.Dialog(html.Form(html.Button("close", id="close"), method="dialog"), id="it", open=True),
        [clicks(selector="#close"), Walk("open", "-", None, False)],
    ),
]

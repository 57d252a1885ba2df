"""Bootstrap."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dash_bootstrap_components as dbc

from tests.components.cases import OPTIONS, Case, Walk, click, press

PICTURE = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA="


def case(name: str, make: Callable[[], Any], *walks: Walk, ready: str = "#it") -> Case:
    return Case(f"dbc.{name}", make, walks, ready=ready)


CASES = [
    case(
        "Input",
        lambda: dbc.Input(id="it", value="old"),
        Walk("value", "type a letter", press("#it", "x"), "pushed"),
        Walk("n_submit", "Enter", press("#it", "Enter"), 10),
        Walk("n_blur", "Tab", press("#it", "Tab"), 10),
    ),
    case(
        "Input debounce",
        lambda: dbc.Input(id="it", value="old", debounce=True),
        Walk("value", "type a letter, Enter", press("#it", "x", "Enter"), "pushed"),
        Walk("n_submit", "type a letter, Enter", press("#it", "y", "Enter"), 10),
    ),
    case(
        "Input number",
        lambda: dbc.Input(id="it", type="number", value=1),
        Walk("value", "arrow key", press("#it", "ArrowUp"), 42),
    ),
    case(
        "Textarea",
        lambda: dbc.Textarea(id="it", value="old"),
        Walk("value", "type a letter", press("#it", "x"), "pushed"),
        Walk("n_blur", "Tab", press("#it", "Tab"), 10),
    ),
    case("Button", lambda: dbc.Button("go", id="it"), Walk("n_clicks", "click", click("#it"), 10)),
    case("Switch", lambda: dbc.Switch(id="it", label="s"), Walk("value", "click", click("#it"), False)),
    case("Checkbox", lambda: dbc.Checkbox(id="it", label="s"), Walk("value", "click", click("#it"), False)),
    case("RadioButton", lambda: dbc.RadioButton(id="it", label="s"), Walk("value", "click", click("#it"), False)),
    case(
        "Checklist",
        lambda: dbc.Checklist(OPTIONS, ["a"], id="it"),
        Walk("value", "click", click("label:has-text('b')"), ["c"]),
    ),
    case(
        "RadioItems",
        lambda: dbc.RadioItems(OPTIONS, "a", id="it"),
        Walk("value", "click", click("label:has-text('b')"), "c"),
    ),
    case(
        "Select",
        lambda: dbc.Select(OPTIONS, "a", id="it"),
        Walk("value", "choose an option", lambda page: page.locator("#it").select_option("b"), "c"),
    ),
    case(
        "Accordion",
        lambda: dbc.Accordion(
            [dbc.AccordionItem("in", title=each, item_id=each) for each in OPTIONS], id="it", active_item="a"
        ),
        Walk("active_item", "click", click("#it button:has-text('b')"), "c"),
    ),
    case(
        "Accordion start_collapsed",
        lambda: dbc.Accordion([dbc.AccordionItem("in", title=each) for each in OPTIONS], id="it", start_collapsed=True),
        Walk("active_item", "click", click("#it button:has-text('b')"), "item-2"),
    ),
    case(
        "Accordion without active_item",
        lambda: dbc.Accordion([dbc.AccordionItem("in", title=each) for each in OPTIONS], id="it"),
        Walk("active_item", "click", click("#it button:has-text('b')"), "item-2"),
    ),
    case(
        "Tabs",
        lambda: dbc.Tabs([dbc.Tab("in", label=each, tab_id=each) for each in OPTIONS], id="it", active_tab="a"),
        Walk("active_tab", "click", click("#it a:has-text('b')"), "c"),
    ),
    case(
        "Tabs without active_tab",
        lambda: dbc.Tabs([dbc.Tab("in", label=each) for each in OPTIONS], id="it"),
        Walk("active_tab", "click", click("#it a:has-text('b')"), "tab-2"),
    ),
    case(
        "Toast",
        lambda: dbc.Toast("text", header="head", id="it", dismissable=True, is_open=True),
        Walk("is_open", "click on its cross", click("#it button"), True),
        Walk("n_dismiss", "click on its cross", click("#it button"), 10),
        ready="#ready",
    ),
    case(
        "Toast duration=300",
        lambda: dbc.Toast("text", header="head", id="it", duration=300, is_open=False),
        Walk("is_open", "-", None, True),
        ready="#ready",
    ),
    case(
        "Alert",
        lambda: dbc.Alert("text", id="it", dismissable=True, is_open=True),
        Walk("is_open", "click on its cross", click("#it button"), True),
    ),
    case(
        "Alert duration=300",
        lambda: dbc.Alert("text", id="it", duration=300, is_open=False),
        Walk("is_open", "-", None, True),
        ready="#ready",
    ),
    case(
        "Modal",
        lambda: dbc.Modal([dbc.ModalHeader("head"), dbc.ModalBody("text")], id="it", is_open=True, fade=False),
        Walk("is_open", "click on its cross", click(".modal .btn-close"), True),
        ready=".modal.show",
    ),
    case(
        "Offcanvas",
        lambda: dbc.Offcanvas("text", id="it", title="title", is_open=True),
        Walk("is_open", "Escape", press(".offcanvas", "Escape"), True),
        ready=".offcanvas.show",
    ),
    case("Collapse", lambda: dbc.Collapse("text", id="it", is_open=False), Walk("is_open", "-", None, True)),
    case("Fade", lambda: dbc.Fade("text", id="it", is_in=False), Walk("is_in", "-", None, True)),
    case(
        "Popover",
        lambda: [dbc.Button("more", id="target"), dbc.Popover("text", id="it", target="target", trigger="click")],
        Walk("is_open", "click on its target", click("#target"), False),
        ready="#target",
    ),
    case(
        "Tooltip",
        lambda: [dbc.Button("more", id="target"), dbc.Tooltip("text", id="it", target="target")],
        Walk("is_open", "hover over its target", lambda page: page.locator("#target").hover(), False, many=True),
        ready="#target",
    ),
    case(
        "Pagination",
        lambda: dbc.Pagination(max_value=5, id="it", active_page=1),
        Walk("active_page", "click", click("#it a:has-text('2')"), 4),
    ),
    case(
        "Carousel",
        lambda: dbc.Carousel(
            items=[{"key": each, "src": PICTURE, "caption": each} for each in OPTIONS],
            id="it",
            controls=True,
            active_index=0,
            slide=False,
        ),
        Walk("active_index", "click on the next", click(".carousel-control-next"), 0),
    ),
    case(
        "NavLink",
        lambda: dbc.NavLink("link", id="it", href="#"),
        Walk("n_clicks", "click", click("#it"), 10),
        Walk("active", "-", None, True),
    ),
    case(
        "DropdownMenuItem",
        lambda: dbc.DropdownMenu([dbc.DropdownMenuItem("item", id="it")], label="menu", id="menu"),
        Walk("n_clicks", "open, click", click("#menu button", "#it"), 10),
        ready="#menu",
    ),
    case(
        "ListGroupItem",
        lambda: dbc.ListGroup([dbc.ListGroupItem("item", id="it", action=True)]),
        Walk("n_clicks", "click", click("#it"), 10),
    ),
]

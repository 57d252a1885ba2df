"""Mantine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dash_mantine_components as dmc

from dash_devices_nb import html
from tests.components.cases import OPTIONS, Case, Walk, click, press, then, typed

DAY = "button[aria-label='{} January 2026']"


def case(name: str, make: Callable[[], Any], *walks: Walk, **more: Any) -> Case:
    """A case within Mantine's provider."""
    return Case(f"dmc.{name}", lambda: dmc.MantineProvider(make()), walks, **more)


def option(name: str) -> str:
    return f"[role=option]:has-text('{name}')"


def opened(make: Callable[..., Any]) -> Any:
    """Something that opens over the page, open from the start."""
    return make("text", id="it", opened=True, title="title", transitionProps={"duration": 0})


CASES = [
    case(
        "TextInput",
        lambda: dmc.TextInput(id="it", value="old"),
        Walk("value", "type a letter", press("#it", "x"), "pushed"),
        Walk("n_submit", "Enter", press("#it", "Enter"), 10),
        Walk("n_blur", "Tab", press("#it", "Tab"), 10),
    ),
    case(
        "TextInput debounce",
        lambda: dmc.TextInput(id="it", value="old", debounce=1000),
        Walk("value", "type two letters", typed("#it", "xy", within=1.0), "pushed"),
        quiet=1.5,
    ),
    case(
        "PasswordInput",
        lambda: dmc.PasswordInput(id="it", value="old"),
        Walk("value", "type a letter", press("input", "x"), "pushed"),
    ),
    case(
        "Textarea",
        lambda: dmc.Textarea(id="it", value="old"),
        Walk("value", "type a letter", press("#it", "x"), "pushed"),
    ),
    case(
        "NumberInput",
        lambda: dmc.NumberInput(id="it", value=1),
        Walk("value", "type a digit", press("#it", "5"), 42),
        Walk("n_blur", "Tab", press("#it", "Tab"), 10),
    ),
    case(
        "NumberInput stepper",
        lambda: dmc.NumberInput(id="it", value=1),
        Walk("value", "click on the stepper", click("[data-direction=up]"), 42),
    ),
    case(
        "PinInput",
        lambda: dmc.PinInput(id="it", length=2),
        Walk("value", "type two digits", then(press("input", "1"), press("input >> nth=1", "2")), "34", many=True),
        ready="input",
    ),
    case(
        "Autocomplete",
        lambda: dmc.Autocomplete(data=OPTIONS, id="it", value=""),
        Walk("value", "type a letter, Escape", press("#it", "b", "Escape"), "c"),
    ),
    case(
        "Select",
        lambda: dmc.Select(data=OPTIONS, value="a", id="it"),
        Walk("value", "choose an option", click("#it", option("b")), "c"),
    ),
    case(
        "Select dropdownOpened=False",
        lambda: dmc.Select(data=OPTIONS, value="a", id="it", dropdownOpened=False),
        Walk("dropdownOpened", "click", click("#it"), False),
    ),
    case(
        "Select searchable",
        lambda: dmc.Select(data=OPTIONS, value="a", id="it", searchable=True),
        Walk("value", "choose an option", click("#it", option("b")), "c"),
        Walk("searchValue", "type a letter, Escape", press("#it", "b", "Escape"), "c"),
    ),
    case(
        "MultiSelect",
        lambda: dmc.MultiSelect(data=OPTIONS, value=["a"], id="it"),
        Walk(
            "value",
            "choose an option, Escape",
            then(click(".mantine-MultiSelect-input", option("b")), press("body", "Escape")),
            ["c"],
        ),
    ),
    case(
        "TagsInput",
        lambda: dmc.TagsInput(data=OPTIONS, value=["a"], id="it"),
        Walk("value", "type a letter, Enter", press("#it", "x", "Enter"), ["c"]),
    ),
    case(
        "Slider",
        lambda: dmc.Slider(id="it", value=5, min=0, max=10),
        Walk("value", "arrow key", press("[role=slider]", "ArrowRight"), 8),
    ),
    case(
        "Slider drag",
        lambda: dmc.Slider(id="it", value=5, min=0, max=10, updatemode="drag"),
        Walk("value", "arrow key", press("[role=slider]", "ArrowRight"), 8),
    ),
    case(
        "RangeSlider",
        lambda: dmc.RangeSlider(id="it", value=[3, 6], min=0, max=10, minRange=1),
        Walk("value", "arrow key", press("[role=slider]", "ArrowRight"), [1, 9]),
    ),
    case(
        "Switch",
        lambda: dmc.Switch(id="it", label="switch", checked=False),
        Walk("checked", "click", click("label"), False),
    ),
    case(
        "Checkbox",
        lambda: dmc.Checkbox(id="it", label="box", checked=False),
        Walk("checked", "click", click("#it"), False),
    ),
    case(
        "CheckboxGroup",
        lambda: dmc.CheckboxGroup([dmc.Checkbox(label=each, value=each) for each in OPTIONS], value=["a"], id="it"),
        Walk("value", "click", click("label:has-text('b')"), ["c"]),
        ready="label",
    ),
    case(
        "RadioGroup",
        lambda: dmc.RadioGroup([dmc.Radio(label=each, value=each) for each in OPTIONS], value="a", id="it"),
        Walk("value", "click", click("label:has-text('b')"), "c"),
        ready="label",
    ),
    case(
        "SegmentedControl",
        lambda: dmc.SegmentedControl(data=OPTIONS, value="a", id="it"),
        Walk("value", "click", click("#it label:has-text('b')"), "c"),
    ),
    case(
        "Tabs",
        lambda: dmc.Tabs([dmc.TabsList([dmc.TabsTab(each, value=each) for each in OPTIONS])], value="a", id="it"),
        Walk("value", "click", click("[role=tab]:has-text('b')"), "c"),
    ),
    case(
        "Accordion",
        lambda: dmc.Accordion(
            [dmc.AccordionItem([dmc.AccordionControl(each), dmc.AccordionPanel("in")], value=each) for each in OPTIONS],
            value="a",
            id="it",
        ),
        Walk("value", "click", click("#it button:has-text('b')"), "c"),
    ),
    case(
        "Pagination",
        lambda: dmc.Pagination(total=5, value=1, id="it"),
        Walk("value", "click", click("#it button:has-text('2')"), 4),
    ),
    case(
        "DatePicker",
        lambda: dmc.DatePicker(id="it", value="2026-01-10", defaultDate="2026-01-10"),
        Walk("value", "choose a day", click(DAY.format(15)), "2026-01-20"),
    ),
    case(
        "DatePickerInput",
        lambda: dmc.DatePickerInput(id="it", value="2026-01-10"),
        Walk("value", "choose a day", click("#it", DAY.format(15)), "2026-01-20"),
    ),
    case(
        "DateInput",
        lambda: dmc.DateInput(id="it", value="2026-01-10"),
        Walk("value", "choose a day", click("#it", DAY.format(15)), "2026-01-20"),
    ),
    case(
        "DateTimePicker",
        lambda: dmc.DateTimePicker(id="it", value="2026-01-10 10:00:00"),
        Walk(
            "value",
            "choose a day, Escape",
            then(click("#it", DAY.format(15)), press("body", "Escape")),
            "2026-01-20 11:00:00",
        ),
    ),
    case(
        "TimeInput",
        lambda: dmc.TimeInput(id="it", value="10:00"),
        Walk("value", "type another time", lambda page: page.locator("#it").fill("11:30"), "12:45"),
    ),
    case(
        "ColorPicker",
        lambda: dmc.ColorPicker(id="it", value="#ff0000", format="hex"),
        Walk("value", "arrow key", press("[data-hue]", "ArrowRight"), "#00ff00", many=True),
    ),
    case(
        "ColorInput",
        lambda: dmc.ColorInput(id="it", value="#ff0000", withPicker=False),
        Walk("value", "type another", lambda page: page.locator("#it").fill("#0000ff"), "#00ff00"),
    ),
    case(
        "Rating",
        lambda: dmc.Rating(id="it", value=2),
        Walk("value", "click", click("#it label[for$='-4-0'], #it label[for$='-4-1']"), 3),
    ),
    case(
        "Chip",
        lambda: dmc.Chip("chip", id="it", checked=False),
        Walk("checked", "click", click("label"), False),
        ready="label",
    ),
    case(
        "ChipGroup",
        lambda: dmc.ChipGroup([dmc.Chip(each, value=each) for each in OPTIONS], value="a", id="it"),
        Walk("value", "click", click("label:has-text('b')"), "c"),
        ready="label",
    ),
    case("Button", lambda: dmc.Button("go", id="it"), Walk("n_clicks", "click", click("#it"), 10)),
    case("ActionIcon", lambda: dmc.ActionIcon("go", id="it"), Walk("n_clicks", "click", click("#it"), 10)),
    case("Burger", lambda: dmc.Burger(id="it", opened=False), Walk("opened", "click", click("#it"), False)),
    case(
        "NavLink",
        lambda: dmc.NavLink(label="link", id="it", children=[dmc.NavLink(label="inner")], opened=False),
        Walk("opened", "click", click("#it"), False),
        Walk("n_clicks", "click", click("#it"), 10),
    ),
    case(
        "Drawer",
        lambda: opened(dmc.Drawer),
        Walk("opened", "click on its cross", click("[role=dialog] button"), True),
        ready="[role=dialog]",
    ),
    case(
        "Modal",
        lambda: opened(dmc.Modal),
        Walk("opened", "Escape", press("[role=dialog]", "Escape"), True),
        ready="[role=dialog]",
    ),
    case(
        "Menu",
        lambda: dmc.Menu(
            [dmc.MenuTarget(dmc.Button("menu", id="target")), dmc.MenuDropdown([dmc.MenuItem("item")])],
            id="it",
            opened=False,
        ),
        Walk("opened", "click on its target", click("#target"), False),
        ready="#target",
    ),
    case(
        "Popover",
        lambda: dmc.Popover(
            [dmc.PopoverTarget(dmc.Button("more", id="target")), dmc.PopoverDropdown("text")],
            id="it",
            opened=False,
        ),
        Walk("opened", "click on its target", click("#target"), False),
        ready="#target",
    ),
    case(
        "Alert",
        lambda: dmc.Alert("text", id="it", withCloseButton=True, title="title"),
        Walk("hide", "click on its cross", click("#it button"), False),
    ),
    case(
        "Spoiler",
        lambda: dmc.Spoiler(
            html.Div("text", style={"height": 300}),
            id="it",
            showLabel="more",
            hideLabel="less",
            maxHeight=50,
            expanded=False,
        ),
        Walk("expanded", "click", click("button"), False),
        ready="button",
    ),
    case(
        "Stepper",
        lambda: dmc.Stepper([dmc.StepperStep(label=each) for each in OPTIONS], active=0, id="it"),
        Walk("active", "-", None, 2),
    ),
    case(
        "Tree",
        lambda: dmc.Tree(
            id="it", data=[{"label": "a", "value": "a", "children": [{"label": "b", "value": "b"}]}], checkboxes=True
        ),
        Walk("expanded", "click", click("#it >> text=a"), []),
        Walk("checked", "click on a checkbox", click("#it [class*=Checkbox]"), []),
    ),
    case(
        "Carousel",
        lambda: dmc.Carousel([dmc.CarouselSlide(each) for each in OPTIONS], id="it", withIndicators=True, height=80),
        Walk("active", "click on the next", click("#it button >> nth=1"), 2, many=True),
    ),
    case(
        "BarChart",
        lambda: dmc.BarChart(
            id="it",
            h=200,
            w=400,
            dataKey="x",
            data=[{"x": "a", "y": 3}, {"x": "b", "y": 5}],
            series=[{"name": "y"}],
            barProps={"isAnimationActive": False},
        ),
        Walk("clickData", "click on a bar", click(".recharts-bar-rectangle"), {"x": "z"}),
        ready=".recharts-bar-rectangle",
    ),
]

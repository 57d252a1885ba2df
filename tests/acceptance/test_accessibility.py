"""Pages, panels, bar, question and share card: axe finds nothing serious; keyboard, motion, language."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Literal

import pytest
from playwright.async_api import Page, expect

from dash_devices_nb import Dash, Input, dcc, devices, html
from dash_devices_nb.app.access.share_links import _card
from dash_devices_nb.errors import RunError
from dash_devices_nb.testing import visitor
from tests.support.axe import SCRIPT, findings
from tests.support.browser import Tabs
from tests.support.serving import Serving

needs_axe = pytest.mark.skipif(not SCRIPT.exists(), reason="there is no axe-core (`make test` installs it)")
SCHEMES = pytest.mark.parametrize("scheme", ["light", "dark"])
PARTS = ("#_dash-devices-floor", "#_dash-devices-question", "#_dash-devices-notices")


class Lamp:
    """A device with a signal of each kind."""

    brightness: Annotated[float, devices.Limits(0, 100), devices.Unit("%")] = 10.0
    on: bool = True
    mode: Literal["steady", "blinking"] = "steady"
    label: str = "desk"

    @property
    def temperature(self) -> Annotated[float, devices.Unit("°C"), devices.Period(0.1)]:
        return 21.5


async def opened(browser: Tabs, app: Dash, role: str, **options) -> Page:
    """A page of somebody of this role."""
    headers = visitor(app, role, "Ada", guest=role != "owner")
    context = await browser.context(extra_http_headers=headers, **options)
    page = await browser.open(app.url, context=context)
    await expect(page.locator("#device")).to_be_visible()
    return page


def bench(**options) -> Dash:
    """A page with a knob."""
    app = Dash("bench", **options)
    app.layout = html.Main(
        [
            html.H1("Bench", id="device"),
            app.presence(),
            html.Label("Knob", htmlFor="knob"),
            dcc.Input(id="knob", value="1"),
        ]
    )
    app.callback_shared(None, Input("knob", "value"))(lambda value: None)
    return app


@needs_axe
@SCHEMES
async def test_a_guests_page(serve: Serving, browser: Tabs, scheme: str) -> None:
    """The form for the name, the floor bar, a question, its result and a notice, in light and dark."""
    app = bench(language="en")
    await serve(app)
    page = await opened(browser, app, "view", color_scheme=scheme)
    assert await findings(page) == []
    await page.locator("#_dash-devices-floor .later").click()
    question = app.ask("What will happen?", ["on", "off"])
    app.notice("Five minutes left.")
    app.notice("Too hot.", level="error")
    app.notice("Warm.", level="warning")
    await expect(page.locator(".notice")).to_have_count(3)
    await expect(page.locator("#_dash-devices-question section")).to_be_visible()
    assert await findings(page) == []
    question.close(show=True)
    await expect(page.locator("#_dash-devices-question .row")).to_have_count(2)
    assert await findings(page, *PARTS) == []


@needs_axe
@SCHEMES
async def test_a_panel_of_a_device(serve: Serving, browser: Tabs, scheme: str) -> None:
    """Rows, fields, a graph, hold-to-run, stop, alarms and procedures."""
    with devices.connect(Lamp(), name="lamp") as lamp:
        app = Dash("lamp", devices=[lamp], language="en")

        @app.procedure
        def sweep(run, stop: float = 10) -> None:
            """Sweep the lamp."""

        app.layout = html.Main(
            [
                html.H1("Lamp", id="device"),
                devices.panel(lamp),
                devices.hold(lamp.brightness, 50, 0, label="Bright"),
                app.stop_button(lambda: None),
                devices.alarms(),
                devices.procedures(),
            ]
        )
        app.alarm(lamp.temperature, when=lambda degrees: degrees > 20)
        await serve(app)
        page = await opened(browser, app, "owner", color_scheme=scheme)
        await expect(page.locator(".ddn-row .ddn-value").first).to_be_visible()
        await expect(page.get_by_text("Acknowledge")).to_be_visible()
        assert await findings(page, ".ddn-panel") == []
        assert await findings(page) == []


@needs_axe
async def test_the_card_of_a_share_link(browser: Tabs) -> None:
    """As a notebook shows it."""
    page = await browser.open()
    card = _card(
        "http://localhost:8888", "/x/?share=1", "view, until 17:00", "This address works on this computer only."
    )
    await page.set_content(f'<!doctype html><html lang="en"><title>x</title><body><main><h1>x</h1>{card}')
    assert await findings(page) == []


async def test_a_guest_gets_along_by_keyboard(serve: Serving, browser: Tabs) -> None:
    """The name is given, a question answered and put aside, control requested, with no pointer."""
    app = bench()
    await serve(app)
    page = await opened(browser, app, "view")
    await page.locator("#_dash-devices-floor input").focus()
    await page.keyboard.type("Zoë")
    await page.keyboard.press("Enter")
    await expect(page.locator("#_dash-devices-floor .text b")).to_have_text("Zoë")
    question = app.ask("What will happen?", ["on", "off"])
    await expect(page.get_by_role("radio")).to_have_count(2)

    async def to(role: str, name: str) -> None:
        target = page.get_by_role(role, name=name, exact=True)
        for _ in range(12):
            await page.keyboard.press("Tab")
            if await target.evaluate("each => each.getRootNode().activeElement === each"):
                return
        raise AssertionError(f"Tab does not reach {name!r}")

    await page.locator("body").focus()
    await to("radio", "on")
    await page.keyboard.press("ArrowDown")
    await expect(page.get_by_role("radio", name="off")).to_be_checked()
    await expect(page.locator("#_dash-devices-question small")).to_have_text("Your answer counts. You can change it.")
    await to("button", "Put the question aside")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("radio")).to_have_count(0)
    await to("button", "Request control")
    await page.keyboard.press("Enter")
    await expect(page.locator("#_dash-devices-floor .text")).to_contain_text("in line")
    assert question.counts == {"on": 0, "off": 1}


async def test_nothing_moves_for_whoever_wants_that(serve: Serving, browser: Tabs) -> None:
    """`prefers-reduced-motion`: no animation and no transition in what is ours."""
    app = bench()
    await serve(app)
    page = await opened(browser, app, "view", reduced_motion="reduce")
    app.ask("What will happen?", ["on", "off"]).close(show=True)
    app.pause()
    await expect(page.locator("#_dash-devices-question .rail")).to_have_count(2)
    await expect(page.locator("#_dash-devices-notices .bar.shown")).to_be_visible()
    moving = await page.evaluate(
        """() => [...document.querySelectorAll('[id^=_dash-devices-]')].filter(host => host.shadowRoot)
            .flatMap(host => [...host.shadowRoot.querySelectorAll('*')])
            .flatMap(each => ['', '::before', '::after'].map(part => getComputedStyle(each, part)))
            .filter(style => style.animationName !== 'none' || style.transitionDuration !== '0s').length"""
    )
    app.resume()
    assert moving == 0


async def test_the_language_is_the_apps_or_else_the_browsers(serve: Serving, browser: Tabs) -> None:
    """German by the browser, English by the app in the same browser, and English for an unknown one."""
    theirs, ours = bench(), bench(language="en")
    await asyncio.gather(serve(theirs), serve(ours))
    german = await opened(browser, theirs, "view", locale="de-AT")
    await expect(german.locator("#_dash-devices-floor label")).to_have_text("Wie heißt du?")
    await expect(german.locator("#_dash-devices-floor .act")).to_have_text("Steuern anfragen")
    assert await german.evaluate("document.documentElement.lang") == ""
    assert await german.evaluate("document.getElementById('_dash-devices-floor').lang") == "de"
    english = await opened(browser, ours, "view", locale="de-AT")
    await expect(english.locator("#_dash-devices-floor .act")).to_have_text("Request control")
    assert await english.evaluate("document.documentElement.lang") == "en"
    french = await opened(browser, theirs, "view", locale="fr")
    await expect(french.locator("#_dash-devices-floor .act")).to_have_text("Request control")


OURS = """() => {
    const english = Object.values(dashDevices.TEXTS).filter(each => each.en !== each.de && each.en.length > 3);
    const escaped = text => text.replace(/[.*+?^$()|]/g, '\\\\$&').replace(/\\{\\d\\}/g, '.+');
    const shapes = english.map(({en}) => new RegExp(`^${escaped(en)}$`));
    const texts = [...document.querySelectorAll('.ddn *')].flatMap(each => [
        ...[...each.childNodes].filter(node => node.nodeType === 3).map(node => node.textContent),
        ...['title', 'aria-label', 'placeholder'].map(name => each.getAttribute(name) ?? ''),
    ]);
    return texts.map(each => each.trim()).filter(each => shapes.some(shape => shape.test(each)));
}"""
"""The texts and names in the views of devices that are English ones of ours."""


async def test_the_views_of_devices_are_german(serve: Serving, browser: Tabs, tmp_path: Path) -> None:
    """Panel, value, hold, stop, alarms, procedures and kept values; and what the app says of a value it refuses."""
    kept = str(tmp_path / "kept.db")
    with devices.connect(Lamp(), name="lamp", keep=["brightness"]) as lamp:
        app = Dash("lamp", devices=[lamp], keep=kept)

        @app.procedure
        def sweep(run, stop: float = 10) -> None:
            """Bis zum Ende."""

        app.layout = html.Main(
            [
                html.H1("Lampe", id="device"),
                devices.panel(lamp),
                html.P(devices.value(lamp.temperature)),
                devices.hold(lamp.brightness, 50, 0, label="Hell"),
                app.stop_button(lambda: None, label="Halt"),
                devices.alarms(),
                devices.procedures(),
                devices.kept(),
            ]
        )
        app.alarm(lamp.temperature, when=lambda degrees: degrees > 20)
        await serve(app)
        page = await opened(browser, app, "owner", locale="de-DE")
        await expect(page.get_by_role("button", name="quittieren")).to_have_text("Quittieren")
        brightness = page.get_by_label("brightness in % setzen", exact=True)
        await brightness.fill("200")
        await brightness.press("Enter")
        row = page.locator(".ddn-row", has=brightness)
        await expect(row.locator(".ddn-message")).to_have_text("brightness nimmt eine Zahl von 0 bis 100 %, nicht 200")
        await page.get_by_role("switch").click()
        await expect(page.get_by_role("switch")).to_have_text("aus")
        await page.get_by_role("button", name="Starten").click()
        await expect(page.locator(".ddn-run-words")).to_contain_text("fertig")
        await page.get_by_label("Name einer Vorgabe").fill("abends")
        await page.get_by_role("button", name="Jetzigen Stand speichern").click()
        await expect(page.locator(".ddn-keeps [role=alert]")).to_have_text("1 Werte als 'abends' gespeichert")
        await page.get_by_role("button", name="Vergleichen abends").click()
        await expect(page.get_by_text("alles ist wie in dieser Vorgabe")).to_be_visible()
        assert await page.evaluate(OURS) == []
        english = await opened(browser, app, "owner", locale="en-GB")
        await expect(english.get_by_role("button", name="Acknowledge")).to_be_visible()
        assert "Acknowledge" in await english.evaluate(OURS)
        for each in browser.pages:
            await each.close()


def test_a_language_is_a_tag(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the argument, or the environment; anything else is refused, before it gets into a page."""
    with pytest.raises(RunError, match="language='<b>': give the tag of a language, such as 'de'"):
        Dash("bench", language="<b>")
    monkeypatch.setenv("DASH_DEVICES_LANGUAGE", "de de")
    with pytest.raises(RunError, match="language='de de'"):
        Dash("bench")
    Dash("bench", language="pt-BR")

"""What a browser remembers is older than the device: it drives nothing, and is not shown over the app's value."""

from __future__ import annotations

import asyncio
import threading
import time

from playwright.async_api import expect

from dash_devices_nb import Dash, Input, Output, dash_table, dcc, html
from dash_devices_nb.app.api.parts import parts_of
from tests.support.browser import Tabs
from tests.support.eventually import eventually
from tests.support.serving import Serving


async def test_opening_a_page_with_an_old_store_drives_nothing(serve: Serving, browser: Tabs):
    """A laptop comes back with 12 V in its store while the device is at 3 V: it stays, and the laptop shows it."""
    app = Dash(__name__)
    store = dcc.Store(id="set", storage_type="local", data=0)
    app.layout = html.Div([store, html.B(id="device"), html.I(id="seen"), html.U(id="acted")])
    volts: list[float] = []
    acts: list[float] = []

    @app.callback_shared(Output("device", "children"), Input("set", "data"))
    def drive(value):
        volts.append(value)
        return f"{value} V"

    app.callback(Output("seen", "children"), Input("set", "data"))(lambda value: f"sees {value}")
    app.callback(None, Input("set", "data"))(acts.append)
    url = await serve(app)
    laptop = await browser.context()
    page, other = await browser.open(url, context=laptop), await browser.open(url)
    app.push_mods({"set": {"data": 12}})
    await expect(page.locator("#seen")).to_have_text("sees 12")
    await page.wait_for_function("localStorage.getItem('set') === '12'")
    await page.close()
    app.push_mods({"set": {"data": 3}})
    await expect(other.locator("#device")).to_have_text("3 V")
    volts.clear()
    again = await browser.open(url, context=laptop)
    await expect(again.locator("#seen")).to_have_text("sees 3")
    assert await again.evaluate("localStorage.getItem('set')") == "12", "it came with the old value"
    app.push_mods({"set": {"data": 4}})
    await expect(again.locator("#device")).to_have_text("4 V")
    await expect(again.locator("#seen")).to_have_text("sees 4")
    await again.wait_for_function("localStorage.getItem('set') === '4'")
    assert volts == [4]
    assert acts == []


async def test_a_store_of_a_page_of_its_own_is_restored_and_acts_on_nothing(serve: Serving, browser: Tabs):
    """A store that is not shared comes back as in stock Dash; what a callback makes of it is not taken for all."""
    app = Dash(__name__)
    app.layout = html.Div(
        [
            dcc.Store(id="mine", storage_type="local"),
            dcc.Input(id="set", value="5"),
            html.I(id="seen"),
            html.B(id="device"),
        ]
    )
    driven: list[str] = []

    @app.callback_shared(Output("device", "children"), Input("set", "value"))
    def drive(value):
        driven.append(value)
        return f"{value} V"

    app.callback(Output("seen", "children"), Output("set", "value"), Input("mine", "data"), prevent_initial_call=True)(
        lambda data: (f"sees {data}", str(data))
    )
    url = await serve(app)
    laptop = await browser.context()
    page = await browser.open(url, context=laptop)
    await expect(page.locator("#device")).to_have_text("5 V")
    await page.evaluate("localStorage.setItem('mine', '9')")
    await page.reload()
    await expect(page.locator("#seen")).to_have_text("sees 9")
    await expect(page.locator("#set")).to_have_value("5")
    assert driven == ["5"]


async def test_persistence_restores_nothing_over_the_device(serve: Serving, browser: Tabs):
    """Fields of the layout and of pushed children show what the device has; one of the page's own is restored."""
    app = Dash(__name__)
    field = dcc.Input(id="field", value="5", persistence=True)
    memory = dcc.Input(id="memory", value="5", persistence=True, persistence_type="memory")
    app.layout = html.Div(
        [
            field,
            memory,
            dcc.Input(id="own", value="", persistence=True),
            html.Div(id="part"),
            html.B(id="device"),
        ]
    )

    @app.callback_shared(
        Output("device", "children"), Input("field", "value"), Input("memory", "value"), Input("late", "value")
    )
    def drive(*values):
        return " ".join(map(str, values))

    app.push_mods({"part": {"children": dcc.Input(id="late", value="5", persistence=True)}})
    url = await serve(app)
    page = await browser.open(url)
    for name in ("field", "memory", "late", "own"):
        await page.locator(f"#{name}").fill("9")
    await expect(page.locator("#device")).to_have_text("9 9 9")
    app.push_mods({name: {"value": "5"} for name in ("field", "memory", "late")})
    await expect(page.locator("#device")).to_have_text("5 5 5")
    for anew in (page.reload, lambda: asyncio.to_thread(app.reload_pages)):
        await anew()
        await expect(page.locator("#own")).to_have_value("9")
        for name in ("field", "memory", "late"):
            await expect(page.locator(f"#{name}")).to_have_value("5")
        await expect(page.locator("#device")).to_have_text("5 5 5")


async def test_a_new_layout_forgets_nothing_of_what_a_browser_keeps(serve: Serving, browser: Tabs):
    """`reload_pages()` shows fields of the page's own as they are; they are there after a reload of the browser."""
    app = Dash(__name__)
    columns = [{"name": "volts", "id": "v", "renamable": True}]
    table = dash_table.DataTable([{"v": 1}], columns, id="table", persistence="t", persisted_props=["columns.name"])
    app.layout = html.Div(
        [
            dcc.Input(id="local", value="", persistence=True),
            dcc.Input(id="session", value="", persistence="s", persistence_type="session"),
            dcc.Input(id={"field": 1}, className="dict", value="", persistence=True),
            table,
        ]
    )
    page = await browser.open(await serve(app))
    page.on("dialog", lambda dialog: asyncio.ensure_future(dialog.accept("amps")))
    fields = [page.locator(each) for each in ("#local", "#session", "input.dict, .dict input")]
    for field in fields:
        await field.fill("9")
    await page.locator(".column-header--edit").click()

    async def all_there() -> None:
        for field in fields:
            await expect(field).to_have_value("9")
        await expect(page.locator(".column-header-name")).to_have_text("amps")

    await all_there()
    for _ in range(2):
        await page.evaluate("window.before = document.querySelector('#local').closest('#react-entry-point > *')")
        await asyncio.to_thread(app.reload_pages)
        await page.wait_for_function("!window.before.isConnected && document.querySelector('#local')")
        await all_there()
    await page.reload()
    await all_there()


async def test_tabs_of_one_browser_do_not_storm(serve: Serving, browser: Tabs):
    """Three tabs tell each other of a local store past the app; forty pushes are forty calls, and the last holds."""
    app = Dash(__name__)
    app.layout = html.Div([dcc.Store(id="setpoint", storage_type="local", data=0), html.B(id="shown")])
    calls: list[int] = []

    @app.callback_shared(Output("shown", "children"), Input("setpoint", "data"))
    def drive(value):
        calls.append(value)
        return f"at {value}"

    url = await serve(app)
    context = await browser.context()
    pages = await asyncio.gather(*(browser.open(url, context=context) for _ in range(3)))
    for page in pages:
        await expect(page.locator("#shown")).to_have_text("at 0")
    calls.clear()

    def ramp() -> None:
        for value in range(1, 41):
            app.push_mods({"setpoint": {"data": value}})
            time.sleep(0.005)  # as a device that is driven up

    thread = threading.Thread(target=ramp)
    thread.start()
    await asyncio.to_thread(thread.join)
    for page in pages:
        await expect(page.locator("#shown")).to_have_text("at 40")
        await page.wait_for_function("localStorage.getItem('setpoint') === '40'")
    revision = parts_of(app).runtime.dispatcher.state.revision
    looks: list[int] = []
    await eventually(lambda: looks.append(0) or len(looks) > 20, 10)
    assert calls == list(range(1, 41))
    assert parts_of(app).runtime.dispatcher.state.revision == revision

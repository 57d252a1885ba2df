"""Makes the pictures of the README, from a real JupyterLab and real pages: `python -m docs.make_pictures`.

Takes about two minutes; `python -m docs.make_pictures devices` makes only those of the notebooks on devices. It needs
the package with its extra `test`, and Chromium.
"""

from __future__ import annotations

import asyncio
import base64
import shutil
import sys
from pathlib import Path

import nbformat
from playwright.async_api import FrameLocator, Locator, Page

from tests.support.browser import Tabs, launched_chromium
from tests.support.eventually import eventually
from tests.support.jupyter import Jupyter, running_jupyter
from tests.support.lab import LabNotebook
from tests.support.lesson import APP as LESSON_APP
from tests.support.lesson import CONSOLE, PHONE, Teacher, foot, guest

HERE = Path(__file__).parent
NOTEBOOK = HERE.parent / "notebooks" / "01_thermostat.ipynb"
DEBUGGING = HERE.parent / "notebooks" / "02_live_debugging.ipynb"
PICTURES = HERE / "pictures"
APP, PUSH, LAST = 3, 7, 9
POINTS = 130  # on the graph, five a second, before a picture is taken
NAME = "01_thermostat"
DRIVER = HERE.parent / "notebooks" / "06_a_real_driver.ipynb"
EPICS = HERE.parent / "notebooks" / "07_epics.ipynb"
RUNS = HERE.parent / "notebooks" / "08_runs_and_history.ipynb"

WINDOWS = """<!doctype html><style>
body {{ margin: 0; padding: 28px; display: inline-flex; gap: 24px; background: #dfe5ec; }}
figure {{ margin: 0; border-radius: 10px; overflow: hidden; background: #fff; box-shadow: 0 8px 28px #0f172a33; }}
figcaption {{ padding: 9px 14px; background: #eef1f5; color: #475569; display: flex; align-items: center; gap: 7px; }}
figcaption {{ font: 13px system-ui, sans-serif; }}
i {{ width: 11px; height: 11px; border-radius: 50%; background: #cbd5e1; }}
span {{ margin-left: 10px; padding: 3px 14px; border-radius: 10px; background: #fff; flex: 1; }}
img {{ display: block; }}
</style>{figures}"""
FIGURE = """<figure><figcaption><i></i><i></i><i></i><span>{address}</span></figcaption>
<img src="data:image/png;base64,{picture}"></figure>"""


async def main() -> None:
    """Make all pictures."""
    PICTURES.mkdir(exist_ok=True)
    async with launched_chromium() as chromium, running_jupyter("lab") as jupyter:
        tabs = Tabs(chromium)
        await of_devices(tabs, jupyter)
        if "devices" in sys.argv[1:]:
            await tabs.close()
            return
        shutil.copy(NOTEBOOK, jupyter.root)
        notebook = await LabNotebook.open(tabs, jupyter, NOTEBOOK.name)
        await notebook.page.set_viewport_size({"width": 1400, "height": 900})
        await notebook.command("application:toggle-left-area")
        await notebook.run_all()
        await notebook.scroll_to(APP)
        frame = notebook.frame(APP)
        await frame.locator("#graph .js-plotly-plot").wait_for()
        first = await page_of(tabs, jupyter, notebook, width=640, height=600)
        second = await page_of(tabs, jupyter, notebook, width=640, height=600)
        phone = await phone_of(tabs, jupyter, notebook)
        pages = [frame, first, second, phone]
        await make_history(pages)
        await notebook.run(PUSH)
        await agree(pages, "#target-shown", "23.0 °C")
        await notebook.scroll_to(APP)
        await in_jupyterlab(notebook)
        await notebook.edit(LAST, "thermostat.close()")
        await notebook.run(LAST)
        await agree(pages[1:], "#temperature", await first.locator("#temperature").inner_text())
        await side_by_side(tabs, [first, second])
        await phone.screenshot(path=PICTURES / "phone.png")
        await debugging(tabs, jupyter)
        await classroom(tabs, jupyter)
        await tabs.close()


async def of_devices(tabs: Tabs, jupyter: Jupyter) -> None:
    """The pictures of the notebooks on devices: a driver in JupyterLab, an IOC that is gone, a run with its history."""
    notebook = await opened(tabs, jupyter, DRIVER)
    await notebook.run_all()
    await notebook.scroll_to(cell_of(DRIVER, "page"))
    frame = notebook.frame(cell_of(DRIVER, "page"))
    await frame.get_by_text("stage A is warm").wait_for()
    await frame.get_by_label("set Proportional (closed-loop)").wait_for()
    await notebook.cell(cell_of(DRIVER, "page")).locator("iframe").evaluate("f => f.scrollIntoView({block: 'end'})")
    await notebook.page.screenshot(path=PICTURES / "real-driver.png")
    await end(notebook, DRIVER)

    notebook = await opened(tabs, jupyter, EPICS)
    page = await run_with_page(tabs, jupyter, notebook, EPICS, "thermo", until="set", height=560)
    await page.get_by_role("group", name="temperature").locator("polyline").wait_for()
    await notebook.run(cell_of(EPICS, "kill"))
    await page.get_by_text("4 disconnected").wait_for()
    await page.screenshot(path=PICTURES / "epics.png")
    await end(notebook, EPICS)

    notebook = await opened(tabs, jupyter, RUNS)
    page = await run_with_page(tabs, jupyter, notebook, RUNS, "magnet", until="run", height=860)
    await page.get_by_role("button", name="Start").click()
    await page.get_by_role("group", name="sweep 2").get_by_text("65 %").wait_for()
    await page.screenshot(path=PICTURES / "runs.png")
    await end(notebook, RUNS)


def cell_of(path: Path, name: str) -> int:
    """The number of the cell with this id."""
    return [cell.id for cell in nbformat.read(path, as_version=4).cells].index(name)


async def opened(tabs: Tabs, jupyter: Jupyter, path: Path) -> LabNotebook:
    """A copy of a notebook in JupyterLab, without the side bar."""
    shutil.copy(path, jupyter.root)
    notebook = await LabNotebook.open(tabs, jupyter, path.name)
    await notebook.page.set_viewport_size({"width": 1400, "height": 900})
    await notebook.command("application:toggle-left-area")
    return notebook


async def run_with_page(
    tabs: Tabs, jupyter: Jupyter, notebook: LabNotebook, path: Path, name: str, *, until: str, height: int
) -> Page:
    """Run the cells up to one, with a tab on the app of the cell "page" from then on. Returns the tab."""
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    for cell in cells[: [cell.id for cell in cells].index(until) + 1]:
        await notebook.run(cell_of(path, cell.id))
        if cell.id == "page":
            page = await tabs.open(f"{jupyter.url}dash-devices/{name}/", context=notebook.page.context)
            await page.set_viewport_size({"width": 900, "height": height})
            await page.locator(".ddn-panel").first.wait_for()
            await notebook.page.bring_to_front()
    return page


async def end(notebook: LabNotebook, path: Path) -> None:
    """Close what the notebook has opened."""
    number = cell_of(path, "close")
    await notebook.edit(number, nbformat.read(path, as_version=4).cells[number].source.removeprefix("# "))
    await notebook.run(number)


async def debugging(tabs: Tabs, jupyter: Jupyter) -> None:
    """The picture of the callbacks and the console, of the notebook on debugging."""
    shutil.copy(DEBUGGING, jupyter.root)
    cells = [cell.id for cell in nbformat.read(DEBUGGING, as_version=4).cells]
    notebook = await LabNotebook.open(tabs, jupyter, DEBUGGING.name)
    await notebook.page.set_viewport_size({"width": 1400, "height": 900})
    await notebook.command("application:toggle-left-area")
    await notebook.run_all()
    await tabs.open(f"{jupyter.url}dash-devices/pump/", context=notebook.page.context)
    await notebook.page.bring_to_front()
    await notebook.scroll_to(cells.index("graph"))
    graph = notebook.output(cells.index("graph")).first.locator("svg")
    await graph.screenshot(path=PICTURES / "graph.png")
    await notebook.scroll_to(cells.index("console"))
    console = notebook.output(cells.index("console")).first
    trip = console.locator("table >> nth=0").locator("tr td:nth-child(5)")
    await eventually(lambda: all_say(trip, 2), within=30)
    await console.screenshot(path=PICTURES / "console.png")
    await notebook.edit(cells.index("save"), "app.stop()")
    await notebook.run(cells.index("save"))


async def classroom(tabs: Tabs, jupyter: Jupyter) -> None:
    """The teacher's screen with the page and the console, and the phone of a guest who waits for control."""
    teacher = await Teacher.open(tabs, jupyter)
    lab = teacher.notebook.page
    await lab.set_viewport_size({"width": 1400, "height": 1290})
    await teacher.notebook.command("application:toggle-left-area")
    url = await teacher.link("view", "link")
    ada = await guest(tabs, url, "Ada")
    for name in ("Ben", "Chloé", "Deniz"):
        await guest(tabs, url, name)
    phone = await guest(tabs, url, "Zoë", **PHONE)
    await teacher.do("next(client for client in app.clients if client.role == 'owner').name = 'Teacher'")
    await teacher.do("app.control.lock(named('Ada'), seconds=300)")
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "ArrowRight"):
        await eventually(lambda: shows_points(ada, POINTS), within=60)
        await ada.locator(".dash-slider-thumb").press(key)
    await phone.locator("#target-shown", has_text="23.0 °C").wait_for()
    await phone.screenshot(path=PICTURES / "classroom-phone.png")
    await phone.get_by_role("button", name="Request control").tap()
    await foot(phone).get_by_text("in line").wait_for()
    await teacher.notebook.scroll_to(LESSON_APP)
    await teacher.notebook.cell(LESSON_APP).locator("iframe").evaluate("frame => frame.scrollIntoView()")
    await teacher.page.locator("#dash-devices-presence", has_text="Zoë asks").wait_for()
    await teacher.notebook.output(CONSOLE).first.get_by_text("asking: Zoë").wait_for()
    await lab.screenshot(path=PICTURES / "classroom.png")
    await teacher.do("thermostat.close(); app.stop()")


async def all_say(cells: Locator, number: int) -> bool:
    """Whether there are that many, and none is empty."""
    texts = await cells.all_inner_texts()
    return len(texts) == number and all(texts)


async def page_of(tabs: Tabs, jupyter: Jupyter, notebook: LabNotebook, *, width: int, height: int) -> Page:
    """A tab on the app."""
    tab = await tabs.open(f"{jupyter.url}dash-devices/{NAME}/", context=notebook.page.context)
    await tab.set_viewport_size({"width": width, "height": height})
    return tab


async def phone_of(tabs: Tabs, jupyter: Jupyter, notebook: LabNotebook) -> Page:
    """The app on a phone that is logged in."""
    context = await tabs.context(
        viewport={"width": 390, "height": 844},
        device_scale_factor=2,
        is_mobile=True,
        has_touch=True,
        storage_state=await notebook.page.context.storage_state(),
    )
    return await tabs.open(f"{jupyter.url}dash-devices/{NAME}/", context=context)


async def make_history(pages: list[Page | FrameLocator]) -> None:
    """Let the room follow a few targets, set on one page or another, until every graph has something to show."""
    keys = ("ArrowRight", "ArrowLeft", "ArrowRight", "ArrowLeft")
    for number, (page, key) in enumerate(zip(pages, keys, strict=True), 1):
        await eventually(lambda n=number: shows_points(pages[0], POINTS // 5 * n), within=60)
        for _ in range(3 + number):
            await page.locator(".dash-slider-thumb").press(key)
    for page in pages:
        await eventually(lambda p=page: shows_points(p, POINTS), within=60)
    await agree(pages, "#viewers", str(len(pages)))


async def agree(pages: list[Page | FrameLocator], selector: str, text: str) -> None:
    """Wait until all pages show this."""
    await asyncio.gather(*(page.locator(selector, has_text=text).wait_for() for page in pages))


async def shows_points(page: Page | FrameLocator, number: int) -> bool:
    """Whether the graph has that many points."""
    plot = page.locator("#graph .js-plotly-plot")
    return bool(await plot.evaluate("plot => plot.data[0].x.length") >= number)


async def in_jupyterlab(notebook: LabNotebook) -> None:
    """The notebook with the page under its cell."""
    await notebook.cell(APP).locator("iframe").evaluate("frame => frame.scrollIntoView({block: 'end'})")
    await notebook.page.screenshot(path=PICTURES / "jupyterlab.png")


async def side_by_side(tabs: Tabs, pages: list[Page]) -> None:
    """Two tabs next to each other."""
    pictures = [base64.b64encode(await page.screenshot()).decode() for page in pages]
    figures = [FIGURE.format(address=f"localhost:8888/dash-devices/{NAME}/", picture=each) for each in pictures]
    desk = await tabs.open(viewport={"width": 1500, "height": 900})
    await desk.set_content(WINDOWS.format(figures="".join(figures)))
    await desk.locator("body").screenshot(path=PICTURES / "two-tabs.png")


if __name__ == "__main__":
    asyncio.run(main())

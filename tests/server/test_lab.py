"""A page in an IFrame of a real JupyterLab: it works, and it tells the truth about its kernel."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator

import pytest

from tests.server.conftest import CONFIGURED, REPOSITORY
from tests.support.browser import Tabs
from tests.support.eventually import eventually
from tests.support.jupyter import Jupyter, running_jupyter
from tests.support.lab import LabNotebook

NAME = "Größe 1.ipynb"

SERVE = '''
import os, re, secrets
from IPython.display import IFrame
from dash_devices_nb import registration
from dash_devices_nb.transport.bind import BoundSocket
from dash_devices_nb.transport.auth_middleware import AuthMiddleware
from dash_devices_nb.transport.serve import Server

PAGE = b"""<!doctype html><p id=own></p><p id=post></p><p id=echo></p><p id=state></p><script>
const show = (id, text) => { document.getElementById(id).textContent = text; };
const url = new URL(".", location.href.replace("http", "ws"));
show("own", "run of %d");
fetch("echo", {method: "POST", body: "posted"}).then(r => r.text()).then(t => show("post", t));
const socket = new WebSocket(url + "_dash-devices/ws");
socket.onopen = () => socket.send("carried");
socket.onmessage = (event) => show("echo", event.data);
socket.onclose = (event) => show("echo", "closed " + event.code);
const status = new WebSocket(url + "_dash-devices/status");
status.onmessage = (event) => {
  const {state} = JSON.parse(event.data);
  const was = document.getElementById("state").textContent;
  show("state", state);
  if (was === "unregistered" && (state === "idle" || state === "busy")) location.reload();
};
</script>""" % os.getpid()

async def page(scope, receive, send):
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message["text"]})
        return
    message = await receive()
    body = message["body"] if scope["method"] == "POST" else PAGE
    await send({"type": "http.response.start", "status": 200,
                "headers": [(b"content-type", b"text/html")]})
    await send({"type": "http.response.body", "body": body})

sock = BoundSocket.bind_unix(registration.directory())
kernel_id = re.search("kernel-(.*)[.]json", get_ipython().config.IPKernelApp.connection_file)[1]
made = registration.register("Größe 1", endpoint=registration.UnixEndpoint(str(sock.path)),
    secret=secrets.token_urlsafe(32), base_url="/lab%20x/", kernel_id=kernel_id,
    notebook="Größe 1.ipynb")
server = Server(AuthMiddleware(page, made.registration.secret), sock, max_message_bytes=2**20)
await server.start()
IFrame(made.registration.prefix, 600, 200)
'''


@pytest.fixture(scope="module")
async def lab(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Jupyter]:
    """A JupyterLab with both extensions, below a base URL that needs percent-encoding."""
    shared = tmp_path_factory.mktemp("share")
    (shared / "labextensions").mkdir()
    (shared / "labextensions" / "dash-devices-nb").symlink_to(
        REPOSITORY / "dash_devices_nb" / "server" / "labextension"
    )
    env = {**CONFIGURED, "JUPYTER_PATH": str(shared)}
    async with running_jupyter("lab", base_url="/lab%20x/", env=env) as jupyter:
        yield jupyter


@pytest.fixture
async def notebook(lab: Jupyter, browser: Tabs) -> LabNotebook:
    """The notebook, open and run once."""
    browser.allow_errors("Failed to load resource", "WebSocket connection to")
    lab.write_notebook(NAME, SERVE, "import time; time.sleep(1)")
    notebook = await LabNotebook.open(browser, lab, NAME)
    await notebook.run(0)
    return notebook


async def text(notebook: LabNotebook, element: str) -> str:
    return await notebook.frame(0).locator(f"#{element}").inner_text()


async def test_page_works_in_an_iframe_and_follows_its_kernel(notebook: LabNotebook) -> None:
    """Page, POST and WebSocket work; busy, a restart and the next run show without a reload."""
    await eventually(lambda: _shows(notebook, "echo", "carried"), within=20)
    assert await text(notebook, "post") == "posted"
    await eventually(lambda: _shows(notebook, "state", "idle"))
    first_run = await text(notebook, "own")

    running = asyncio.create_task(notebook.run(1))
    await eventually(lambda: _shows(notebook, "state", "busy"))
    await running
    await eventually(lambda: _shows(notebook, "state", "idle"))

    await notebook.page.evaluate(
        "async () => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()"
    )
    await eventually(lambda: _shows(notebook, "state", "unregistered"), within=20)
    assert (await text(notebook, "echo")).startswith("closed 1012")
    # The page that is open goes on; the run below makes another IFrame, so it is in a new tab.
    tab = await notebook.page.context.new_page()
    await tab.goto(notebook.page.url.split("/lab/")[0] + "/dash-devices/grosse-1/")
    assert "does not answer" in await tab.locator("h1").inner_text()
    await notebook.run(0)
    await eventually(lambda: tab.locator("#echo").inner_text(), within=20)
    assert await tab.locator("#own").inner_text() != first_run
    await eventually(lambda: _shows(notebook, "echo", "carried"), within=20)


async def test_running_panel_lists_the_app_and_opens_it(notebook: LabNotebook) -> None:
    """JupyterLab's Running panel shows the app with its kernel's state, and a click opens it."""
    page = notebook.page
    await notebook.command("running:show-panel")
    # The kernel of another test may still have its app, "grosse-1-2".
    named = page.get_by_text("grosse-1", exact=True)
    item = page.locator(".jp-RunningSessions-item").filter(has=named).filter(has_text="idle")
    await item.wait_for(timeout=20_000)
    await item.locator(".jp-RunningSessions-itemLabel").click()
    opened = page.locator("#dash-devices-nb-grosse-1 iframe").content_frame
    await eventually(lambda: opened.locator("#echo").inner_text(), within=20)
    assert await opened.locator("#echo").inner_text() == "carried"


async def test_the_panel_is_there_once_where_both_distributions_are(
    browser: Tabs, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """`dash-devices-nb` and `dash-devices-nb-server` each bring the extension, under their own names."""
    shared = tmp_path_factory.mktemp("share")
    alone = shared / "labextensions/dash-devices-nb-server"
    (alone / "static").mkdir(parents=True)
    full = REPOSITORY / "dash_devices_nb/server/labextension"
    shutil.copy(REPOSITORY / "jupyter-config/server-only/labextension/package.json", alone)
    shutil.copy(full / "static/remoteEntry.js", alone / "static")
    (shared / "labextensions/dash-devices-nb").symlink_to(full)
    async with running_jupyter("lab", env={**CONFIGURED, "JUPYTER_PATH": str(shared)}) as jupyter:
        page = await browser.open(jupyter.address("lab"))
        await page.wait_for_function("window.jupyterapp?.shell && window.jupyterapp.restored")
        await page.evaluate("window.jupyterapp.restored")
        brought = await page.evaluate(
            """() => JSON.parse(document.getElementById("jupyter-config-data").textContent)
                .federated_extensions.map((each) => each.name).filter((name) => name.startsWith("dash-devices"))"""
        )
        assert sorted(brought) == ["dash-devices-nb", "dash-devices-nb-server"]
        # A second plugin of this name would be an error in the console.
        assert await page.evaluate("window.jupyterapp.isPluginActivated('dash-devices-nb:running')")
        await page.close()


async def _shows(notebook: LabNotebook, element: str, expected: str) -> bool:
    found = await text(notebook, element)
    assert found == expected
    return True

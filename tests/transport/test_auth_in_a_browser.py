from contextlib import asynccontextmanager

import pytest

from dash_devices_nb.transport.auth_middleware import AuthMiddleware
from dash_devices_nb.transport.bind import BoundSocket
from dash_devices_nb.transport.serve import Server
from tests.support.browser import Tabs
from tests.support.eventually import eventually

SECRET = "s3cret-of-the-app"

PAGE = b"""<!doctype html><link rel=icon href=data:,><title>app</title><p id=out>waiting</p><script>
const ws = new WebSocket(`ws://${location.host}/`);
ws.onmessage = async (event) => {
    const answer = await fetch("post", {method: "POST"});
    document.querySelector("#out").textContent =
        `${event.data} ${answer.status} ${location.search}`;
};
ws.onclose = (event) => { document.querySelector("#out").textContent = `closed ${event.code}`; };
</script>"""


async def app(scope, receive, send):
    """A page that opens a WebSocket and posts, and shows how that went."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": "open"})
        await receive()
        return
    headers = [(b"content-type", b"text/html")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": PAGE})


@pytest.fixture
async def server():
    gate = AuthMiddleware(app, SECRET)
    server = Server(gate, BoundSocket.bind_tcp("127.0.0.1", 0, search=False), max_message_bytes=1000)
    await server.start()
    yield server
    await server.stop(timeout=1)


@asynccontextmanager
async def framing(server: Server, host: str = "127.0.0.1"):
    """A page of another site that shows the app in a frame, as a notebook does."""

    async def frame(scope, receive, send):
        html = (f"<!doctype html><link rel=icon href=data:,><iframe src='{server.url}?token={SECRET}'>").encode()
        headers = [(b"content-type", b"text/html")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": html})

    outer = Server(frame, BoundSocket.bind_tcp(host, 0, search=False), max_message_bytes=1000)
    await outer.start()
    try:
        yield outer
    finally:
        await outer.stop(timeout=1)


@pytest.fixture
async def notebook(server):
    """Jupyter's page on this computer."""
    async with framing(server) as outer:
        yield outer


async def test_a_tab_gets_in_by_the_token(server: Server, browser: Tabs):
    """The printed address works, and the address bar no longer shows the secret."""
    page = await browser.open(f"{server.url}?token={SECRET}")
    await page.wait_for_function("document.querySelector('#out').textContent != 'waiting'")
    assert await page.text_content("#out") == "open 200 "
    assert page.url == server.url


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_frame_in_a_page_of_the_same_or_another_site_gets_in(notebook, browser, host):
    """A notebook at `localhost` is another site than an app at `127.0.0.1`."""
    page = await browser.open(notebook.url.replace("127.0.0.1", host))

    async def shown() -> str:
        frame = page.frames[1]
        return str(await frame.text_content("#out"))

    await eventually(lambda: len(page.frames) == 2)
    await eventually(lambda: _is(shown, "open 200 "))


async def test_a_page_of_a_foreign_site_cannot_show_the_app(server: Server, browser: Tabs):
    """Clickjacking: what a stranger's page lays over its buttons, nobody clicks."""
    browser.allow_errors("frame-ancestors")
    async with framing(server, "127.0.0.2") as foreign:
        page = await browser.open(foreign.url)
        await eventually(lambda: len(page.frames) == 2 and page.frames[1].url.startswith("chrome-error:"))


async def _is(shown, text: str) -> bool:
    found = await shown()
    assert found == text
    return True

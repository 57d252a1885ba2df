"""Behind a real JupyterHub: its proxy, its login, its prefix, and a second user who must stay out.

Needs `configurable-http-proxy` (``npm install -g configurable-http-proxy``) on the PATH.
"""

from __future__ import annotations

import json
import re
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from dash_devices_nb import registration
from dash_devices_nb.transport.auth_middleware import AuthMiddleware
from dash_devices_nb.transport.bind import BoundSocket
from dash_devices_nb.transport.serve import Server
from tests.server.conftest import CONFIGURED, REPOSITORY, Page
from tests.support.eventually import eventually
from tests.support.processes import Process, spawn

PROXY = shutil.which("configurable-http-proxy")
pytestmark = pytest.mark.skipif(PROXY is None, reason="configurable-http-proxy is not installed")

TOKEN = "t" * 32
PREFIX = "/user/alice/dash-devices/bench/"
CONFIG = """
c = get_config()
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allowed_users = {{"alice", "mallory"}}
c.JupyterHub.spawner_class = "simple"
c.Spawner.cmd = [{python!r}, "-m", "jupyterhub.singleuser"]
c.Spawner.args = ["--allow-root"]
c.Spawner.default_url = "/api/status"
c.Spawner.environment = {environment!r}
c.SimpleLocalProcessSpawner.home_dir_template = {homes!r}
c.JupyterHub.bind_url = "http://127.0.0.1:{ports[0]}/"
c.JupyterHub.hub_port = {ports[1]}
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{ports[2]}"
c.ConfigurableHTTPProxy.command = [{proxy!r}]
c.JupyterHub.services = [{{"name": "tester", "api_token": {token!r}}}]
c.JupyterHub.load_roles = [{{"name": "tester", "services": ["tester"],
                             "scopes": ["admin:servers", "access:servers"]}}]
"""


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(s.getsockname()[1]) for s in sockets]
    for s in sockets:
        s.close()
    return ports


class Hub:
    """A running Hub; `clients` are logged in by the Hub's own form."""

    def __init__(self, url: str, home: Path) -> None:
        self.url = url
        self.home = home
        self.clients: dict[str, httpx.AsyncClient] = {}

    async def log_in(self, user: str) -> None:
        http = self.clients[user] = httpx.AsyncClient(timeout=60, follow_redirects=True)
        form = await http.get(f"{self.url}/hub/login")
        xsrf = re.search(r'name="_xsrf" value="([^"]+)"', form.text)
        assert xsrf is not None
        entered = await http.post(
            f"{self.url}/hub/login",
            data={"username": user, "password": "x", "_xsrf": xsrf[1]},
            headers={"Origin": self.url},
        )
        assert entered.status_code == 200

    async def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"Authorization": f"token {TOKEN}"}
        async with httpx.AsyncClient(timeout=60, headers=headers) as http:
            return await http.request(method, self.url + path, **options)

    def socket(self, user: str, path: str) -> connect:
        cookies = "; ".join(f"{c.name}={c.value}" for c in self.clients[user].cookies.jar)
        url = f"{self.url}{PREFIX}{path}".replace("http", "ws", 1)
        return connect(url, additional_headers={"Cookie": cookies, "Origin": self.url}, proxy=None)


@asynccontextmanager
async def running_hub(more: str = "", before: Callable[[Hub], Awaitable[None]] | None = None) -> AsyncIterator[Hub]:
    """A Hub with a server of alice, and alice and mallory logged in.

    Args:
        more: a part of its configuration. `{hub}` in it is the Hub's own address.
        before: called before anybody has logged in.
    """
    home = Path(tempfile.mkdtemp(prefix="ddnb-"))
    (home / "runtime").mkdir(mode=0o700)
    ports = free_ports(3)
    environment = {
        **CONFIGURED,
        "PYTHONPATH": str(REPOSITORY),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "IPYTHONDIR": str(home / "ipython"),
    }
    homes = str(home / "{username}")
    config = CONFIG.format(
        environment=environment, homes=homes, ports=ports, proxy=PROXY, python=sys.executable, token=TOKEN
    )
    (home / "hub.py").write_text(config + more.replace("{hub}", f"http://127.0.0.1:{ports[0]}"))
    popen = spawn(
        [sys.executable, "-m", "jupyterhub", "-f", str(home / "hub.py")],
        home / "hub.log",
        env={"CONFIGPROXY_AUTH_TOKEN": TOKEN},
        cwd=home,
    )
    process = Process(popen, home / "hub.log")
    hub = Hub(f"http://127.0.0.1:{ports[0]}", home)

    async def healthy() -> bool:
        assert process.returncode is None, process.output
        try:
            return (await hub.ask("GET", "/hub/health")).status_code == 200
        except httpx.HTTPError:
            return False

    async def running() -> bool:
        return (await hub.ask("GET", "/user/alice/api/status")).status_code == 200

    try:
        await eventually(healthy, within=60)
        if before is not None:
            await before(hub)
        await hub.log_in("alice")
        await hub.log_in("mallory")
        await eventually(running, within=60)
        yield hub
        for user in hub.clients:
            await hub.ask("DELETE", f"/hub/api/users/{user}/server")
    finally:
        for http in hub.clients.values():
            await http.aclose()
        await process.stop(within=20)
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="module")
async def hub() -> AsyncIterator[Hub]:
    """A Hub with a server of alice, and alice and mallory logged in."""
    async with running_hub() as hub:
        yield hub


@pytest.fixture
async def page(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Page]:
    """An app of a kernel of alice."""
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(hub.home / "runtime"))
    made = await hub.ask("POST", "/user/alice/api/kernels", json={})
    sock = BoundSocket.bind_unix(hub.home / "s")
    registered = registration.register(
        "bench",
        endpoint=registration.UnixEndpoint(str(sock.path)),
        secret="s" * 43,
        base_url="/user/alice/",
        kernel_id=made.json()["id"],
    )
    page = Page(registered.registration)
    server = Server(AuthMiddleware(page, "s" * 43), sock, max_message_bytes=2**20)
    await server.start()
    yield page
    registration.remove(page.registration)
    await server.stop(timeout=0.1)


async def test_user_reaches_the_page_with_the_hubs_identity(hub: Hub, page: Page) -> None:
    """Page, callback, WebSocket and status work behind the Hub's proxy; its cookies stay there."""
    http = hub.clients["alice"]
    answer = await http.get(hub.url + PREFIX)
    assert (answer.status_code, answer.text) == (200, "hello")
    assert answer.headers["content-security-policy"] == "frame-ancestors 'self'"
    identity = json.loads(unquote(page.headers["x-dash-devices-user"]))
    assert identity == {"username": "alice", "name": "alice", "role": "owner", "share": None, "expires": None}
    assert "cookie" not in page.headers
    assert f"http://{page.headers['x-forwarded-host']}" == hub.url
    answer = await http.post(hub.url + PREFIX, content=b"x", headers={"Origin": hub.url})
    assert answer.text == "x"
    answer = await http.post(hub.url + PREFIX, content=b"x", headers={"Origin": "http://evil"})
    assert answer.status_code == 403
    async with hub.socket("alice", "_dash-devices/ws") as socket_:
        await socket_.send("carried")
        assert await socket_.recv() == "carried"
    async with hub.socket("alice", "_dash-devices/status") as socket_:
        assert json.loads(await socket_.recv())["state"] in ("idle", "busy")


async def test_other_user_and_stranger_are_refused(hub: Hub, page: Page) -> None:
    """Another user of the Hub gets neither page, callback, WebSocket nor status."""
    http = hub.clients["mallory"]
    answer = await http.get(hub.url + PREFIX)
    assert answer.status_code == 403
    assert "do not have permission to access Server at /user/alice/" in " ".join(answer.text.split())
    answer = await http.post(hub.url + PREFIX, content=b"x", headers={"Origin": hub.url})
    assert answer.status_code == 403
    for path in ("_dash-devices/ws", "_dash-devices/status"):
        with pytest.raises(InvalidStatus) as refused:
            await hub.socket("mallory", path)
        assert refused.value.response.status_code == 403
    async with httpx.AsyncClient(follow_redirects=True) as stranger:
        assert "/hub/login" in str((await stranger.get(hub.url + PREFIX)).url)
    assert page.scopes == []


async def test_a_guest_without_an_account_opens_the_link_and_nothing_else(
    hub: Hub, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind the Hub's proxy and prefix: page, callback, WebSocket and status, but no other route of alice's server."""
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(hub.home / "data"))
    shares = registration.ShareList("bench", PREFIX)
    record = shares.issue("view", 1, "Ada", time.time())
    token = shares.token(record)
    origin = {"Origin": hub.url}
    async with httpx.AsyncClient(timeout=60) as guest:
        entered = await guest.get(f"{hub.url}{PREFIX}?share={token}")
        assert (entered.status_code, entered.headers["location"]) == (303, PREFIX)
        assert f"Path={PREFIX};" in entered.headers["set-cookie"]
        assert (await guest.get(hub.url + PREFIX)).text == "hello"
        identity = json.loads(unquote(page.headers["x-dash-devices-user"]))
        assert identity == {
            "username": None, "name": "Ada", "role": "view", "share": record.id, "expires": record.expires
        }  # fmt: skip
        assert (await guest.post(hub.url + PREFIX, content=b"x", headers=origin)).text == "x"
        cookie = {"Cookie": f"dash-devices-share={token}", **origin}
        base = f"{hub.url}{PREFIX}".replace("http", "ws", 1)
        async with connect(f"{base}_dash-devices/ws", additional_headers=cookie, proxy=None) as socket_:
            await socket_.send("carried")
            assert await socket_.recv() == "carried"
        async with connect(f"{base}_dash-devices/status", additional_headers=cookie, proxy=None) as socket_:
            assert json.loads(await socket_.recv()).keys() == {"state", "since", "now"}
        asked = len(page.scopes)
        for path in (
            "api/contents", "api/kernels", "api/sessions", "api/terminals", "api/me", "files/x", "lab", "tree",
            "dash-devices/", "dash-devices/_apps", "dash-devices/other/", "nbconvert/html/x.ipynb",
        ):  # fmt: skip
            answer = await guest.get(f"{hub.url}/user/alice/{path}?share={token}", headers=cookie)
            to_login = answer.status_code == 302 and "/hub/" in answer.headers["location"]
            assert to_login or answer.status_code in (403, 404), (path, answer.status_code)
            assert "set-cookie" not in answer.headers or "dash-devices" not in answer.headers["set-cookie"]
        assert (await guest.get(f"{hub.url}/hub/api/users", headers=cookie)).status_code == 403
        shares.revoke(record.id, time.time())
        refused = await guest.get(hub.url + PREFIX, headers={"Accept": "text/html"})
        assert refused.status_code == 403
        assert "This share link was revoked" in refused.text
        assert len(page.scopes) == asked

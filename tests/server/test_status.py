"""What the extension says of a kernel, against real kernels that are used, killed and restarted."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from jupyter_client.asynchronous.client import AsyncKernelClient

from tests.server.conftest import BASE_URL, Visit, next_state, serving

WORD = 0.3
"""Seconds within which a page must know."""

REGISTER = """
import asyncio, os, secrets, tempfile
from dash_devices_nb import registration
async def _answer(reader, writer):
    await reader.readuntil(b"\\r\\n\\r\\n")
    writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\nConnection: close\\r\\n\\r\\nok")
    await writer.drain(); writer.close()
path = os.path.join(tempfile.mkdtemp(prefix="ddnb-"), "s")
server = await asyncio.start_unix_server(_answer, path)
made = registration.register("lab", endpoint=registration.UnixEndpoint(path),
    secret=secrets.token_urlsafe(32), base_url={base_url!r}, kernel_id={kernel_id!r},
    notebook="lab.ipynb")
print(os.getpid())
"""


class Notebook:
    """The cells of one kernel of the server."""

    def __init__(self, visit: Visit, client: AsyncKernelClient, kernel_id: str) -> None:
        self._visit = visit
        self._client = client
        self.kernel_id = kernel_id

    async def run(self, code: str) -> str:
        """Run a cell to its end and return what it printed."""
        printed: list[str] = []

        def keep(message: dict) -> None:  # type: ignore[type-arg]
            if message["msg_type"] == "stream":
                printed.append(message["content"]["text"])

        reply = await self._client.execute_interactive(code, output_hook=keep, allow_stdin=False, timeout=30)
        assert reply["content"]["status"] == "ok", reply["content"]
        return "".join(printed)

    def start(self, code: str) -> None:
        self._client.execute(code)

    async def hear(self) -> None:
        """Wait until what a restarted kernel prints is heard: this side connects with it anew by and by."""
        await self._client.wait_for_ready(timeout=60)

    async def register(self) -> int:
        """Run the notebook: the app is there afterwards. Returns the kernel's process id."""
        return int(await self.run(REGISTER.format(base_url=BASE_URL, kernel_id=self.kernel_id)))

    async def ask(self, verb: str) -> None:
        """What the buttons of a notebook ask the server for."""
        jupyter = self._visit.jupyter
        answer = await self._visit.http.post(
            f"{jupyter.url}api/kernels/{self.kernel_id}/{verb}", headers=jupyter.headers
        )
        answer.raise_for_status()

    async def shut_down(self) -> None:
        jupyter = self._visit.jupyter
        answer = await self._visit.http.delete(f"{jupyter.url}api/kernels/{self.kernel_id}", headers=jupyter.headers)
        assert answer.status_code in (204, 404)


@asynccontextmanager
async def running_notebook(visit: Visit) -> AsyncIterator[Notebook]:
    jupyter = visit.jupyter
    made = await visit.http.post(f"{jupyter.url}api/kernels", headers=jupyter.headers, json={})
    kernel_id = made.json()["id"]
    client = AsyncKernelClient()
    client.load_connection_file(str(jupyter.runtime_dir / f"kernel-{kernel_id}.json"))
    client.start_channels(hb=False, stdin=False)
    notebook = Notebook(visit, client, kernel_id)
    try:
        await client.wait_for_ready(timeout=60)
        yield notebook
    finally:
        client.stop_channels()
        await notebook.shut_down()


@pytest.fixture
async def notebook(visit: Visit) -> AsyncIterator[Notebook]:
    """A kernel of the server whose app is registered."""
    async with running_notebook(visit) as notebook:
        await notebook.register()
        yield notebook


STATUS = "lab/_dash-devices/status"


async def test_page_learns_that_the_kernel_is_busy_and_idle(visit: Visit, notebook: Notebook) -> None:
    """A cell that runs is busy since its start, and idle since its end."""
    async with visit.socket(STATUS) as socket:
        await next_state(socket, "idle")
        started = time.time()
        notebook.start("import time; time.sleep(0.5)")
        busy = await next_state(socket, "busy")
        assert started - 0.05 < busy["since"] < started + WORD
        assert abs(busy["now"] - time.time()) < WORD
        idle = await next_state(socket, "idle")
        assert 0.4 < idle["since"] - busy["since"] < 0.5 + WORD


async def test_page_learns_of_the_kernels_death_at_once(visit: Visit, notebook: Notebook) -> None:
    """A kernel that is killed is being restarted within 0.3 s, and then has no app."""
    pid = int(await notebook.run("print(os.getpid())"))
    async with visit.socket(STATUS) as socket:
        await next_state(socket, "idle")
        killed = time.time()
        os.kill(pid, signal.SIGKILL)
        assert (await next_state(socket, "restarting"))["since"] - killed < WORD
        await next_state(socket, "unregistered", within=30)
        answer = await visit.http.get(visit.url("lab/"))
        assert answer.status_code == 502
        assert "its kernel ended or was restarted" in answer.json()["message"]


async def test_page_goes_on_after_a_restart_and_another_run(visit: Visit, notebook: Notebook) -> None:
    """Restarted by the button, and run again: the same URL serves within 1 s."""
    async with visit.socket(STATUS) as socket:
        await next_state(socket, "idle")
        restart = asyncio.create_task(notebook.ask("restart"))
        await next_state(socket, "restarting")
        await next_state(socket, "unregistered", within=30)
        await restart
        await notebook.hear()
        await notebook.register()
        registered = time.time()
        message = await next_state(socket, "idle")
        assert message["since"] - registered < 1.0
        answer = await visit.http.get(visit.url("lab/"))
        assert (answer.status_code, answer.text) == (200, "ok")


async def test_page_hears_of_a_restart_that_is_quicker_than_a_look(visit: Visit) -> None:
    """A kernel's app that is there again, in another process, before anybody saw it gone: restarting is said first."""
    async with serving(visit, "quick") as former, visit.socket("quick/_dash-devices/status") as socket:
        await next_state(socket, "idle")
        # A process that lives, as the kernel's next one does.
        async with serving(visit, "quick", pid=os.getppid()) as latter:
            assert latter.registration.name == former.registration.name
            async with asyncio.timeout(10):
                said = [json.loads(await socket.recv())["state"] for _ in range(2)]
        assert said == ["restarting", "idle"]


async def test_page_learns_that_the_kernel_was_shut_down(visit: Visit, notebook: Notebook) -> None:
    """A kernel that nobody restarts is dead, and its app is no longer listed."""
    async with visit.socket(STATUS) as socket:
        await next_state(socket, "idle")
        await notebook.shut_down()
        await next_state(socket, "dead")
    listed = (await visit.http.get(visit.url("_apps"))).json()["apps"]
    assert "lab" not in [app["name"] for app in listed]
    await visit.http.get(visit.url(""))
    records = visit.jupyter.runtime_dir / "dash-devices"
    assert not list(records.glob("lab-*.json")), "the record of the dead kernel was kept"


async def test_page_learns_that_the_app_stopped_in_a_living_kernel(visit: Visit, notebook: Notebook) -> None:
    """An app that is gone while its kernel lives is unregistered, and back when it runs again."""
    async with visit.socket(STATUS) as socket:
        await next_state(socket, "idle")
        await notebook.run("registration.remove(made.registration); server.close()")
        await next_state(socket, "unregistered")
        await notebook.register()
        await next_state(socket, "idle")


async def test_page_of_an_unknown_app_waits_for_it(visit: Visit) -> None:
    """A page that was open before is told as soon as the app exists."""
    async with visit.socket(STATUS) as socket:
        await next_state(socket, "dead")
        async with running_notebook(visit) as notebook:
            await notebook.register()
            await next_state(socket, "idle")

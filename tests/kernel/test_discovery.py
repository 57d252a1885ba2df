import asyncio
import json
import os
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from jupyter_client.asynchronous.client import AsyncKernelClient

from dash_devices_nb.kernel.discovery import Discovery, JupyterServer, find_server
from dash_devices_nb.kernel.environment import Environment, Host
from dash_devices_nb.transport.bind import BoundSocket
from dash_devices_nb.transport.serve import Server
from tests.support.eventually import eventually
from tests.support.jupyter import Jupyter, running_jupyter

KERNEL_ID = "01234567-89ab-cdef-0123-456789abcdef"
OURS = Environment(Host.JUPYTER, KERNEL_ID)
REMEDY = "Install dash-devices-nb where the Jupyter server runs and restart that server."


@asynccontextmanager
async def answering(answers: dict[str, int], sock: BoundSocket | None = None):
    """A server that answers paths with statuses and notes what was asked."""
    asked: list[tuple[str, str]] = []

    async def app(scope, receive, send):
        headers = dict(scope["headers"])
        asked.append((scope["path"], headers.get(b"authorization", b"").decode()))
        status = answers.get(scope["path"], 404)
        if status == 0:
            await asyncio.Event().wait()
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    sock = sock or BoundSocket.bind_tcp("127.0.0.1", 0, search=False)
    server = Server(app, sock, max_message_bytes=1000)
    await server.start()
    yield server, asked
    await server.stop(timeout=0)


def write_record(directory: Path, pid: int, **values: object) -> None:
    (directory / f"jpserver-{pid}.json").write_text(json.dumps(values))


async def search(tmp_path: Path, environ: dict[str, str], **options) -> Discovery:
    return await asyncio.to_thread(find_server, OURS, environ=environ, runtime_dir=tmp_path, **options)


@pytest.mark.parametrize(
    ("environment", "why_not"),
    [
        (Environment(Host.VSCODE), "VS Code does not show pages through a Jupyter server."),
        (Environment(Host.COLAB), "Colab does not show pages through a Jupyter server."),
        (Environment(Host.KERNEL), "This program is no kernel of a Jupyter server."),
        (Environment(Host.SCRIPT), "This program is no kernel of a Jupyter server."),
    ],
)
def test_without_a_server_it_says_why(environment, why_not):
    """Where no server owns the kernel, none is looked for."""
    assert find_server(environment) == Discovery(None, why_not)


async def test_the_parent_s_record_is_used_and_no_other(tmp_path: Path):
    """The server of `JPY_PARENT_PID` is found, whatever others run."""
    paths = {"/user/x/dash-devices/_apps": 200, f"/user/x/api/kernels/{KERNEL_ID}": 200}
    async with answering(paths) as (server, asked), answering({}) as (other, not_asked):
        url = f"{server.url}user/x/"
        write_record(tmp_path, 1, base_url="/", url=other.url, token="other")
        write_record(tmp_path, 4711, base_url="/user/x/", url=url, token="t0ken")
        found = await search(tmp_path, {"JPY_PARENT_PID": "4711"})
    assert found == Discovery(JupyterServer("/user/x/", url, KERNEL_ID, "t0ken"))
    assert asked == [(path, "token t0ken") for path in paths]
    assert not_asked == []


async def test_the_parent_process_comes_next(tmp_path: Path):
    """Without that variable, or with one that leads nowhere, the kernel's parent counts."""
    paths = {"/dash-devices/_apps": 200, f"/api/kernels/{KERNEL_ID}": 200}
    async with answering(paths) as (server, _):
        write_record(tmp_path, os.getppid(), base_url="/", url=server.url, token="")
        found = await search(tmp_path, {"JPY_PARENT_PID": "4711"})
    assert found.server == JupyterServer("/", server.url, KERNEL_ID, "")


async def test_nothing_is_guessed(tmp_path: Path):
    """A server that did not start this kernel is not taken."""
    async with answering({"/dash-devices/_apps": 200}) as (server, asked):
        write_record(tmp_path, 1, base_url="/", url=server.url, token="")
        (tmp_path / f"jpserver-{os.getppid()}.json").write_text('{"half')
        found = await search(tmp_path, {"JPY_PARENT_PID": "4711"})
    assert found.server is None
    assert found.why_not == (
        f"The Jupyter server that started this kernel cannot be found (no jpserver-*.json of "
        f"process 4711 in {tmp_path})."
    )
    assert asked == []


async def test_a_hub_is_found_by_its_prefix(tmp_path: Path):
    """On a Hub, the single-user server's own variables lead to it."""
    paths = {"/user/é x/dash-devices/_apps": 200, f"/user/é x/api/kernels/{KERNEL_ID}": 200}
    async with answering(paths) as (server, asked):
        environ = {
            "JUPYTERHUB_SERVICE_PREFIX": "/user/é x/",
            "JUPYTERHUB_SERVICE_URL": f"{server.url}user/é x/",
            "JUPYTERHUB_API_TOKEN": "hub",
        }
        found = await search(tmp_path, environ)
    assert found.server is not None
    assert found.server.base_url == "/user/é x/"
    assert asked == [(path, "token hub") for path in paths]


@pytest.mark.parametrize(
    ("answers", "why_not"),
    [
        ({}, f"The Jupyter server at / lacks the extension. {REMEDY}"),
        ({"/dash-devices/_apps": 302}, f"The Jupyter server at / answered 302. {REMEDY}"),
        (
            {"/dash-devices/_apps": 200},
            f"The Jupyter server at / does not know this kernel ({KERNEL_ID}).",
        ),
        ({"/dash-devices/_apps": 403}, ""),
    ],
)
async def test_the_server_must_have_the_extension_and_the_kernel(tmp_path, answers, why_not):
    """A server that cannot carry the page is named with the remedy; a refusal shows the route."""
    async with answering(answers) as (server, _):
        write_record(tmp_path, 4711, base_url="/", url=server.url, token="")
        found = await search(tmp_path, {"JPY_PARENT_PID": "4711"})
    assert found.why_not == why_not
    assert (found.server is None) == bool(why_not)


async def test_a_server_that_does_not_answer_is_given_up(tmp_path: Path):
    """The search ends after its timeout and says where it waited; a dead server likewise."""
    async with answering({"/dash-devices/_apps": 0}) as (server, _):
        write_record(tmp_path, 4711, base_url="/", url=server.url, token="")
        slow = await search(tmp_path, {"JPY_PARENT_PID": "4711"}, timeout=0.1)
    dead = await search(tmp_path, {"JPY_PARENT_PID": "4711"}, timeout=0.1)
    for found in (slow, dead):
        assert found.server is None
        start = f"The Jupyter server at {server.url} did not answer within 0.1 s ("
        assert found.why_not.startswith(start)


async def test_a_server_on_a_unix_socket_is_asked_there(tmp_path: Path, short_directory: Path):
    """A Jupyter server may listen on a Unix socket only."""
    sock = BoundSocket.bind_unix(short_directory)
    paths = {"/x/dash-devices/_apps": 200, f"/x/api/kernels/{KERNEL_ID}": 200}
    async with answering(paths, sock) as (_, asked):
        write_record(tmp_path, 4711, base_url="/x/", url="http+unix://...", sock=str(sock.path), token="")
        found = await search(tmp_path, {"JPY_PARENT_PID": "4711"})
    assert found.why_not == ""
    assert [path for path, _ in asked] == list(paths)


async def run_in_a_kernel_of(jupyter: Jupyter, name: str, code: str) -> str:
    """What a notebook's kernel, started by the server, prints."""
    async with httpx.AsyncClient(base_url=jupyter.url, headers=jupyter.headers) as http:
        session = (
            await http.post(
                "api/sessions",
                json={
                    "name": name,
                    "path": name,
                    "type": "notebook",
                    "kernel": {"name": "python3"},
                },
                timeout=30,
            )
        ).json()
        kernel_id = session["kernel"]["id"]
        client = AsyncKernelClient()
        client.load_connection_file(str(jupyter.runtime_dir / f"kernel-{kernel_id}.json"))
        client.start_channels(hb=False, stdin=False)
        printed: list[str] = []

        def note(message: dict) -> None:
            if message["msg_type"] in ("stream", "error"):
                printed.append(message["content"].get("text") or str(message["content"]))

        try:
            await client.wait_for_ready(timeout=60)
            await client.execute_interactive(code, output_hook=note, timeout=30)
            await eventually(lambda: printed)
        finally:
            client.stop_channels()
            client.context.destroy(linger=0)
            await http.delete(f"api/sessions/{session['id']}", timeout=30)
    return "".join(printed).strip()


FIND = """
from dash_devices_nb.kernel.discovery import find_server
from dash_devices_nb.kernel.environment import detect
e, found = detect(), find_server()
print(e.host.value, e.notebook.name, found.why_not, found.server and found.server.base_url,
      bool(found.server) and found.server.kernel_id == e.kernel_id)
"""


@pytest.mark.parametrize(
    ("enabled", "expected"),
    [
        (True, "jupyter é a.ipynb  /user/x%20y/ True"),
        (
            False,
            f"jupyter é a.ipynb The Jupyter server at /user/x%20y/ lacks the extension. {REMEDY} None False",
        ),
    ],
)
async def test_a_real_kernel_finds_its_real_server(enabled, expected):
    """A kernel that a Jupyter server started finds it, with and without the extension."""
    extension = f"--ServerApp.jpserver_extensions={{'dash_devices_nb.server': {enabled}}}"
    async with running_jupyter("server", base_url="/user/x%20y/", arguments=[extension]) as jupyter:
        printed = await run_in_a_kernel_of(jupyter, "é a.ipynb", FIND)
    assert printed == expected

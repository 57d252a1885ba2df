"""Who can reach an app that is served directly: scripts of the ancestor, a site's default, and what is said of it."""

from __future__ import annotations

import os
import re
import socket
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from dash_devices_nb import Dash, html
from dash_devices_nb.errors import RunError
from tests.support.eventually import eventually
from tests.support.processes import Process, spawn

SCRIPT = """
import sys
from dash_devices_nb import Dash, html

app = Dash("open")
app.layout = html.Div("here")
getattr(app, sys.argv[1])(**eval(sys.argv[2]))
"""
OPEN = "There is no secret: every user and program of this computer may enter and control."


@asynccontextmanager
async def script(tmp_path: Path, run: str, arguments: str = "{}", **env: str):
    """A script that runs an app; yields its process once it has said where it is."""
    (tmp_path / "script.py").write_text(SCRIPT)
    environment = {name: value for name, value in os.environ.items() if name not in ("HOST", "PORT")}
    popen = spawn(
        [sys.executable, "script.py", run, arguments], tmp_path / "log", env={**environment, **env}, cwd=tmp_path
    )
    process = Process(popen, tmp_path / "log")
    try:
        await eventually(lambda: "running on" in process.output or popen.poll() is not None, 20)
        yield process
    finally:
        await process.stop()


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
    return port


async def test_run_server_of_a_script_is_open_at_the_address_that_one_knows(tmp_path):
    """As the original: no secret; one line says who can reach it, and another name is not answered."""
    port = free_port()
    async with script(tmp_path, "run_server", f"dict(host='127.0.0.1', port={port})") as process:
        assert f"running on http://127.0.0.1:{port}/\n{OPEN}" in process.output
        async with httpx.AsyncClient() as http:
            for host in (f"localhost:{port}", f"127.0.0.1:{port}"):
                assert (await http.get(f"http://127.0.0.1:{port}/", headers={"Host": host})).status_code == 200
            rebound = await http.get(f"http://127.0.0.1:{port}/", headers={"Host": f"evil.example:{port}"})
            assert rebound.status_code == 403


async def test_run_server_serves_at_the_originals_port(tmp_path):
    """Where none is named; the environment may name one."""
    port = free_port()
    async with script(tmp_path, "run_server", PORT=str(port)) as process:
        assert f"running on http://127.0.0.1:{port}/\n" in process.output
    assert Dash.run_server.__doc__ is not None
    assert "port 5000" in Dash.run_server.__doc__


@pytest.mark.parametrize(
    ("run", "arguments", "said", "secret"),
    [
        ("run", "dict(port=0)", "", True),
        ("run", "dict(port=0)", "none", False),
        ("run", "dict(port=0, auth='secret')", "none", True),
        ("run_server", "dict(port=0)", "secret", True),
        ("run_server", "dict(port=0, auth=None)", "secret", False),
    ],
)
async def test_a_sites_default_counts_less_than_an_argument(tmp_path, run, arguments, said, secret):
    """`DASH_DEVICES_AUTH` is for both."""
    async with script(tmp_path, run, arguments, DASH_DEVICES_AUTH=said) as process:
        assert bool(re.search(r"running on http://127.0.0.1:\d+/\?token=", process.output)) is secret
        assert (OPEN in process.output) is not secret


async def test_wrong_words_are_refused(tmp_path):
    """With what is accepted."""
    async with script(tmp_path, "run", DASH_DEVICES_AUTH="no") as process:
        assert "DASH_DEVICES_AUTH='no' in the environment; it takes 'secret' or 'none'" in process.output
    app = Dash("open")
    app.layout = html.Div()
    for wrong in ("http://lab.example", "lab.example:80", "", 3):
        with pytest.raises(RunError, match=r"allowed_hosts has .* host names without scheme and port"):
            app.run(port=0, allowed_hosts=[wrong])


async def test_names_that_the_program_gives_are_answered(app_server):
    """For whoever has a name of its own for the device, and no secret."""
    app = Dash("open")
    app.layout = html.Div()
    url = app_server.run(app, allowed_hosts=["device.example"])
    async with httpx.AsyncClient() as http:
        for host, status in (("device.example", 200), ("other.example", 403)):
            assert (await http.get(url, headers={"Host": host})).status_code == status


async def test_where_tls_ends_before_it_the_browsers_name_is_for_tls_alone(app_server):
    """Jupyter, or a proxy, says how the page came."""
    app = Dash("open")
    app.layout = html.Div()
    url = app_server.run(app)
    for proto, secure in (("https", True), ("https, http", True), ("http", False), ("", False)):
        async with httpx.AsyncClient(headers={"X-Forwarded-Proto": proto} if proto else {}) as http:
            named = (await http.get(url)).headers["set-cookie"]
        assert named.endswith("; Secure") is secure, (proto, named)


@pytest.mark.parametrize("host", ["0.0.0.0", "my-device"])
async def test_the_name_at_which_it_is_served_is_answered(app_server, monkeypatch, host):
    """The computer's name that leads to 127.0.1.1, or a name of a loopback address that the program itself gives."""
    monkeypatch.setattr(socket, "gethostname", lambda: "thisdevice")
    found = socket.getaddrinfo

    def resolved(name, *args, **kwargs):
        return found("127.0.1.1" if name == "my-device" else name, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    app = Dash("named")
    app.layout = html.Div()
    port = app_server.run(app, host=host, auth=None).rstrip("/").rpartition(":")[2]
    name = "thisdevice" if host == "0.0.0.0" else host
    async with httpx.AsyncClient() as http:
        for asked, status in ((name, 200), ("other.example", 403)):
            answer = await http.get(f"http://127.0.1.1:{port}/", headers={"Host": f"{asked}:{port}"})
            assert answer.status_code == status

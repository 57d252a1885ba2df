"""`dash-devices-nb doctor` finds real causes, and says nothing where nothing is wrong."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from importlib import metadata
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from dash_devices_nb import Dash, __version__, html, registration
from dash_devices_nb.doctor import installation, jupyter
from dash_devices_nb.doctor.address import check_address
from dash_devices_nb.doctor.finding import Finding
from dash_devices_nb.testing import AppServer
from tests.support.jupyter import running_jupyter

ROOT = Path(__file__).parents[2]
ALONE = "dash-devices-nb-server"


def lines(findings: Iterable[Finding]) -> list[str]:
    return [str(each) for each in findings]


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Jupyter's runtime directory of this process, an empty one."""
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    return tmp_path / "runtime"


@asynccontextmanager
async def proxy(url: str, *, upgrades: bool = True, strips: str = "") -> AsyncIterator[str]:
    """A reverse proxy before an app, which may drop upgrades, or take a part off the paths."""
    target = urlsplit(url)
    carried: set[asyncio.Task[None]] = set()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, to = await asyncio.open_connection(target.hostname, target.port)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            if f" {strips}/".encode() not in head.partition(b"\r\n")[0]:
                writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                return
            if not upgrades:
                head = head.replace(b"Upgrade: websocket\r\n", b"").replace(
                    b"Connection: Upgrade", b"Connection: close"
                )
            to.write(head.replace(f" {strips}/".encode(), b" /", 1))
            sent = asyncio.create_task(pump(reader, to))
            try:
                await pump(there, writer)
            finally:
                sent.cancel()
                await asyncio.gather(sent, return_exceptions=True)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            to.close()
            writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(carry(reader, writer))
        carried.add(task)
        task.add_done_callback(carried.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        port = server.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}{strips}/"
    finally:
        server.close()
        for task in list(carried):
            task.cancel()
        await asyncio.gather(*carried, return_exceptions=True)


def bench() -> Dash:
    app = Dash("bench")
    app.layout = html.P("hello", id="text")
    return app


def test_a_disabled_extension_is_found(tmp_path: Path):
    """By the configuration that comes first; the one that is installed has nothing wrong."""
    installed = str(ROOT / "jupyter-config")
    assert lines(installation.check_extension([installed])) == []
    (tmp_path / "jupyter_server_config.d").mkdir()
    disabled = {"ServerApp": {"jpserver_extensions": {"dash_devices_nb.server": False}}}
    (tmp_path / "jupyter_server_config.d" / "mine.json").write_text(json.dumps(disabled))
    (found,) = lines(installation.check_extension([str(tmp_path), installed]))
    assert "extension is disabled" in found
    assert "jupyter server extension enable dash_devices_nb.server" in found
    (found,) = lines(installation.check_extension([]))
    assert "not enabled" in found


def test_old_python_and_untested_packages_are_found():
    """Each with the command that mends it; what is optional is only a note."""
    assert lines(installation.check_python((3, 11, 4))) == []
    assert "before 3.11.4" in lines(installation.check_python((3, 11, 3)))[0]
    dash = metadata.version("dash")
    required = [
        f"dash[quart]<{dash}",
        "h11>=0.1",
        'no-such-package>=1 ; extra == "history"',
        'pytest<1; extra == "test"',
    ]
    wrong, note = installation.check_requirements(required)
    assert str(wrong) == (
        f'wrong: dash is {dash}, tested is <{dash}. Mend: {sys.executable} -m pip install "dash<{dash}"'
    )
    assert not note.wrong
    assert "'history' are not there (no-such-package)" in note.fact
    missing = lines(installation.check_requirements(["no-such-package>=1"]))
    assert missing[0].startswith("wrong: no-such-package is not installed")


def test_stale_and_broken_records_are_found(runtime: Path):
    """Of a process that has ended, and of a file that is none."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    endpoint = registration.TcpEndpoint("127.0.0.1", 9)
    token = secrets.token_urlsafe(32)
    registration.register("alive", endpoint=endpoint, secret=token, base_url="/")
    assert lines(jupyter.check_records([])) == []
    registration.register("gone", endpoint=endpoint, secret=token, base_url="/", pid=ended.pid)
    broken = runtime / "dash-devices" / "bad-1.json"
    broken.write_text("{")
    broken.chmod(0o600)
    found = lines(jupyter.check_records([]))
    assert len(found) == 2
    assert "bad-1.json" in found[0]
    assert f"'gone' is stale: process {ended.pid} has ended" in found[1]
    assert f"Mend: delete {runtime / 'dash-devices'}/gone-{ended.pid}.json" in found[1]


async def test_a_server_without_the_extension_and_a_wrong_base_url_are_found(monkeypatch: pytest.MonkeyPatch):
    """A real Jupyter server on which the extension is off, and an app that is registered below another path."""
    off = "--ServerApp.jpserver_extensions={'dash_devices_nb.server': False}"
    async with running_jupyter("server", base_url="/here/", arguments=[off]) as server:
        monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(server.runtime_dir))
        monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
        (running,) = jupyter.running_servers()
        (found,) = await asyncio.to_thread(lambda: lines(jupyter.check_servers([running])))
        assert f"process {server.process.pid}" in found
        assert "runs without the extension" in found
        endpoint = registration.TcpEndpoint("127.0.0.1", 9)
        registration.register("bench", endpoint=endpoint, secret=secrets.token_urlsafe(32), base_url="/there/")
        (found,) = lines(jupyter.check_records([running]))
        assert "registered at /there/dash-devices/bench/, but no Jupyter server has that base URL (/here/)" in found


async def test_a_server_with_an_older_extension_is_found(runtime: Path):
    """It answers without a version, as the extension did before it said one, or with another one."""
    said = {"apps": []}

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = json.dumps(said).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        runtime.mkdir(mode=0o700)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        (runtime / f"jpserver-{os.getpid()}.json").write_text(json.dumps({"base_url": "/", "url": url, "token": "x"}))
        servers = jupyter.running_servers()
        for version, wrong in (("", "of an older version;"), ("99", "of 99;"), (__version__, "")):
            said.update({"version": version} if version else {})
            found = await asyncio.to_thread(lambda: lines(jupyter.check_servers(servers)))
            assert len(found) == bool(wrong)
            assert wrong in "".join(found)
    finally:
        server.close()


async def test_an_address_is_examined_as_a_browser_would():
    """Nothing wrong with the secret; without it, through a proxy without upgrades, and below a path, each is said."""

    async def found(url: str) -> list[str]:
        return await asyncio.to_thread(lambda: lines(check_address(url)))

    with AppServer() as server:
        guarded = server.run(bench(), auth="secret")
        assert await found(guarded) == []
        assert "answers 403: it asks for a secret" in (await found(guarded.split("?")[0]))[0]
        url = server.run(bench())
        async with proxy(url) as good:
            assert await found(good) == []
        async with proxy(url, upgrades=False) as bad:
            (line,) = await found(bad)
            assert "No WebSocket at /_dash-devices/ws: the upgrade is answered" in line
            assert "proxy_set_header Upgrade $http_upgrade" in line
        async with proxy(url, strips="/bench") as bad:
            (line,) = await found(bad)
            assert "Wrong base URL: the page at" in line
            assert "takes its path for '/'" in line
    assert "Nobody answers" in (await found(url))[0]
    assert "is no address of a page" in (await found("localhost:8050"))[0]


def test_the_command_ends_with_what_was_found(runtime: Path):
    """Exit code 1 and a line that is wrong."""
    command = [sys.executable, "-m", "dash_devices_nb", "doctor", "nowhere"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1, ended.stderr
    assert ended.stdout.splitlines()[-1].startswith("wrong: 'nowhere' is no address of a page.")


def test_the_extension_by_itself_beside_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named as what it is: harmless, and for another environment."""
    assert lines(installation.check_server_only()) == []
    folder = tmp_path / "dash_devices_nb_server-0.1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {ALONE}\nVersion: 0.1.0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert lines(installation.check_server_only()) == [
        f"note: {ALONE} 0.1.0 is installed, too: it does no harm and is not used, as dash-devices-nb has the "
        f"extension. Mend: {sys.executable} -m pip uninstall {ALONE}, if it was meant for another environment."
    ]

"""Records, names and the directory that they are in."""

from __future__ import annotations

import json
import multiprocessing
import os
import socket
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dash_devices_nb import registration
from dash_devices_nb.errors import RegistrationError
from dash_devices_nb.registration import Registration, TcpEndpoint, UnixEndpoint, slug

SECRET = "s" * 43


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A runtime directory of this test's own."""
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    return tmp_path / "dash-devices"


def register(wanted: str, **fields: Any) -> registration.Registered:
    endpoint = fields.pop("endpoint", TcpEndpoint("127.0.0.1", 5000))
    return registration.register(wanted, **{"endpoint": endpoint, "secret": SECRET, "base_url": "/", **fields})


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("thermostat", "thermostat"),
        ("Messung Köln (2)", "messung-koln-2"),
        ("Straße", "strasse"),
        ("../../etc/passwd", "etc-passwd"),
        ("測定", "app-f5c8b8"),
        ("", "app-e3b0c4"),
        ("a\0b\nc", "a-b-c"),
    ],
)
def test_names_are_made_of_what_a_person_wrote(text: str, name: str) -> None:
    """Spaces, accents and other scripts become something that is safe in a URL."""
    assert slug(text) == name


@given(st.text(max_size=200))
def test_every_text_makes_an_accepted_name_once_and_for_all(text: str) -> None:
    """The name of a name is itself."""
    name = registration.check_name(slug(text))
    assert slug(name) == name


@pytest.mark.parametrize("name", ["", "A", "a/b", "..", ".a", "-a", "_a", "a" * 65, "ä", "a b", 1])
def test_names_that_are_no_names_are_refused(name: object) -> None:
    """The message says what is accepted."""
    with pytest.raises(RegistrationError, match="is not accepted: 1 to 64 of a-z 0-9 _ -"):
        registration.check_name(name)


def test_record_is_private_and_comes_back_as_it_was(runtime: Path) -> None:
    """Mode 0600 in a directory of mode 0700, and no secret in what is logged."""
    made = register("My App", kernel_id="k-1", notebook="b/ü.ipynb", base_url="/user/x/")
    path = runtime / f"my-app-{os.getpid()}.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(runtime.stat().st_mode) == 0o700
    assert registration.read_all() == ([made.registration], [])
    assert made.registration.prefix == "/user/x/dash-devices/my-app/"
    assert made.note is None
    assert SECRET not in repr(made)
    registration.remove(made.registration)
    registration.remove(made.registration)
    assert registration.read_all() == ([], [])


def test_second_app_of_the_same_name_gets_a_number_and_a_note() -> None:
    """Two apps of one kernel do not collide, and the message says which URL the second got."""
    register("app", notebook="one.ipynb")
    second = register("app")
    assert second.registration.name == "app-2"
    assert second.note == (
        f"The name 'app' is taken by one.ipynb (process {os.getpid()}), so this app is 'app-2': /dash-devices/app-2/"
    )
    assert register("app").registration.name == "app-3"
    registration.remove(second.registration)
    assert register("app").registration.name == "app-2"


def test_restarted_kernel_gets_its_name_back() -> None:
    """The same kernel in another process takes the name that it had, whoever runs first."""
    alive = os.getppid()
    register("app", kernel_id="k-1", pid=alive)
    register("app", kernel_id="k-2", pid=1)
    again = register("app", kernel_id="k-2")
    assert again.registration.name == "app-2"
    assert [r.name for r in registration.read_all()[0]] == ["app", "app-2"]


def test_name_of_a_dead_process_is_free() -> None:
    """A record that a killed kernel left behind takes no name away."""
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    register("app", kernel_id="k-1", pid=int(ended.stdout))
    assert register("app", kernel_id="k-2").registration.name == "app"
    assert len(registration.read_all()[0]) == 1


def test_the_socket_of_a_dead_process_goes_with_its_record(short_directory: Path) -> None:
    """Not that of one that lives, nor a file that is no socket."""
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    paths = [short_directory / name for name in ("dead", "lives", "file")]
    paths[2].touch()
    for path in paths[:2]:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.bind(str(path))
    for path, pid in zip(paths, (int(ended.stdout), os.getpid(), int(ended.stdout)), strict=True):
        endpoint = UnixEndpoint(str(path))
        register("app", endpoint=endpoint, kernel_id="k-1", pid=pid)
        register("app", kernel_id="k-1", pid=os.getppid())
    assert [path.name for path in paths if path.exists()] == ["lives", "file"]


def _race(count: int) -> list[str]:
    return [register("race", kernel_id=f"k{os.getpid()}").registration.name for _ in range(count)]


def test_processes_that_register_at_once_get_different_names() -> None:
    """Claiming is one step for all processes of the user."""
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        names = [name for found in pool.map(_race, [5, 5, 5]) for name in found]
        assert len(set(names)) == 15
        pool.close()
        pool.join()


GOOD: dict[str, Any] = {
    "version": 1,
    "name": "app",
    "kernel_id": "k",
    "pid": 1,
    "notebook": None,
    "endpoint": {"kind": "unix", "path": "/run/x.sock"},
    "secret": SECRET,
    "prefix": "/dash-devices/app/",
    "started": 1.0,
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 2}, "the record has version 2, this program reads 1"),
        ({"name": "../x"}, "the app name '../x' is not accepted"),
        ({"pid": "1"}, "pid is '1', expected an integer from 1 to 2147483647"),
        ({"pid": True}, "pid is True, expected an integer"),
        ({"secret": "a\r\nX: y"}, "secret is not as it should be, expected 43 characters"),
        ({"prefix": "/a b/"}, "prefix is '/a b/', expected a path of printable ASCII"),
        ({"started": "now"}, "started is 'now', expected a time"),
        ({"started": float("nan")}, "started is nan, expected a time in seconds since the epoch"),
        ({"started": float("inf")}, "started is inf, expected a time"),
        ({"started": -1}, "started is -1, expected a time"),
        ({"started": 10**5000}, "started is a huge integer, expected a time"),
        ({"pid": 10**5000}, "pid is a huge integer, expected an integer"),
        ({"notebook": "half \ud83d.ipynb"}, "which has half of a character"),
        ({"host": "\udcff"}, "which has half of a character"),
        ({"endpoint": {"kind": "unix", "path": "/run/\ud83d"}}, "is not accepted: an absolute path"),
        ({"notebook": 1}, "notebook is 1, expected a text"),
        ({"kernel_id": "../k"}, "kernel_id is '../k', expected a text like"),
        ({"endpoint": None}, "endpoint is None, expected an object"),
        ({"endpoint": {"kind": "udp"}}, "endpoint kind 'udp' is not accepted: 'unix' or 'tcp'"),
        ({"endpoint": {"kind": "unix", "path": "x"}}, "endpoint path 'x' is not accepted"),
        ({"endpoint": {"kind": "unix", "path": "/a/../b"}}, "an absolute path without '..'"),
        *(
            ({"endpoint": {"kind": "tcp", "host": host, "port": 80}}, "a literal loopback address")
            for host in ("localhost", "10.0.0.1", "169.254.169.254", "127.0.0.1.evil", "::", "", 1)
        ),
        (
            {"endpoint": {"kind": "tcp", "host": "::1", "port": 0}},
            "port is 0, expected an integer from 1 to 65535",
        ),
    ],
)
def test_records_that_lead_elsewhere_are_refused(change: dict[str, Any], message: str) -> None:
    """A record makes nobody connect to another machine, another user or with other headers."""
    with pytest.raises(RegistrationError) as refused:
        Registration.from_json({**GOOD, **change})
    assert message in str(refused.value)


def write(runtime: Path, content: str, name: str = "app-1.json", mode: int = 0o600) -> Path:
    runtime.mkdir(mode=0o700, exist_ok=True)
    path = runtime / name
    path.write_text(content)
    path.chmod(mode)
    return path


def refused(runtime: Path) -> str:
    accepted, problems = registration.read_all()
    assert accepted == []
    assert len(problems) == 1
    return str(problems[0])


def test_files_that_others_could_have_written_are_refused(runtime: Path) -> None:
    """Mode, kind, size and name of the file are checked before what it says is believed."""
    good = json.dumps(GOOD)
    path = write(runtime, good, mode=0o644)
    assert "has mode 0644, expected 0600" in refused(runtime)
    path.unlink()
    path = write(runtime, good, name="other-1.json")
    assert "the record says it is 'app-1.json'" in refused(runtime)
    path.rename(runtime.parent / "elsewhere.json")
    (runtime / "app-1.json").symlink_to(runtime.parent / "elsewhere.json")
    assert "cannot be opened" in refused(runtime)
    (runtime / "app-1.json").unlink()
    path = write(runtime, " " * 70_000)
    assert "longer than 65536 bytes" in refused(runtime)
    path = write(runtime, "{")
    assert "app-1.json: Expecting property name" in refused(runtime)
    write(runtime, "[" * 30_000)
    assert "app-1.json: maximum recursion depth exceeded" in refused(runtime)
    write(runtime, json.dumps({**GOOD, "started": 0}).replace('"started": 0', f'"started": {"9" * 400}'))
    assert "started is 9999999999" in refused(runtime)
    path.unlink()
    os.mkfifo(path, 0o600)
    assert "not a regular file" in refused(runtime)


def test_a_record_that_cannot_be_read_hides_no_other(runtime: Path) -> None:
    """However deep, long or odd it is: the others are listed, and each fault is told by its file."""
    made = register("bench")
    contents = {"deep": "[" * 30_000, "none": "", "huge": "9" * 5000, "half": '"\\ud83d"', "list": "[1]", "not": "{"}
    for name, content in contents.items():
        write(runtime, content, name=f"{name}-1.json")
    accepted, problems = registration.read_all()
    assert accepted == [made.registration]
    assert sorted(str(each).partition("-1.json")[0].rpartition("/")[2] for each in problems) == sorted(contents)


def test_directory_that_is_a_link_is_refused(runtime: Path, tmp_path: Path) -> None:
    """Nobody redirects the records to a directory of theirs."""
    (tmp_path / "real").mkdir()
    runtime.symlink_to(tmp_path / "real")
    with pytest.raises(RegistrationError, match="is not a directory"):
        registration.directory()


def test_socket_is_checked_when_it_is_used(tmp_path: Path) -> None:
    """A path that became a link or a file since is refused."""
    path = tmp_path / "x"
    with pytest.raises(FileNotFoundError):
        registration.check_socket(str(path))
    path.write_text("")
    with pytest.raises(RegistrationError, match="is not a socket"):
        registration.check_socket(str(path))


def test_record_of_another_machine_is_left_alone() -> None:
    """Hosts of a cluster share a home; a process id of another host says nothing here."""
    record = register("app").registration
    stranger = replace(record, host="node17", pid=2**31 - 1)
    assert registration.is_running(stranger)
    assert not registration.is_running(replace(stranger, started=0.0))
    assert not registration.is_running(replace(record, pid=2**31 - 1))
    assert not registration.is_running(replace(record, endpoint=UnixEndpoint("/nonexistent/x")))

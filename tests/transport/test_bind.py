import os
import socket
import stat
from pathlib import Path

import pytest

from dash_devices_nb.errors import BindError, PortInUseError
from dash_devices_nb.transport.bind import BoundSocket


@pytest.fixture
def bound():
    made: list[BoundSocket] = []
    yield made
    for each in made:
        each.close()


def test_port_zero_takes_any_free_port(bound):
    """Port 0 binds a free port, which the URL and the endpoint name."""
    sock = BoundSocket.bind_tcp("127.0.0.1", 0, search=False)
    bound.append(sock)
    assert sock.port > 0
    assert sock.url == f"http://127.0.0.1:{sock.port}/"
    assert sock.endpoint == {"kind": "tcp", "host": "127.0.0.1", "port": sock.port}


def test_a_bound_socket_takes_connections_at_once(bound):
    """A page that comes before the server serves waits in the backlog."""
    sock = BoundSocket.bind_tcp("127.0.0.1", 0, search=False)
    bound.append(sock)
    with socket.create_connection(("127.0.0.1", sock.port), timeout=5):
        pass


def test_a_taken_port_is_an_error_with_a_remedy(bound):
    """Without search, a taken port names host and port and what to do."""
    first = BoundSocket.bind_tcp("127.0.0.1", 0, search=False)
    bound.append(first)
    with pytest.raises(PortInUseError) as error:
        BoundSocket.bind_tcp("127.0.0.1", first.port, search=False)
    assert str(error.value) == (
        f"Port {first.port} on 127.0.0.1 is in use by another program (or by an app of this one "
        f"that still runs: stop it with app.stop()). Give another one with app.run(port=...), or "
        f"port=0 for any free one."
    )


def test_search_takes_the_next_free_port(bound):
    """With search, the next free port is taken."""
    first = BoundSocket.bind_tcp("127.0.0.1", 0, search=False)
    bound.append(first)
    second = BoundSocket.bind_tcp("127.0.0.1", first.port, search=True)
    bound.append(second)
    assert first.port < second.port <= first.port + 100


def test_a_closed_port_can_be_bound_again_at_once(bound):
    """Stopping and starting on one port works without a pause."""
    sock = BoundSocket.bind_tcp("127.0.0.1", 0, search=False)
    port = sock.port
    with socket.create_connection(("127.0.0.1", port), timeout=5):
        sock.close()
    bound.append(BoundSocket.bind_tcp("127.0.0.1", port, search=False))


@pytest.mark.parametrize(
    ("host", "port", "text"),
    [
        ("127.0.0.1", 70000, "Port 70000 is not a port; accepted are 0 (any free one) to 65535."),
        ("192.0.2.1", 0, "The host must be an address of this computer"),
        ("no such host", 0, "The host 'no such host' cannot be resolved"),
    ],
)
def test_an_impossible_address_is_refused(host, port, text):
    """A host or port that cannot be bound says what is accepted."""
    with pytest.raises(BindError) as error:
        BoundSocket.bind_tcp(host, port, search=True)
    assert text in str(error.value)


def test_a_wildcard_is_shown_as_the_loopback_address(bound):
    """Nobody can open http://0.0.0.0; the URL shows an address that works here."""
    sock = BoundSocket.bind_tcp("0.0.0.0", 0, search=False)
    bound.append(sock)
    assert sock.url == f"http://127.0.0.1:{sock.port}/"


def test_a_unix_socket_is_private(short_directory, bound):
    """The socket has mode 0600, its directory 0700, whatever the umask."""
    old = os.umask(0)
    try:
        sock = BoundSocket.bind_unix(short_directory / "sockets")
    finally:
        os.umask(old)
    bound.append(sock)
    assert sock.path is not None
    assert stat.S_IMODE(sock.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(sock.path.parent.stat().st_mode) == 0o700
    assert sock.url == f"unix:{sock.path}"
    assert sock.endpoint == {"kind": "unix", "path": str(sock.path)}


def test_closing_a_unix_socket_removes_its_file(short_directory):
    """After close there is no file, and closing again does nothing."""
    sock = BoundSocket.bind_unix(short_directory)
    sock.close()
    sock.close()
    assert list(short_directory.iterdir()) == []


def test_a_directory_that_is_too_long_is_replaced(short_directory):
    """A deep runtime directory does not break the socket; its substitute goes with it."""
    sock = BoundSocket.bind_unix(short_directory / ("x" * 100))
    assert sock.path is not None
    assert len(os.fsencode(sock.path)) < 100
    assert not sock.path.is_relative_to(short_directory)
    sock.close()
    assert not sock.path.parent.exists()


def test_a_link_in_place_of_the_directory_is_refused(short_directory):
    """A directory that somebody else could have put there is not used."""
    (short_directory / "real").mkdir()
    link = short_directory / "link"
    link.symlink_to(short_directory / "real")
    with pytest.raises(BindError, match="is not a directory"):
        BoundSocket.bind_unix(link)


def test_a_system_without_unix_sockets(short_directory: Path, monkeypatch: pytest.MonkeyPatch):
    """The message says what to do."""
    monkeypatch.delattr(socket, "AF_UNIX")
    with pytest.raises(BindError, match="This system has no Unix sockets; bind a loopback port with a secret instead"):
        BoundSocket.bind_unix(short_directory)


def test_a_directory_that_lets_others_in_is_closed(short_directory: Path, bound):
    """An existing directory of ours loses the rights of others."""
    directory = short_directory / "open"
    directory.mkdir(mode=0o755)
    bound.append(BoundSocket.bind_unix(directory))
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_directories_that_leave_no_room_at_all_are_refused(monkeypatch, tmp_path: Path):
    """Both are named; nothing is left of the temporary one."""
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(long))
    with pytest.raises(BindError, match=r"Both .* and the temporary directory .* are too long .* Set TMPDIR"):
        BoundSocket.bind_unix(tmp_path / ("y" * 100))
    assert list(long.iterdir()) == []


def test_a_socket_that_cannot_be_made_says_why(monkeypatch, short_directory: Path):
    """What stands in its place has the name."""
    monkeypatch.setattr("secrets.token_hex", lambda count: "taken")
    (short_directory / "taken.sock").touch()
    with pytest.raises(BindError, match=r"Cannot make the Unix socket .*taken\.sock: Address already in use\."):
        BoundSocket.bind_unix(short_directory)


def test_a_directory_of_somebody_else_is_refused(monkeypatch, short_directory: Path):
    """A socket there would not be private."""
    owner = os.getuid()
    monkeypatch.setattr("os.getuid", lambda: owner + 1)
    with pytest.raises(BindError, match=rf"belongs to user {owner}, not to {owner + 1}"):
        BoundSocket.bind_unix(short_directory)


def test_the_address_of_ipv6_stands_in_brackets(bound):
    """The wildcard's is the loopback address."""
    for host in ("::1", "::"):
        bound.append(sock := BoundSocket(socket.socket(), host, 8050))  # not every machine has IPv6
        assert sock.url == "http://[::1]:8050/"

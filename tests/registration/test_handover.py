"""Descriptors go through Unix sockets, and nothing is left of them where they are not wanted."""

import os
import socket

import psutil
import pytest

from dash_devices_nb.errors import RegistrationError
from dash_devices_nb.registration import handover


@pytest.fixture
def pair():
    """The connection between extension and app."""
    ours, apps = socket.socketpair()
    ours.setblocking(False)
    apps.setblocking(False)
    with ours, apps:
        yield ours, apps


def test_an_app_writes_to_the_socket_that_it_is_given(pair):
    """It is the same connection, that no child process inherits."""
    ours, apps = pair
    with pytest.raises(BlockingIOError):
        handover.take(apps)
    browser, taken = socket.socketpair()
    with browser, taken:
        assert handover.give(ours, taken)
        got = handover.take(apps)
        assert got is not None
        with got:
            assert (got.getblocking(), got.get_inheritable(), got.fileno() != taken.fileno()) == (False, False, True)
            got.send(b"from the app")
            assert browser.recv(100) == b"from the app"


def test_without_a_socket_there_is_none(pair):
    """By word, or because the extension has gone."""
    ours, apps = pair
    assert not handover.give(ours, None)
    assert handover.take(apps) is None
    ours.close()
    assert handover.take(apps) is None


def test_an_app_that_has_gone_gets_nothing(pair):
    """Whoever reads from it learns that."""
    ours, apps = pair
    apps.close()
    assert not handover.give(ours, ours)
    assert not handover.give(ours, None)


def test_only_unix_sockets_carry_descriptors(pair):
    """An app on a loopback port writes to that."""
    assert handover.possible(pair[0])
    with socket.socket(socket.AF_INET) as tcp:
        assert not handover.possible(tcp)


def test_what_is_no_connection_is_closed_and_told(pair, tmp_path):
    """A file, a pipe, a datagram and a listening socket: none is kept, and no descriptor is lost."""
    ours, apps = pair
    pipe = os.pipe()
    datagram, listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM), socket.socket()
    with (tmp_path / "file").open("wb") as file, datagram, listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        before = psutil.Process().num_fds()
        for descriptor in (file.fileno(), *pipe, datagram.fileno(), listening.fileno()):
            socket.send_fds(ours, [b"+"], [descriptor])
            with pytest.raises(RegistrationError, match=r"the descriptor for a browser's socket is .*; it is closed"):
                handover.take(apps)
        assert psutil.Process().num_fds() == before
    for end in pipe:
        os.close(end)


def test_of_several_descriptors_none_is_left_open(pair):
    """The extension sends one; what comes beside it is not this program's to keep."""
    ours, apps = pair
    browser, taken = socket.socketpair()
    with browser, taken:
        before = psutil.Process().num_fds()
        for _ in range(5):
            socket.send_fds(ours, [b"+"], [taken.fileno()] * 8)
            got = handover.take(apps)
            assert got is not None
            got.close()
        assert psutil.Process().num_fds() == before

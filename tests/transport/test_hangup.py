"""Whether the other side has ended a connection of which nothing is read."""

from __future__ import annotations

import select
import socket

from dash_devices_nb.transport.hangup import hung_up


def test_an_end_is_told_though_nothing_is_read():
    """It is not while the other side is there, however much of it waits unread."""
    mine, other = socket.socketpair()
    with mine, other:
        other.send(b"unread")
        assert not hung_up(mine.fileno())
        other.close()
        assert hung_up(mine.fileno())


def test_where_the_system_cannot_say_nobody_has_gone(monkeypatch):
    """A socket that is closed here, and a system without poll."""
    mine, other = socket.socketpair()
    with mine:
        other.close()
        monkeypatch.delattr(select, "poll")
        assert not hung_up(mine.fileno())
    assert not hung_up(-1)

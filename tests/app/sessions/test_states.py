"""The states of a connection and of a session: what may follow on what."""

import pytest

from dash_devices_nb import Dash
from dash_devices_nb.app.api.parts import parts_of
from dash_devices_nb.app.client_session import ClientSession, Sending
from dash_devices_nb.app.sessions.connection import Connection, State
from dash_devices_nb.close_codes import CloseCode
from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.protocol.frames import Frame
from dash_devices_nb.core.protocol.outbox import Outbox


class Closings:
    """Takes the messages of a connection."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, object, object]] = []

    async def send(self, message: dict[str, object]) -> None:
        self.sent.append((str(message["type"]), message.get("code"), message.get("reason")))

    async def receive(self) -> dict[str, object]:
        raise AssertionError("nobody reads here")


@pytest.fixture
def closings() -> Closings:
    return Closings()


@pytest.fixture
def connection(closings: Closings) -> Connection:
    parts = parts_of(Dash(__name__))
    return Connection(parts.sessions, parts.regular.start, {}, closings.receive, closings.send)


async def test_a_connection_is_closed_once(connection: Connection, closings: Closings):
    """Neither reading nor another reason follows; one that is forbidden, or for good, sends the page away."""
    await connection.close(CloseCode.FORBIDDEN, "no")
    await connection.close(CloseCode.GOING_AWAY, "again")
    assert closings.sent == [("websocket.close", CloseCode.FORBIDDEN, "no")]
    assert connection._state is State.SENT_AWAY
    for state in State:
        assert not connection._become(state)
    assert connection._state is State.SENT_AWAY


@pytest.mark.parametrize(
    ("code", "for_good", "state"),
    [
        (CloseCode.GOING_AWAY, False, State.CLOSED),
        (CloseCode.GOING_AWAY, True, State.SENT_AWAY),
        (CloseCode.FORBIDDEN, False, State.SENT_AWAY),
    ],
)
async def test_whether_a_page_may_come_back(connection: Connection, code: int, for_good: bool, state: State):
    """It may, but for what forbids it."""
    await connection.close(code, "why", for_good=for_good)
    assert connection._state is state
    assert state.is_over


def test_what_follows_in_a_connection(connection: Connection):
    """Waiting and reading take turns; one that is given up is only closed."""
    assert not connection._become(State.WAITING)
    assert not connection._become(State.GIVEN_UP)
    for state in (State.READING, State.WAITING, State.READING, State.GIVEN_UP):
        assert connection._become(state)
    assert [state for state in State if connection._become(state)] == [State.CLOSED]


class Writer:
    """A connection that has room, or has not."""

    from_any_thread = True

    def __init__(self, *, room: bool = True) -> None:
        self.room = room
        self.messages: list[str] = []
        self.waiting: list[object] = []

    def has_room(self) -> bool:
        return self.room

    def write_messages(self, messages) -> None:
        self.messages += [message.text for message in messages]

    def when_room(self, function) -> None:
        self.waiting.append(function)


@pytest.fixture
def page() -> ClientSession:
    return ClientSession(parts_of(Dash(__name__)).runtime, Client("anne", connect_time=0.0), lambda client, what: None)


def test_a_session_waits_for_room_and_goes_on(page: ClientSession):
    """Nothing is written while the connection is full, nor after it has ended."""
    writer = Writer(room=False)
    page.outbox.add_transient(Frame("one"))
    page.attach(writer)
    assert (page.sending, writer.messages, len(writer.waiting)) == (Sending.FULL, [], 1)
    writer.room = True
    page.wake()
    assert writer.messages == []
    writer.waiting[0]()
    assert (page.sending, writer.messages) == (Sending.READY, ["one"])
    page.detach(writer)
    page.outbox.add_transient(Frame("two"))
    page.wake()
    assert (page.sending, writer.messages, page.connected) == (Sending.AWAY, ["one"], False)


def test_a_session_is_given_up_once(page: ClientSession):
    """And stays so; its connection is closed."""
    closed: list[int] = []
    page.outbox = Outbox(hard_limit=1)
    writer = Writer()
    page.attach(writer, lambda code, reason: closed.append(code))
    page.send_notice("info", "too long")
    for _ in range(2):
        page.wake()
    assert closed == [CloseCode.POLICY_VIOLATION]
    for sending in Sending:
        page._become(sending)
        assert page.sending is Sending.GIVEN_UP


def test_the_old_connection_of_a_page_that_is_back_gets_nothing(page: ClientSession):
    """It is closed, and its end does not end the new one."""
    closed: list[str] = []
    old, new = Writer(), Writer()
    page.attach(old, lambda code, reason: closed.append("old"))
    page.supersede()
    page.attach(new, lambda code, reason: closed.append("new"))
    page.detach(old)
    page.outbox.add_transient(Frame("one"))
    page.wake()
    assert (old.messages, new.messages, page.connected) == ([], ["one"], True)
    page.disconnect(CloseCode.FORBIDDEN, "no")
    assert closed == ["old", "new"]

import pytest

from dash_devices_nb import Dash
from dash_devices_nb.app.api.parts import parts_of
from dash_devices_nb.app.client_session import ClientSession
from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.props.values import Value
from dash_devices_nb.core.protocol.frames import Frame
from dash_devices_nb.core.protocol.outbox import Outbox

X, Y = ("x", "value"), ("y", "value")


class Written:
    """Takes everything, and keeps what was written together."""

    from_any_thread = True

    def __init__(self) -> None:
        self.messages: list[list[str]] = []

    def has_room(self) -> bool:
        return True

    def write_messages(self, messages) -> None:
        self.messages.append([message.text for message in messages])

    def when_room(self, function) -> None:
        raise AssertionError("there is always room")


@pytest.fixture
def page() -> ClientSession:
    app = Dash(__name__)
    return ClientSession(parts_of(app).runtime, Client("anne", connect_time=0.0), lambda client, what: None)


def test_an_acknowledgement_goes_with_what_is_written(page: ClientSession):
    """One call to the operating system for the output of a callback and the acknowledgement of what led to it."""
    page.schedule_ack(7, [X])
    page.send_shared(Frame("output"), 1, {Y: Value.of(1)})
    writer = Written()
    page.attach(writer)
    assert writer.messages == [["output", '{"t":"ack","s":7}']]


def test_an_acknowledgement_never_overtakes_what_was_ordered_before(page: ClientSession):
    """Until then a page takes others' changes for older than its own: what waits for room comes first."""
    page.outbox = Outbox(frames=1)
    page.send_shared(Frame("older"), 1, {Y: Value.of(1)})
    page.send_shared(Frame("old"), 2, {X: Value.of(1)})
    page.schedule_ack(7, [X])
    writer = Written()
    page.attach(writer)
    assert writer.messages == [["older"]]
    page.outbox.applied(1)
    page.wake()
    assert writer.messages[1:] == [["old", '{"t":"ack","s":7}']]

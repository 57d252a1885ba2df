"""A client by itself: what is told to its follower, and what can be asked of it."""

import pytest

from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.access.roles import Role
from dash_devices_nb.errors import RoleError, RunError


class Follower:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def changed(self, client, what, *, named=False):
        self.told.append(f"{'name' if named else 'role'}: {what}")

    def props(self, client, component_id, timeout):
        return {"asked": component_id, "within": timeout}

    async def props_coro(self, client, component_id, timeout):
        return {"asked": component_id, "within": timeout}

    def authenticated(self, client):
        self.told.append(f"withheld: {client.withheld}")


def test_until_somebody_follows_it_a_role_is_its_rights():
    """Before it has come in there is no floor; afterwards the follower sees to the rights."""
    client = Client("1", connect_time=0.0)
    client.role = "view"
    assert (client.role, client.rights) == (Role.VIEW, Role.VIEW)
    follower = Follower()
    client.followed_by(follower)
    client.role = "owner"
    client.role = Role.OWNER
    client.has_been_given(Role.CONTROL)
    assert client.role is Role.CONTROL
    assert client.rights is Role.VIEW
    assert follower.told == ["role: view to owner"]
    with pytest.raises(RoleError):
        client.role = "boss"


def test_a_name_and_an_authentication_are_told_when_they_change():
    """Only then, and of the authentication only whether anything is kept from the client."""
    client = Client("1", connect_time=0.0)
    client.name, client.authentication = "Ada", 0
    follower = Follower()
    client.followed_by(follower)
    client.name = "Ada"
    client.name = "Ben"
    assert client.name == "Ben"
    client.name = ""
    client.authentication = False
    client.authentication = "yes"
    assert client.authentication == "yes"
    client.authentication = None
    assert follower.told == ["name: is called 'Ben'", "name: no longer has a name", "withheld: False"]


async def test_a_client_without_a_page_cannot_be_asked():
    """The message names it."""
    client = Client("7", connect_time=0.0, name="Ada", address="10.0.0.7")
    with pytest.raises(RunError, match=r"<Client 7 Ada 10\.0\.0\.7> has no page that could be asked"):
        client.props("slider")
    with pytest.raises(RunError, match="has no page"):
        await client.props_coro("slider")
    assert repr(Client("8", connect_time=0.0)) == "<Client 8 >"
    assert Client("8", connect_time=0.0).label == "Guest"


async def test_a_client_that_is_followed_is_asked_by_the_components_written_id():
    """However a dict id is given."""
    client = Client("7", connect_time=0.0)
    client.followed_by(Follower())
    asked = {"asked": '{"kind":"row","n":1}', "within": 2.0}
    assert client.props({"n": 1, "kind": "row"}, timeout=2.0) == asked
    assert await client.props_coro({"n": 1, "kind": "row"}, timeout=2.0) == asked


def test_what_a_page_reports_is_kept_until_it_reports_anew():
    """Rights, the kind of a session, its round trip, and whether its person looks."""
    client = Client("1", connect_time=0.0)
    client.has_been_granted(Role.VIEW)
    client.has_opened("program")
    client.has_reported(rtt=0.05)
    client.has_reported(visible=False)
    assert (client.rights, client.kind, client.rtt, client.visible) == (Role.VIEW, "program", 0.05, False)
    client.has_reported()
    assert (client.rtt, client.visible) == (0.05, False)


def test_a_client_stands_for_as_many_pages_as_it_has_reported():
    """One, until it says another number; other reports leave that alone."""
    client = Client("relay", connect_time=0.0)
    assert client.pages == 1
    client.has_reported(pages=40)
    client.has_reported(rtt=0.1)
    assert client.pages == 40

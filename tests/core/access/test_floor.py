"""The floor: who may act, the queue, and what happens when a grant ends."""

import pytest

from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.access.floor import Floor
from dash_devices_nb.errors import RoleError


def someone(name: str, role: str) -> Client:
    """A client."""
    return Client(name, connect_time=0.0, name=name, role=role)


@pytest.fixture
def class_():
    """A teacher, two who may control, two who may look."""
    return [
        someone(*who)
        for who in (("tom", "owner"), ("ada", "control"), ("bob", "control"), ("eve", "view"), ("fay", "view"))
    ]


def rights(floor: Floor, people: list[Client]) -> str:
    """The first letters of what they may."""
    return "".join(floor.rights(client)[0] for client in people)


def test_who_may_act_in_each_state(class_):
    """Owners are never locked out; the holder may act whatever the role is."""
    floor = Floor()
    assert (floor.state, rights(floor, class_)) == ("open", "occvv")
    floor.close()
    assert (floor.state, rights(floor, class_)) == ("closed", "ovvvv")
    floor.lock(class_[3], now=0.0)
    assert (floor.state, floor.holder, rights(floor, class_)) == ("locked", class_[3], "ovvcv")
    floor.lock(class_[1], now=0.0)
    assert rights(floor, class_) == "ocvvv"
    floor.open()
    assert (floor.holder, rights(floor, class_)) == (None, "occvv")


def test_people_stand_in_a_queue(class_):
    """In order, each once; who may act already does not; one may withdraw."""
    tom, ada, bob, eve, fay = class_
    floor = Floor()
    assert [floor.ask(each) for each in (eve, fay, eve, ada, tom)] == [True, True, False, False, False]
    assert (floor.requests, floor.place(fay), floor.place(ada)) == ([eve, fay], 2, 0)
    assert floor.withdraw(eve)
    assert not floor.withdraw(eve)
    assert floor.grant(now=0.0) is fay
    assert (floor.holder, floor.requests) == (fay, [])
    assert floor.ask(bob)
    assert floor.ask(eve)
    assert floor.grant(now=0.0, client=eve) is eve
    assert floor.requests == [bob]


@pytest.mark.parametrize(("afterwards", "state"), [("open", "open"), ("close", "closed"), ("next", "closed")])
def test_what_happens_when_the_grant_ends(class_, afterwards, state):
    """At its time, or when the holder leaves or gives it back; "next" with nobody waiting is as it was before."""
    eve = class_[3]
    floor = Floor()
    floor.afterwards = afterwards
    floor.close()
    floor.lock(eve, now=10.0, seconds=5.0)
    assert floor.left(now=12.0) == 3.0
    assert not floor.expire(now=14.9)
    assert not floor.give_back(class_[1], now=14.9)
    assert floor.expire(now=15.0)
    assert not floor.expire(now=15.0)
    assert (floor.state, floor.holder, floor.until) == (state, None, None)
    floor.lock(eve, now=20.0)
    assert not floor.expire(now=1e9)
    assert floor.give_back(eve, now=21.0)
    assert floor.holder is None


def test_next_gives_it_to_the_first_who_asks_for_as_long(class_):
    """One after the other, and open again as before at the end."""
    _, ada, bob, eve, fay = class_
    floor = Floor()
    floor.afterwards = "next"
    floor.lock(ada, now=0.0, seconds=10.0)
    for each in (eve, bob):
        floor.ask(each)
    floor.expire(now=10.0)
    assert (floor.holder, floor.until) == (eve, 20.0)
    floor.give_back(eve, now=12.0)
    assert (floor.holder, floor.until, floor.requests) == (bob, 22.0, [])
    floor.expire(now=22.0)
    assert (floor.state, floor.rights(fay)) == ("open", "view")


def test_what_cannot_be_is_refused(class_):
    """With the value and what is accepted."""
    floor = Floor()
    with pytest.raises(RoleError, match=r"afterwards = 'wait'; accepted are 'open', 'close', 'next'"):
        floor.afterwards = "wait"
    with pytest.raises(RoleError, match=r"for a number of seconds above 0, or None \(no end\), not -1"):
        floor.lock(class_[1], now=0.0, seconds=-1)
    with pytest.raises(RoleError, match="Nobody has asked for control"):
        floor.grant(now=0.0)
    with pytest.raises(RoleError, match="eve has not asked for control"):
        floor.grant(now=0.0, client=class_[3])
    assert floor.state == "open"


def test_what_happens_afterwards_can_be_asked():
    """It is what was set last; "open" at first."""
    floor = Floor()
    assert floor.afterwards == "open"
    floor.afterwards = "next"
    assert floor.afterwards == "next"
    with pytest.raises(RoleError):
        floor.afterwards = "never"
    assert floor.afterwards == "next"


def test_a_tab_that_leaves_and_is_not_the_holder_changes_its_place_in_the_queue_alone():
    """Another tab of the same person stands there now."""
    floor = Floor()
    holder, leaving, staying = (Client(id, connect_time=0) for id in "123")
    floor.lock(holder, 0.0)
    floor.requests = [leaving]
    floor.stays(leaving, staying)
    assert floor.holder is holder
    assert floor.requests == [staying]

"""Who somebody is: roles that hold over all tabs of a browser, and the least for who does not say which."""

from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.access.floor import Floor
from dash_devices_nb.core.access.persons import MOST, Person, Persons
from dash_devices_nb.core.access.roles import Role

ADA, BEN, NOBODY = (Person("link 1", browser) for browser in ("ada", "ben", ""))


def test_a_given_role_is_the_persons():
    """Others of the same link have what it gives."""
    persons = Persons()
    persons.give(ADA, Role.VIEW)
    assert (persons.role(ADA, Role.CONTROL), persons.role(BEN, Role.CONTROL)) == ("view", "control")
    persons.give(ADA, Role.OWNER)
    assert persons.role(ADA, Role.VIEW) == "owner"


def test_who_does_not_say_which_browser_has_the_least_of_the_group():
    """To leave the cookie out gains nothing; other links are not concerned."""
    persons = Persons()
    persons.give(BEN, Role.OWNER)
    assert persons.role(NOBODY, Role.CONTROL) == "control"
    persons.give(ADA, Role.VIEW)
    assert persons.role(NOBODY, Role.CONTROL) == "view"
    assert persons.role(Person("link 2", ""), Role.CONTROL) == "control"


def test_a_bounded_number_is_kept():
    """The one that was given longest ago goes first."""
    persons = Persons()
    for number in range(MOST + 1):
        persons.give(Person(f"link {number % 3}", str(number)), Role.VIEW)
    assert persons.role(Person("link 0", "0"), Role.CONTROL) == "control"
    assert persons.role(Person("link 1", "1"), Role.CONTROL) == "view"


def test_the_floor_is_a_persons():
    """Each of the holder's tabs may act, asks once, and gives it back; one that stays stands for the one that left."""
    floor = Floor()
    one, two = (Client(id, connect_time=0, role=Role.VIEW, person=ADA) for id in "12")
    other = Client("3", connect_time=0, person=BEN)
    floor.close()
    assert [floor.ask(each) for each in (one, two, other)] == [True, False, True]
    assert (floor.place(two), floor.place(other)) == (1, 2)
    floor.lock(one, 0.0)
    assert (floor.rights(two), floor.rights(other), floor.rights_of(ADA, Role.VIEW)) == ("control", "view", "control")
    floor.stays(one, two)
    assert floor.holder is two
    assert floor.give_back(one, 1.0)
    assert floor.rights(two) == "view"


def test_a_group_of_which_nobody_is_kept_is_forgotten():
    """Whoever comes by it then has what it came with."""
    persons = Persons()
    persons.give(ADA, Role.VIEW)
    assert persons.role(Person(ADA.group, ""), Role.CONTROL) == "view"
    for number in range(MOST):
        persons.give(Person("link 2", str(number)), Role.VIEW)
    assert persons.role(Person(ADA.group, ""), Role.CONTROL) == "control"
    assert persons.role(ADA, Role.CONTROL) == "control"

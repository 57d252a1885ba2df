"""Roles: their order and their names."""

import pytest

from dash_devices_nb.core.access.roles import Role
from dash_devices_nb.errors import RoleError


def test_roles_compare_by_what_they_may():
    """Not by their letters, of which "view" has the last."""
    assert Role.VIEW < Role.CONTROL < Role.OWNER
    assert Role.OWNER >= "control"
    assert sorted(Role, reverse=True) == ["owner", "control", "view"]
    assert not Role.VIEW >= Role.CONTROL
    assert Role.VIEW <= Role.VIEW
    assert Role("view") == "view" == str(Role.VIEW)


def test_an_unknown_role_is_refused():
    """Where it is made, and where it is compared."""
    message = "'admin' is not a role; accepted are 'view', 'control', 'owner'"
    with pytest.raises(RoleError, match=message):
        Role("admin")
    with pytest.raises(RoleError, match=message):
        assert Role.OWNER > "admin"
    with pytest.raises(RoleError, match="None is not a role"):
        Role(None)

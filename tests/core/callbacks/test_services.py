"""Services: the original's bits, its presets, and the refusal of what means nothing."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dash_devices_nb.core.callbacks.services import Services, check_callback_service, check_server_service
from dash_devices_nb.errors import ServiceError

PRESETS = (Services.S0, Services.SHARED, Services.SHARED_MOST_RECENT, Services.S2)


def test_the_bits_have_the_values_of_the_original():
    """A program that computes with the single bits gets what it got from the original."""
    assert [int(bit) for bit in Services] == [1 << n for n in range(8)]
    assert int(Services.SHARED) == 0b1111101
    assert int(Services.SHARED_MOST_RECENT) == 0b11111101
    assert int(Services.S2) == 0b100001
    assert int(Services.PUSHER_ALL) == 0b11
    assert Services.NORMAL == Services.S0 == 0


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_is_a_legal_service_of_a_callback(preset):
    """The presets pass their own check unchanged."""
    assert check_callback_service(preset) is preset
    assert check_callback_service(int(preset)) == preset


def test_shared_says_whether_outputs_go_to_all():
    """`shared` is the bit SHARED_CALLBACK."""
    assert [preset.shared for preset in PRESETS] == [False, True, True, False]


@pytest.mark.parametrize(
    ("service", "clash"),
    [
        (Services.SHARED_CALLBACK, "SHARED_CALLBACK clashes with a missing PUSHER_UPDATE"),
        (
            Services.SHARED_CALLBACK | Services.PUSHER_UPDATE,
            "SHARED_CALLBACK clashes with a missing NO_CLIENT_INITIAL_CALLBACK",
        ),
        (Services.SERVER_INITIAL_CALLBACK, "SERVER_INITIAL_CALLBACK clashes with a missing SHARED_CALLBACK"),
        (Services.SHARE_WITH_OTHER_CLIENTS, "SHARE_WITH_OTHER_CLIENTS clashes with a missing SHARED_CALLBACK"),
        (Services.MOST_RECENT, "MOST_RECENT clashes with a missing SERIALIZED_CALLBACK"),
    ],
)
def test_bits_that_clash_are_named_with_a_remedy(service, clash):
    """The message names both bits, and the presets."""
    with pytest.raises(ServiceError) as caught:
        check_callback_service(service)
    assert clash in str(caught.value)
    assert "or use a preset: S0, SHARED, SHARED_MOST_RECENT, S2" in str(caught.value)


@pytest.mark.parametrize("value", [None, True, "SHARED", 1.0])
def test_what_is_no_service_is_refused(value):
    """A truth value is none either, though it is a number to Python."""
    with pytest.raises(ServiceError, match=r"a service is a combination of Services, such as Services\.SHARED"):
        check_callback_service(value)


@pytest.mark.parametrize("value", [1 << 8, -1, 1 << 20])
def test_unknown_bits_are_refused(value):
    """The message lists the bits that there are."""
    with pytest.raises(ServiceError, match=r"has bits that no service has; the bits are PUSHER_UPDATE \|"):
        check_callback_service(value)


def test_a_bit_of_the_server_is_refused_for_a_callback_and_the_other_way_round():
    """PUSHER_OTHER moves the layout; SHARED is no way to serve one."""
    with pytest.raises(ServiceError, match="PUSHER_OTHER, which is for server_service only"):
        check_callback_service(Services.PUSHER_ALL)
    with pytest.raises(ServiceError, match="server_service has SHARED_CALLBACK, which only callbacks have"):
        check_server_service(Services.SHARED_CALLBACK | Services.PUSHER_ALL)


@pytest.mark.parametrize(
    "service", [Services.PUSHER_ALL, Services.NORMAL, Services.PUSHER_UPDATE, Services.PUSHER_OTHER]
)
def test_a_server_takes_its_two_bits_in_any_combination(service):
    """All four combinations of the two are services of a server."""
    assert check_server_service(service) == service


@given(st.integers(-(2**10), 2**10))
def test_a_number_is_a_service_or_refused_with_a_service_error(number):
    """No number raises anything else, and what passes keeps its bits."""
    for check in (check_callback_service, check_server_service):
        with contextlib.suppress(ServiceError):
            assert int(check(number)) == number

"""Admission control: who is turned away when."""

from dash_devices_nb.core.access.admission import BESIDE, AdmissionControl, ConnectionLimits


def test_a_full_house_is_told():
    """By all ways, by one share link, and by it from one address; who leaves makes room."""
    admission = AdmissionControl()
    admission.limits.clients, admission.limits.per_share, admission.limits.per_address = 4, 2, 1
    for address in ("10.0.0.1", "10.0.0.5"):
        assert admission.full(address, "s1") == ""
        admission.enter(address, "s1")
    assert admission.full("10.0.0.2", "s1") == (
        "Full: this share link has 2 pages open, which is the limit. Trying again…"
    )
    assert admission.full("10.0.0.1", "s2") == ""
    admission.enter("10.0.0.1", "s2")
    assert "your network has 1 page open" in admission.full("10.0.0.1", "s2")
    assert admission.full("10.0.0.1", None) == "", "who needs no link is not counted by address"
    admission.enter("10.0.0.2", None)
    assert "this app has 4 pages open" in admission.full("10.0.0.3", None)
    admission.leave("10.0.0.1", "s1")
    assert admission.full("10.0.0.2", "s1") == ""
    for address, share in (("10.0.0.5", "s1"), ("10.0.0.1", "s2"), ("10.0.0.2", None)):
        admission.leave(address, share)
    assert len(admission) == 0
    assert not admission._addresses
    assert not admission._shares


def test_without_limits_nobody_is_turned_away():
    """None is any number."""
    admission = AdmissionControl()
    admission.limits.clients = admission.limits.per_share = admission.limits.per_address = None
    for _ in range(1000):
        admission.enter("10.0.0.1", "s1")
    assert admission.full("10.0.0.1", "s1") == ""


def test_one_links_pages_do_not_turn_away_others_of_the_same_address():
    """A pupil who opens all pages that a network may have locks out nobody who has a link of their own."""
    admission = AdmissionControl()
    admission.limits.per_address = 3
    for _ in range(3):
        admission.enter("10.0.0.1", "pupils")
    assert "your network has 3 pages open" in admission.full("10.0.0.1", "pupils")
    assert admission.full("10.0.0.1", "ada") == ""


def test_a_request_may_be_as_long_as_an_upload_in_base64_and_what_comes_with_it():
    """Four characters for three bytes."""
    assert ConnectionLimits(upload=3_000_000).body == 4_000_000 + BESIDE

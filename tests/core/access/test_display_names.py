"""Names that people give themselves: one line of text, and what reads alike."""

import pytest

from dash_devices_nb.core.access.display_names import alike, as_name, marked


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("  Ada \n Lovelace ", "Ada Lovelace"),
        ("<b>Eve</b>", "<b>Eve</b>"),
        ("\u202egnp.exe\x00\x1b[31m", "gnp.exe [31m"),
        ("x" * 100, "x" * 40),
        ("Zoë 李", "Zoë 李"),
        (" \t", ""),
    ],
)
def test_a_name_is_one_line_of_text(given, name):
    """Without what would turn, hide or break it; markup stays the text that it is."""
    assert as_name(given) == name


def test_names_that_read_alike_are_alike():
    """But for case, spaces, punctuation, accents and forms of letters; what has no letters is compared as it is."""
    for other in ("teacher", "TEACHER", "Te ach.er", "Téacher", "\uff34eacher", "teacher\u0301"):
        assert alike("Teacher", other), other
    for one, other in (("Teacher", "Teachers"), ("Teacher", "Teacher 2"), ("\U0001f600", "\U0001f601"), ("Ada", "")):
        assert not alike(one, other), (one, other)
    assert alike("Straße", "STRASSE")


def test_a_mark_fits_every_name():
    """A long name is cut before it."""
    assert marked("Teacher") == "Teacher (guest)"
    assert marked("x" * 40) == "x" * 32 + " (guest)"
    assert as_name(marked("x" * 40)) == marked("x" * 40)

"""Which components pages show of their own, and when they count no more."""

from dash_devices_nb.core.props.page_components import DECLARED, PageComponents

FIELDS = ("fields", "children")


def test_the_next_answer_takes_away_what_the_last_one_brought():
    """But what it brings again stays, and what another page shows."""
    shown = PageComponents()
    assert shown.bring("a", FIELDS, ["1", "2", "3"]) == set()
    assert shown.bring("b", FIELDS, ["3"]) == set()
    assert shown.bring("a", FIELDS, ["2"]) == {"1"}
    assert shown.bring("b", FIELDS, []) == {"3"}
    assert list(shown.keys("b")) == []


def test_what_was_brought_into_it_goes_with_a_component():
    """However deep; another page's stays."""
    shown = PageComponents()
    for page in "ab":
        shown.bring(page, FIELDS, ["outer"])
        shown.bring(page, ("outer", "children"), ["inner"])
        shown.bring(page, ("inner", "children"), ["innermost"])
    assert shown.bring("a", FIELDS, []) == set()
    assert shown.bring("b", FIELDS, []) == {"outer", "inner", "innermost"}
    assert (list(shown.keys("a")), list(shown.keys("b"))) == ([], [])


def test_a_page_that_leaves_takes_its_own_along():
    """One id under two props counts once gone from both."""
    shown = PageComponents()
    shown.bring("a", FIELDS, ["1", "2"])
    shown.bring("a", ("other", "children"), ["2"])
    shown.bring("b", FIELDS, ["1"])
    assert shown.leave("a") == {"2"}
    assert shown.leave("a") == set()
    assert shown.leave("b") == {"1"}


def test_more_comes_in_addition():
    """A Patch adds, and so does a declaration."""
    shown = PageComponents()
    shown.bring("a", DECLARED, ["1"], more=True)
    shown.bring("a", DECLARED, ["2"], more=True)
    assert set(shown.declared("a")) == {"1", "2"}
    assert shown.bring("a", DECLARED, ["2"]) == {"1"}

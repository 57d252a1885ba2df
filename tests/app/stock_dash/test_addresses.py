"""Which addresses are completed where an app is served below another path than its program knew."""

from __future__ import annotations

import re

import pytest

from dash_devices_nb.app.stock_dash.addresses import Addresses, pattern_of


@pytest.mark.parametrize(
    ("path", "leads"),
    [
        ("", True),
        ("two", True),
        ("two/three", False),
        ("item/7", True),
        ("item/7/8", False),
        ("files/a/b.csv", True),
        ("aXb", False),
        ("a.b", True),
        ("lab", False),
    ],
)
def test_the_paths_of_an_app_are_those_of_its_pages_and_routes(path, leads):
    """A variable stands for one part of a path, one of the kind `path` for several."""
    pattern = pattern_of(["/", "/two", "/item/<number>", "files/<path:name>", "a.b"])
    assert bool(re.fullmatch(pattern, path)) == leads


def test_pages_are_told_nothing_where_the_app_is_where_its_program_thinks():
    """Directly there is nothing to complete, also after the app was served through Jupyter."""
    addresses = Addresses("/")
    assert addresses.settings("assets/", []) is None
    addresses.moved_to("/user/x/dash-devices/a/")
    addresses.moved_to("/user/x/dash-devices/b/")
    assert addresses.settings("assets/", ["/two"]) == {
        "from": ["/", "/user/x/dash-devices/a/"],
        "assets": "assets/",
        "known": "two",
    }
    assert Addresses("/").complete('<img src="/assets/a.png">', "assets/") == '<img src="/assets/a.png">'


def test_a_page_written_by_hand_finds_its_assets():
    """`index_string` may name them; what only begins alike stays."""
    addresses = Addresses("/")
    addresses.moved_to("/p/")
    page = """<img src="/assets/a.png"><i style="background: url(/assets/b.png)"><a href='/assets2/c'>/assets/d</a>"""
    assert addresses.complete(page, "assets/") == (
        """<img src="/p/assets/a.png"><i style="background: url(/p/assets/b.png)"><a href='/assets2/c'>/assets/d</a>"""
    )

"""The session of a program, without a network: what it makes of frames in an order that rarely happens."""

from __future__ import annotations

import asyncio
from typing import Any

from dash_devices_nb.remote.session import ProgramSession, _Change
from tests.core.desk import component

KEY = ("a", "v")


def session() -> ProgramSession:
    """One that has the values of revision 3."""
    program = ProgramSession("http://bench/", None, "", 1.0)
    welcome = {"client": "c", "key": "k", "epoch": "e", "resumed": False, "s": 0, "n": 0, "say": [1000, 10], "v": 1}
    program._receive({"t": "welcome", **welcome})
    program._receive(layout(1, 3, 0))
    return program


def layout(number: int, revision: int, value: Any) -> dict[str, Any]:
    """The answer to the request for a layout."""
    tree = component("top", children=[component("a", v=value), component("b", v=0)])
    return {"t": "res", "q": number, "n": number, "s": 200, "b": tree, "r": revision}


def made(program: ProgramSession, number: int, value: Any, revision: int) -> None:
    """A change of the program's own is made."""
    future = asyncio.get_running_loop().create_future()
    program._changes[number] = _Change({}, {KEY: value}, future, sent=True)
    program._receive({"t": "done", "q": 9, "s": number, "r": revision, "why": "", "text": ""})
    assert future.result() == revision


async def test_an_answer_does_not_stand_for_what_others_have_changed_before():
    """The app may hold those back for a slow program: after a lost connection it has to send them."""
    program = session()
    made(program, 1, 5, 10)
    assert program.newest(KEY) == (5, 10)
    assert program._revision == 3
    program._receive({"t": "mods", "r": 11, "m": {"a": {"v": 5}, "b": {"v": 4}}})
    assert (program.newest(("b", "v")), program._revision) == ((4, 11), 11)


async def test_a_change_is_kept_over_a_layout_that_was_made_before_it():
    """It is on its way while the layout is loaded anew. What the layout has already is not applied again."""
    program = session()
    program._receive({"t": "reload", "q": 2})
    program._receive({"t": "mods", "r": 4, "m": {"b": {"v": 1}}})
    made(program, 1, 7, 6)
    program._receive(layout(2, 5, 0))
    assert program.newest(KEY) == (7, 6)
    assert program.newest(("b", "v")) == (0, 5)
    assert program._receipts.applied == 1


async def test_what_would_undo_a_page_is_not_applied():
    """The program shows nothing before it counts; values for it alone it takes."""
    program = session()
    program._receive({"t": "mods", "q": 3, "f": 1, "m": {"a": {"v": "old"}}})
    assert program.newest(KEY).value == 0
    program._receive({"t": "mods", "q": 4, "m": {"a": {"v": "mine"}}})
    assert program.newest(KEY) == ("mine", 3)

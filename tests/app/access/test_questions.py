"""`app.ask()`: who is asked, who sees the answers, and what becomes of them."""

from __future__ import annotations

import re

import pytest

from dash_devices_nb import Dash, html
from dash_devices_nb.app.api.parts import parts_of
from dash_devices_nb.errors import QuestionError
from dash_devices_nb.remote import connect_async
from tests.support.eventually import eventually

WHAT = "What will happen?"


@pytest.fixture
def app() -> Dash:
    """A page with nothing on it."""
    app = Dash(__name__)
    app.layout = html.Div("device", id="device")
    return app


async def sees(tab, **wanted) -> None:
    """Wait until a tab was told this of the question."""
    await tab.until(lambda: tab.question and {k: tab.question[k] for k in wanted} == wanted, 5, f"{wanted}")


async def test_viewers_answer_and_owners_see_it(app, tab):
    """Whatever the floor says; answers may be changed; counts are for owners; late joiners are asked."""
    owner, ada = await tab(app, role="owner", name="Tom"), await tab(app, role="view", name="Ada")
    app.control.close()
    question = app.ask(WHAT, ["on", "off"])
    await sees(ada, text=WHAT, options=["on", "off"], mine=None, may=True, counts=None)
    await sees(owner, may=False, open=True, counts=[0, 0])
    await ada.answer("on")
    await sees(ada, mine=0, counts=None)
    await sees(owner, counts=[1, 0])
    ben = await tab(app, role="control", name="Ben")
    await sees(ben, text=WHAT, mine=None, may=True)
    await ben.answer("off")
    await ada.answer("off")
    await sees(owner, counts=[0, 2])
    assert question.answers == [("Ada", "off"), ("Ben", "off")]
    assert question.counts == {"on": 0, "off": 2}
    table = question.to_frame()
    assert list(table.columns) == ["name", "answer", "time"]
    assert table.answer.value_counts().to_dict() == {"off": 2, "on": 0}
    assert str(table.time.dt.tz) == "UTC"
    question.close()
    await ada.until(lambda: ada.question == {} and owner.question == {}, 5, "the question to go")
    assert not question.open
    assert [entry.summary for entry in app.journal.filter("question")] == [
        f"asks '{WHAT}'",
        f"closes '{WHAT}': [0, 2]",
    ]


async def test_a_result_is_shown_to_all_until_it_is_closed_again(app, tab):
    """And an answer that comes after the end is refused, with a notice."""
    ada = await tab(app, role="view", name="Ada")
    question = app.ask(WHAT, ["on", "off"])
    await sees(ada, may=True)
    await ada.answer("on")
    await sees(ada, mine=0)
    question.close(show=True)
    await sees(ada, open=False, may=False, mine=0, counts=[1, 0])
    await ada.answer("off")
    await eventually(lambda: ada.notices)
    assert ada.notices[-1]["text"] == "Your answer was not taken: the question is closed."
    assert question.counts == {"on": 1, "off": 0}
    assert app.journal.filter("refusal")[-1].client.name == "Ada"
    late = await tab(app, role="view")
    await sees(late, counts=[1, 0], mine=None)
    question.close()
    await ada.until(lambda: not ada.question, 5, "it to go")


async def test_another_question_closes_the_one_before(app, tab):
    """Its answers stay; an answer to it that was under way does not count for the new one."""
    ada = await tab(app, role="view", name="Ada")
    first = app.ask(WHAT, ["on", "off"])
    await sees(ada, text=WHAT)
    await ada.answer("on")
    await sees(ada, mine=0)
    second = app.ask("And now?", ["a", "b", "c"])
    await sees(ada, text="And now?", mine=None)
    await ada.send({"t": "choice", "n": 1, "option": 1})
    await eventually(lambda: ada.notices)
    assert (first.open, second.open) == (False, True)
    assert (first.counts, second.counts) == ({"on": 1, "off": 0}, {"a": 0, "b": 0, "c": 0})
    first.close()
    assert second.open, "closing it once more takes nothing from the second"
    await sees(ada, text="And now?")


async def test_a_role_counts_at_once(app, tab):
    """Who becomes an owner sees the answers; who is one no longer is asked."""
    ada = await tab(app, role="view", name="Ada")
    app.ask(WHAT, ["on", "off"])
    await sees(ada, may=True, counts=None)
    app.clients[0].role = "owner"
    await sees(ada, may=False, counts=[0, 0])
    app.clients[0].role = "view"
    await sees(ada, may=True, counts=None)


async def test_nobody_is_asked_who_has_to_log_in(app, tab):
    """Until that is done; a forged answer before that is refused."""
    ada = await tab(app, role="view", name="Ada")
    app.clients[0].authentication = False
    question = app.ask(WHAT, ["on", "off"])
    await ada.send({"t": "choice", "n": 1, "option": 1})
    await eventually(lambda: ada.notices)
    assert ada.notices[-1]["text"] == "Your answer was not taken: log in first."
    assert ada.question == {}
    app.clients[0].authentication = True
    await sees(ada, may=True)
    app.clients[0].authentication = False
    await ada.until(lambda: not ada.question, 5, "the question to go")
    assert question.answers == []


async def test_a_page_that_was_away_is_told_again(app, tab):
    """Of the question that came meanwhile, and of its end."""
    ada = await tab(app, role="view", name="Ada")
    await ada.drop()
    question = app.ask(WHAT, ["on", "off"])
    await ada.reconnect()
    await sees(ada, may=True)
    await ada.drop()
    question.close()
    await ada.reconnect()
    await ada.until(lambda: not ada.question, 5, "the question to go")


async def test_programs_are_not_asked(app, tab):
    """They have nobody who could answer."""
    await tab(app, role="owner")
    app.ask(WHAT, ["on", "off"])
    async with connect_async(app.url) as program:
        assert program.prop("device.children").value == "device"
        (session,) = [page for page in parts_of(app).runtime.pages.values() if page.client.kind == "program"]
        assert session.told_question is None


@pytest.mark.parametrize("options", [["on"], "on", ["on", "on"]])
def test_what_cannot_be_asked_is_refused(app, options):
    """Before anything is changed."""
    before = app.ask(WHAT, ["on", "off"])
    with pytest.raises(QuestionError, match=re.escape("ask('What will happen?', ...): ")):
        app.ask(WHAT, options)
    assert before.open
    assert repr(before) == "<Question 'What will happen?', open, on: 0, off: 0>"

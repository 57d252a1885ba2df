"""A callback that changes what it was given, in place: it is answered, and what is recorded of it is what came."""

import numpy as np
import pytest

from dash_devices_nb import Dash, Input, Output, State, dcc, html
from tests.support.eventually import eventually

CHANGES = {
    "a number of numpy": lambda log: log.append(np.float64(1.5)),
    "a key that is a number": lambda log: log.append({1: 2}),
    "a tuple": lambda log: log.append((1, 2)),
    "itself": lambda log: log.append(list(log)),
}
NO_JSON = {
    "an object": lambda log: log.append(object()),
    "bytes that are no text": lambda log: log.append(b"\xff"),
    "a circle": lambda log: log.append(log),
    "too much depth": lambda log: log.append(nested(2000)),
    "half an emoji": lambda log: log.append("\ud83d"),
}


def nested(depth: int) -> list:
    """A list in a list, and so on."""
    value: list = []
    for _ in range(depth):
        value = [value]
    return value


def app_that(change, *, gives_back: bool, shared: bool = False) -> Dash:
    """A log in a store that a click changes in place; the callback says how long it is, and may give it back."""
    app = Dash(__name__)
    app.layout = html.Div([html.Button(id="go"), dcc.Store(id="log", data=[0]), html.Div(id="n")])
    outputs = [Output("n", "children"), *([Output("log", "data")] if gives_back else [])]
    declare = app.callback_shared if shared else app.callback

    @declare(outputs, Input("go", "n_clicks"), State("log", "data"), prevent_initial_call=True)
    def measure(_, log):
        change(log)
        return [f"{len(log)} values", *([log] if gives_back else [])]

    return app


@pytest.mark.parametrize("name", CHANGES)
async def test_what_it_made_of_its_argument_comes_back(app_server, tab, name):
    """As a data logger does: each measurement is shown, and nothing is left under way."""
    app = app_that(CHANGES[name], gives_back=True)
    app_server.run(app)
    page = await tab(app)
    for number in (1, 2):
        await page.act("go", "n_clicks", number)
        await page.expect("n", "children", f"{number + 1} values")
    await page.settled()
    assert app.errors == []


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("name", {**CHANGES, **NO_JSON})
async def test_the_journal_has_what_came_and_a_replay_gives_the_same(app_server, tab, name, shared):
    """The program's objects are its own, whatever it makes of them; those that are no JSON hold up nothing."""
    app = app_that({**CHANGES, **NO_JSON}[name], gives_back=False, shared=shared)
    app_server.run(app)
    page = await tab(app)
    await page.act("go", "n_clicks", 1)
    await page.expect("n", "children", "2 values")
    [call] = app.journal.calls("measure")
    assert call.state["log.data"] == [0]
    again = call.replay()
    assert "2 values" in str(again)
    [call, *_] = app.journal.calls("measure")
    assert call.state["log.data"] == [0]
    await page.act("go", "n_clicks", 2)
    await eventually(lambda: len(app.journal.calls("measure")) >= 2)
    assert app.errors == []


@pytest.mark.parametrize("name", NO_JSON)
async def test_what_is_no_json_is_an_error_and_the_page_goes_on(app_server, tab, name):
    """It is reported where it was made, and the next call is made."""
    app = app_that(NO_JSON[name], gives_back=True)
    app_server.run(app)
    page = await tab(app)
    await page.act("go", "n_clicks", 1)
    await eventually(lambda: len(app.errors) == 1)
    await page.settled()
    await page.act("go", "n_clicks", 2)
    await eventually(lambda: len(app.errors) == 2)

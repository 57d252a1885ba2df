"""What undoes a change of a page that was not taken: it starts no ring, and does not touch what is newer."""

from __future__ import annotations

import itertools

from dash_devices_nb import Dash, Input, Output, dcc, html
from dash_devices_nb.app.api.parts import parts_of
from dash_devices_nb.core.access.roles import Role
from tests.support.counted import counted
from tests.support.eventually import eventually, eventually_sync


async def test_two_callbacks_of_a_page_that_answer_each_other_settle(app_server, tab):
    """The answer that closes the ring is undone, and that calls none of them again."""
    app = Dash(__name__)
    app.layout = html.Div([*(dcc.Input(id=name, value="0") for name in "pq"), html.Div(id="out")])

    @app.callback_shared(Output("out", "children"), Input("p", "value"), Input("q", "value"))
    def out(p, q):
        return f"{p} {q}"

    @app.callback(Output("q", "value"), Input("p", "value"), prevent_initial_call=True)
    def ask(p):
        return f"q({p})"

    @app.callback(Output("p", "value"), Input("q", "value"), prevent_initial_call=True)
    def answer(q):
        return f"p({q})"

    app_server.run(app)
    pages = [await tab(app), await tab(app)]
    app.push_mods({"p": {"value": "pushed"}})
    for page in pages:
        await page.expect("out", "children", "pushed q(pushed)")
        await page.settled()
        await page.expect("p", "value", "pushed")
        assert len(page.asked) <= 4, page.asked
    await pages[0].act("q", "value", "typed")
    for page in pages:
        await page.expect("out", "children", "p(typed) typed")
        await page.settled()
        await page.expect("q", "value", "typed")
        await page.expect("p", "value", "p(typed)")
        assert len(page.asked) <= 8, page.asked


async def refused(app_server, tab):
    """An app, a client who may only look, its page, which has just tried to change `name`, and another page."""
    found = counted()
    app_server.run(found.app)
    page, witness = await tab(found.app), await tab(found.app)
    [client] = [each for each in found.app.clients if each.id == page.client_id]
    client.role = Role.VIEW
    await eventually(lambda: page.role.get("role") == "view")
    await page.act("name", "value", "refused")
    return found, client, page, witness


async def test_what_undoes_a_change_leaves_a_newer_one(app_server, tab):
    """A person may not act, tries, may act, and acts, before the page hears of the first."""
    found, client, page, witness = await refused(app_server, tab)
    # The page hears nothing while its loop stands still.
    eventually_sync(lambda: any("may not change" in str(entry) for entry in found.app.journal))
    client.role = Role.CONTROL
    await page.act("name", "value", "taken")
    await page.settled()
    for each in (page, witness):
        await each.expect("echo", "children", "echo taken")
        assert each.prop("name", "value") == "taken"
    assert [each["text"] for each in page.notices if "may not change" in each["text"]]


async def test_what_undoes_a_change_leaves_a_newer_value_of_the_layout(app_server, tab):
    """It came while the page waited for the layout."""
    found, _, page, witness = await refused(app_server, tab)
    eventually_sync(lambda: any("may not change" in str(entry) for entry in found.app.journal))
    page.session.load()
    found.app.push_mods({"name": {"value": "newer"}})
    await page.session.proceed()
    await page.settled()
    for each in (page, witness):
        await each.expect("echo", "children", "echo newer")
        assert each.prop("name", "value") == "newer"


async def test_a_layout_that_is_read_anew_has_what_was_pushed_meanwhile(app_server, tab):
    """What the app had pushed to all is none of the page's own values, which a new layout leaves as they are."""
    app = Dash(__name__)
    numbers = itertools.count()

    def layout():
        app.push_mods({"pushed": {"children": f"{next(numbers)}"}})
        return html.Div([html.Div(id="pushed"), dcc.Input(id="own", value="")])

    app.layout = layout
    app_server.run(app)
    page = await tab(app)
    await page.act("own", "value", "mine")
    app.push_mods({"pushed": {"children": "before"}})
    await page.expect("pushed", "children", "before")
    app.reload_pages()
    await page.expect("pushed", "children", lambda text: text.isdigit())
    await page.settled()
    assert page.prop("pushed", "children") == parts_of(app).runtime.dispatcher.value(("pushed", "children")).plain
    assert page.prop("own", "value") == "mine"

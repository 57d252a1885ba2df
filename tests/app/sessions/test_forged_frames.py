"""Frames that no page's script sends: a guest's own program does, to reach what it may not."""

import json

import pytest

from dash_devices_nb import Dash, Input, Output, dcc, html
from dash_devices_nb.app.api.parts import parts_of
from tests.support.eventually import eventually

FRAME = {
    "type": "Iframe",
    "namespace": "dash_html_components",
    "props": {"srcDoc": "<script>parent.document.title = 'taken over'</script>"},
}


@pytest.fixture
def app() -> Dash:
    """A shared input, and its output that shows components."""
    app = Dash(__name__)
    app.layout = html.Div(
        [dcc.Input(id="a", value=0), html.Div(id="b"), dcc.Input(id="free", value=0), html.Div(id="c")]
    )
    app.callback_shared(Output("b", "children"), Input("a", "value"))(lambda a: [html.B(f"got {a}")])
    app.callback_shared(Output("c", "children"), Input("free", "value"), role="view")(lambda free: free)
    return app


def change(component_id, prop, value, s=1) -> dict:
    """A `set` frame."""
    return {"t": "set", "s": s, "m": {component_id: {prop: value}}}


@pytest.mark.parametrize(
    "value",
    [
        "[" * 600 + "]" * 600,
        json.dumps({"__dash_patch_update": "__dash_patch_update", "operations": [{"operation": "Nonsense"}]}),
    ],
    ids=["too deep to be encoded", "a patch that pages would apply"],
)
async def test_a_value_that_would_break_the_other_pages_is_refused(app, tab, value):
    """Nobody else is sent it, and whoever comes next is greeted."""
    anne, ben = await tab(app), await tab(app)
    await anne.send(f'{{"t":"set","s":1,"m":{{"a":{{"value":{value}}}}}}}')
    await eventually(lambda: anne.notices)
    await ben.act("a", "value", 1)
    await anne.expect("a", "value", 1)
    late = await tab(app)
    await late.expect("a", "value", 1)
    assert anne.connected
    assert ben.notices == []


@pytest.mark.parametrize(("role", "key"), [("control", ("b", "children")), ("view", ("free", "value"))])
async def test_a_guest_brings_no_components_into_the_pages_of_others(app, tab, role, key):
    """What a guest types is text: an element that runs a script would run it with the owner's login."""
    owner, guest = await tab(app, role="owner"), await tab(app, role=role, name="Eve", guest=True)
    before = owner.prop(*key)
    for number, value in enumerate([FRAME, [FRAME], {"deep": [{"er": FRAME}]}], 1):
        await guest.send(change(*key, value, number))
        await eventually(lambda n=number: len(app.journal.filter("refusal", client=guest.client_id)) == n)
    assert "a guest's page may not bring components" in app.journal.filter("refusal")[0].summary
    await owner.act("a", "value", 7)
    await guest.expect("a", "value", 7)
    assert "Iframe" not in json.dumps([owner.prop("b", "children"), owner.prop("c", "children"), owner.prop(*key)])
    assert key[0] == "b" or owner.prop(*key) == before


async def test_a_viewer_may_not_set_what_was_shared_once(app, tab):
    """Its callback was taken away; what pages send late of such a prop is still theirs to send who may."""
    old = app.callback_shared(Output("free", "placeholder"), Input("free", "title"))
    old(lambda title: title)
    spec = next(
        s for s in parts_of(app).runtime.dispatcher.graph.specs if ("free", "title") in [ref.key for ref in s.refs]
    )
    viewer, other = await tab(app, role="view"), await tab(app)
    with parts_of(app).runtime.lock:
        parts_of(app).runtime.dispatcher.remove_callback(spec)
    assert not parts_of(app).runtime.dispatcher.is_shared(("free", "title"))
    await viewer.send(change("free", "title", "forged"))
    await eventually(lambda: app.journal.filter("refusal", client=viewer.client_id))
    assert not parts_of(app).runtime.dispatcher.is_shared(("free", "title"))
    assert other.prop("free", "title") is None


async def test_what_a_forged_frame_names_is_not_kept_nor_repeated_at_length(app, tab):
    """Thousands of props that there are not: one refusal, a short one, and no memory of them."""
    viewer = await tab(app, role="view", guest=True)
    graph, roles = parts_of(app).runtime.dispatcher.graph, parts_of(app).sessions.roles
    for number in range(1, 5):
        names = {f"x{number}-{each}": {"value": 0} for each in range(3000)}
        await viewer.send({"t": "set", "s": number, "m": names})
        await eventually(lambda n=number: len(app.journal.filter("refusal", client=viewer.client_id)) == n)
    await viewer.send({"t": "y" * 5000})
    await eventually(lambda: len(app.journal.filter("refusal", client=viewer.client_id)) == 5)
    assert max(len(entry.summary) for entry in app.journal.filter("refusal")) < 400
    assert (
        max(map(len, (graph._shared, roles._needed, parts_of(app).runtime.dispatcher.store._layout_values))) <= 10_000
    )


async def test_a_chain_on_the_server_asks_who_may_cause_each_link(app, tab):
    """What the hooks refuse to a client is not foreseen for it either."""
    called = []
    app.layout = html.Div([dcc.Input(id="first"), dcc.Input(id="second"), html.Div(id="third"), *app.layout.children])
    app.callback(Output("second", "value"), Input("first", "value"), prevent_initial_call=True)(lambda v: v)
    app.callback(Output("third", "children"), Input("second", "value"), prevent_initial_call=True, chain=True)(
        called.append
    )
    app.callback_authorize_output(lambda client, output: not output.startswith("third"))
    page = await tab(app)
    await page.act("first", "value", 1)
    await page.expect("second", "value", 1)
    await page.settled()
    assert called == []

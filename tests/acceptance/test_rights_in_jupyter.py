"""What a guest's browser may do through a real Jupyter server, whichever way its page asks."""

from __future__ import annotations

from playwright.async_api import expect

from tests.support.browser import Tabs
from tests.support.jupyter import Jupyter
from tests.support.lab import LabNotebook

APP = """
from dash_devices_nb import Dash, Input, Output, dcc, html

app = Dash("rights", enable_mcp=True)
parts = [html.Button("fire", id="fire"), dcc.Input(id="a", value="x"), html.P(id="out"), html.P(id="shown")]
app.layout = html.Div(parts)
ran = []

@app.callback_shared(Output("shown", "children"), Input("a", "value"))
def show(a):
    return f"<{a}>"

@app.callback(Output("out", "children"), Input("fire", "n_clicks"), role="control", api_endpoint="/api/fire",
              prevent_initial_call=True)
def fire(n_clicks):
    "Fire."
    ran.append(n_clicks)
    return f"fired {n_clicks}"

@app.server.post("/move")
async def move():
    ran.append("move")
    return "moved"

app.setup_apis()
app.run(jupyter_mode="_none")
"""
REFUSED = [204, 403, False, 403]
"""The first goes over the page's WebSocket, where what is refused is answered by nothing."""
ASK = """async () => {
    const post = (path, body) => fetch(location.pathname + path, {
        method: 'POST', headers: {'Content-Type': 'application/json', 'Accept': 'application/json, text/event-stream'},
        body: JSON.stringify(body),
    }).then(async answer => path === '_mcp' ? !(await answer.json()).result.isError : answer.status);
    const input = {id: 'fire', property: 'n_clicks', value: 1};
    const outputs = {id: 'out', property: 'children'};
    const params = {name: 'fire', arguments: {n_clicks: 3}};
    return [
        await post('_dash-update-component', {
            output: 'out.children', outputs, inputs: [input], changedPropIds: ['fire.n_clicks'],
        }),
        await post('api/fire', {n_clicks: 2}),
        await post('_mcp', {jsonrpc: '2.0', id: 1, method: 'tools/call', params}),
        await post('move', {}),
    ];
}"""


async def test_a_role_that_is_taken_holds_for_all_that_the_browser_asks(jupyter_lab: Jupyter, browser: Tabs) -> None:
    """In both tabs and over HTTP: the update route past the page's script, an API endpoint, MCP, a route of its own."""
    browser.allow_errors("Exception opening new comm", "Failed to load resource", "WebSocket connection to", "403")
    jupyter_lab.write_notebook("rights.ipynb", APP, 'print(app.share("control").url)', "")
    notebook = await LabNotebook.open(browser, jupyter_lab, "rights.ipynb")
    for cell in range(2):
        await notebook.run(cell)
    url = (await notebook.output(1).first.inner_text()).strip()
    guest = await browser.open(url)
    await expect(guest.locator("#shown")).to_have_text("<x>")
    second = await browser.open(f"{jupyter_lab.url}dash-devices/rights/", context=guest.context)
    await expect(second.locator("#shown")).to_have_text("<x>")
    assert await guest.evaluate(ASK) == [200, 200, True, 200]
    await notebook.edit(2, "app.clients[0].role = 'view'; print(ran, [str(c.rights) for c in app.clients])")
    await notebook.run(2)
    await expect(notebook.output(2).first).to_contain_text("[1, 2, 3, 'move'] ['view', 'view']")
    for page in (guest, second):
        assert await page.evaluate(ASK) == REFUSED
    await second.reload()
    await expect(second.locator("#shown")).to_have_text("<x>")
    assert await second.evaluate(ASK) == REFUSED
    neighbour = await browser.open(url)
    await expect(neighbour.locator("#shown")).to_have_text("<x>")
    assert await neighbour.evaluate(ASK) == [200, 200, True, 200]
    await notebook.edit(2, "print(ran); app.stop()")
    await notebook.run(2)
    await expect(notebook.output(2).first).to_contain_text("[1, 2, 3, 'move', 1, 2, 3, 'move']")

"""MCP's messages about background jobs: Dash's server knows a job by its id alone, we by its callback's role."""

import diskcache
import httpx
import pytest
from dash import DiskcacheManager

from dash_devices_nb import Dash, Input, Output, html
from dash_devices_nb.testing import visitor


@pytest.fixture
def app(tmp_path) -> Dash:
    """A job that acts, of whose id somebody has learned."""
    manager = DiskcacheManager(diskcache.Cache(str(tmp_path / "cache")))
    app = Dash("tasks", enable_mcp=True, background_callback_manager=manager)
    app.layout = html.Div([html.Button(id="start"), html.Div(id="out")])

    @app.callback(
        Output("out", "children"), Input("start", "n_clicks"), background=True, manager=manager, role="control"
    )
    def measure(n_clicks):
        """Measure."""
        return f"the secret {n_clicks}"

    return app


async def test_messages_about_a_task_pass_the_check_of_its_callback(app, app_server):
    """Who may not call it may not read, follow or end it."""
    url = app_server.run(app)
    number = iter(range(1, 1000))

    async def asked(role: str, method: str, **params):
        who = visitor(app, role=role, guest=role != "owner")
        body = {"jsonrpc": "2.0", "id": next(number), "method": method, "params": params}
        async with httpx.AsyncClient(headers={"Accept": "application/json, text/event-stream", **who}) as http:
            return await http.post(f"{url}_mcp", json=body)

    tools = (await asked("control", "tools/list")).json()["result"]["tools"]
    name = next(tool["name"] for tool in tools if "out" in tool["name"] or "measure" in tool["name"])
    made = await asked("control", "tools/call", name=name, arguments={"n_clicks": 3}, task={"ttl": 60})
    task = made.json()["result"]["task"]["taskId"]

    for method in ("tasks/get", "tasks/result", "tasks/cancel"):
        for given in (task, task.partition(":")[0], f"{name}:x:y:1"):
            refused = await asked("view", method, taskId=given)
            assert (refused.status_code, refused.text) == (403, "You may not call the callback of this task.")
    assert len(app.journal.filter("refusal")) == 9
    followed = (await asked("control", "tasks/get", taskId=task)).json()["result"]
    assert followed["taskId"] == task
    ended = (await asked("control", "tasks/cancel", taskId=task)).json()["result"]
    assert ended["status"] == "cancelled"
    assert (await asked("view", "tasks/result", taskId="none")).status_code == 200, "Dash says that there is none"

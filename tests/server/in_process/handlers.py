"""The handlers within pytest-jupyter's server; `tests/server/test_in_process.py` runs this file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import HTTPClientError


@pytest.fixture
def jp_server_config() -> dict[str, Any]:
    """Jupyter's server with our extension."""
    return {"ServerApp": {"jpserver_extensions": {"dash_devices_nb.server": True}}}


async def test_settings_reach_the_extension(jp_serverapp: Any) -> None:
    """The extension is loaded, and is the one object of its kind."""
    [extension] = jp_serverapp.extension_manager.extension_apps["dash_devices_nb.server"]
    assert jp_serverapp.web_app.settings["dash_devices_extension"] is extension
    assert extension.frame_ancestors == "'self'"


async def test_directory_for_persons_and_programs(jp_fetch: Any) -> None:
    """Without an app the page says how to start one, and the list is empty."""
    answer = await jp_fetch("dash-devices/")
    assert answer.headers["Content-Security-Policy"] == "frame-ancestors 'self'"
    assert b"No app runs in the kernels of this server." in answer.body
    answer = await jp_fetch("dash-devices", "_apps")
    assert json.loads(answer.body)["apps"] == []


async def test_an_app_that_is_not_there(jp_fetch: Any) -> None:
    """An unknown app, and a name that no app can have."""
    for name, said in (("nothing", "There is no app 'nothing' here"), ("No-Name", "names are of a-z 0-9 _ -")):
        with pytest.raises(HTTPClientError) as refused:
            await jp_fetch("dash-devices", name, "x")
        assert refused.value.code == 404
        assert said in json.loads(refused.value.response.body)["message"]


async def test_state_of_an_app_that_is_not_there(jp_ws_fetch: Any, jp_runtime_dir: Path) -> None:
    """Its WebSocket opens all the same: the page of before waits there for the app."""
    socket = await jp_ws_fetch("dash-devices", "nothing", "_dash-devices", "status")
    assert json.loads(await socket.read_message())["state"] == "dead"
    socket.close()
    assert (jp_runtime_dir / "dash-devices").is_dir()


async def test_a_stranger_is_refused(http_server_client: Any, jp_base_url: str) -> None:
    """Without the token that `jp_fetch` gives there is the login only."""
    with pytest.raises(HTTPClientError) as refused:
        await http_server_client.fetch(f"{jp_base_url}dash-devices/_apps", follow_redirects=False)
    assert refused.value.code == 302

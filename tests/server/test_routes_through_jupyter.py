"""The walk over all routes of an app, by every role, through a real Jupyter server: the app runs in a real kernel."""

from __future__ import annotations

import ast
import asyncio
import json
import textwrap
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from websockets.asyncio.client import connect

from tests.server.conftest import REPOSITORY, Visit
from tests.support.walk import ROLES, WALK, Person

APP = f"""
import sys, tempfile
sys.path.insert(0, {str(REPOSITORY)!r})
from pathlib import Path
from tests.support.walk import make_app
folder = tempfile.TemporaryDirectory()
app = make_app(Path(folder.name))
app.run(jupyter_mode="_none")
"""
ENDED = "app.stop(); folder.cleanup()"
STRANGERS = {
    # Jupyter sends who is not logged in to its login page, or refuses; the app hears nothing of it.
    "GET": 302,
    "POST": 403,
    "PUT": 403,
    "DELETE": 403,
    "WEBSOCKET": 403,
    "FRAME": 403,
}


class Cells:
    """Runs code in the visit's kernel, as a notebook does.

    Args:
        visit: who is logged in.
    """

    def __init__(self, visit: Visit) -> None:
        self._visit = visit

    async def run(self, code: str, value: str = "None") -> Any:
        """Run code, and return the value of an expression after it."""
        url = f"{self._visit.jupyter.url}api/kernels/{self._visit.kernel_id}/channels".replace("http", "ws", 1)
        asked = {"code": textwrap.dedent(code), "silent": False, "store_history": False, "allow_stdin": False}
        asked["user_expressions"] = {"value": value}
        header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "session": "walk", "version": "5.3"}
        header |= {"username": "", "date": ""}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": asked, "channel": "shell"}
        async with asyncio.timeout(60), connect(url, additional_headers=self._visit.jupyter.headers) as socket:
            await socket.send(json.dumps(message))
            while True:
                reply = json.loads(await socket.recv())
                if reply["msg_type"] == "execute_reply" and reply["parent_header"]["msg_id"] == header["msg_id"]:
                    break
        content = reply["content"]
        assert content["status"] == "ok", content
        return ast.literal_eval(content["user_expressions"]["value"]["data"]["text/plain"])


@pytest.fixture(scope="module")
async def cells(visit: Visit) -> AsyncIterator[Cells]:
    """A kernel in which the app runs."""
    cells = Cells(visit)
    await cells.run(APP)
    yield cells
    await cells.run(ENDED)


@pytest.mark.parametrize("role", ROLES)
async def test_every_route_asks_for_its_role(visit: Visit, cells: Cells, role: str) -> None:
    """As directly: guests by their links, the owner by Jupyter's login; a stranger gets nothing whatever."""
    entry = {"token": visit.jupyter.token} if role == "owner" else {}
    if role in ("view", "control"):
        url = await cells.run("", f"app.share({role!r}).url")
        assert url.partition("?")[0] == visit.url("walk/")
        entry = {"share": url.partition("?share=")[2]}
    await cells.run("app.ran.clear()")
    somebody = Person(visit.url("walk/"), entry)
    async with somebody.http:
        await somebody.enter()
        found = await somebody.walk()
    if role == "stranger":
        assert found == {what: STRANGERS[what.partition(" ")[0]] for what in WALK}
    else:
        assert found == {what: row[ROLES.index(role)] for what, row in WALK.items()}
    may = {"view": set(), "stranger": set(), "control": {"acts", "marked", "move"}}
    ran = await cells.run("", "app.ran")
    assert role == "owner" or set(ran) == may[role]

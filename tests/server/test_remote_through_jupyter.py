"""Programs at an app in a real kernel, through a real Jupyter server: by a share link, and by Jupyter's token."""

from __future__ import annotations

import httpx
import pytest

from dash_devices_nb.remote import RefusedError, connect_async
from tests.server.conftest import REPOSITORY, Visit
from tests.server.test_routes_through_jupyter import Cells
from tests.support.eventually import eventually

APP = f"""
import sys
sys.path.insert(0, {str(REPOSITORY)!r})
from tests.remote.conftest import make_app
app = make_app()
app.run(jupyter_mode="_none")
"""


@pytest.fixture(scope="module")
async def bench(visit: Visit):
    """A kernel in which the app runs."""
    cells = Cells(visit)
    await cells.run(APP)
    yield cells
    await cells.run("app.stop()")


async def test_a_program_with_a_link(visit: Visit, bench: Cells) -> None:
    """It acts by its role, calls by name, comes back after a cut, and is in the list of the notebook."""
    control = await bench.run("", "app.share('control').url")
    view = await bench.run("", "app.share('view').url")
    async with connect_async(control, name="Bench") as device, connect_async(view) as watcher:
        revision = await device["target"].set(21)
        await eventually(lambda: watcher["shown"]["children"].value == "target 21 gain 1")
        assert await device.call("measure", voltage=3) == "3 V"
        with pytest.raises(RefusedError, match="you may look, but not act"):
            await watcher["target"].set(1)
        device._session.link.cut()
        with pytest.raises(RefusedError, match="was changed after revision"):
            await device["target"].set(3, if_revision=revision - 1)
        assert await device["target"].set(22, if_revision=revision) > revision
        found = await bench.run("", "sorted((c.kind, c.name, str(c.role)) for c in app.clients)")
        assert found == [("program", "", "view"), ("program", "Bench", "control")]
    async with connect_async(f"{control.partition('?')[0]}?token={visit.jupyter.token}") as owner:
        assert owner.role == "owner"
        assert owner["target"].value == 22


async def test_props_over_http_with_a_link(visit: Visit, bench: Cells) -> None:
    """The same addresses below the app's path, with the same answers."""
    base, _, share = (await bench.run("", "app.share('control').url")).partition("?share=")
    origin = {"Origin": visit.jupyter.url.partition("/user/")[0]}  # without it Jupyter takes it for another site's page
    async with httpx.AsyncClient(base_url=base, headers=origin, follow_redirects=True) as guest:
        await guest.get("", params={"share": share})
        got = await guest.get("api/props/gain/value")
        put = await guest.put("api/props/gain/value", json={"value": 5}, headers={"If-Match": got.headers["ETag"]})
        assert put.status_code == 200, put.text
        late = await guest.put("api/props/gain/value", json={"value": 6}, headers={"If-Match": got.headers["ETag"]})
        assert (late.status_code, late.json()["value"]) == (412, 5)
        assert "/measure" in (await guest.get("api/openapi.json")).json()["paths"]

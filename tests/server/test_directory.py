"""The list of what runs, for persons and programs."""

from __future__ import annotations

import os

from dash_devices_nb import registration
from tests.server.conftest import BASE_URL, Page, Visit, runtime_directory, serving
from tests.support.eventually import eventually


async def test_programs_get_the_running_apps_as_json(visit: Visit, page: Page) -> None:
    """Name, URL, notebook, kernel, state and number of pages of each app."""
    async with (
        serving(visit, "Zweite Seite", notebook="b/ü <x>.ipynb"),
        visit.socket("bench/_dash-devices/ws"),
    ):
        answer = await visit.http.get(visit.url("_apps"))
        apps = answer.json()["apps"]
        assert [app["name"] for app in apps] == ["bench", "zweite-seite"]
        assert apps[0]["url"] == f"{BASE_URL}dash-devices/bench/"
        assert apps[0]["kernel_id"] == visit.kernel_id
        assert apps[0]["state"] in ("idle", "busy")
        assert [app["clients"] for app in apps] == [1, 0]
        assert apps[1]["notebook"] == "b/ü <x>.ipynb"
        assert answer.headers["cache-control"] == "no-store"
        same = await visit.http.get(visit.url(""), headers={"Accept": "application/json"})
        assert [app["name"] for app in same.json()["apps"]] == ["bench", "zweite-seite"]
        html = (await visit.http.get(visit.url(""))).text
        assert f'<a class="card app" href="{BASE_URL}dash-devices/zweite-seite/">\n<b>zweite-seite</b>' in html
        assert "b/ü &lt;x&gt;.ipynb" in html

    async def left() -> bool:
        listed = (await visit.http.get(visit.url("_apps"))).json()["apps"]
        return [app["clients"] for app in listed] == [0]

    await eventually(left)


async def test_directory_without_apps_says_how_to_start_one(visit: Visit) -> None:
    """The empty page is no dead end."""
    html = (await visit.http.get(visit.url(""))).text
    assert "No app runs in the kernels of this server." in html
    assert "app.run()" in html
    answer = await visit.http.get(visit.url("").rstrip("/"))
    assert answer.headers["location"] == f"{BASE_URL}dash-devices/"


async def test_apps_of_other_servers_are_not_served_and_the_dead_are_pruned(visit: Visit) -> None:
    """A record counts if its kernel is one of this server's; a dead stranger's is removed."""
    async with serving(visit, "other", kernel_id="not-ours") as page:
        assert (await visit.http.get(visit.url("other/"))).status_code == 404
        assert page.scopes == []
        with runtime_directory(visit.jupyter):
            dead = registration.Registration(
                **{
                    **{f: getattr(page.registration, f) for f in page.registration.__slots__},
                    "name": "dead",
                    "pid": 2**31 - 1,
                }
            )
            path = registration.write(dead)
        await visit.http.get(visit.url(""))
        assert not path.exists()
        assert (path.parent / page.registration.filename).exists(), "another server's app"
    assert os.path.isdir(path.parent)


async def test_our_policy_replaces_jupyters(visit: Visit, page: Page) -> None:
    """Only pages of this origin may frame ours, whatever Jupyter or a Hub says of theirs."""
    for path in ("", "_apps", "bench/", "nothing/", "Not-a-name/"):
        answer = await visit.http.get(visit.url(path))
        assert answer.headers["content-security-policy"] == "frame-ancestors 'self'", path

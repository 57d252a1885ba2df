"""`dash_devices_nb.remote`: a program reads, sets, watches and calls, as a page does and under the same rules."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
import websockets

from dash_devices_nb.app.api.parts import parts_of
from dash_devices_nb.errors import InvalidValueError
from dash_devices_nb.remote import RefusedError, RemoteError, UncertainError, connect, connect_async
from tests.remote.conftest import cut, make_app
from tests.support.eventually import eventually, eventually_sync


def test_a_program_reads_and_sets_what_the_pages_show(app, joined, sync_tab):
    """The change is ordered when `set` returns, and goes to the pages and the other programs."""
    page, device, other = sync_tab(app), joined(app.url), joined(app.url)
    assert device["target"].value == 20
    revision = device["target"].set(21)
    assert device["target"].update == (21, revision)
    page.expect("target", "value", 21)
    page.expect("shown", "children", "target 21 gain 1")
    eventually_sync(lambda: other["shown"]["children"].value == "target 21 gain 1")
    page.act("target", "value", 5)
    eventually_sync(lambda: device["target"].value == 5)
    assert device["target"].props["max"] == 30
    assert device.prop("target.max").value == 30
    assert set(device.ids) > {"target", "shown"}


def test_it_is_listed_as_what_it_is(app, joined, sync_tab):
    """Beside the pages, until it leaves."""
    page, device = sync_tab(app), joined(app.url)
    assert {client.id: client.kind for client in app.clients} == {page.client_id: "page", device.client_id: "program"}
    assert (device.role, device.rights) == ("control", "control")
    device.close()
    eventually_sync(lambda: [client.kind for client in app.clients] == ["page"])


def test_two_that_add_one_get_two(app, joined):
    """Compare and set: the slower one is refused with the value that holds."""
    anne, ben = joined(app.url), joined(app.url)
    value, revision = anne["gain"].update
    first = anne["gain"].set(value + 1, if_revision=revision)
    with pytest.raises(RefusedError, match=r"gain\.value was changed after revision") as caught:
        ben["gain"].set(value + 1, if_revision=revision)
    assert (caught.value.why, caught.value.revision) == ("changed", first)
    assert caught.value.current == {"gain": {"value": 2}}
    ben["gain"].set(caught.value.current["gain"]["value"] + 1, if_revision=caught.value.revision)
    assert parts_of(app).runtime.dispatcher.value(("gain", "value")).plain == 3


def test_a_batch_is_one_change_or_none(app, joined):
    """The callback sees all values at once; with one that is refused, none is set."""
    device = joined(app.url)
    revision = device.batch({"target.value": 3, ("gain", "value"): 4})
    assert device["target"].revision == device["gain"].revision == revision
    eventually_sync(lambda: device["shown"]["children"].value == "target 3 gain 4")
    with pytest.raises(RefusedError, match="that is for the owner") as caught:
        device.batch({"target.value": 9, "secret.value": "new"})
    assert caught.value.why == "forbidden"
    assert device["target"].value == 3


def test_refusals_are_one_sentence(app_server, joined):
    """By the role, the floor, for what is not there or not shared, and for what is no JSON."""
    app = make_app()
    app_server.run(app, auth="secret")
    guest = joined(app.share("view").url, name="Bench 2")
    eventually_sync(lambda: [client.name for client in app.clients] == ["Bench 2"])
    with pytest.raises(RefusedError, match=r"^You may not change target.value: you may look, but not act\.$"):
        guest["target"].set(1)
    assert guest["target"].value == 20
    app.clients[0].role = "control"
    eventually_sync(lambda: guest.rights == "control")
    guest["target"].set(1)
    app.control.close()
    eventually_sync(lambda: guest.rights == "view")
    with pytest.raises(RefusedError, match="the controls are closed now"):
        guest["target"].set(2)
    owner = joined(app.url)
    assert owner.role == "owner"
    owner["target"].set(3)
    with pytest.raises(RefusedError, match=r"target\.max is not shared") as caught:
        owner["target"]["max"].set(40)
    assert caught.value.why == "private"
    with pytest.raises(LookupError, match=r"no component 'targt'; it has .*target"):
        owner["targt"]
    with pytest.raises(InvalidValueError, match=r"target\.value cannot be set to <object"):
        owner["target"].set(object())
    with pytest.raises(ValueError, match="'target' names no prop"):
        owner.batch({"target": 1})


def test_what_is_shared_is_kept_from_who_has_not_logged_in(app, joined):
    """`client.authentication` counts for programs; once it is true, the values come and may be set."""

    def ask(client, connect):
        client.authentication = False

    app.callback_connect(ask)
    owner = joined(app.url)
    with pytest.raises(RefusedError, match=r"You may not change target\.value: log in first\."):
        owner["target"].set(1)
    app.push_mods({"target": {"value": 9}})
    assert owner["target"].value == 20
    app.clients[0].authentication = True
    eventually_sync(lambda: owner["target"].value == 9)
    owner["target"].set(1)


def test_watching_gives_the_newest_value_with_its_revision(app, joined):
    """The current one first; whoever asks late gets the last; also points and values of this program alone."""
    device, other = joined(app.url), joined(app.url)
    watch = device["target"].watch(within=10)
    assert next(watch).value == 20
    for value in (1, 2, 3):
        revision = other["target"].set(value)
    assert next(seen for seen in watch if seen.value == 3) == (3, revision)
    graph = device["graph"]["figure"].watch(within=10)
    next(graph)
    app.stream("graph", [1], [5])
    assert next(graph).value["data"][0]["y"] == [5]
    [mine] = [client for client in app.clients if client.id == device.client_id]
    for number in (1, 2, 3):
        app.push_mods({"fall": {"addLines": np.full(64, number, "f4")}})
    eventually_sync(lambda: device["fall"]["lines"].value == [[2] * 64, [3] * 64])
    app.push_mods({"shown": {"children": "for you"}}, client=mine)
    eventually_sync(lambda: device["shown"]["children"].value == "for you")
    assert other["shown"]["children"].value != "for you"
    still = device["gain"].watch(within=0.05)
    assert next(still).value == 1
    with pytest.raises(TimeoutError):
        next(still)
    watch.close()
    assert list(watch) == []


def test_images_come_one_at_a_time(app, joined):
    """The program says that it has shown one, and gets the next."""
    device = joined(app.url)
    assert device["camera"]["src"].image is None
    for content in (b"\xff\xd8\xff first", b"\xff\xd8\xff second"):
        app.push_frame("camera", content)
        eventually_sync(lambda content=content: (i := device["camera"]["src"].image) and i.data == content)
    assert device["camera"]["src"].image.mime == "image/jpeg"


def test_a_callback_is_called_by_its_name(app_server, joined):
    """`api_endpoint=` declares the name; roles count; what it lacks is said."""
    app = make_app()
    app_server.run(app, auth="secret")
    device = joined(app.url)
    assert device.call("measure", voltage=3) == "3 V"
    with pytest.raises(LookupError, match="no callback 'mesure'; it is declared by api_endpoint='mesure'"):
        device.call("mesure")
    with pytest.raises(RemoteError, match="measure was answered 400: The arguments do not fit"):
        device.call("measure", current=3)
    with pytest.raises(RefusedError, match="You may not call"):
        joined(app.share("view").url).call("measure", voltage=3)


def test_a_lost_connection_comes_back_and_nothing_is_lost(app, joined):
    """The session goes on: a change that was made meanwhile is there, and one of ours is made once."""
    device, other = joined(app.url), joined(app.url)
    watch = device["target"].watch(within=10)
    next(watch)
    for number in range(5):
        cut(device)
        other["target"].set(number)
        before = parts_of(app).runtime.dispatcher.state.revision
        assert device["gain"].set(100 + number) > before
        assert next(seen for seen in watch if seen.value == number)
    assert len(app.clients) == 2
    assert device["gain"].value == 104


def test_an_app_that_stops_and_comes_back(app_server, joined):
    """With another epoch: the values are those of the new start, and what is watched goes on."""
    app = make_app()
    url = app_server.run(app)
    port = parts_of(app).serving.mount.port
    device = joined(url)
    device["target"].set(7)
    watch = device["target"].watch(within=10)
    assert next(watch).value == 7
    app_server.stop(app)
    eventually_sync(lambda: not device.connected)
    with pytest.raises(RemoteError, match=r"There is no connection to .*; nothing was set"):
        device["target"].set(8, within=0.01)
    assert device["target"].value == 7
    app_server.run(make_app(), port=port)
    assert next(seen for seen in watch if seen.value == 20)
    device["target"].set(9)


def test_an_app_that_is_gone(app_server, joined):
    """Whoever waits is told once the patience has ended."""
    app = make_app()
    device = joined(app_server.run(app), patience=0.05)
    watch = device["target"].watch(within=10)
    next(watch)
    app_server.stop(app)
    for act in (lambda: next(watch), lambda: device["target"].set(1), lambda: device.call("measure")):
        with pytest.raises(RemoteError, match=r"is gone, and did not come back within 0\.05 s"):
            act()


def test_addresses_that_lead_nowhere(app_server, joined):
    """Each is one sentence, without the secret."""
    app = make_app()
    url = app_server.run(app, auth="secret")
    for wrong, text in {
        "thermostat": "'thermostat' is not the address of an app",
        "http://127.0.0.1:9/?token=hidden": "nobody answers at http://127.0.0.1:9/",
        "http://bench:port/": "nobody answers at http://bench:port/: nonnumeric port",
        "http:///": "nobody answers at http:///: no host given",
        url.partition("?")[0]: "This page needs its secret",
        url.partition("?")[0] + "?share=nonsense": "answers 403",
        url.partition("?")[0] + "nothing.txt?token=hidden": "answers 4",
    }.items():
        with pytest.raises(RemoteError) as caught:
            connect(wrong)
        assert text in str(caught.value)
        assert "hidden" not in str(caught.value)
    share = app.share("control")
    device = joined(share.url)
    share.revoke()
    with pytest.raises(RemoteError, match="has closed the connection: "):
        list(device["target"].watch(within=10))


def test_a_program_of_another_version_is_told(app, monkeypatch):
    """By an app that is newer, and by one that knows no programs."""
    monkeypatch.setattr("dash_devices_nb.remote.session.VERSION", 2)
    with pytest.raises(RemoteError, match="version 2 of the protocol, the app 1: restart the app"):
        connect(app.url)


async def test_an_app_before_programs_is_told_apart(monkeypatch):
    """Its welcome has no version: it would not answer a change."""
    from dash_devices_nb.remote.link import Link

    async def greet(socket: websockets.ServerConnection) -> None:
        await socket.recv()
        await socket.send(json.dumps({"t": "welcome", "epoch": "e", "client": "c", "key": "k", "resumed": False}))
        await socket.wait_closed()

    async def opened(link: Link) -> None:
        link.settings = {"prefix": "/"}

    monkeypatch.setattr(Link, "open", opened)
    async with websockets.serve(greet, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(RemoteError, match="speaks a version before programs of the protocol"):
            await connect_async(f"http://127.0.0.1:{port}/").open()


async def test_in_a_coroutine(app):
    """The same names, awaited."""
    async with connect_async(app.url) as device:
        revision = await device["target"].set(11)
        async for seen in device["target"].watch():
            assert seen == (11, revision)
            break
        assert await device.batch({"gain.value": 2}) > revision
        assert await device.call("measure", voltage=1) == "1 V"
        await eventually(lambda: device["shown"]["children"].value == "target 11 gain 2")


async def test_a_change_whose_answer_is_lost_is_uncertain(app):
    """The app has forgotten the session: whether the change was made is not known, and it is not made twice."""
    async with connect_async(app.url) as device:
        session = device._session
        await device["gain"].set(5)
        session._done = lambda frame, change: None  # the answers of the app do not arrive
        with pytest.raises(UncertainError, match=r"not known whether gain\.value was set"):
            await device["gain"].set(6, within=0.2)


def test_neither_dash_nor_quart_is_imported():
    """A test bench has a plain Python: what is imported is the client of WebSockets, and JSON."""
    loads = "import sys; from dash_devices_nb.remote import connect, connect_async"
    code = f"{loads}; print(sorted({{'dash', 'quart', 'IPython'}} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"

"""Share links of an app that is served directly: made, shown, used, ended; and admission control."""

import hashlib
import hmac
import io
import re
import socket
import sys
import threading
import time

import httpx
import pytest
import websockets

from dash_devices_nb import Dash, Input, Output, dcc, html
from dash_devices_nb.app.access import share_links
from dash_devices_nb.app.api.parts import parts_of
from dash_devices_nb.app.serving.mount import ServeConfig
from dash_devices_nb.errors import RunError, ShareError
from dash_devices_nb.testing.tab import Tab
from tests.support.eventually import eventually


def make_app() -> Dash:
    """A shared slider and what shows it."""
    app = Dash("lesson")
    app.layout = html.Div([dcc.Slider(0, 9, id="a", value=1), html.Div(id="b")])
    app.callback_shared(Output("b", "children"), Input("a", "value"))(lambda a: f"at {a}")
    return app


@pytest.fixture
def app(app_server) -> Dash:
    """One that runs."""
    app = make_app()
    app_server.run(app, auth="secret")
    return app


async def closed(tab: Tab) -> tuple[int, str]:
    """How a tab's connection was closed."""
    await eventually(lambda: tab.closed_by)
    return tab.closed_by


async def test_a_guest_enters_by_the_link_in_its_role(app, tab):
    """Without the secret; the page is live, and the client says by which link it came and until when."""
    share = app.share("view", hours=2, name="Ada")
    await tab(app)
    page = await tab(share.url)
    owner, guest = sorted(app.clients, key=lambda client: client.connect_time)
    assert (owner.role, owner.share) == ("owner", None)
    assert (guest.role, guest.share, guest.name, guest.expires) == ("view", share.id, "Ada", share.expires)
    assert guest.username is None
    assert abs(share.expires - time.time() - 7200) < 60
    app.push_mods({"a": {"value": 7}})
    await page.expect("b", "children", "at 7")


async def test_what_people_are_let_in_to_see_no_shared_cache_keeps(app):
    """Pages and JSON, the owner's and guests', only with their browser's own asking; files as long as Dash says."""
    base, _, token = app.url.partition("?token=")
    async with httpx.AsyncClient(base_url=base) as owner, httpx.AsyncClient(base_url=base) as guest:
        await owner.get("/", params={"token": token})
        await guest.get("/", params={"share": share_token(app.share("control"))})
        for http in (owner, guest):
            page = await http.get("/")
            assert page.status_code == 200
            body = {"output": "b.children", "outputs": [], "inputs": []}
            for answer in (
                page,
                await http.get("/_dash-layout"),
                await http.get("/_dash-dependencies"),
                await http.post("/_dash-update-component", json=body),
            ):
                assert answer.headers["cache-control"] == "private, no-store"
            scripts = re.findall(r'src="/([^"]+)"', page.text)
            assert len(scripts) > 3
            for script in scripts:
                assert re.fullmatch(
                    r"private, (max-age=\d+(, immutable)?|no-cache)", (await http.get(script)).headers["cache-control"]
                )


async def test_nothing_opens_without_the_link(app):
    """A stranger is refused; a wrong link and another port's say why they do not count."""
    share = app.share("control")
    base = app.url.partition("?")[0]
    other = make_app_link(app)
    async with httpx.AsyncClient(base_url=base) as http:
        assert (await http.get("/")).status_code == 403
        forged = share_token(share)[:-1] + ("A" if share_token(share)[-1] != "A" else "B")
        for token, why in (("x", "incomplete"), (other, "not valid for this app"), (forged, "app")):
            answer = await http.get("/", params={"share": token})
            assert answer.status_code == 403
            assert why in answer.text
            assert "set-cookie" not in answer.headers
        entered = await http.get(f"/page?x=1&share={share_token(share)}")
        assert (entered.status_code, entered.headers["location"]) == (303, "./page?x=1")
        port = parts_of(app).serving.mount.port
        assert re.fullmatch(
            rf"dash-devices-share-{port}=[\w.-]+; Path=/; Max-Age=\d+; HttpOnly; SameSite=Lax",
            entered.headers["set-cookie"],
        )
        assert (await http.get("/")).status_code == 200
        assert parts_of(app).serving.mount.secret not in (await http.get("/")).text
        for method in ("POST", "PUT", "HEAD"):
            async with httpx.AsyncClient(base_url=base) as fresh:
                assert (await fresh.request(method, f"/?share={share_token(share)}")).status_code == 403, method


def share_token(share) -> str:
    return share.url.partition("?share=")[2]


def make_app_link(app) -> str:
    """A link of an app of the same name on another port."""
    links = share_links.ShareList("lesson", "port:1")
    return links.token(links.issue("control", 1, "", time.time()))


async def test_a_revoked_link_closes_its_pages_at_once(app, tab):
    """They are told why, and come not back; the pages of other links stay."""
    share, other = app.share("view"), app.share("view")
    guest, stays = await tab(share.url), await tab(other.url)
    assert [each.id for each in app.shares] == [share.id, other.id]
    assert not share.ended
    share.revoke()
    share.revoke()
    assert share.ended
    code, reason = await closed(guest)
    assert (code, reason) == (4403, "This share link was revoked. Ask whoever gave it to you for another one.")
    assert [each.id for each in app.shares] == [other.id]
    with pytest.raises(ConnectionError, match="was revoked"):
        await tab(share.url)
    assert stays.connected
    with pytest.raises(ConnectionError, match="403"):
        await tab(guest.session.link.url)


async def test_a_link_ends_at_its_time(app, tab):
    """The page closes then, not at its next request."""
    share = app.share("view", hours=1.5 / 3600)
    guest = await tab(share.url)
    code, reason = await closed(guest)
    assert (code, reason[:25]) == (4403, "This share link has ended")
    assert time.time() >= share.expires - 0.1
    assert app.shares == []


async def test_of_a_link_that_ended_nothing_is_kept(app, tab, monkeypatch):
    """Neither of one that was revoked nor of one whose time has come, however many there were."""
    kept = parts_of(app).sessions.sharing
    for _ in range(3):
        share = app.share()
        guest = await tab(share.url)
        share.revoke()
        await closed(guest)
    await eventually(lambda: not app.clients, within=10)
    assert not kept._budgets
    await closed(await tab(app.share(hours=1 / 3600).url))
    await eventually(lambda: not kept._budgets)


async def test_links_outlive_a_restart_of_the_program(app_server, tab):
    """A new app at the same place lists them and takes them."""
    app = make_app()
    app_server.run(app, auth="secret")
    share = app.share("control", name="course")
    url, port = share.url, parts_of(app).serving.mount.port
    app_server.stop(app)
    assert "does not run" in share._repr_mimebundle_()["text/plain"]
    again = make_app()
    app_server.run(again, auth="secret", port=port)
    assert [(each.id, each.role, each.name, each.url) for each in again.shares] == [
        (share.id, "control", "course", url)
    ]
    await tab(url)
    assert again.clients[0].role == "control"


async def test_a_guest_cannot_claim_to_be_somebody_else(app):
    """The word on who it is comes from the gate alone."""
    share = app.share("view")
    base = app.url.partition("?")[0]
    async with httpx.AsyncClient(base_url=base) as http:
        await http.get(f"/?share={share_token(share)}")
        cookie = "; ".join(f"{c.name}={c.value}" for c in http.cookies.jar)
    forged = {
        "Cookie": cookie,
        "X-Dash-Devices-User": "%7B%22role%22%3A%20%22owner%22%7D",
        "X-Dash-Devices-Secret": "guess",
        "X-Forwarded-For": "10.1.2.3",
    }
    url = base.replace("http", "ws") + "_dash-devices/ws"
    async with websockets.connect(url, additional_headers=forged) as ws:
        await ws.send('{"t": "hello"}')
        await ws.recv()
        [client] = app.clients
        assert (client.role, client.share, client.address) == ("view", share.id, "127.0.0.1")
        assert parts_of(app).serving.mount.secret not in repr(client.headers)


async def test_a_full_house_is_told_and_left_when_there_is_room(app, tab):
    """Guests are closed with 1013 and a reason; the owner gets in."""
    share = app.share("view")
    app.limits.per_share = 1
    guest = await tab(share.url)
    late = Tab(share.url)
    with pytest.raises((ConnectionError, TimeoutError, AssertionError)):
        await late.open()
    code, reason = late.closed_by
    assert (code, reason) == (1013, "Full: this share link has 1 page open, which is the limit. Trying again…")
    app.limits.clients = 1
    await tab(app)
    assert len(app.clients) == 2
    await late.close()
    await guest.close()


async def test_a_guest_sees_no_traceback(app_server, tab):
    """Not in debug mode either: it shows the program. The owner does."""
    app = make_app()
    app.callback(Output("own", "children"), Input("go", "n_clicks"), prevent_initial_call=True)(lambda n: 1 / 0)
    app.layout = html.Div([dcc.Slider(0, 9, id="a"), html.Div(id="b"), html.Button(id="go"), html.P(id="own")])
    app.enable_dev_tools(debug=True, dev_tools_hot_reload=False)
    app_server.run(app, auth="secret")
    for url, told in ((app.share("view").url, False), (app.url, True)):
        page = await tab(url)
        await page.act("go", "n_clicks", 1)
        notice = await eventually(lambda page=page: page.notices)
        assert ("Traceback" in str(notice) or "ZeroDivisionError" in str(notice)) == told, notice


async def test_without_a_secret_everybody_controls_and_nobody_owns(app_server, tab):
    """Nor does a cookie made of no secret let anybody own; a link gives its own role."""
    app = make_app()
    app_server.run(app, auth=None)
    port = parts_of(app).serving.mount.port
    digest = hmac.new(b"", b"dash-devices cookie", hashlib.sha256).hexdigest()
    forged = {"Cookie": f"dash-devices-{port}={digest}"}
    async with websockets.connect(f"ws://127.0.0.1:{port}/_dash-devices/ws", additional_headers=forged) as ws:
        await ws.send('{"t": "hello"}')
        await ws.recv()
        assert [client.role for client in app.clients] == ["control"]
    await tab(app.share("view").url)
    assert "view" in [client.role for client in app.clients]


def test_sharing_needs_an_app_that_runs():
    """The error says what to do first."""
    app = make_app()
    with pytest.raises(RunError, match=r"The app does not run: call app\.run\(\) first, then share it\."):
        app.share()
    assert app.shares == []


def test_what_cannot_be_shared_is_refused(app):
    """An owner's rights, a time that is none."""
    with pytest.raises(ShareError, match="role='owner'; a link gives 'view' or 'control'"):
        app.share("owner")
    with pytest.raises(ShareError, match="hours=-1"):
        app.share(hours=-1)


def test_a_notebook_shows_the_link_and_a_code(app):
    """As plain elements and a picture; names are text; neither repr nor the journal has the token."""
    share = app.share("view", name="<script>1</script>")
    shown = share._repr_mimebundle_()
    assert share.url in shown["text/plain"]
    assert 'src="data:image/svg+xml' in shown["text/html"]
    assert share.url in shown["text/html"]
    assert "<script>" not in shown["text/html"]
    assert "&lt;script&gt;" in shown["text/html"]
    assert "works on this computer only" in shown["text/plain"]
    assert 'app.run(host="0.0.0.0")' in shown["text/plain"]
    assert share_token(share) not in repr(share)


def test_links_can_be_made_and_revoked_from_any_thread(app):
    """None is lost."""

    def work():
        for _ in range(5):
            app.share().revoke()
            app.share()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(app.shares) == 15


@pytest.mark.parametrize(("host", "said"), [("0.0.0.0", "Guests need a share link"), ("127.0.0.1", "")])
async def test_who_serves_others_is_told_what_they_need(app_server, monkeypatch, host, said):
    """And the links have an address that leads to this computer from outside."""
    app = make_app()
    # pytest's own capture loses what a thread prints while it is read.
    printed = io.StringIO()
    monkeypatch.setattr(sys, "stdout", printed)
    app_server.run(app, auth="secret", host=host)
    await eventually(lambda: said in printed.getvalue())
    assert bool(parts_of(app).serving.mount.who_may_enter) == bool(said)
    found = re.match(r"http://([0-9.]+):\d+/\?share=", app.share().url)
    assert found is not None
    assert found[1] != "0.0.0.0"
    assert socket.inet_aton(found[1])


def test_the_address_of_links_through_jupyter(app, monkeypatch):
    """That for guests, the Hub's, the one by which the owner's page came, the server's: the first that is known."""
    mount = parts_of(app).serving.mount
    monkeypatch.setattr(mount, "config", sharing_wish("http://127.0.0.1:8888/"))
    links = parts_of(app).sessions.sharing
    assert links._origin(mount, {}) == "http://127.0.0.1:8888"
    assert links._origin(mount, {"JUPYTERHUB_PUBLIC_URL": "https://hub.example/user/x/"}) == "https://hub.example"
    both = {"JUPYTERHUB_PUBLIC_URL": "https://hub.example/", "DASH_DEVICES_GUEST_ORIGIN": "https://guests.example"}
    assert links._origin(mount, both) == "https://guests.example"
    monkeypatch.setattr(mount, "config", sharing_wish("unix:/x/y"))
    assert links._origin(mount, {}) == ""
    shown = app.share()._repr_mimebundle_()
    assert shown["text/plain"].startswith("/?share=")
    assert "The address of the Jupyter server is not known here" in shown["text/html"]
    assert "<img" not in shown["text/html"]


def sharing_wish(url):
    return ServeConfig(None, None, "/", "main", True, (), server_url=url)

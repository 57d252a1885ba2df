"""What is wrong is said in one sentence."""

from __future__ import annotations

import asyncio
import re
import urllib.error
import urllib.request

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from dash_devices_nb import Dash, html
from dash_devices_nb.core.protocol.outbox import FRAMES
from tests.relay.conftest import COMMAND, StartRelay, at
from tests.support.processes import ScriptRunner
from tests.support.serving import Serving


async def all_of(socket: ClientConnection) -> None:
    """Read until it is closed."""
    while True:
        await socket.recv()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ftp://here/"], "'ftp://here/' is no address of an app; it begins with http:// or https://."),
        (["http://127.0.0.1:1/", "--by", "http://here/?share=no"], "--by takes a view link"),
        (["http://127.0.0.1:1/", "--header", "Authorization"], "--header 'Authorization' has no colon"),
        (["http://127.0.0.1:1/", "--token-from", "NO_SUCH"], "--token-from NO_SUCH: this environment variable is not"),
    ],
)
async def test_a_command_line_that_means_nothing(script: ScriptRunner, arguments: list[str], said: str):
    """The command ends at once."""
    program = await script(COMMAND, "relay", *arguments, "--port", "0", url=None)
    assert await program.wait(30) == 1
    assert program.output.startswith(f"dash-devices-nb: {said}")
    assert program.output.count("\n") == 1


async def test_the_app_does_not_let_a_relay_in(serve: Serving, script: ScriptRunner):
    """A share link does not do: it would show the relay what owners alone may know."""
    app = Dash(__name__)
    app.layout = html.Div("hello")
    await serve(app)
    link = (await asyncio.to_thread(app.share, "control")).url
    program = await script(COMMAND, "relay", link, "--port", "0", url=None)
    assert await program.wait(30) == 1
    assert "A relay needs the owner's address of the app (app.url), and not a share link." in program.output
    assert "Traceback" not in program.output


async def test_where_tls_ends_before_a_relay_its_cookies_are_for_tls_alone(serve: Serving, relay: StartRelay):
    """A proxy says how the page came."""
    app = Dash(__name__)
    app.layout = html.Div("hello")
    url = await serve(app)
    program = await relay(url)
    address = at(program, (await asyncio.to_thread(app.share, "view")).url)
    for proto, secure in (("https", True), ("http", False)):
        async with httpx.AsyncClient(headers={"X-Forwarded-Proto": proto}) as http:
            kept = (await http.get(address)).headers["set-cookie"]
        assert kept.endswith("; Secure") is secure


async def test_who_may_not_enter(serve: Serving, relay: StartRelay):
    """No link, a forged one, another site, an owner's address, a program; a link for all lets everybody in."""
    app = Dash(__name__)
    app.layout = html.Div("hello")
    url = await serve(app)
    link = (await asyncio.to_thread(app.share, "view")).url
    program = await relay(url)
    open_to_all = await relay(url, "--by", link)
    good = at(program, link)

    async def answer(url: str, **headers: str) -> tuple[int, str]:
        request = urllib.request.Request(url, headers=headers, data=b"{}" if headers else None)
        try:
            with await asyncio.to_thread(urllib.request.urlopen, request) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    async def refused(url: str, **headers: str) -> str:
        status, text = await answer(url, **headers)
        assert status == 403
        return text

    assert "needs a share link" in await refused(program.url)
    assert "not valid for this app" in await refused(good[:-1] + ("A" if good[-1] != "A" else "B"))
    assert "incomplete" in await refused(f"{program.url}?share=no")
    assert "This relay is for guests" in await refused(f"{program.url}?token=secret")
    assert "may not use this app" in await refused(f"{program.url}_dash-update-component", Origin="http://evil.example")
    assert (await answer(open_to_all.url))[0] == 200
    token = link.rpartition("share=")[2]
    port = program.url.split(":")[2].strip("/")
    address = program.url.replace("http", "ws", 1) + "_dash-devices/ws"
    for hello, said in (('{"t":"hello","kind":"program"}', "to the app itself"), ('{"t":"hello","v":9}', "version 9")):
        async with connect(address, additional_headers={"Cookie": f"dash-devices-share-{port}={token}"}) as socket:
            await socket.send(hello)
            with pytest.raises(ConnectionClosed, match=said):
                await socket.recv()


async def test_a_page_that_looks_on_and_sends_all_the_same(serve: Serving, relay: StartRelay):
    """Its changes are undone and explained, what cannot be read is answered, and too much of that ends it."""
    app = Dash(__name__)
    app.layout = html.Div(id="shown")
    url = await serve(app)
    await asyncio.to_thread(app.push_mods, {"shown": {"children": "right"}})
    program = await relay(url)
    token = (await asyncio.to_thread(app.share, "view")).url.rpartition("share=")[2]
    cookie = f"dash-devices-share-{program.url.split(':')[2].strip('/')}={token}"
    address = program.url.replace("http", "ws", 1) + "_dash-devices/ws"
    async with connect(address, additional_headers={"Cookie": cookie}) as socket:
        await socket.send('{"t":"hello"}')
        await socket.send('{"t":"set","s":1,"m":{"shown":{"children":"forged"}}}')
        frames = [str(await socket.recv()) for _ in range(5)]
        assert any(re.search('"f":1,"at":[0-9]+,"m":{"shown":{"children":"right"}}', each) for each in frames)
        assert any("You may not change shown.children. You may look, but not act." in each for each in frames)
        assert '{"t":"ack","s":1}' in frames
        for _ in range(11):
            await socket.send("{")
        with pytest.raises(ConnectionClosed, match="malformed"):
            await all_of(socket)


async def test_a_page_that_confirms_nothing_gets_its_layout(serve: Serving, relay: StartRelay):
    """It confirms shared values once it has the layout: so that one goes past those that wait."""
    app = Dash(__name__)
    app.layout = html.Div(id="shown")
    url = await serve(app)
    program = await relay(url)
    token = (await asyncio.to_thread(app.share, "view")).url.rpartition("share=")[2]
    cookie = f"dash-devices-share-{program.url.split(':')[2].strip('/')}={token}"
    address = program.url.replace("http", "ws", 1) + "_dash-devices/ws"
    async with connect(address, additional_headers={"Cookie": cookie}) as socket, asyncio.timeout(20):
        await socket.send('{"t":"hello"}')
        assert '"t":"welcome"' in str(await socket.recv())
        for number in range(FRAMES + 10):
            await asyncio.to_thread(app.push_mods, {"shown": {"children": f"{number}"}})
        come = 0
        while come < FRAMES:
            come += '"t":"mods"' in str(await socket.recv())
        await socket.send('{"t":"req","n":1,"path":"_dash-layout"}')
        while '"t":"res"' not in str(await socket.recv()):
            pass

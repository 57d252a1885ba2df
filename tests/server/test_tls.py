"""A Jupyter server that speaks TLS: its sockets are spliced like plain ones."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from tests.server.conftest import BASE_URL, CONFIGURED, Page, Visit, logged_in, serving
from tests.server.guests import links_of
from tests.support.eventually import eventually
from tests.support.jupyter import running_jupyter

WS = "bench/_dash-devices/ws"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    request += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)]
    subprocess.run(["openssl", *request], check=True, capture_output=True)
    return cert, key


@pytest.fixture(scope="module")
async def visit(certificate: tuple[Path, Path]) -> AsyncIterator[Visit]:
    """A logged-in client of a server with TLS."""
    cert, key = certificate
    trusting = ssl.create_default_context(cafile=str(cert))
    arguments = [f"--ServerApp.certfile={cert}", f"--ServerApp.keyfile={key}"]
    arguments += ["--DashDevicesApp.max_frame_bytes=100000", "--DashDevicesApp.ping_interval=0.2"]
    async with (
        running_jupyter("server", base_url=BASE_URL, env=CONFIGURED, arguments=arguments) as jupyter,
        httpx.AsyncClient(verify=trusting, timeout=60) as http,
        logged_in(jupyter, http, trusting) as visit,
    ):
        yield visit


@pytest.fixture
async def page(visit: Visit) -> AsyncIterator[Page]:
    """An app that runs."""
    async with serving(visit) as page:
        yield page


async def test_page_is_served_over_tls(visit: Visit, page: Page) -> None:
    """The app learns that its page is at https."""
    answer = await visit.http.get(visit.url("bench/"))
    assert (answer.status_code, answer.text) == (200, "hello")
    assert page.headers["x-forwarded-proto"] == "https"


async def test_frames_of_every_length_pass_over_tls(visit: Visit, page: Page) -> None:
    """Each of the three forms of a frame's length goes there and back, pings in between."""
    async with visit.socket(WS) as socket:
        for length in (0, 125, 126, 65_535, 65_536, 99_999):
            await socket.send(b"\x00" * length)
            assert await socket.recv() == b"\x00" * length
        await eventually(lambda: socket.latency >= 0)


async def test_both_ends_and_limits_hold_over_tls(visit: Visit, page: Page) -> None:
    """A page that leaves, an app that closes, and a frame that is too long."""
    socket = await visit.socket(WS)
    await eventually(lambda: len(page.sockets) == 1)
    socket.transport.abort()
    await eventually(lambda: not page.sockets)
    for sent, code in (("bye", 4001), ("x" * 3_000_000, 1009)):
        async with visit.socket(WS) as socket:
            await socket.send(sent)
            with pytest.raises(ConnectionClosed) as closed:
                await socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == code
        await eventually(lambda: not page.sockets)


async def test_slow_page_holds_the_app_back_over_tls(visit: Visit, page: Page) -> None:
    """What a page does not read piles up nowhere: the app's own send waits, then all arrives."""
    count, size = 200, 200_000
    async with visit.socket(WS) as socket:
        socket.transport.pause_reading()
        await eventually(lambda: page.sockets)

        async def push() -> None:
            for number in range(count):
                await page.broadcast(f"{number:09d}" + "x" * size)

        pushing = asyncio.create_task(push())
        done, _ = await asyncio.wait([pushing], timeout=1.0)
        assert not done, "40 MB went somewhere though nobody reads"
        socket.transport.resume_reading()
        for number in range(count):
            assert str(await socket.recv()).startswith(f"{number:09d}x")
        await pushing


async def test_a_guests_cookie_is_for_tls_alone(visit: Visit, page: Page) -> None:
    """A page over plain HTTP of the same host is not sent it."""
    _, token = links_of(visit, "bench").issue()
    assert visit.tls is not None
    async with httpx.AsyncClient(verify=visit.tls) as guest:
        entered = await guest.get(visit.url(f"bench/?share={token}"))
        assert entered.status_code == 303
        assert entered.headers["set-cookie"].endswith("; Secure")
        assert (await guest.get(visit.url("bench/"))).text == "hello"

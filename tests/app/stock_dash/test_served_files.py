"""Files of component libraries: whole for who reads them, and little memory for who does not."""

import asyncio
import os
import socket
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from dash_devices_nb import Dash, dcc

CONNECTIONS = 25
PLOTLY = "_dash-component-suites/plotly/package_data/plotly.min.js"


@pytest.fixture
def app() -> Dash:
    """One whose page has Plotly's script, of 4.7 MB."""
    app = Dash(__name__)
    app.layout = dcc.Graph(id="graph")
    return app


async def test_a_large_file_comes_whole_and_in_part(app, app_server):
    """Its length is right, each time, and a range of it is that range."""
    url = app_server.run(app)
    async with httpx.AsyncClient(base_url=url) as http:
        first, again = await http.get(PLOTLY), await http.get(PLOTLY)
        part = await http.get(PLOTLY, headers={"Range": "bytes=100000-299999"})
    assert len(first.content) == int(first.headers["content-length"]) > 3_000_000
    assert again.content == first.content
    assert part.status_code in (200, 206)
    assert part.content == (first.content[100_000:300_000] if part.status_code == 206 else first.content)


async def test_who_reads_nothing_of_a_large_file_takes_little_memory(app, app_server):
    """25 connections that ask for Plotly's script and leave it unread: less than a copy for each of ten."""
    url = app_server.run(app)
    async with httpx.AsyncClient(base_url=url) as http:
        size = len((await http.get(PLOTLY)).content)
    process, where = psutil.Process(os.getpid()), urlsplit(url)
    before = process.memory_info().rss
    sockets = []
    try:
        for _ in range(CONNECTIONS):
            one = socket.create_connection((where.hostname, where.port))
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            one.sendall(f"GET /{PLOTLY} HTTP/1.1\r\nHost: {where.netloc}\r\n\r\n".encode())
            sockets.append(one)
        for one in sockets:
            assert (await asyncio.to_thread(one.recv, 1, socket.MSG_PEEK)) == b"H", "its answer has begun"
        grown = process.memory_info().rss - before
    finally:
        for one in sockets:
            one.close()
    assert grown < 10 * size

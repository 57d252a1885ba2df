"""The command `relay`."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dash_devices_nb.relay.upstream import Upstream
    from dash_devices_nb.transport.bind import BoundSocket

NOTE = (
    "Guests enter by view links of the app, at the relay's address; those with a control link act through it. "
    "docs/relay.md tells more."
)


def add_relay(commands: argparse._SubParsersAction[argparse.ArgumentParser], port: Callable[[str], int]) -> None:
    """Add the command to the subparsers. `port` reads a port."""
    relay = commands.add_parser(
        "relay",
        help="serve the pages of an app to many who look on",
        description="Serves the pages of one app until SIGTERM or Ctrl-C. The app sends each change once to the relay, "
        "however many pages look on.",
        epilog=NOTE,
    )
    relay.add_argument(
        "upstream",
        metavar="UPSTREAM",
        help="the owner's address of the app, as app.url has it, or nats://HOST:PORT/APP",
    )
    relay.add_argument("--port", type=port, default=8050, help="the TCP port, 0 for any free one (default: 8050)")
    relay.add_argument("--host", default="127.0.0.1", help="the address to serve on (default: this machine only)")
    relay.add_argument("--by", metavar="LINK", help="who has no link enters by this view link")
    relay.add_argument(
        "--header", metavar="NAME: VALUE", action="append", default=[], help="a header for the app, as Authorization"
    )
    relay.add_argument(
        "--token-from",
        metavar="VARIABLE",
        help="the environment variable with a token of Jupyter or its Hub; it is sent as 'Authorization: token ...', "
        "and stands in no list of processes",
    )
    relay.set_defaults(command=_relay)


def _relay(given: argparse.Namespace) -> int:
    from dash_devices_nb.errors import RemoteError
    from dash_devices_nb.transport.bind import BoundSocket

    pairs = [each.partition(":") for each in given.header]
    if wrong := next((each for each, (_, colon, _) in zip(given.header, pairs, strict=True) if not colon), None):
        raise RemoteError(f"--header {wrong!r} has no colon; a header is 'Name: value'.")
    headers = {name.strip(): value.strip() for name, _, value in pairs}
    if given.token_from is not None:
        if not os.environ.get(given.token_from):
            raise RemoteError(f"--token-from {given.token_from}: this environment variable is not set.")
        headers["Authorization"] = f"token {os.environ[given.token_from]}"
    upstream = _upstream(given.upstream, headers)
    token = _token(given.by or "")
    _allow_descriptors()
    bound = BoundSocket.bind_tcp(given.host, given.port, search=False)
    asyncio.run(_serve(upstream, token, bound))
    return 0


def _allow_descriptors() -> None:
    """Let the process have as many connections as its user may: each page takes one."""
    try:
        import resource
    except ImportError:  # pragma: no cover - Windows has no such limit
        return
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _upstream(url: str, headers: dict[str, str]) -> Upstream:
    from dash_devices_nb.relay.nats_upstream import NatsUpstream
    from dash_devices_nb.relay.upstream import WebSocketUpstream

    if url.startswith(("nats://", "tls://")):
        return NatsUpstream(url)
    return WebSocketUpstream(url, headers)


def _token(link: str) -> str:
    """The token of a view link. Raises RemoteError."""
    from urllib.parse import parse_qs, urlsplit

    from dash_devices_nb.errors import RemoteError
    from dash_devices_nb.registration.tokens import role_of

    if not link:
        return ""
    token = parse_qs(urlsplit(link).query).get("share", [link])[0]
    if role_of(token) != "view":
        raise RemoteError("--by takes a view link: app.share() makes one; with a control link everybody could act.")
    return token


async def _serve(upstream: Upstream, token: str, bound: BoundSocket) -> None:
    from dash_devices_nb.relay.relay import Relay

    relay = Relay(upstream, bound, token, lambda text: print(text, file=sys.stderr, flush=True))
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        await relay.run(lambda url: print(f"The relay of {upstream.place} is at {url}", flush=True))
    except asyncio.CancelledError:
        task.uncancel()

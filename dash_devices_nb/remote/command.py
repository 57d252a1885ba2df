"""The commands `get`, `set` and `watch`: an app from the shell, by lines of JSON."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeAlias

from dash_devices_nb.errors import RemoteError
from dash_devices_nb.remote.types import PropValue

if TYPE_CHECKING:
    from dash_devices_nb.remote.device import AsyncDevice
    from dash_devices_nb.remote.session import Update

LINES = 'Each line of the answer is JSON: {"name": "target.value", "value": 21, "revision": 7}.'
INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells have it."""
Run: TypeAlias = "Callable[[AsyncDevice, argparse.Namespace], Awaitable[None]]"


class _EnoughError(Exception):
    """The requested number of lines was printed."""


def add_remote(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands to the subparsers."""
    get = _add(commands, "get", "read props of an app", _get)
    get.add_argument("names", metavar="NAME", nargs="+", help="a prop, as target.value")
    put = _add(commands, "set", "set props of an app by one change", _set)
    put.add_argument("pairs", metavar="NAME VALUE", nargs="+", help="a prop, and its value as JSON or as plain text")
    put.add_argument("--if-revision", type=int, metavar="R", help="only if none of them was changed after revision R")
    watch = _add(commands, "watch", "follow props of an app until Ctrl-C", _watch)
    watch.add_argument("names", metavar="NAME", nargs="+", help="a prop, as target.value")
    watch.add_argument("--count", type=int, metavar="N", help="end after N lines")


def _add(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, what: str, run: Run
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=what, description=f"{what.capitalize()}. {LINES}")
    parser.add_argument("url", metavar="URL", help="the address of the page, as app.url or a share link has it")
    parser.set_defaults(command=lambda given: _run(given, run))
    return parser


def _run(given: argparse.Namespace, run: Run) -> int:
    from dash_devices_nb.remote.device import connect_async

    async def connected() -> None:
        async with connect_async(given.url) as device:
            await run(device, given)

    try:
        asyncio.run(connected())
    except KeyboardInterrupt:
        return INTERRUPTED
    except (LookupError, ValueError) as error:
        raise RemoteError(str(error.args[0])) from error
    return 0


async def _get(device: AsyncDevice, given: argparse.Namespace) -> None:
    for name in given.names:
        _print(name, device.prop(name).update)


async def _set(device: AsyncDevice, given: argparse.Namespace) -> None:
    names, texts = given.pairs[::2], given.pairs[1::2]
    if len(names) != len(texts):
        raise RemoteError(f"{names[-1]} has no value; a command line is: set URL NAME VALUE [NAME VALUE ...].")
    await device.batch(
        {name: _value(text) for name, text in zip(names, texts, strict=True)}, if_revision=given.if_revision
    )
    for name in names:
        _print(name, device.prop(name).update)


async def _watch(device: AsyncDevice, given: argparse.Namespace) -> None:
    left = given.count

    async def follow(name: str) -> None:
        nonlocal left
        async for update in device.prop(name).watch():
            _print(name, update)
            if left is not None:
                left -= 1
                if left <= 0:
                    raise _EnoughError

    try:
        await asyncio.gather(*map(follow, given.names))
    except _EnoughError:
        return


def _value(text: str) -> PropValue:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _print(name: str, update: Update) -> None:
    print(json.dumps({"name": name, "value": update.value, "revision": update.revision}), flush=True)

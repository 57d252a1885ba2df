"""A Jupyter server with a share link, for tests of what a guest can reach."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import pytest
from websockets.asyncio.client import connect

from dash_devices_nb.registration import ShareList, ShareRecord
from tests.server.conftest import BASE_URL, CONFIGURED, KERNEL_START, REPOSITORY, Page, Visit, logged_in
from tests.support.jupyter import Jupyter, running_jupyter

COOKIE = "dash-devices-share"


@contextlib.contextmanager
def directories(jupyter: Jupyter) -> Iterator[None]:
    """Let this process find the directories of that server."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_RUNTIME_DIR", str(jupyter.home / "runtime"))
        patch.setenv("JUPYTER_DATA_DIR", str(jupyter.home / "data"))
        yield


@dataclass
class Links:
    """The share links of an app, as its kernel makes them."""

    jupyter: Jupyter
    shares: ShareList

    def issue(self, role: str = "view", hours: float = 1, name: str = "", ago: float = 0) -> tuple[ShareRecord, str]:
        with directories(self.jupyter):
            record = self.shares.issue(role, hours, name, time.time() - ago)
            return record, self.shares.token(record)

    def revoke(self, record: ShareRecord) -> None:
        with directories(self.jupyter):
            self.shares.revoke(record.id, time.time())


def links_of(visit: Visit, name: str, base_url: str = BASE_URL) -> Links:
    return Links(visit.jupyter, ShareList(name, f"{base_url}dash-devices/{name}/"))


def user_of(page: Page) -> dict[str, Any]:
    """Whom the app was told that the last request came from."""
    user: dict[str, Any] = json.loads(unquote(page.headers["x-dash-devices-user"]))
    return user


def guest_socket(visit: Visit, path: str, token: str, **headers: str) -> connect:
    """A WebSocket as a guest's page opens it."""
    return visit.socket(path, Cookie=f"{COOKIE}={token}", **headers)


@asynccontextmanager
async def strict_server(*arguments: str) -> AsyncIterator[Visit]:
    """JupyterLab that lets nobody in by default, with an origin for guests at "localhost" (we are at 127.0.0.1)."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="ddnb-") as folder:
        extensions = Path(folder) / "jupyter_server_config.d"
        extensions.mkdir()
        enabled = {"ServerApp": {"jpserver_extensions": {"tests.support.routes": True}}}
        (extensions / "routes.json").write_text(json.dumps(enabled))
        path = f"{CONFIGURED['JUPYTER_CONFIG_PATH']}:{folder}"
        async with (
            running_jupyter(
                "lab",
                base_url=BASE_URL,
                port=port,
                env={"JUPYTER_CONFIG_PATH": path, "PYTHONPATH": str(REPOSITORY)},
                arguments=[
                    "--ServerApp.allow_unauthenticated_access=False",
                    f"--DashDevicesApp.guest_origin=http://localhost:{port}",
                    "--DashDevicesApp.page_timeout=2",
                    *arguments,
                ],
            ) as jupyter,
            httpx.AsyncClient(timeout=KERNEL_START) as http,
            logged_in(jupyter, http) as visit,
        ):
            assert re.search(rf":{port}/", jupyter.url)
            yield visit

"""A plugin for pytest inside a checkout of Dash: `dash.Dash` becomes the class of one column, served its own way.

It is loaded by its own name (`-p dash_column`), since that checkout has a package `tests` of its own.
"""

from __future__ import annotations

import os
import shutil
import socket
import threading
import time
from pathlib import Path
from typing import Any

import dash
import pandas as pd
import pytest
import requests
from dash.testing import application_runners
from dash.testing import plugin as dash_plugin
from selenium.webdriver.chrome.options import Options

import dash_devices_nb

COLUMN = "OTHERS_COLUMN"
DATASETS = "DATASETS_SOURCE"
"""Where the tables are that tests load from `DATASETS_AT`, a repository of Plotly's; unset: from there."""
DATASETS_AT = "https://github.com/plotly/datasets/raw/master/"
STARTS_WITHIN, STOPS_WITHIN, LOOK = 15.0, 10.0, 0.02
Stock = dash.Dash


class OnQuart(Stock):
    """Stock Dash on Quart, also where a test asks for FastAPI; a server that a test brings stays."""

    def __init__(self, name: str | None = None, server: Any = True, **kwargs: Any) -> None:
        if isinstance(server, bool):
            kwargs["backend"] = "quart"
        super().__init__(name, server, **kwargs)


class Ours(dash_devices_nb.Dash):
    """Ours, also where a test asks for FastAPI: its WebSocket tests all do."""

    def __init__(self, name: str | None = None, server: Any = True, **kwargs: Any) -> None:
        if isinstance(server, bool):
            kwargs["backend"] = "quart"
        super().__init__(name, server, **kwargs)


class Runner(application_runners.ThreadedRunner):  # type: ignore[misc]
    """Runs ours in a thread, by `run()` as a script does, and ends it by `stop()`; other apps as Dash's own does."""

    def start(self, app: Any, start_timeout: float = 3, **options: Any) -> None:
        """Return once the app answers."""
        options.setdefault("port", _free_port())
        if not isinstance(app, dash_devices_nb.Dash):
            super().start(app, start_timeout=start_timeout, **options)
            return
        app.scripts.config.serve_locally = app.css.config.serve_locally = True
        options.setdefault("dev_tools_disable_version_check", True)
        self.port = int(options["port"])
        raised: list[BaseException] = []

        def run() -> None:
            try:
                app.run(**options)
            except BaseException as error:  # noqa: BLE001 - the test is told what ended the thread
                raised.append(error)

        self._app, self.thread = app, threading.Thread(target=run, daemon=True)
        self.thread.start()
        deadline = time.monotonic() + max(STARTS_WITHIN, start_timeout)
        while not (app.url and self._answers()):
            if raised:
                raise raised[0]
            if time.monotonic() > deadline:
                raise TimeoutError(f"the app did not answer at {self.url} within {STARTS_WITHIN} s")
            time.sleep(LOOK)
        self.started = True

    def stop(self) -> None:
        """Return once the app has ended."""
        if not isinstance(self._app, dash_devices_nb.Dash):
            super().stop()
            return
        self._app.stop()
        self.thread.join(STOPS_WITHIN)
        if self.thread.is_alive():
            raise TimeoutError(f"the app did not end within {STOPS_WITHIN} s")
        self._app, self.started = None, False

    def _answers(self) -> bool:
        try:
            requests.get(self.url, timeout=5)
        except requests.exceptions.RequestException:
            return False
        return True


class ProcessRunner(application_runners.MultiProcessRunner):  # type: ignore[misc]
    """Dash's own, with more time for the process to start, and a free port that it keeps when it starts again."""

    own_port: int | None = None

    def start(self, app: Any, start_timeout: float = 3, **options: Any) -> None:
        """Return once the app answers."""
        self.own_port = self.own_port or _free_port()
        options.setdefault("port", self.own_port)
        super().start(app, start_timeout=max(STARTS_WITHIN, start_timeout), **options)


def _free_port() -> int:
    """Dash's own runner counts up from one number, which some other program may have."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


CLASSES = {"flask": Stock, "quart": OnQuart, "ours": Ours}


def _read_csv(read: Any, folder: Path) -> Any:
    """`pandas.read_csv`, which takes what is at `DATASETS_AT` from a folder."""

    def read_csv(path: Any, *given: Any, **options: Any) -> Any:
        if isinstance(path, str) and path.startswith(DATASETS_AT):
            path = folder / path.removeprefix(DATASETS_AT)
        return read(path, *given, **options)

    return read_csv


def pytest_configure() -> None:
    """Put the column's class where tests take it from, and our runner where Dash's fixtures take theirs from."""
    if folder := os.environ.get(DATASETS):
        pd.read_csv = _read_csv(pd.read_csv, Path(folder).resolve())
    chosen = CLASSES[os.environ[COLUMN]]
    dash.Dash = dash.dash.Dash = chosen
    dash_plugin.ThreadedRunner, dash_plugin.MultiProcessRunner = Runner, ProcessRunner
    # Stock Dash asks for no secret.
    os.environ["DASH_DEVICES_AUTH"] = "none"


def pytest_setup_options() -> Options:
    """Debian's Chromium, as the rest of our tests start it."""
    options = Options()
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            options.binary_location = path
            break
    if "DISPLAY" not in os.environ:
        options.add_argument("--headless=new")  # the tests of the clipboard ask for a window
    options.add_argument("--window-size=1280,1024")
    options.add_argument("--disable-background-networking")
    options.add_argument("--disable-renderer-backgrounding")
    options.add_argument("--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup")  # two more pages for each window
    return options


@pytest.fixture(scope="session", autouse=True)
def no_percy() -> None:
    """Pictures are not sent anywhere."""
    os.environ.setdefault("PERCY_ENABLE", "0")

"""Firefox and WebKit, driven by what each speaks itself, through one interface.

Firefox speaks WebDriver BiDi (https://w3c.github.io/webdriver-bidi/) over a WebSocket of its own, WebKit's driver the
older WebDriver (https://w3c.github.io/webdriver/) over HTTP. Both run a function in a page and press real keys and
buttons, and that is all that is used here. `make browsers` installs both.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

import httpx
from websockets.asyncio.client import ClientConnection, connect

from tests.support.eventually import eventually
from tests.support.processes import Process, spawn
from tests.support.tcp import free_port

START_SECONDS = 60.0
CALL = """const [source, text, done] = arguments;
const made = (async () => JSON.stringify(await eval(source)(...JSON.parse(text))) ?? 'null')();
return done ? made.then(done, error => done(`!${error}`)) : made;"""
"""`done` is what WebDriver's asynchronous scripts call at their end."""
CENTRE = """selector => {
    const element = document.querySelector(selector);
    element.scrollIntoView({block: 'center', inline: 'center'});
    const box = element.getBoundingClientRect();
    return [Math.round(box.x + box.width / 2), Math.round(box.y + box.height / 2)];
}"""
KEYS = {"ArrowLeft": "\ue012", "ArrowRight": "\ue014", "Enter": "\ue007", "Tab": "\ue004"}
ERRORS = """<script>
window.errors = [];
addEventListener('error', event => errors.push(String(event.message)));
addEventListener('unhandledrejection', event => errors.push(String(event.reason)));
const log = console.error;
console.error = (...values) => { errors.push(values.map(String).join(' ')); log.apply(console, values); };
</script>"""
"""For the head of a page: keeps its errors in `window.errors`. WebDriver itself has no way to them."""


class Driver(Protocol):
    """What a browser's own protocol has to do."""

    async def open(self, url: str) -> str:
        """Open a tab, and return its handle."""

    async def call(self, tab: str, source: str, text: str) -> str:
        """Call the function of this source with the JSON of its arguments, in a page; return the JSON of its result."""

    async def click(self, tab: str, selector: str) -> None:
        """Click into the middle of an element."""

    async def press(self, tab: str, keys: list[str]) -> None:
        """Press keys one after the other."""

    async def close(self, tab: str) -> None:
        """Close a tab."""


class OtherTab:
    """A tab of Firefox or WebKit.

    Args:
        driver: of its browser.
        handle: what the driver calls it.
    """

    def __init__(self, driver: Driver, handle: str) -> None:
        self._driver = driver
        self._handle = handle

    async def evaluate(self, function: str, *arguments: Any) -> Any:
        """Call a function of JavaScript with these arguments, and return what it, or its promise, gives."""
        return json.loads(await self._driver.call(self._handle, f"({function})", json.dumps(arguments)))

    async def until(self, function: str, *arguments: Any, within: float = 20.0) -> Any:
        """Wait until the function gives something that is true, and return it."""

        async def condition() -> Any:
            return await self.evaluate(function, *arguments)

        try:
            return await eventually(condition, within)
        except AssertionError as error:
            body = await self.evaluate("() => document.body?.innerText.slice(0, 2000)")
            raise AssertionError(
                f"not true within {within} s: {function} {arguments}; the page shows: {body}"
            ) from error

    async def shows(self, selector: str, text: str, within: float = 20.0) -> None:
        """Wait until an element has exactly this text."""
        check = "(selector, text) => document.querySelector(selector)?.textContent === text"
        await self.until(check, selector, text, within=within)

    async def click(self, selector: str) -> None:
        """Click into the middle of an element, once it is there."""
        await self.until("selector => document.querySelector(selector) !== null", selector)
        await self._driver.click(self._handle, selector)

    async def press(self, selector: str, *keys: str) -> None:
        """Give an element the focus, once it is there, and press keys one after the other: letters, or of `KEYS`."""
        await self.until("selector => document.querySelector(selector) !== null", selector)
        await self.evaluate("selector => document.querySelector(selector).focus()", selector)
        await self._driver.press(self._handle, [KEYS.get(key, key) for key in keys])

    async def close(self) -> None:
        """Close it."""
        await self._driver.close(self._handle)


class OtherBrowser:
    """Firefox or WebKit.

    Args:
        name: "firefox" or "webkit".
        driver: how it is driven.
    """

    def __init__(self, name: str, driver: Driver) -> None:
        self.name = name
        self._driver = driver
        self._tabs: list[OtherTab] = []

    async def open(self, url: str) -> OtherTab:
        """Open a tab."""
        tab = OtherTab(self._driver, await self._driver.open(url))
        self._tabs.append(tab)
        return tab

    async def close_tabs(self) -> None:
        """Close all tabs that were opened."""
        while self._tabs:
            await self._tabs.pop().close()


def found(names: Iterable[str], package: str) -> str:
    """Where a program is; the message says how to get it."""
    for name in names:
        if path := shutil.which(name):
            return path
    raise RuntimeError(f"{package} is not installed: run `make browsers`, or `apt-get install {package}`")


def pressed(keys: list[str]) -> dict[str, Any]:
    """The keys as WebDriver's actions, in both protocols."""
    actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
    return {"type": "key", "id": "keyboard", "actions": actions}


class Firefox:
    """Firefox over WebDriver BiDi. For one loop.

    Args:
        socket: to the browser.
    """

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}

    async def read(self) -> None:
        """Read answers until the connection ends."""
        async for message in self._socket:
            answer = json.loads(message)
            if waiting := self._waiting.pop(answer.get("id"), None):
                waiting.set_result(answer)

    async def ask(self, method: str, **params: Any) -> Any:
        """Send a command, and return its result."""
        number = next(self._numbers)
        answered = self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        answer = await asyncio.wait_for(answered, START_SECONDS)
        if answer["type"] != "success":
            raise RuntimeError(f"{method}: {answer['error']}: {answer['message']}")
        return answer["result"]

    async def open(self, url: str) -> str:
        made = await self.ask("browsingContext.create", type="tab")
        await self.ask("browsingContext.navigate", context=made["context"], url=url, wait="interactive")
        return str(made["context"])

    async def call(self, tab: str, source: str, text: str) -> str:
        values = [{"type": "string", "value": value} for value in (source, text)]
        answer = await self.ask(
            "script.callFunction",
            functionDeclaration=f"function() {{ {CALL} }}",
            awaitPromise=True,
            target={"context": tab},
            arguments=values,
        )
        if answer["type"] == "exception":
            raise RuntimeError(f"{source}: {answer['exceptionDetails']['text']}")
        return str(answer["result"]["value"])

    async def click(self, tab: str, selector: str) -> None:
        await self.ask("browsingContext.activate", context=tab)
        x, y = json.loads(await self.call(tab, f"({CENTRE})", json.dumps([selector])))
        move = {"type": "pointerMove", "x": x, "y": y}
        buttons = [{"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}]
        mouse = {"type": "pointer", "id": "mouse", "actions": [move, *buttons]}
        await self.ask("input.performActions", context=tab, actions=[mouse])

    async def press(self, tab: str, keys: list[str]) -> None:
        await self.ask("browsingContext.activate", context=tab)
        await self.ask("input.performActions", context=tab, actions=[pressed(keys)])

    async def close(self, tab: str) -> None:
        await self.ask("browsingContext.close", context=tab)


class WebKit:
    """WebKitGTK over WebDriver. One window has the commands at a time, so they take turns.

    Args:
        http: to the driver.
        session: the path of the session.
        first: the handle of its first window, which stays open: a new one is opened from one that is there.
    """

    def __init__(self, http: httpx.AsyncClient, session: str, first: str) -> None:
        self._http = http
        self._session = session
        self._first = first
        self._turn = asyncio.Lock()

    async def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Send a command, and return its result."""
        answer = await self._http.request(method, self._session + path, json=body)
        value = answer.json()["value"]
        if answer.is_error:
            raise RuntimeError(f"{path}: {value['error']}: {value['message']}")
        return value

    async def open(self, url: str) -> str:
        async with self._turn:
            await self.ask("POST", "/window", {"handle": self._first})
            # A window, as a tab behind another draws nothing.
            handle = (await self.ask("POST", "/window/new", {"type": "window"}))["handle"]
            await self.ask("POST", "/window", {"handle": handle})
            await self.ask("POST", "/url", {"url": url})
            return str(handle)

    async def call(self, tab: str, source: str, text: str) -> str:
        async with self._turn:
            await self.ask("POST", "/window", {"handle": tab})
            answer = str(await self.ask("POST", "/execute/async", {"script": CALL, "args": [source, text]}))
        if answer.startswith("!"):
            raise RuntimeError(f"{source}: {answer[1:]}")
        return answer

    async def click(self, tab: str, selector: str) -> None:
        async with self._turn:
            await self.ask("POST", "/window", {"handle": tab})
            found = await self.ask("POST", "/element", {"using": "css selector", "value": selector})
            await self.ask("POST", f"/element/{next(iter(found.values()))}/click", {})

    async def press(self, tab: str, keys: list[str]) -> None:
        async with self._turn:
            await self.ask("POST", "/window", {"handle": tab})
            await self.ask("POST", "/actions", {"actions": [pressed(keys)]})

    async def close(self, tab: str) -> None:
        async with self._turn:
            await self.ask("POST", "/window", {"handle": tab})
            await self.ask("DELETE", "/window")


@asynccontextmanager
async def firefox() -> AsyncIterator[OtherBrowser]:
    """A headless Firefox with an empty profile."""
    home = Path(tempfile.mkdtemp(prefix="ddnb-"))
    program = found(("firefox-esr", "firefox"), "firefox-esr")
    command = [program, "--headless", "--no-remote", "--profile", home, "--remote-debugging-port", "0"]
    process = Process(spawn(command, home / "log", env={"HOME": str(home)}, cwd=home), home / "log")
    try:
        url = (await process.printed(r"WebDriver BiDi listening on (ws://\S+)", START_SECONDS))[1]
        async with connect(f"{url}/session", max_size=None, proxy=None) as socket:
            driver = Firefox(socket)
            reading = asyncio.create_task(driver.read())
            try:
                await driver.ask("session.new", capabilities={})
                yield OtherBrowser("firefox", driver)
            finally:
                reading.cancel()
                with suppress(asyncio.CancelledError):
                    await reading
    finally:
        await process.stop()
        shutil.rmtree(home, ignore_errors=True)


@asynccontextmanager
async def webkit() -> AsyncIterator[OtherBrowser]:
    """WebKitGTK's small browser on a screen that nobody sees."""
    home = Path(tempfile.mkdtemp(prefix="ddnb-"))
    driver, port = found(("WebKitWebDriver",), "webkit2gtk-driver"), free_port()
    started: list[Process] = []
    try:
        async with _screen(home) as display:
            env = {"HOME": str(home), "DISPLAY": display, "NO_AT_BRIDGE": "1", "WEBKIT_DISABLE_DMABUF_RENDERER": "1"}
            log = home / "driver.log"
            started.append(Process(spawn([driver, f"--port={port}"], log, env=env, cwd=home), log))
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=START_SECONDS) as http:

                async def ready() -> bool:
                    assert started[0].returncode is None, started[0].output
                    with suppress(httpx.TransportError):
                        return bool((await http.get("/status")).json()["value"]["ready"])
                    return False

                await eventually(ready, START_SECONDS)
                made = await http.post("/session", json={"capabilities": {"alwaysMatch": {}}})
                assert made.is_success, f"{made.text}\n{started[0].output}"
                session = f"/session/{made.json()['value']['sessionId']}"
                first = (await http.get(f"{session}/window")).json()["value"]
                yield OtherBrowser("webkit", WebKit(http, session, first))
                await http.delete(session)
    finally:
        for process in started:
            await process.stop()
        shutil.rmtree(home, ignore_errors=True)


@asynccontextmanager
async def _screen(home: Path) -> AsyncIterator[str]:
    """A screen in memory; yields its DISPLAY."""
    command = [found(("Xvfb",), "xvfb"), "-displayfd", "1", "-screen", "0", "1400x1000x24", "-nolisten", "tcp"]
    process = Process(spawn(command, home / "screen.log"), home / "screen.log")
    try:
        number = await process.printed(r"(?m)^(\d+)$", START_SECONDS)
        yield f":{number[1]}"
    finally:
        await process.stop()

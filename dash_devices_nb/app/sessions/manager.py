"""The session manager: what the connections of an app share.

It makes the handshake with new and returning pages, ends sessions after the grace, calls the program's connect and
authorize hooks, and answers Dash's other routes over the WebSocket.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import AbstractContextManager
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import unquote

import orjson

from dash_devices_nb.app.access.browser_cookies import Browsers
from dash_devices_nb.app.access.floor_control import Control
from dash_devices_nb.app.access.permissions import Permissions
from dash_devices_nb.app.access.presence import Presence
from dash_devices_nb.app.access.share_links import ShareLinks
from dash_devices_nb.app.client_session import ClientSession
from dash_devices_nb.app.execution.call_queue import CallQueue, Job
from dash_devices_nb.app.execution.causes import Causes
from dash_devices_nb.app.execution.completion import Completion
from dash_devices_nb.app.execution.connect_hooks import ConnectHook, tell
from dash_devices_nb.app.execution.link_spending import spending
from dash_devices_nb.app.execution.outputs import mods_of
from dash_devices_nb.app.execution.regular_call import OK, SERVER_ERROR, UNAVAILABLE, Answer, RegularCall
from dash_devices_nb.app.execution.regular_calls import RegularCalls
from dash_devices_nb.app.execution.runtime import Runtime, being_cancelled
from dash_devices_nb.app.sessions.callback_websocket import CallbackWebSockets
from dash_devices_nb.app.sessions.departed_sessions import DepartedSession, DepartedSessions
from dash_devices_nb.app.sessions.ports import App
from dash_devices_nb.app.stock_dash import dash_internals
from dash_devices_nb.close_codes import CloseCode
from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.access.link_budget import LinkBudget
from dash_devices_nb.core.access.persons import Person
from dash_devices_nb.core.access.roles import Role
from dash_devices_nb.core.props.ids import Key
from dash_devices_nb.core.protocol import messages
from dash_devices_nb.core.protocol.frames import Frame
from dash_devices_nb.transport.auth_middleware import FORWARDED

GRACE_SECONDS = 3.0
"""The grace: how long, in seconds, a tab may be disconnected and still be the same client."""
GUESTS_AWAY = 300
"""Pages of one share link that may be within their grace. Further ones leave at once."""
TOGETHER_SECONDS = 0.02
"""Definitions within this time of each other are announced together."""
KEPT_COOKIES = 100
PAGES_LOADING = 16
"""Number of loading pages that are answered at a time; see `call_queue`."""
VISITOR_HEADER = "x-dash-devices-visitor"
HOOKS_SECONDS = 3.0
"""How long a page waits for connect hooks. Then it gets the layout and the shared values anyway."""
MOST_DECLARED = 1000
"""Number of components that the pages of one link, or of one user, may have declared at a time."""


class SessionManager:
    """The sessions of one app.

    Attributes:
        app: the `Dash` app.
        runtime: its runtime.
        regular: its regular callbacks.
        epoch: identifies this run of the app. A page that knows another epoch starts again.
        connect_hooks: the program's `callback_connect` functions.
        images: the last image for each place.
        roles: the permissions of clients.
        sharing: the share links.
        control, presence: the floor and the present clients, as the program sees them.
        visitors: identities of tabs without a browser (see `testing`), by their `VISITOR_HEADER`.
        authorizers: the program's `callback_authorize_output` functions.
        returning: what is kept of departed pages, for those that return.
        causes: what the program says about the causes of changes.
    """

    def __init__(self, app: App, runtime: Runtime, regular: RegularCalls) -> None:
        self._app = app
        self.recorder = app.recorder
        self.runtime = runtime
        self.regular = regular
        self.epoch = secrets.token_urlsafe(9)
        self.connect_hooks: list[ConnectHook] = []
        self.authorizers: list[Callable[..., Any]] = []
        self.streams = CallbackWebSockets(runtime)
        self._call_queue = CallQueue(runtime, lambda: PAGES_LOADING)
        self._timers: dict[ClientSession, asyncio.TimerHandle] = {}
        self._cookies: OrderedDict[str, list[tuple[str, str]]] = OrderedDict()
        self.images: dict[Key, Frame] = {}
        self._redefining = False
        self._redefined = 0.0
        self.causes = Causes()
        self.returning = DepartedSessions()
        self.roles = Permissions(runtime, regular, app, self.recorder, self.bring_up, self.keep_apart, self.streams.ask)
        self.control = Control(self.roles, runtime)
        self.presence = Presence(self.roles, runtime)
        self.visitors: dict[str, dict[str, Any]] = {}
        self.sharing = ShareLinks(runtime, lambda: app.mount, lambda: app.clients)
        self.browsers = Browsers(runtime.name)

    # ---- who asks for callbacks (`execution.ports.Askers`)

    @property
    def authorizes_outputs(self) -> bool:
        """Whether the program says of each output who may cause it."""
        return bool(self.authorizers)

    def allows(self, call: RegularCall) -> bool:
        """Whether a call may be made. If not, its page is told."""
        return self.roles.allows(call)

    def budget_of_share(self, share: str) -> LinkBudget:
        """The budget of a link."""
        return self.sharing.budget_of_share(share)

    def following(self, page: ClientSession, leaves: Callable[[], object]) -> AbstractContextManager[None]:
        """Within the block, `leaves` is called when the page leaves."""
        return self.streams.following(page, leaves)

    # ---- coming and going: on the I/O loop

    def handshake(self, greeting: dict[str, Any], client: Client) -> ClientSession:
        """Find the session of a page, or make one for this client. Queues the welcome."""
        revision = messages.number(greeting, "rev", 0)
        number = messages.number(greeting, "q", 0)
        key = messages.text(greeting, "key", "").encode()
        known = self.runtime.pages.get(messages.text(greeting, "client", ""))
        same = greeting.get("epoch") == self.epoch
        genuine = known is not None and same and secrets.compare_digest(known.key.encode(), key)
        if known is not None and (known.client.username, known.client.share) != (client.username, client.share):
            genuine = False  # the browser is somebody else's now: logged in, out, or at another share link
        if genuine and known is not None and known.outbox.overflowed:
            self._leave(known)
        elif genuine and known is not None:
            page = known
            timer = self._timers.pop(page, None)
            if timer is not None:
                timer.cancel()
            page.supersede()
            with self.runtime.lock:
                page.outbox.resume(number, revision)
                self._welcome(page, resumed=True)
                for place, frame in self.images.items():
                    page.send_image(place, frame)
            self.runtime.flush()
            return page
        page = ClientSession(self.runtime, client, self.recorder.dropped, self.sharing.budget_of(client))
        with self.runtime.lock:
            page.knows = (self.returning.version, 0)
            was = messages.text(greeting, "client", "") if same else ""
            left = self.returning.back(was, key, client) if was else None
            if left is not None:
                page.sequence = left.sequence
            if same:
                page.outbox.resume(0, revision)
            self.runtime.pages[page.client.id] = page
            self.runtime.on_performed()
            self._welcome(page, resumed=False)
            if was:
                self._make_up(page, left, number)
        self.runtime.account(self.recorder.came, page.client)
        self._introduce(page)
        self.runtime.flush()
        return page

    def _welcome(self, page: ClientSession, *, resumed: bool) -> None:
        hooked = page.client.withheld or bool(self.connect_hooks)
        page.send_transient(
            "welcome",
            client=page.client.id,
            key=page.key,
            epoch=self.epoch,
            resumed=resumed,
            s=page.sequence,
            n=page.requests,
            shared=self.shared_refs(),
            causes=self.causes.for_pages(),
            pushed=self._pushed() if page.takes_shared or not hooked else [],
            holds=self._app.holds,
            coroutines=self.has_coroutines(),
        )
        self.roles.greeted(page)
        if self.runtime.pause_gate.closed:
            page.send_transient("paused", waiting=len(self.runtime.pause_gate))

    def _make_up(self, page: ClientSession, left: DepartedSession | None, number: int) -> None:
        """Tell a page that the app had forgotten the definitions that it missed."""
        missed = self.returning.missed(left, number)
        if missed is None:
            return
        outputs, layout = missed
        # A new layout makes all first calls by itself.
        page.send("dependencies", **self._definitions([] if layout else outputs), age=0.0)
        if layout:
            page.send("reload", dist=self._app.new_libraries())

    def _pushed(self) -> list[list[str]]:
        """The props that have a shared or pushed value."""
        return [list(key) for key, _ in self.runtime.dispatcher.state.items()]

    def has_coroutines(self) -> bool:
        """Whether there are callbacks that run on the callback loop."""
        shared = (spec.coroutine for spec in self.runtime.dispatcher.graph.specs)
        functions = [spec.function for spec in self.regular.specs.values()]
        return any(shared) or any(inspect.iscoroutinefunction(f) or inspect.isasyncgenfunction(f) for f in functions)

    def shared_refs(self) -> list[Any]:
        """The shared dependencies, as pages get them."""
        return [messages.ref_json(ref) for ref in self.runtime.dispatcher.graph.refs()]

    def disconnected(self, page: ClientSession, *, at_once: bool) -> None:
        """A connection has ended. The page leaves if it does not reconnect within the grace."""
        if page.connected:
            return
        share = page.client.share
        if at_once or (share and sum(away.client.share == share for away in self._timers) >= GUESTS_AWAY):
            self._leave(page)
            return
        loop = asyncio.get_running_loop()
        self._timers[page] = loop.call_later(GRACE_SECONDS, self._leave, page)

    def _leave(self, page: ClientSession) -> None:
        self._timers.pop(page, None)
        if page.connected:
            return
        with self.runtime.lock:
            if self.runtime.pages.get(page.client.id) is not page:
                return
            del self.runtime.pages[page.client.id]
            self.returning.leaves(page)
            page.outbox.forget()
        self.runtime.enter(lambda: self.runtime.dispatcher.receive_leave(page.client.id))
        self.streams.ended(page)
        self.roles.left(page.client)
        self.runtime.account(self.recorder.left, page.client, page.outbox.skipped)
        tell(self.runtime, tuple(self.connect_hooks), page.client, connect=False, done=_nothing)

    def close(self) -> None:
        """End all sessions: the app stops."""
        self._redefining = False  # its timer goes with the loop; who comes back is told of what it has missed
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self.control.stop()
        self.presence.stop()
        self.sharing.stop()
        for page in list(self.runtime.pages.values()):
            page.disconnect(CloseCode.SERVICE_RESTART, "The app stopped")
            self._leave(page)

    def client_of(self, scope: Any) -> Client:
        """Build an unregistered client from the scope of a WebSocket."""
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        cookies = _cookies(headers.get("cookie", ""))
        identity = self._who(headers)
        id = secrets.token_urlsafe(9)
        person = self._person(identity, cookies)
        came_with = Role(identity.get("role", Role.CONTROL))
        role = self.roles.persons.role(person, came_with)
        if not person.browser:
            person = Person(person.group, f"client {id}")
        address = (scope.get("client") or ("", 0))[0]
        forwarded = bool(scope.get(FORWARDED))
        if forwarded:
            address = headers.get("x-forwarded-for", address).split(",")[0].strip()
        client = Client(
            id,
            connect_time=time.time(),
            address=address,
            host=headers.get("x-forwarded-host" if forwarded else "host", ""),
            origin=headers.get("origin"),
            username=identity.get("username"),
            name=str(identity.get("name") or ""),
            role=role,
            person=person,
            share=identity.get("share"),
            expires=identity.get("expires"),
            headers=headers,
            cookies=cookies,
        )
        client.session = self._app.session_of(headers, cookies)
        return client

    def _who(self, headers: Mapping[str, str]) -> dict[str, Any]:
        return self.visitors.get(headers.get(VISITOR_HEADER, "")) or _identity(headers)

    def rights_of(self, headers: Mapping[str, str]) -> Role:
        """The rights of a requester over HTTP who names no session."""
        identity, person = self._asker(headers)
        with self.runtime.lock:
            role = self.roles.persons.role(person, Role(identity.get("role", Role.CONTROL)))
            return self.roles.floor.rights_of(person, role)

    def _asker(self, headers: Mapping[str, str]) -> tuple[dict[str, Any], Person]:
        """The identity and the person of a requester. Names of headers may be in any case."""
        given = {name.lower(): value for name, value in headers.items()}
        identity = self._who(given)
        return identity, self._person(identity, _cookies(given.get("cookie", "")))

    def _person(self, identity: Mapping[str, Any], cookies: Mapping[str, str]) -> Person:
        """The person of an identity and a browser."""
        username, share = identity.get("username"), identity.get("share")
        group = f"user {username}" if username else f"link {share}" if share else str(identity.get("role", ""))
        return Person(group, self.browsers.known(cookies))

    def share_of(self, client: Client | None, request: Any) -> str | None:
        """The id of the share link of a client, or None. Without a client, the headers of the request tell it."""
        if client is not None or request is None:
            return client.share if client is not None else None
        return self.share_of_headers(request.headers)

    def share_of_headers(self, headers: Mapping[str, str]) -> str | None:
        """The id of the share link of a request, or None."""
        return self._who({name.lower(): value for name, value in headers.items()}).get("share")

    def definitions_changed(self, *, hold: bool = False) -> None:
        """Callbacks were declared while the app runs. The open pages get them without a reload.

        Args:
            hold: wait for `definitions_whole`.
        """
        if not self.runtime.pages:
            return
        if not self._redefining and self.runtime.io_loop is not None:
            self._redefining = True
            self._redefined = time.monotonic()
            if not hold:
                self.definitions_whole()

    def definitions_whole(self) -> None:
        """The cell that declared callbacks has ended: announce them. From any thread."""
        loop = self.runtime.io_loop
        if self._redefining and loop is not None:
            loop.call_soon_threadsafe(loop.call_later, TOGETHER_SECONDS, self._send_definitions)

    def _send_definitions(self) -> None:
        if not self._redefining:
            return
        self._redefining = False
        frame = self._definitions(self.regular.declared)
        self.regular.declared.clear()
        with self.runtime.lock:
            frame["age"] = time.monotonic() - self._redefined  # with the lock, for which this may have waited
            for page in self.runtime.pages.values():
                page.knows = (self.returning.version, page.send("dependencies", **frame))
            self.roles.defined()
        self.runtime.flush()

    def _definitions(self, again: Iterable[str]) -> dict[str, Any]:
        """The callbacks as a page gets them. It calls those with the outputs `again` once more."""
        return {
            "refs": self.shared_refs(),
            "causes": self.causes.for_pages(),
            "content": json.loads(dash_internals.text_of(self._app.page_dependencies())),
            "socket": self._app.socket_outputs(),
            "scripts": self._app.inline_scripts(),
            "again": sorted(again),
            "coroutines": self.has_coroutines(),
        }

    def layout_changed(self, scripts: list[dict[str, Any]]) -> None:
        """The layout has changed: open pages show it without a reload. `scripts`: libraries they may not have."""
        with self.runtime.lock:
            self.returning.laid_out()
            for page in self.runtime.pages.values():
                page.knows = (self.returning.version, page.send("reload", dist=scripts))
        self.runtime.flush()

    # ---- the program's hooks

    def connect_hook(self, function: Callable[..., Any], output: Any) -> ConnectHook:
        """Make a connect hook. It is called once it is in `connect_hooks`."""

        def send(client: Client, mods: Any) -> None:
            self._app.push_to(client, mods_of(mods, "callback_connect"))

        return ConnectHook(function, output, self.runtime, send, self._app.output_log)

    def _introduce(self, page: ClientSession) -> None:
        """Call the connect hooks for a client that joined. Shared values wait for them, up to a limit."""

        def introduced() -> None:
            with self.runtime.lock:
                if page.introduced.is_set():
                    return
                if hooks and not page.client.withheld:
                    page.send_transient("shared", refs=self.shared_refs(), pushed=self._pushed())
                page.introduce()
                for place, frame in self.images.items():
                    page.send_image(place, frame)
            self.runtime.flush()

        hooks = tuple(self.connect_hooks)
        if not hooks:
            introduced()
            return
        asyncio.get_running_loop().call_later(HOOKS_SECONDS, introduced)
        tell(self.runtime, hooks, page.client, connect=True, done=introduced)

    def bring_up(self, page: ClientSession) -> None:
        """Send a page the shared values that were withheld. With the lock held."""
        page.outbox.start_anew()
        page.send_transient("shared", refs=self.shared_refs(), pushed=self._pushed())
        for place, frame in self.images.items():
            page.send_image(place, frame)
        apart, page.apart = page.apart, set()
        if apart:
            self._declare(page, sorted(apart), ())
        self.runtime.touch(page)
        self.runtime.flush()

    def keep_apart(self, page: ClientSession) -> None:
        """Withhold shared values from a page, and its own components from others. With the lock held."""
        page.withhold()
        page.apart = set(self.runtime.dispatcher.declared(page.client.id))
        self._declare(page, (), page.apart)

    async def authorized(self, client: Client, output: str) -> bool:
        """Whether all authorize hooks allow this client this output. A hook that raises refuses, and is reported."""
        for hook in tuple(self.authorizers):
            try:
                if inspect.iscoroutinefunction(hook):
                    allowed = await hook(client, output)
                else:
                    allowed = await self.runtime.in_worker(
                        lambda h=hook: h(client, output),  # type: ignore[misc]
                        client.share or client.address,
                        guest=client.share is not None,
                    )
            except BaseException as error:
                if isinstance(error, asyncio.CancelledError | GeneratorExit) and being_cancelled():
                    raise
                self.runtime.report(error, None, client)
                allowed = False
            if not allowed:
                return False
        return True

    # ---- Dash's other routes

    def answer_stock(self, path: str, page: ClientSession, request: Any, done: Callable[[Answer], None]) -> None:
        """Answer one of Dash's routes, from a worker. There is an answer even if the program's layout raises."""
        failed = Answer(SERVER_ERROR, messages.dumps("Internal server error."))
        completion = Completion(done, failed, lambda error: self.runtime.report(error, None, page.client))

        def job() -> None:
            with completion:
                try:
                    with dash_internals.requesting(request), spending(page.budget):
                        completion.result = Answer(OK, *self._stock_body(path, page))
                except BaseException as error:
                    if isinstance(error, Exception) and page.client.share is None:
                        completion.result = Answer(SERVER_ERROR, messages.dumps(self._app.error_page(error)))
                    raise  # told of by the `Completion`

        client = page.client

        def refuse() -> None:
            completion.result = Answer(
                UNAVAILABLE, messages.dumps("The app has too much to do. Please load the page again.")
            )
            completion.end()

        wanted = Job(job, refuse, lambda: client.share is None or client.id in self.runtime.pages)
        self._call_queue.submit(wanted, client.share or client.address, guest=client.share is not None)

    def _stock_body(self, path: str, page: ClientSession) -> tuple[str, Any]:
        if path == "_dash-layout":
            text, revision = self.layout_text(page)
            return text, {"r": revision}
        if path == "_dash-dependencies":
            return dash_internals.text_of(self._app.page_dependencies()), None
        return dash_internals.text_of(self._app.reload_state()), None

    def withholds(self, headers: Mapping[str, str]) -> bool:
        """Whether shared values are withheld from a requester without a session.

        If the program guards the pages' WebSocket, they are withheld from all: the request has not passed those guards.
        """
        if self._app.admission.guarded:
            return True
        _, person = self._asker(headers)
        with self.runtime.lock:
            same = [page.client for page in self.runtime.pages.values() if page.client.person == person]
            return any(client.withheld for client in same)

    def layout_text(self, page: ClientSession | None, *, withheld: bool = False) -> tuple[str, int]:
        """The layout with the shared values laid over it, and its revision. Not on the thread of a loop.

        Args:
            page: the page that gets it. Its client has been introduced to the connect hooks. None: an unknown page.
            withheld: leave out the shared values.
        """
        if page is not None:
            page.introduced.wait(HOOKS_SECONDS)
            withheld = page.client.withheld
        tree = orjson.loads(dash_internals.text_of(self._app.get_layout()))
        dispatcher = self.runtime.dispatcher
        with self.runtime.lock:
            self.runtime.perform(dispatcher.receive_components(tree, withheld=withheld))
            revision = 0 if withheld else dispatcher.state.revision
        return messages.dumps(tree), revision

    # ---- cookies that a callback sets, and streams

    def keep_cookies(self, response: Any, client: Client) -> dict[str, Any] | None:
        """Extra fields of an answer. A WebSocket cannot set cookies, so the page fetches them with a ticket.

        The client's next callback reads the cookies, as if the page had sent them.
        """
        if isinstance(response, dict):
            return response
        headers = getattr(getattr(response, "callback_response", None), "headers", None)
        cookies = [(name, value) for name, value in headers.items() if name.lower() == "set-cookie"] if headers else []
        if not cookies:
            return None
        for _, header in cookies:
            _set_cookie(client.cookies, header)
        ticket = secrets.token_urlsafe(16)
        self._cookies[ticket] = cookies
        while len(self._cookies) > KEPT_COOKIES:
            self._cookies.popitem(last=False)
        return {"ck": ticket}

    def take_cookies(self, ticket: str) -> list[tuple[str, str]]:
        """The headers of a ticket. It is valid once."""
        return self._cookies.pop(ticket, [])

    def stream(self, page: ClientSession, body: dict[str, Any]) -> Any:
        """Dash's interface for callbacks that stream, if the callback was declared for it."""
        return self.streams.open(page) if self._app.streams(body.get("output")) else None

    def send_wanted(self, page: ClientSession, frame: dict[str, Any]) -> None:
        """Send a page current values: it got components late, or dropped a change."""
        wanted, lost = messages.revisions(frame), messages.lost(frame)
        dispatcher = self.runtime.dispatcher
        with self.runtime.lock:
            holds = {key: dispatcher.value(key) for key in lost if dispatcher.is_shared(key)}
            if holds:
                page.send_mods(self.runtime.shown_to(page, holds), undoes=True)
            of = self.runtime.dispatcher.state.of
            entries = [(key, prop, entry) for key in wanted for prop, entry in (of(key) or {}).items()]
            mods = {(key, prop): entry.value for key, prop, entry in entries if entry.revision >= wanted[key]}
            if mods and page.takes_shared:
                page.send_mods(mods)
        self.runtime.flush()

    def received_declared(self, page: ClientSession, frame: dict[str, Any]) -> None:
        """A page declares components that it made or removed itself. Raises FrameError."""
        ids, gone = messages.ids(frame, "ids"), messages.ids(frame, "gone")
        with self.runtime.lock:
            if page.client.withheld:
                known = page.apart.difference(gone)
                page.apart = known | set(ids[: max(0, MOST_DECLARED - len(known))])
                ids = []
            self._declare(page, ids, gone)

    def _declare(self, page: ClientSession, ids: Iterable[str], gone: Collection[str]) -> None:
        """Add a page's own components to patterns, and remove others. With the lock held."""
        own = [each for each in ids if self.roles.may_declare(page, each)]
        room = MOST_DECLARED - self._declared(page.client)
        if len(own) > room:
            self.recorder.refused(page.client, f"more than {MOST_DECLARED} components of one link's own pages")
        dispatcher = self.runtime.dispatcher
        self.runtime.enter(lambda: dispatcher.receive_declared(page.client.id, own[: max(0, room)], gone))

    def _declared(self, client: Client) -> int:
        """The number of ids declared by pages of the same link or user. With the lock held."""
        pages = self.runtime.pages.values()
        same = [page.client for page in pages if page.client.person.group == client.person.group]
        return sum(len(self.runtime.dispatcher.declared(each.id)) for each in same)

    def received_props(self, page: ClientSession, frame: dict[str, Any]) -> None:
        """A page has answered a question of a callback."""
        self.streams.answered(page, frame)


def _nothing() -> None:
    """Do nothing: nobody waits for it."""


def _cookies(header: str) -> dict[str, str]:
    pairs = (part.strip().partition("=") for part in header.split(";") if "=" in part)
    return {name: value.strip('"') for name, _, value in pairs}


def _set_cookie(cookies: dict[str, str], header: str) -> None:
    for name, morsel in SimpleCookie(header).items():
        if morsel["max-age"] == "0":
            cookies.pop(name, None)
        else:
            cookies[name] = morsel.value


def _identity(headers: Mapping[str, str]) -> dict[str, Any]:
    """The identity that the Jupyter server or our own middleware gives. `transport.auth_middleware` removes others."""
    given = headers.get("x-dash-devices-user")
    if not given:
        return {}
    identity = json.loads(unquote(given))
    return identity if isinstance(identity, dict) else {}

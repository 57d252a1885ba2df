"""The session manager: what the connections of an app share.

It makes the handshake with new and returning pages, ends sessions after the grace, calls the program's connect and
authorize hooks, and answers Dash's other routes over the WebSocket.
"""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
import json
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import AbstractContextManager
from functools import partial
from http.cookies import SimpleCookie
from urllib.parse import unquote

import itsdangerous
import orjson
import quart

from dash_devices_nb.app.access.browser_cookies import Browsers
from dash_devices_nb.app.access.floor_control import Control
from dash_devices_nb.app.access.permissions import Permissions
from dash_devices_nb.app.access.presence import Presence
from dash_devices_nb.app.access.questions import Questions
from dash_devices_nb.app.access.share_links import ShareLinks
from dash_devices_nb.app.client_session import ClientSession
from dash_devices_nb.app.execution.call_queue import CallQueue, Job
from dash_devices_nb.app.execution.causes import Causes
from dash_devices_nb.app.execution.completion import Completion
from dash_devices_nb.app.execution.connect_hooks import ConnectHook, clients_of, tell
from dash_devices_nb.app.execution.event_stream import PERFORMED, ActRefused, Came, Dropped, Left, Watched
from dash_devices_nb.app.execution.link_spending import spending
from dash_devices_nb.app.execution.outputs import PlainMods, mods_of
from dash_devices_nb.app.execution.push_grants import PushGrants
from dash_devices_nb.app.execution.regular_call import OK, SERVER_ERROR, UNAVAILABLE, Answer, RegularCall
from dash_devices_nb.app.execution.regular_registry import RegularRegistry
from dash_devices_nb.app.execution.runtime import Runtime, being_cancelled
from dash_devices_nb.app.serving.serving_state import ServingState
from dash_devices_nb.app.sessions.callback_websocket import CallbackWebSocket, CallbackWebSockets
from dash_devices_nb.app.sessions.changes import Changes
from dash_devices_nb.app.sessions.departed_sessions import DepartedSession, DepartedSessions
from dash_devices_nb.app.sessions.latest_images import LatestImages
from dash_devices_nb.app.sessions.ports import StockPages
from dash_devices_nb.app.stock_dash import dash_internals
from dash_devices_nb.app.stock_dash.types import Function, JsonObject, Request, Response
from dash_devices_nb.close_codes import CloseCode
from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.access.link_budget import LinkBudget
from dash_devices_nb.core.access.persons import Person
from dash_devices_nb.core.access.roles import Role
from dash_devices_nb.core.callbacks.services import Services
from dash_devices_nb.core.props.json_types import Json
from dash_devices_nb.core.protocol import messages, page_frames
from dash_devices_nb.core.protocol.page_frames import (
    RELAY,
    CrowdFrame,
    GotFrame,
    HelloFrame,
    HereFrame,
    WantFrame,
    WatchFrame,
)
from dash_devices_nb.errors import FrameError
from dash_devices_nb.kernel.output import CellOutput
from dash_devices_nb.kernel.outputlog import OutputLog
from dash_devices_nb.transport.auth_middleware import FORWARDED
from dash_devices_nb.transport.serve import Scope

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

    Args:
        runtime: the runtime of the app.
        stock: its side of stock Dash.
        output_log: also gets what connect hooks print.
        registry: the regular callbacks.
        push_grants: the calls that pushes grant.
        serving: says where the app is served.
        push_to: sends values to one client.
        guarded: whether the program guards the pages' WebSocket.
        images: the latest images.

    Attributes:
        runtime, images: as given.
        epoch: identifies this run of the app. A page that knows another epoch starts again.
        connect_hooks: the program's `callback_connect` functions.
        roles: the permissions of clients.
        changes: makes the changes of programs.
        sharing: the share links.
        control, presence: the floor and the present clients, as the program sees them.
        questions: what everybody is asked.
        visitors: identities of tabs without a browser (see `testing`), by their `VISITOR_HEADER`.
        authorizers: the program's `callback_authorize_output` functions.
        returning: what is kept of departed pages, for those that return.
        causes: what the program says about the causes of changes.
    """

    def __init__(
        self,
        runtime: Runtime,
        stock: StockPages,
        output_log: OutputLog,
        registry: RegularRegistry,
        push_grants: PushGrants,
        serving: ServingState,
        push_to: Callable[[Client, PlainMods], None],
        guarded: Callable[[], bool],
        images: LatestImages,
    ) -> None:
        self.runtime = runtime
        self.images = images
        self._stock = stock
        self._output_log = output_log
        self._registry = registry
        self._serving = serving
        self._push_to = push_to
        self._guarded = guarded
        self.epoch = secrets.token_urlsafe(9)
        self.connect_hooks: list[ConnectHook] = []
        self.authorizers: list[Function] = []
        self.streams = CallbackWebSockets(runtime)
        self._call_queue = CallQueue(runtime, lambda: PAGES_LOADING)
        self._timers: dict[ClientSession, asyncio.TimerHandle] = {}
        self._cookies: OrderedDict[str, list[tuple[str, str]]] = OrderedDict()
        self._redefining = False
        self._redefined = 0.0
        self.causes = Causes()
        self.returning = DepartedSessions()
        self.roles = Permissions(
            runtime, registry, push_grants, stock, self.bring_up, self.keep_apart, self.streams.ask
        )
        self.changes = Changes(self)
        self.control = Control(self.roles, runtime)
        self.presence = Presence(self.roles, runtime)
        self.questions = Questions(self.roles, runtime)
        self.visitors: dict[str, JsonObject] = {}
        self.sharing = ShareLinks(runtime, lambda: serving.mount, partial(clients_of, runtime), self.tell_relays)
        self.browsers = Browsers(runtime.name)

    # ---- who asks for callbacks (`execution.ports.Askers`)

    @property
    def authorizes_outputs(self) -> bool:
        """Whether the program has authorize hooks for outputs."""
        return bool(self.authorizers)

    def allows(self, call: RegularCall) -> bool:
        """Return True if a call may be made. If not, tell its page."""
        return self.roles.allows(call)

    def budget_of_share(self, share: str) -> LinkBudget:
        """Return the budget of a link."""
        return self.sharing.budget_of_share(share)

    def following(self, page: ClientSession, leaves: Callable[[], object]) -> AbstractContextManager[None]:
        """Within the block, `leaves` is called when the page leaves."""
        return self.streams.following(page, leaves)

    # ---- coming and going: on the I/O loop

    def handshake(self, greeting: HelloFrame, client: Client) -> ClientSession:
        """Find the session of a page, or make one for this client. Queues the welcome."""
        revision, number = greeting.revision, greeting.confirmed or 0
        key = greeting.key.encode()
        known = self.runtime.pages.get(greeting.client)
        same = greeting.epoch == self.epoch
        genuine = known is not None and same and secrets.compare_digest(known.key.encode(), key)
        if known is not None and (known.client.username, known.client.share) != (client.username, client.share):
            genuine = False  # another person uses the browser now: by a login, a logout or another share link
        if genuine and known is not None and known.outbox.overflowed:
            self._leave(known)
        elif genuine and known is not None:
            page = known
            timer = self._timers.pop(page, None)
            if timer is not None:
                timer.cancel()
            page.supersede()
            with self.runtime.lock:
                page.can_decode(greeting.video)
                page.outbox.resume(number, revision)
                self._welcome(page, resumed=True)
                self.images.bring(page)
            self.runtime.flush()
            return page
        client.has_opened(greeting.kind)
        budget = self.sharing.budget_of(client)
        with self.runtime.lock:
            was = greeting.client if same else ""
            left = self.returning.back(was, key, client) if was else None
            page = ClientSession(
                self.runtime,
                client,
                self._dropped,
                budget,
                takes_arrays=greeting.arrays,
                sequence=0 if left is None else left.sequence,
                version=self.returning.version,
            )
            page.can_decode(greeting.video)
            if same:
                page.outbox.resume(0, revision)
            elif client.kind == RELAY:
                page.outbox.start_anew()
            self.runtime.pages[page.client.id] = page
            self.runtime.publish(PERFORMED)
            self._welcome(page, resumed=False)
            if was:
                self._make_up(page, left, number)
        self.runtime.publish(Came(page.client))
        self._introduce(page)
        self.runtime.flush()
        return page

    def _dropped(self, client: Client, what: str) -> None:
        self.runtime.publish(Dropped(client, what))

    def _welcome(self, page: ClientSession, *, resumed: bool) -> None:
        hooked = page.client.withheld or bool(self.connect_hooks)
        page.send(
            messages.WelcomeFrame(
                client=page.client.id,
                key=page.key,
                epoch=self.epoch,
                resumed=resumed,
                s=page.acknowledged,
                n=page.requests,
                shared=self.shared_refs(),
                causes=self.causes.for_pages(),
                pushed=self._pushed() if page.takes_shared or not hooked else [],
                holds=self._serving.holds,
                coroutines=self.has_coroutines(),
            )
        )
        self.roles.greeted(page)
        self.questions.greeted(page)
        if page.client.kind == RELAY:
            page.send(self._for_relays())
        if self.runtime.pause_gate.closed:
            page.send(messages.PausedFrame(len(self.runtime.pause_gate)))

    def _for_relays(self) -> messages.RelayFrame:
        return messages.RelayFrame(*self.sharing.open_to_view(), version=self.returning.version)

    def tell_relays(self) -> None:
        """Tell the relays which view links are open, and the version of the definitions. From any thread."""
        relays = [page for page in list(self.runtime.pages.values()) if page.client.kind == RELAY]
        if not relays:
            return
        frame = self._for_relays()
        with self.runtime.lock:
            for page in relays:
                page.send(frame)
        self.runtime.flush()

    def _make_up(self, page: ClientSession, left: DepartedSession | None, number: int) -> None:
        """Send a returning page the definitions that changed while the app had no session for it."""
        missed = self.returning.missed(left, number)
        if missed is None:
            return
        outputs, layout = missed
        # A new layout makes all initial calls by itself.
        page.send(self._definitions([] if layout else outputs))
        if layout:
            page.send(messages.ReloadFrame(self._stock.new_libraries()))

    def _pushed(self) -> list[list[str]]:
        """The props that have a shared or pushed value."""
        return [list(key) for key, _ in self.runtime.dispatcher.state.items()]

    def has_coroutines(self) -> bool:
        """Whether there are callbacks that run on the callback loop."""
        shared = (spec.coroutine for spec in self.runtime.dispatcher.graph.specs)
        return any(shared) or self._registry.has_coroutines()

    def socket_outputs(self) -> list[str]:
        """The regular callbacks that need the WebSocket: by their own service, or because they stream."""
        return [
            output
            for output, spec in self._registry.specs.items()
            if spec.service & Services.PUSHER_UPDATE or self._stock.wants_websocket(output)
        ]

    def shared_refs(self) -> list[Json]:
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
        self.runtime.publish(Left(page.client, page.outbox.skipped))
        tell(self.runtime, tuple(self.connect_hooks), page.client, connect=False, done=_nothing)

    def close(self) -> None:
        """End all sessions: the app stops."""
        self._redefining = False  # its timer ends with the loop; returning pages get what they missed
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self.control.stop()
        self.presence.stop()
        self.questions.stop()
        self.sharing.stop()
        for page in list(self.runtime.pages.values()):
            page.disconnect(CloseCode.SERVICE_RESTART, "The app stopped")
            self._leave(page)

    def client_of(self, scope: Scope) -> Client:
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
        return Client(
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
            session=browser_session(self._stock.server, cookies),
        )

    def _who(self, headers: Mapping[str, str]) -> JsonObject:
        return self.visitors.get(headers.get(VISITOR_HEADER, "")) or _identity(headers)

    def rights_of(self, headers: Mapping[str, str]) -> Role:
        """The rights of a requester over HTTP who names no session."""
        identity, person = self._asker(headers)
        with self.runtime.lock:
            role = self.roles.persons.role(person, Role(identity.get("role", Role.CONTROL)))
            return self.roles.floor.rights_of(person, role)

    def _asker(self, headers: Mapping[str, str]) -> tuple[JsonObject, Person]:
        """The identity and the person of a requester. Names of headers may be in any case."""
        given = {name.lower(): value for name, value in headers.items()}
        identity = self._who(given)
        return identity, self._person(identity, _cookies(given.get("cookie", "")))

    def _person(self, identity: Mapping[str, object], cookies: Mapping[str, str]) -> Person:
        """The person of an identity and a browser."""
        username, share = identity.get("username"), identity.get("share")
        group = f"user {username}" if username else f"link {share}" if share else str(identity.get("role", ""))
        return Person(group, self.browsers.known(cookies))

    def share_of(self, client: Client | None, request: Request) -> str | None:
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
        frame = self._definitions(self._registry.declared)
        self._registry.declared.clear()
        with self.runtime.lock:
            age = time.monotonic() - self._redefined  # measured here, as taking the lock may have waited
            frame = dataclasses.replace(frame, age=age)
            for page in self.runtime.pages.values():
                page.send_definitions(self.returning.version, frame)
            self.roles.defined()
        self.runtime.flush()
        self.tell_relays()

    def _definitions(self, again: Iterable[str]) -> messages.DependenciesFrame:
        """The callbacks as a page gets them. It calls those with the outputs `again` once more."""
        return messages.DependenciesFrame(
            refs=self.shared_refs(),
            causes=self.causes.for_pages(),
            content=json.loads(dash_internals.text_of(self._stock.declared())),
            socket=self.socket_outputs(),
            scripts=self._stock.inline_scripts(),
            again=sorted(again),
            coroutines=self.has_coroutines(),
        )

    def layout_changed(self, scripts: list[JsonObject]) -> None:
        """The layout has changed: open pages show it without a reload. `scripts`: libraries they may not have."""
        with self.runtime.lock:
            self.returning.laid_out()
            for page in self.runtime.pages.values():
                page.send_definitions(self.returning.version, messages.ReloadFrame(scripts))
        self.runtime.flush()
        self.tell_relays()

    # ---- the program's hooks

    def connect_hook(self, function: Function, output: CellOutput) -> ConnectHook:
        """Make a connect hook. It is called once it is in `connect_hooks`."""

        def send(client: Client, mods: object) -> None:
            self._push_to(client, mods_of(mods, "callback_connect"))

        return ConnectHook(function, output, self.runtime, send, self._output_log)

    def _introduce(self, page: ClientSession) -> None:
        """Call the connect hooks for a client that joined. Shared values wait for them, up to a limit."""

        def introduced() -> None:
            with self.runtime.lock:
                if page.introduced.is_set():
                    return
                if hooks and not page.client.withheld:
                    page.send(messages.SharedFrame(self.shared_refs(), self._pushed()))
                page.introduce()
                self.images.bring(page)
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
        page.send(messages.SharedFrame(self.shared_refs(), self._pushed()))
        self.images.bring(page)
        self.questions.greeted(page)
        apart = page.take_apart()
        if apart:
            self._declare(page, sorted(apart), ())
        self.runtime.touch(page)
        self.runtime.flush()

    def keep_apart(self, page: ClientSession) -> None:
        """Withhold shared values from a page, and its own components from others. With the lock held."""
        page.withhold()
        self.questions.greeted(page)
        page.keep_apart(set(self.runtime.dispatcher.declared(page.client.id)))
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

    def answer_stock(self, path: str, page: ClientSession, request: Request, done: Callable[[Answer], None]) -> None:
        """Answer one of Dash's routes, from a worker. There is an answer even if the program's layout raises."""
        failed = Answer(SERVER_ERROR, messages.dumps("Internal server error."))
        completion = Completion(done, failed, lambda error: self.runtime.report(error, None, page.client))

        def job() -> None:
            with completion:
                try:
                    with dash_internals.requesting(request), spending(page.budget):
                        completion.set_result(Answer(OK, *self._stock_body(path, page)))
                except BaseException as error:
                    if isinstance(error, Exception) and page.client.share is None:
                        completion.set_result(Answer(SERVER_ERROR, messages.dumps(self._stock.error_page(error))))
                    raise  # the `Completion` reports it

        client = page.client

        def refuse() -> None:
            text = "The app has too much to do. Please load the page again."
            completion.set_result(Answer(UNAVAILABLE, messages.dumps(text)))
            completion.end()

        wanted = Job(job, refuse, lambda: client.share is None or client.id in self.runtime.pages)
        self._call_queue.submit(wanted, client.share or client.address, guest=client.share is not None)

    def _stock_body(self, path: str, page: ClientSession) -> tuple[str, JsonObject | None]:
        if path == page_frames.LAYOUT_PATH:
            text, revision, own = self.layout_text(page)
            return text, {"r": revision, "own": own}
        if path == "_dash-dependencies":
            return dash_internals.text_of(self._stock.declared()), None
        return dash_internals.text_of(self._stock.reload_state()), None

    def withholds(self, headers: Mapping[str, str]) -> bool:
        """Whether shared values are withheld from a requester without a session.

        If the program guards the pages' WebSocket, they are withheld from all: the request has not passed those guards.
        """
        if self._guarded():
            return True
        _, person = self._asker(headers)
        with self.runtime.lock:
            same = [page.client for page in self.runtime.pages.values() if page.client.person == person]
            return any(client.withheld for client in same)

    def layout_text(self, page: ClientSession | None, *, withheld: bool = False) -> tuple[str, int, int | None]:
        """The layout with the shared values laid over it, its revision, and the number of the page's last change in it.

        The number is None for an unknown page. Not on the thread of a loop.

        Args:
            page: the page that gets it. Its client has been introduced to the connect hooks. None: an unknown page.
            withheld: leave out the shared values.
        """
        if page is not None:
            page.introduced.wait(HOOKS_SECONDS)
            withheld = page.client.withheld
        tree = orjson.loads(dash_internals.text_of(self._stock.get_layout()))
        dispatcher = self.runtime.dispatcher
        with self.runtime.lock:
            self.runtime.enter(lambda: dispatcher.receive_components(tree, withheld=withheld))
            revision = 0 if withheld else dispatcher.state.revision
            own = None if page is None else page.sequence
        return messages.dumps(tree), revision, own

    def laid_out(self, page: ClientSession) -> None:
        """A page is given a layout: send it also the values that it would show older ones in place of.

        What it was given alone, and images, may wait in the page for that layout, and are shown then. With the lock
        held.
        """
        entries = self.images.overtaken() | page.given.overtaken(self.runtime.dispatcher.state)
        if entries and page.takes_shared:
            page.send_held({key: entry.value for key, entry in entries.items()})

    # ---- cookies that a callback sets, and streams

    def keep_cookies(self, response: Response, client: Client) -> JsonObject | None:
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

    def stream(self, page: ClientSession, body: JsonObject) -> CallbackWebSocket | None:
        """Return Dash's interface for callbacks that stream, or None if the callback was not declared for it."""
        return self.streams.open(page) if self._stock.wants_websocket(str(body.get("output"))) else None

    def send_wanted(self, page: ClientSession, frame: WantFrame) -> None:
        """Send a page current values: it got components late, or dropped a change."""
        wanted, lost = frame.revisions, frame.lost
        dispatcher = self.runtime.dispatcher
        with self.runtime.lock:
            holds = {key: dispatcher.value(key) for key in lost if dispatcher.is_shared(key)}
            if holds:
                page.undo(self.runtime.shown_to(page, holds))
            of = self.runtime.dispatcher.state.of
            entries = [(key, prop, entry) for key in wanted for prop, entry in (of(key) or {}).items()]
            newer = [(key, prop, entry) for key, prop, entry in entries if entry.revision >= wanted[key]]
            # The page shows the last image of a component that has come.
            mods = {(key, p): entry.value for key, p, entry in newer if self.runtime.image_of((key, p)) is None}
            if mods and page.takes_shared:
                page.send_held(mods)
        self.runtime.flush()

    def received_watch(self, page: ClientSession, frame: WatchFrame) -> None:
        """A page says which of the components on demand it shows."""
        with self.runtime.lock:
            if page.client.kind != RELAY:  # which keeps all values, for pages that come
                page.watch(frame.revisions)
            self.runtime.publish(Watched(page.client, frozenset(frame.revisions)))
        self.runtime.flush()

    def received_declared(self, page: ClientSession, frame: HereFrame) -> None:
        """A page declares components that it made or removed itself."""
        ids, gone = frame.ids, frame.gone
        with self.runtime.lock:
            if page.client.withheld:
                known = page.apart.difference(gone)
                page.keep_apart(known | set(ids[: max(0, MOST_DECLARED - len(known))]))
                ids = []
            self._declare(page, ids, gone)

    def _declare(self, page: ClientSession, ids: Iterable[str], gone: Collection[str]) -> None:
        """Add a page's own components to patterns, and remove others. With the lock held."""
        own = [each for each in ids if self.roles.may_declare(page, each)]
        room = MOST_DECLARED - self._declared(page.client)
        if len(own) > room:
            reason = f"more than {MOST_DECLARED} components of one link's own pages"
            self.runtime.publish(ActRefused(page.client, reason))
        dispatcher = self.runtime.dispatcher
        self.runtime.enter(lambda: dispatcher.receive_declared(page.client.id, own[: max(0, room)], gone))

    def _declared(self, client: Client) -> int:
        """The number of ids declared by pages of the same link or user. With the lock held."""
        pages = self.runtime.pages.values()
        same = [page.client for page in pages if page.client.person.group == client.person.group]
        return sum(len(self.runtime.dispatcher.declared(each.id)) for each in same)

    def received_crowd(self, page: ClientSession, frame: CrowdFrame) -> None:
        """A relay says how many pages it has."""
        if page.client.kind != RELAY:
            raise FrameError("only a relay says how many pages it has")
        with self.runtime.lock:
            page.client.has_reported(pages=frame.pages)
            self.roles.counted()

    def received_props(self, page: ClientSession, frame: GotFrame) -> None:
        """A page has answered a question of a callback."""
        self.streams.answered(page, frame)


def browser_session(server: quart.Quart, cookies: Mapping[str, str]) -> JsonObject:
    """Read the Quart session of a browser at the handshake of its WebSocket. It is empty if there is none."""
    interface = server.session_interface
    serializer = getattr(interface, "get_signing_serializer", lambda app: None)(server)
    cookie = cookies.get(interface.get_cookie_name(server))
    if serializer is None or not cookie:
        return {}
    try:
        loaded = serializer.loads(cookie, max_age=server.permanent_session_lifetime.total_seconds())
    except itsdangerous.BadSignature:
        return {}  # the cookie was signed by somebody else, or has expired
    return loaded if isinstance(loaded, dict) else {}


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


def _identity(headers: Mapping[str, str]) -> JsonObject:
    """The identity that the Jupyter server or our own middleware gives. `transport.auth_middleware` removes others."""
    given = headers.get("x-dash-devices-user")
    if not given:
        return {}
    identity = json.loads(unquote(given))
    return identity if isinstance(identity, dict) else {}

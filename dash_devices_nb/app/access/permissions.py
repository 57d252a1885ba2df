"""Permissions: what each client may do. The server decides, and tells the page.

Each callback requires a role. By default, one that acts (a shared one, a serialized one, one without output) requires
"control", and one that computes for its own page requires "view". A change of a shared prop requires the highest role
of the callbacks that it calls, and "control" if it calls no shared one. The `rights` of a client are its role, with
what the floor gives or takes (see `core.access.floor`). They are computed when one of both changes, so that a check
costs one comparison.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from dash_devices_nb.app.execution.event_stream import ActRefused, FloorChanged, RoleChanged
from dash_devices_nb.app.stock_dash.types import JsonObject, JsonValue
from dash_devices_nb.close_codes import CloseCode
from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.access.display_names import alike, as_name, marked
from dash_devices_nb.core.access.floor import Floor
from dash_devices_nb.core.access.persons import Persons
from dash_devices_nb.core.access.rate_limits import MOST_REFUSED, token_bucket_for
from dash_devices_nb.core.access.roles import Role
from dash_devices_nb.core.callbacks.actions import Action, Refuse
from dash_devices_nb.core.callbacks.propagation import ACTED, Cause
from dash_devices_nb.core.callbacks.services import Services
from dash_devices_nb.core.props.ids import Key, Ref, named
from dash_devices_nb.core.props.json_types import Json
from dash_devices_nb.core.props.mods import Mods
from dash_devices_nb.core.props.values import Value
from dash_devices_nb.core.protocol.messages import UNSET, RoleFrame, ref_json
from dash_devices_nb.core.protocol.page_frames import RELAY, FloorFrame, NameFrame
from dash_devices_nb.errors import LoopError, RunError
from dash_devices_nb.kernel.loops import submit

if TYPE_CHECKING:
    from dash_devices_nb.app.client_session import ClientSession
    from dash_devices_nb.app.execution.ports import StockCalls
    from dash_devices_nb.app.execution.push_grants import PushGrants
    from dash_devices_nb.app.execution.regular_call import RegularCall
    from dash_devices_nb.app.execution.regular_registry import RegularRegistry
    from dash_devices_nb.app.execution.runtime import Runtime

TELL_SECONDS = 1.0
"""The shortest time between two notices of refusals to a page. The journal has them all."""


TEXT_ONLY = "a guest's page may not bring components into the pages of others"
MOST_KEPT = 10_000
"""Number of props whose required role is cached."""


def role_needed(role: str | None, service: Services, *, has_output: bool) -> Role:
    """The role that a callback requires: the declared one, else "control" for a callback that acts.

    Raises:
        RoleError: `role` is no role.
    """
    if role is not None:
        return Role(role)
    acts = service.shared or service & Services.SERIALIZED_CALLBACK or not has_output
    return Role.CONTROL if acts else Role.VIEW


def brings_components(client: Client, value: Value) -> bool:
    """Whether a guest would bring components into the pages of others.

    The page's script sends what a person chose. A forged value could be an element that runs a script, and the owner's
    page has the origin of Jupyter.
    """
    return client.share is not None and value.may_hold_components


@dataclass(eq=False)
class Standing:
    """What a page was told about its permissions, and what it did against them.

    Attributes:
        refusals: the number of acts beyond its client's rights.
        told_refused: the time of the last notice of such an act.
        told_role: the role and the floor as last sent to it.
        may_name: whether its person may choose a name. None before the handshake.
        said_name: the name that its person chose, while it is in use.
        knows_needs: whether it got the roles that callbacks need.
    """

    refusals: int = 0
    told_refused: float = float("-inf")
    told_role: tuple[RoleFrame, float | None] | None = None
    may_name: bool | None = None
    said_name: str = ""
    knows_needs: bool = False


class Permissions:
    """The roles of one app.

    Args:
        runtime: the app's runtime.
        registry: its regular callbacks.
        push_grants: the calls that pushes grant.
        stock: its side of stock Dash.
        bring_up: sends a page the shared values that were withheld.
        keep_apart: withholds shared values from a page.
        ask: asks a page for the props of a component.

    Attributes:
        floor: who may act now. It is used only with the runtime's lock held.
        persons: the roles that persons were given. It is used only with the lock held.
        watchers: called with the lock held when a client joined, left or changed, or the floor did.
    """

    def __init__(
        self,
        runtime: Runtime,
        registry: RegularRegistry,
        push_grants: PushGrants,
        stock: StockCalls,
        bring_up: Callable[[ClientSession], None],
        keep_apart: Callable[[ClientSession], None],
        ask: Callable[[ClientSession, str, None, float], Awaitable[JsonValue]],
    ) -> None:
        self._runtime = runtime
        self._registry = registry
        self._push_grants = push_grants
        self._stock = stock
        self._bring_up = bring_up
        self._keep_apart = keep_apart
        self._ask = ask
        self.floor = Floor()
        self.persons = Persons()
        self._version: tuple[int, int] | None = None
        self._needed: dict[Key, Role] = {}
        self._pages: list[tuple[Ref, Role]] | None = None
        self._standings: WeakKeyDictionary[ClientSession, Standing] = WeakKeyDictionary()
        self.watchers: list[Callable[[], None]] = []

    def _standing(self, page: ClientSession) -> Standing:
        """Return the standing of a page. With the lock held."""
        standing = self._standings.get(page)
        if standing is None:
            standing = self._standings[page] = Standing()
        return standing

    # ---- deciding

    def needed(self, key: Key) -> Role:
        """The role that a change of this shared prop requires. With the lock held."""
        dispatcher = self._runtime.dispatcher
        version = (dispatcher.graph.version, dispatcher.layout.version)
        if version != self._version:
            self._version = version
            self._needed.clear()
        role = self._needed.get(key)
        if role is None:
            shared = [resolved.spec.role for resolved in dispatcher.graph.triggered_by(key)] or [Role.CONTROL]
            others = [role for ref, role in self._page_inputs() if ref.prop == key[1] and ref.bind(key[0]) is not None]
            role = max(shared + others)
            if len(self._needed) < MOST_KEPT:  # pages may name what there is not
                self._needed[key] = role
        return role

    def needed_by(self, output: str) -> Role:
        """The role that a call of the regular callback with this output requires."""
        spec = self._registry.specs.get(output)
        if spec is not None:
            return spec.role
        try:
            return role_needed(None, Services.S0, has_output=not self._stock.registered(output)["no_output"])
        except KeyError:
            return Role.VIEW  # nothing is called

    def _page_inputs(self) -> list[tuple[Ref, Role]]:
        """The inputs of regular callbacks, with the roles that the callbacks require."""
        if self._pages is None:
            self._pages = [
                (Ref.read(each["id"], each["property"]), self.needed_by(declared["output"]))
                for declared in self._stock.declared()
                if not declared["clientside_function"]
                for each in declared["inputs"]
            ]
        return self._pages

    def forget(self) -> None:
        """Callbacks were declared or removed."""
        with self._runtime.lock:
            self._pages = self._version = None
            self._push_grants.forget()

    def filter_changes(self, page: ClientSession, mods: Mods, cause: Cause | None) -> list[Action]:
        """Remove from a change what the page's client may not do. With the lock held.

        Returns:
            Actions that undo it on the page, and notify the person who did it.
        """
        barred, reason = self.barred(page.client, mods)
        if not barred:
            return []
        value_of = self._runtime.dispatcher.value
        undone = {key: value for key in barred if (value := value_of(key)) != mods.pop(key)}
        if cause is not None and cause.revision != ACTED:
            return [Refuse(page.client, undone, reason, told=False)] if undone else []
        return [self._refusal(page, reason, undone)]

    def barred(self, client: Client, mods: Mods) -> tuple[list[Key], str]:
        """Which of these changes a client may not make, and a sentence that says why. With the lock held."""
        rights = client.rights
        dispatcher = self._runtime.dispatcher
        lacking = {key: need for key in mods if rights is not (need := self.needed(key)) and rights < need}
        lacking = {key: need for key, need in lacking.items() if dispatcher.may_be_sent(key)}
        brought = [key for key in mods if key not in lacking and brings_components(client, mods[key])]
        if not lacking and not brought:
            return [], ""
        why = self._why(client, max(lacking.values())) if lacking else TEXT_ONLY
        return [*lacking, *brought], f"You may not change {named([*lacking, *brought])}: {why}."

    def may_declare(self, page: ClientSession, component_id: str) -> bool:
        """Whether a page may bring a component into the patterns of shared callbacks. With the lock held."""
        refs = self._runtime.dispatcher.graph.refs()
        meant = [(component_id, ref.prop) for ref in refs if ref.pattern and ref.bind(component_id) is not None]
        return all(page.client.rights >= self.needed(key) for key in meant)

    def allows(self, call: RegularCall) -> bool:
        """Whether a regular callback may be called. If not, and a person acted, the page is told. From any thread."""
        rights = call.client.rights if call.client is not None else call.rights
        if rights is Role.OWNER:
            return True
        need = call.spec.role if call.spec is not None else self.needed_by(str(call.body.get("output")))
        if rights is need or rights >= need:
            return True
        page = self._runtime.pages.get(call.client.id) if call.client is not None else None
        if page is not None and call.acted:
            with self._runtime.lock:
                name = call.spec.name if call.spec else str(call.body.get("output"))
                reason = f"You may not call {name}: {self._why(page.client, need)}."
                self._runtime.enter(lambda: [self._refusal(page, reason, {})])
        elif page is None:
            name = call.spec.name if call.spec else str(call.body.get("output"))
            self._runtime.publish(ActRefused(call.client, f"You may not call {name}, which needs {str(need)!r}."))
        return False

    def _why(self, client: Client, need: Role) -> str:
        if need is Role.OWNER:
            return "that is for the owner"
        if client.role < need:
            return "you may look, but not act"
        return f"{self.floor.holder.label} has control" if self.floor.holder else "the controls are closed now"

    def _refusal(self, page: ClientSession, reason: str, undone: Mods) -> Action:
        """Revert the change and notify the person. A page that goes on is disconnected: its own script would not."""
        now = time.monotonic()
        standing = self._standing(page)
        standing.refusals += 1
        if standing.refusals > MOST_REFUSED:
            page.disconnect(CloseCode.FORBIDDEN, f"more than {MOST_REFUSED} changes that this page may not make")
        told = now - standing.told_refused >= TELL_SECONDS
        if told:
            standing.told_refused = now
        return Refuse(page.client, undone, reason, told=told)

    def received_name(self, page: ClientSession, frame: NameFrame) -> None:
        """A person gives a name."""
        name = as_name(frame.name)
        with self._runtime.lock:
            standing = self._standing(page)
            if not standing.may_name or not name:
                return  # once; and whom Jupyter or the program has given a name keeps that
            owned = any(alike(name, each) for each in self._owners_names())
            page.client.name = marked(name) if owned else name
            standing.said_name = "" if owned else name
            standing.may_name = False
            self.update()

    def received_floor(self, page: ClientSession, frame: FloorFrame) -> None:
        """A person requests the floor, or returns it."""
        client, want = page.client, frame.want
        with self._runtime.lock:
            if want:
                if self.floor.ask(client):
                    self.note(client, "asks for control")
            elif self.floor.withdraw(client):
                self.note(client, "asks no longer")
            elif self.floor.give_back(client, time.monotonic()):
                self.note(client, f"gives control back; the floor is {self.described()}")
            self.update()

    # ---- coming, going and changing

    def greeted(self, page: ClientSession) -> None:
        """The handshake of a page has ended, the first or a later one. With the lock held."""
        client = page.client
        client.followed_by(self)
        client.has_been_granted(self.floor.rights(client))
        standing = self._standing(page)
        standing.told_role = None
        standing.knows_needs = False
        if standing.may_name is None:
            standing.may_name = client.username is None and (client.share is not None or not client.name)
        self._tell_apart(client)
        self._tell(page)
        self._watched()

    def left(self, client: Client) -> None:
        """A client has left."""
        with self._runtime.lock:
            clients = [page.client for page in self._runtime.pages.values()]
            other = next((each for each in clients if each.person == client.person), None)
            if other is not None:
                self.floor.stays(client, other)
                self._watched()
                return
            had = self.floor.give_back(client, time.monotonic())
            asked = self.floor.withdraw(client)
            if had:
                self.note(client, f"left; the floor is {self.described()}")
            if had or asked:
                self.update()
            else:
                self._watched()

    def changed(self, client: Client, what: str, *, named: bool = False) -> None:
        """The role or the name of a client has changed. From any thread."""
        with self._runtime.lock:
            if not named:
                self._given(client)
            client.has_been_granted(self.floor.rights(client))
            self._runtime.publish(RoleChanged(client, what))
            page = self._runtime.pages.get(client.id)
            if page is not None and named:
                standing = self._standing(page)
                standing.may_name = False
                standing.said_name = ""
            self._tell_apart(client)
            self.update()

    def authenticated(self, client: Client) -> None:
        """Shared values are withheld from a client from now on, or no longer. From any thread."""
        with self._runtime.lock:
            page = self._runtime.pages.get(client.id)
            what = "what is shared is kept from it" if client.withheld else "gets what is shared"
            self._runtime.publish(RoleChanged(client, what))
            if page is not None and page.takes_shared:
                self._bring_up(page)
            elif page is not None:
                self._keep_apart(page)

    def _given(self, client: Client) -> None:
        """The program gave a client a role. It holds for the person, in all tabs."""
        self.persons.give(client.person, client.role)
        for page in self._runtime.pages.values():
            if page.client.person == client.person:
                page.client.has_been_given(client.role)

    def _owners_names(self) -> list[str]:
        """The names of the owners who are here."""
        clients = [page.client for page in self._runtime.pages.values()]
        owners = [client for client in clients if client.role is Role.OWNER and client.share is None]
        return [name for owner in owners for name in (owner.name, owner.username) if name]

    def _tell_apart(self, client: Client) -> None:
        """An owner came, or changed the name: mark guests with a similar name. With the lock held."""
        if client.role is not Role.OWNER or client.share is not None:
            return
        names = self._owners_names()
        for page in list(self._runtime.pages.values()):
            standing = self._standing(page)
            said = standing.said_name
            if said and any(alike(said, name) for name in names):
                standing.said_name = ""
                page.client.name = marked(said)

    # ---- asking a page

    def props(self, client: Client, component_id: str, timeout: float) -> JsonObject:
        """Implement `Client.props`."""
        loop = self._runtime.io_loop
        if loop is None:
            raise RunError("The app does not run: there is no page to ask.")
        if threading.get_ident() == self._runtime.io_thread:
            raise LoopError("This thread serves the page that would answer; use `await client.props_coro(...)` here.")
        return submit(loop, self.props_coro(client, component_id, timeout)).result()

    async def props_coro(self, client: Client, component_id: str, timeout: float) -> JsonObject:
        """Implement `Client.props_coro`."""
        page = self._runtime.pages.get(client.id)
        if page is None:
            raise RunError(f"{client!r} has left: there is no page to ask.")
        props = await self._ask(page, component_id, None, timeout)
        if not isinstance(props, dict):
            raise LookupError(f"the page of {client!r} shows no component {component_id!r}")
        return props

    def note(self, client: Client | None, what: str) -> None:
        """Record a change of the floor in the journal."""
        self._runtime.publish(FloorChanged(client, what))

    def update(self) -> None:
        """Compute the rights of all clients, and tell the pages. From any thread, with or without the lock."""
        with self._runtime.lock:
            pages = list(self._runtime.pages.values())
            for page in pages:
                page.client.has_been_granted(self.floor.rights(page.client))
            for client in [each for each in self.floor.requests if each.rights >= Role.CONTROL]:
                self.floor.withdraw(client)
            for page in pages:
                self._tell(page)
            self._watched()
        self._runtime.flush()

    def counted(self) -> None:
        """A relay has another number of pages. With the lock held."""
        self._watched()

    def _watched(self) -> None:
        for watcher in self.watchers:
            watcher()

    def defined(self) -> None:
        """The callbacks have changed: tell the pages which roles they require. With the lock held."""
        for page in self._runtime.pages.values():
            self._standing(page).knows_needs = False
            self._tell(page)

    def described(self) -> str:
        """Who has the floor, as text."""
        return f"{self.floor.holder.label}'s" if self.floor.holder else str(self.floor.state)

    def _tell(self, page: ClientSession) -> None:
        """Tell a page its rights, if they differ from what it was last told."""
        client, floor, standing = page.client, self.floor, self._standing(page)
        frame = RoleFrame(
            role=client.role,
            rights=client.rights,
            name=client.name,
            guest=client.share is not None,
            ask=bool(standing.may_name) and client.share is not None,
            floor=floor.state,
            holder=floor.holder.label if floor.holder else "",
            mine=floor.holds(client.person),
            place=floor.place(client),
            asking=len(floor.requests) if client.role is Role.OWNER else 0,
        )
        told = (frame, floor.until)
        relays = client.kind == RELAY  # its pages are no owner's
        needs = (relays or client.role is not Role.OWNER) and not standing.knows_needs
        if told == standing.told_role and not needs:
            return
        standing.told_role = told
        standing.knows_needs = standing.knows_needs or needs
        page.limit_changes(token_bucket_for(client.role, guest=client.share is not None, before=page.bucket))
        left = floor.left(time.monotonic())
        page.send(replace(frame, left=left, needs=self._needs() if needs else UNSET))

    def _needs(self) -> list[list[Json]]:
        """The roles that changes of props require: [id or pattern, prop, role, whether it is shared]."""
        shared = [(ref, spec.role, 1) for spec in self._runtime.dispatcher.graph.specs for ref in spec.inputs]
        others = [(ref, role, 0) for ref, role in self._page_inputs() if role > Role.VIEW]
        return [[*ref_json(ref), role, kind] for ref, role, kind in shared + others]

"""The one file that touches Dash's private attributes; `test_dash_internals.py` tests each assumption.

What we take from stock Dash 4.4 and 4.5 beyond its public interface:

- `_callback_list` is what the pages get as dependencies, `callback_map` what a call is looked up in;
- `_initialize_context`, `_prepare_callback`, `_inputs_to_vals`, `_execute_callback` run one regular callback and
  give its answer as JSON text (so does every backend of Dash itself);
- the backend's class decides how requests are read and which routes there are;
- `_setup_server` must have run once before the layout is served;
- `context_value` holds what `dash.callback_context` shows;
- since 4.5 a callback that is an async generator returns a `StreamedCallbackResponse`, whose frames are its answers.
"""

from __future__ import annotations

import copy
import inspect
import secrets
import traceback
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from importlib import import_module
from typing import Any, Protocol

import dash
import orjson
import quart
from dash import ALL, ALLSMALLER, _validate
from dash._callback import GLOBAL_API_PATHS as GLOBAL_API_PATHS
from dash._callback import GLOBAL_CALLBACK_LIST as GLOBAL_CALLBACK_LIST
from dash._callback import GLOBAL_CALLBACK_MAP as GLOBAL_CALLBACK_MAP
from dash._callback import _async_invoke_callback, _invoke_callback
from dash._callback import clientside_callback as _global_clientside
from dash._callback_context import CallbackContext as StockContext
from dash._callback_context import context_value, has_context
from dash._configs import get_combined_config
from dash._get_app import app_context as app_context
from dash._grouping import flatten_grouping
from dash._utils import AttributeDict as AttributeDict
from dash._utils import to_json
from dash.backends._quart import QuartDashServer, QuartRequestAdapter
from dash.dependencies import handle_grouped_callback_args
from dash.development.base_component import Component, ComponentRegistry
from dash.exceptions import CallbackException, DependencyException
from quart.wrappers.request import Body
from werkzeug.exceptions import NotFound

from dash_devices_nb.app.stock_dash.addresses import Addresses
from dash_devices_nb.app.stock_dash.lazy_imports import import_at_once, wait_for_imports
from dash_devices_nb.app.stock_dash.put_aside import ArraysPutAside
from dash_devices_nb.app.stock_dash.route_roles import OF_DASH, RouteRoles
from dash_devices_nb.app.stock_dash.served_files import ServedFiles
from dash_devices_nb.app.stock_dash.types import (
    Argument,
    Arguments,
    BackgroundManager,
    Config,
    Context,
    DashApp,
    Dependency,
    Function,
    Grouping,
    Hook,
    JsonObject,
    Keywords,
    McpFunctions,
    PropValue,
    Registered,
    Request,
    Response,
    Returned,
    WebSocket,
)
from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.access.link_budget import LinkBudget
from dash_devices_nb.core.callbacks.propagation import Cause
from dash_devices_nb.core.props.arrays import cut
from dash_devices_nb.core.props.ids import Key
from dash_devices_nb.core.props.media_types import data_url
from dash_devices_nb.core.props.values import PatchValue, Value
from dash_devices_nb.errors import DeclarationError, InvalidValueError, StreamError

try:
    _StreamedResponse: type | None = import_module("dash._streaming").StreamedCallbackResponse
except ModuleNotFoundError:  # before Dash 4.5
    _StreamedResponse = None

DASH_CLASS = dash.Dash
"""Stock Dash's class, for good: a program may put ours into its place (`dash.Dash = dash_devices_nb.Dash`)."""
SCALARS = (str, int, float, bool, type(None))


# ---- values


def encode(value: PropValue, where: str = "value", *, arrays: bool = False) -> Value:
    """Encode a prop's value: whatever Dash takes (components, figures, numpy arrays, `Patch`), and bytes as a data URL.

    From any thread.

    Args:
        value: the value.
        where: what the error names.
        arrays: keep its numpy arrays as bytes, because the prop's component takes such.

    Raises:
        InvalidValueError: the value is not JSON. The message names `where` and the type.
    """
    if isinstance(value, Value):
        return value
    if type(value) in SCALARS:
        return _scalar(value, where)
    if isinstance(value, bytes | bytearray | memoryview):
        return Value.of(data_url(bytes(value)))
    try:
        wait_for_imports()
        if arrays:
            return _with_arrays(value)
        json = to_json(value).encode()
        if isinstance(value, dash.Patch):
            return PatchValue(json, orjson.loads(json)["operations"])
    except (TypeError, ValueError, RecursionError) as exc:
        raise InvalidValueError(
            f"{where} is a {type(value).__name__} that is not JSON ({exc}); Dash takes strings, numbers, None, "
            "dicts, lists, components, figures, numpy arrays, Patch and bytes"
        ) from exc
    return Value(json)


def _with_arrays(value: PropValue) -> Value:
    """Encode a value, and keep its arrays as bytes."""
    patch = isinstance(value, dash.Patch)
    put = ArraysPutAside(value.to_plotly_json() if patch else value)
    json = to_json(put.tree).encode()
    arrays = cut(json, put.token, put.arrays)
    if not patch:
        return Value(json) if arrays is None else Value(None, arrays)
    json = json if arrays is None else arrays.json
    return PatchValue(json, orjson.loads(json)["operations"], arrays)


def _scalar(value: PropValue, where: str) -> Value:
    encoded = Value.of(value)
    try:
        _ = encoded.json
    except TypeError as exc:
        raise InvalidValueError(f"{where} is {value!r:.60}, which is not JSON ({exc})") from exc
    return encoded


def patch_value(operations: list[JsonObject]) -> PatchValue:
    """Make a `Patch` of operations."""
    return PatchValue(
        orjson.dumps({"__dash_patch_update": "__dash_patch_update", "operations": operations}), operations
    )


def combined(name: str, value: object, default: object) -> object:
    """Read a setting: the argument, else the environment variable `DASH_...`, else the default."""
    return get_combined_config(name, value, default)


def text_of(value: PropValue) -> str:
    """Encode a layout, or another tree of components, to JSON text."""
    wait_for_imports()
    return str(to_json(value))


def check_layout(layout: Component) -> None:
    """Check a layout as stock Dash does at the start. Raises DuplicateIdError, NoLayoutException."""
    _validate.validate_layout(layout, layout)


@lru_cache(maxsize=1024)
def props_of(namespace: str, kind: str) -> frozenset[str] | None:
    """The props of a component, without `data-*` and `aria-*`. None for an unknown component."""
    pending: list[type] = list(Component.__subclasses__())
    while pending:
        cls = pending.pop()
        if getattr(cls, "_namespace", None) == namespace and getattr(cls, "_type", None) == kind:
            names = inspect.signature(cls.__init__).parameters.values()  # type: ignore[misc]
            named = frozenset(p.name for p in names if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)) - {"self"}
            return named or None
        pending.extend(cls.__subclasses__())
    return None


def props_of_kind(kind: str) -> frozenset[str]:
    """The props of all imported components of this name. Empty if there is none."""
    pending: list[type] = list(Component.__subclasses__())
    namespaces: set[str] = set()
    while pending:
        cls = pending.pop()
        if getattr(cls, "_type", None) == kind:
            namespaces.add(str(getattr(cls, "_namespace", "")))
        pending.extend(cls.__subclasses__())
    return frozenset().union(*(props_of(namespace, kind) or () for namespace in namespaces))


# ---- declarations


def dependencies_of(
    args: Arguments, kwargs: Keywords
) -> tuple[Grouping, list[Dependency], list[Dependency], Grouping, bool | None]:
    """Read a callback's arguments in all the orders that Dash allows.

    Returns:
        The outputs as they were grouped, the flat inputs, the flat state, where each argument comes from, and
        `prevent_initial_call`.
    """
    outputs, inputs, state, indices, prevent = handle_grouped_callback_args(args, kwargs)
    return outputs, inputs, state, indices, prevent


def grouped_arguments(flat: list[PropValue], indices: Grouping) -> tuple[list[PropValue], Keywords]:
    """Group flat values into the arguments of a callback's function."""
    args, kwargs = _validate.validate_and_group_input_args(flat, indices)
    return args, kwargs


def flat_outputs(returned: Returned, grouping: Grouping) -> list[PropValue]:
    """Flatten what a callback with several outputs returned. Raises `InvalidCallbackReturnValue`."""
    if isinstance(returned, tuple) and isinstance(grouping, list):
        returned = list(returned)
    return list(flatten_grouping(returned, grouping))


def flat_grouping(grouping: Grouping) -> list[Dependency]:
    """Flatten the outputs of a declaration."""
    return list(flatten_grouping(grouping))


def check_generator(function: Function, name: str) -> None:
    """Refuse a generator as a callback if this Dash cannot stream its answers. Raises DeclarationError."""
    if _StreamedResponse is None and (inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)):
        raise DeclarationError(
            f"{name} is a generator: with Dash 4.5 or newer it sends each of its answers as it comes; "
            f"Dash {dash.__version__} is installed"
        )


def raised(error: BaseException) -> BaseException:
    """Find what a callback has raised. Dash 4.5 prints an exception, and one that its text raises hides it."""
    context = error.__context__
    return context if context is not None and _invoked(context) and not _invoked(error) else error


def _invoked(error: BaseException) -> bool:
    codes = (_invoke_callback.__code__, _async_invoke_callback.__code__)
    return any(frame.f_code in codes for frame, _ in traceback.walk_tb(error.__traceback__))


def misfit(error: BaseException) -> str:
    """Why Dash could not match the inputs or outputs of a request with those of the callback. Empty: it could."""
    codes = {_validate.validate_and_group_input_args.__code__, _validate.validate_output_spec.__code__}
    found = [frame.f_code for frame, _ in traceback.walk_tb(error.__traceback__)]
    compares = found[-1] is DashInternals._prepare_callback.__code__ or not codes.isdisjoint(found)
    if not isinstance(error, Exception) or not compares:
        return ""
    # Dash takes the ids and props of an output out of the request before it compares them.
    return str(error) if isinstance(error, CallbackException) else "Outputs do not match callback definition"


def _listed_as_declared(registered: Registered, outputs: Grouping) -> bool:
    """Whether a request has a list of components for an output with ALL or ALLSMALLER, and one for any other output.

    Dash compares only the components. It runs the function, and then says of another form that the function failed.
    """
    if registered.get("no_output"):
        return True
    declared = registered["output"]
    if not isinstance(declared, list | tuple):
        declared, outputs = [declared], [outputs]
    return (
        isinstance(outputs, list)
        and len(declared) == len(outputs)
        and all(isinstance(asked, list) == _is_multiple(each) for each, asked in zip(declared, outputs, strict=True))
    )


def _is_multiple(dependency: Dependency) -> bool:
    component_id = dependency.component_id
    return isinstance(component_id, dict) and any(value in (ALL, ALLSMALLER) for value in component_id.values())


def is_stream(returned: Returned) -> bool:
    """Whether a callback returned a stream, as an async generator does (Dash 4.5). See `stream_frames`."""
    return _StreamedResponse is not None and isinstance(returned, _StreamedResponse)


async def stream_frames(returned: Returned) -> AsyncGenerator[list[tuple[Key, PropValue]], None]:
    """Iterate over what an async generator sets with each of its answers: ((id, prop), value).

    Raises:
        StreamError: the generator has raised. Dash gives only the message.
    """
    async for frame in returned.frames:
        if error := frame.get("error"):
            raise StreamError(str(error.get("message", "")))
        parts = [frame.get(name) or {} for name in ("response", "sideUpdate")]
        yield [
            ((component_id, prop.split("@")[0]), value)
            for part in parts
            for component_id, props in part.items()
            for prop, value in props.items()
        ]


# ---- context


class CallbackContext(StockContext):  # type: ignore[misc]
    """Dash's `callback_context` with the client whose page asked."""

    @property
    @has_context  # type: ignore[untyped-decorator]
    def client(self) -> Client | None:
        """The client that made the change or asked for the callback. None down a chain, for pushes and at the start."""
        return getattr(context_value.get(), "client", None)


callback_context = ctx = CallbackContext()


def current_context() -> Context:
    """What `callback_context` shows here. None outside of a callback."""
    return context_value.get({}) or None


# ---- requests and routes

_request: ContextVar[Request] = ContextVar("dash_devices_nb_request", default=None)
_budget: ContextVar[LinkBudget | None] = ContextVar("dash_devices_nb_budget", default=None)


class RequestAdapter(QuartRequestAdapter):  # type: ignore[misc]
    """Reads the request: Quart's own, or the one that came over a page's WebSocket."""

    @property
    def request(self) -> Request:
        """The request."""
        return _request.get() or self._request

    @property
    def context(self) -> Context:
        """Where timing information is kept."""
        request = _request.get()
        return super().context if request is None else request.context

    def __bool__(self) -> bool:
        return True


@contextmanager
def requesting(request: Request, budget: LinkBudget | None = None) -> Iterator[None]:
    """Let Dash see a request that did not come through Quart. Background jobs in the block count for a budget."""
    token, charged = _request.set(request), _budget.set(budget)
    try:
        yield
    finally:
        _request.reset(token)
        _budget.reset(charged)


class HttpRequest:
    """Quart's request for a callback that runs in a worker or on another loop, where Quart's proxy has none."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self.origin = request.headers.get("origin")
        self.context = getattr(quart.g, "_get_current_object", lambda: None)()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._request, name)

    def kept(self) -> HttpRequest:
        """A copy without the body, which the call has anyway, and which may be large."""
        request = copy.copy(self._request)
        request.body = Body(None, None)
        request.body.set_complete()
        other = object.__new__(HttpRequest)
        other.__dict__.update(self.__dict__, _request=request)
        return other


class Backend(QuartDashServer):  # type: ignore[misc]
    """Dash's Quart backend without its own WebSocket, and with plain callbacks off the event loop."""

    websocket_capability = False
    dash_app: DashApp
    """The app whose backend this is."""

    def __init__(self, server: quart.Quart) -> None:
        super().__init__(server)
        self.request_adapter = RequestAdapter
        self._files = ServedFiles()

    def serve_component_suites(self, dash_app: DashApp, package_name: str, fingerprinted_path: str) -> Response:
        """A file of a component library. Raises NotFound for what is none."""
        try:
            response = super().serve_component_suites(dash_app, package_name, fingerprinted_path)
        except (DependencyException, FileNotFoundError) as error:  # Dash takes it for a failure of its own
            raise NotFound from error
        return self._files.share(package_name, fingerprinted_path, response)

    def serve_callback(self, dash_app: DashApp) -> Function:
        """The view of the update route."""
        return dash_app._views.update()  # type: ignore[no-any-return]

    def register_callback_api_routes(self, callback_api_paths: JsonObject) -> None:
        """The routes of `api_endpoint=`, of this app alone; those that there are already stay."""
        dash_app = self.dash_app
        for path in callback_api_paths:
            endpoint = f"dash_callback_api_{path}"
            if endpoint not in self.server.view_functions:
                rule = path if path.startswith("/") else f"/{path}"
                self.server.add_url_rule(rule, endpoint, dash_app._views.api(path), methods=["POST"])
                dash_app._views.routes.known(endpoint)

    def add_redirect_rule(self, app: DashApp, fullname: str, path: str) -> None:
        """A page's `redirect_from`, below the app's own path; where it leads is known when it is asked for."""
        rule = app.config.routes_pathname_prefix + app.strip_relative_path(fullname)
        target = f"/{app.strip_relative_path(path)}"
        self.server.add_url_rule(rule, rule, lambda: quart.redirect(app.get_relative_path(target), code=301))
        app._views.routes.known(rule)

    def error_page(self, error: Exception) -> str:
        """What a page is told of an error: the traceback in debug mode."""
        if self.error_handling_mode == "ignore":
            return "Internal server error."
        return str(self._get_traceback(None, error))


class Views(Protocol):
    """Answers Dash's routes instead of Dash's own views (`api.http_views.HttpViews`)."""

    @property
    def routes(self) -> RouteRoles:
        """What each route of the server needs."""

    def check_server(self, server: object) -> None:
        """Raise RunError if another app of ours is on this server."""

    def attach(self, server: quart.Quart) -> None:
        """Stand in front of a server's routes."""

    def page(self, make: Callable[[], str]) -> str:
        """The page, made of stock Dash's."""

    def layout(self) -> Response:
        """The layout over HTTP."""

    def dependencies(self) -> Response:
        """The callbacks over HTTP."""

    def update(self) -> Function:
        """The view of the update route."""

    def api(self, path: str) -> Function:
        """The view of an API endpoint."""

    def mcp(self, stock_view: Function) -> Function:
        """The view of MCP's POST, instead of Dash's."""

    def serves_api(self, path: str, output: str) -> None:
        """The callback with this output has an API endpoint."""

    def tool_asks(self, body: JsonObject) -> Callable[[], str] | None:
        """What stands for a callback that an MCP tool is about to run. None: no tool runs it."""

    def tools(self, registered: McpFunctions) -> McpFunctions:
        """The functions of `dash.mcp.mcp_enabled` as MCP's tools call them."""


class DashInternals(dash.Dash):  # type: ignore[misc]
    """Stock Dash with the methods overridden that it calls on itself. It adds no public name.

    What we ask of stock Dash is in `StockDash`.

    Args:
        views: answers Dash's routes.
        args, kwargs: of stock Dash.
    """

    def __init__(self, views: Views, *args: Argument, **kwargs: Argument) -> None:
        self._views = views
        self._mcp_functions: McpFunctions = {}
        self._mcp_server: quart.Quart | None = None
        super().__init__(*args, **kwargs)

    def init_app(self, app: quart.Quart | None = None, **kwargs: Argument) -> None:
        """As in stock Dash. `app` is a `quart.Quart`."""
        server = self.server if app is None else app
        self._views.check_server(server)
        self.backend.dash_app = self
        with self._views.routes.of_dash(server):
            super().init_app(app, **kwargs)
        self._name_routes(server)
        self._views.attach(self.server)

    def _name_routes(self, server: quart.Quart) -> None:
        """Note which routes are Dash's, and which of them the program has added by hooks."""
        routes = self._views.routes
        prefix = str(self.config.routes_pathname_prefix)
        known = [prefix + name for name in OF_DASH]
        if self.config.health_endpoint is not None:
            known.append(prefix + self.config.health_endpoint)
        known.append(f"{prefix.replace('/', '_').replace('.', '_')}dash_assets.static")
        routes.known(*known)
        routes.own(*(prefix + hook.data["name"] for hook in self._hooks.get_hooks("routes")))
        if self._enable_mcp:
            self._guard_mcp(server, prefix + self._mcp_path)

    def _guard_mcp(self, server: quart.Quart, path: str) -> None:
        self._views.routes.known(*(f"{path}:{method}" for method in ("GET", "POST", "DELETE")))
        endpoint = f"{path}:POST"
        if self._mcp_server is server:
            return
        self._mcp_server = server
        server.view_functions[endpoint] = self._views.mcp(server.view_functions[endpoint])

    def index(self, *args: Argument, **kwargs: Argument) -> str:
        """The page: stock Dash's, with our script before all others."""
        stock = super().index
        return self._views.page(lambda: str(stock(*args, **kwargs)))

    def serve_layout(self) -> Response:
        """The layout with the shared values laid over it."""
        return self._views.layout()

    def dependencies(self) -> Response:
        """The regular and clientside callbacks."""
        return self._views.dependencies()

    def setup_apis(self) -> None:
        """Make the routes of `api_endpoint=`: of this app's callbacks, those of `dash.callback` that it takes too."""
        for path, function in list(GLOBAL_API_PATHS.items()):
            tables = (GLOBAL_CALLBACK_MAP, self.callback_map)
            found = [out for table in tables for out, each in table.items() if _calls(each, function)]
            if found:  # else it is another app's
                self.callback_api_paths[path] = GLOBAL_API_PATHS.pop(path)
                self._views.serves_api(path, found[0])
        self.backend.register_callback_api_routes(self.callback_api_paths)

    def _prepare_callback(self, g: Context, body: JsonObject) -> Function:
        g.asked_body = body
        try:
            prepared = super()._prepare_callback(g, body)
        except IndexError as error:  # Dash takes the inputs by their places before it counts them
            raise CallbackException("Inputs do not match callback definition") from error
        if not _listed_as_declared(self.callback_map[body["output"]], g.outputs_list):
            raise CallbackException("Outputs do not match callback definition")
        if g.background_callback_manager is not None:
            keep_jobs_apart(g.background_callback_manager)
            bound_jobs(g.background_callback_manager)
        return prepared  # type: ignore[no-any-return]

    def _execute_callback(
        self, func: Function, args: list[PropValue], outputs_list: Grouping, g: Context
    ) -> Callable[[], Returned]:
        return self._views.tool_asks(g.pop("asked_body")) or super()._execute_callback(func, args, outputs_list, g)

    @property
    def mcp_decorated_functions(self) -> McpFunctions:
        """The functions of `dash.mcp.mcp_enabled` that this app has taken: those that no app had when it started."""
        return self._mcp_functions

    @mcp_decorated_functions.setter
    def mcp_decorated_functions(self, functions: McpFunctions) -> None:
        """Dash gives those of the whole process, of other apps, too: they are not taken."""


class StockDash:
    """What we ask of stock Dash, for one app.

    Args:
        app: the app. Nothing is asked of it here, as it may not be made yet.
    """

    def __init__(self, app: DashApp) -> None:
        self.app = app
        self._page_libraries: frozenset[str] = frozenset(ComponentRegistry.registry)
        self._addresses: Addresses | None = None

    # ---- the app

    @property
    def config(self) -> Config:
        """Its settings."""
        return self.app.config

    @property
    def server(self) -> quart.Quart:
        """The Quart app."""
        return self.app.server  # type: ignore[no-any-return]

    def enter(self, context: Context) -> None:
        """Make `context` what `callback_context` shows in the running thread's or task's context."""
        app_context.set(self.app)
        context_value.set(context)

    def enter_app(self) -> None:
        """Make the app what `dash.get_app` gives in the running thread's or task's context."""
        app_context.set(self.app)

    def response(self, text: str, **options: str) -> Response:
        """A response over HTTP."""
        return self.app.backend.make_response(text, **options)

    def set_up(self) -> None:
        """Do what Dash does on its first request. It needs a layout."""
        self.enter_app()
        import_at_once()
        with self.app._views.routes.of_dash(self.server):
            self.app._setup_server()
        self._take_tools()

    def hooked(self, name: str) -> Iterable[Hook]:
        """The hooks of a name (`dash.hooks`)."""
        return self.app._hooks.get_hooks(name)  # type: ignore[no-any-return]

    @property
    def allowed_origins(self) -> list[str]:
        """`Dash(websocket_allowed_origins=)`."""
        return list(self.app._websocket_allowed_origins)

    @property
    def default_on_error(self) -> Callable[[Exception], Returned] | None:
        """`Dash(on_error=)`."""
        return self.app._on_error  # type: ignore[no-any-return]

    # ---- the dev tools

    @property
    def debugging(self) -> bool:
        """Whether the dev tools are shown."""
        return bool(self.app._dev_tools.ui)

    @property
    def dev_tools_options(self) -> list[str]:
        """The names of the arguments of stock Dash's `enable_dev_tools`."""
        return list(inspect.signature(DASH_CLASS.enable_dev_tools).parameters)[1:]  # without `self`

    def enable_dev_tools(self, **options: Argument) -> None:
        """Show the dev tools, by the app's own method."""
        self.app.enable_dev_tools(**options)

    def error_page(self, error: Exception) -> str:
        """What a page is told of an error: the traceback in debug mode."""
        return str(self.app.backend.error_page(error))

    def reload_state(self) -> JsonObject:
        """What the reload-hash route answers."""
        reload = self.app._hot_reload
        with reload.lock:
            state = {
                "reloadHash": reload.hash,
                "hard": reload.hard,
                "packages": list(self.app.registered_paths),
                "files": list(reload.changed_assets),
            }
            reload.hard = False
            reload.changed_assets = []
        return state

    # ---- the page and its layout

    def get_layout(self) -> Component:
        """The layout, as the program gives it."""
        return self.app.get_layout()

    def set_layout(self, value: PropValue) -> None:
        """Set the layout, as stock Dash does."""
        DASH_CLASS.layout.fset(self.app, value)

    def given_layout(self) -> Component:
        """What the program has set: a tree, or a function of none."""
        return DASH_CLASS.layout.fget(self.app)

    def new_libraries(self) -> list[JsonObject]:
        """The component libraries that were imported since the page was last made: what a page must load."""
        new = [name for name in ComponentRegistry.registry if name not in self._page_libraries]
        return list(self.app.get_dist(new)) if new else []

    def note_libraries(self) -> None:
        """Note that the page is made with the libraries that are imported now."""
        self._page_libraries = frozenset(ComponentRegistry.registry)

    def set_prefix(self, prefix: str) -> None:
        """Set the path below which the browser sees the app. It starts and ends with a slash."""
        names = ["requests_pathname_prefix"]
        self.addresses.moved_to(prefix)
        self.config.unset_read_only(names)
        self.config.update({"requests_pathname_prefix": prefix})
        self.config.set_read_only(names, "Read-only: it is set by run()")
        for page in dash.page_registry.values() if self.app.use_pages else ():
            page["relative_path"] = self.app.get_relative_path(page["path"])

    @property
    def addresses(self) -> Addresses:
        """Below which path the app is served, and was meant to be before."""
        if self._addresses is None:
            self._addresses = Addresses(str(self.config.requests_pathname_prefix))
        return self._addresses

    @property
    def assets_folder_of_urls(self) -> str:
        """Where the assets are, below the app's path. It ends with a slash."""
        return str(self.config.assets_url_path).strip("/") + "/"

    def paths(self) -> list[str]:
        """The paths below the app's own that lead somewhere: its pages, and the routes of the program."""
        pages = list(dash.page_registry.values()) if self.app.use_pages else []
        of_pages = [str(page.get(kind) or "") for page in pages for kind in ("path", "path_template")]
        prefix = str(self.config.routes_pathname_prefix)
        rules = [rule.rule for rule in self.server.url_map.iter_rules() if rule.rule.startswith(prefix)]
        routes = [rule[len(prefix) :] for rule in rules if rule[len(prefix) :] not in OF_DASH]
        return ["/", *of_pages, *routes]

    # ---- declaring callbacks

    def callback(self, *args: Argument, **kwargs: Argument) -> Function:
        """Declare a regular callback, as stock Dash does."""
        return DASH_CLASS.callback(self.app, *args, **kwargs)  # type: ignore[no-any-return]

    def clientside_callback(self, *args: Argument, **kwargs: Argument) -> None:
        """Declare a clientside callback, as stock Dash does."""
        DASH_CLASS.clientside_callback(self.app, *args, **kwargs)

    def serves_api(self, path: str, output: str) -> None:
        """Take the API endpoint of a callback that was just declared."""
        self.app.callback_api_paths[path] = GLOBAL_API_PATHS.pop(path)
        self.app._views.serves_api(path, output)

    def registered(self, output: str) -> Registered:
        """What Dash keeps of a regular callback. Raises KeyError."""
        return self.app.callback_map[output]  # type: ignore[no-any-return]

    def declared(self) -> list[JsonObject]:
        """The declarations of all regular and clientside callbacks, as pages get them."""
        return self.app._callback_list  # type: ignore[no-any-return]

    def last_declared(self) -> JsonObject:
        """The declaration of the callback that was just declared, as pages get it."""
        return self.declared()[-1]

    def rename_last(self, output: str) -> None:
        """Give the callback that was just declared another name, by which pages ask for it."""
        declared = self.last_declared()
        self.app.callback_map[output] = self.app.callback_map.pop(declared["output"])
        declared["output"] = output

    def registered_last(self) -> tuple[JsonObject, Registered | None]:
        """The callback that was just declared: as pages get it, and how it is called (None for a clientside one)."""
        declared = self.last_declared()
        if declared.get("hidden") is None:  # else Dash puts a copy in its place at the first request
            declared["hidden"] = self.config.get("hide_all_callbacks", False)
        # Of Dash 4.5: ways of its own to send large requests and to stream answers, over HTTP. Ours is the WebSocket.
        declared.pop("stream", None)
        if declared.get("compress_payload"):
            declared["compress_payload"] = False
        return declared, self.app.callback_map.get(declared["output"])

    def take_out(self, declared: JsonObject) -> int:
        """Take a regular or clientside callback from what pages get. Returns the place, for `put_back`."""
        place = next(n for n, each in enumerate(self.declared()) if each is declared)
        del self.declared()[place]
        return place

    def put_back(self, place: int, declared: JsonObject) -> None:
        """Put a callback back that was taken out."""
        self.declared().insert(place, declared)

    def register(self, output: str, registered: Registered | None) -> None:
        """Set how the callback of an output is called. None: it is not called."""
        if registered is None:
            self.app.callback_map.pop(output, None)
        else:
            self.app.callback_map[output] = registered

    def inline_scripts(self) -> list[str]:
        """The scripts of clientside callbacks that were given as source."""
        return list(self.app._inline_scripts)

    def wants_websocket(self, output: str) -> bool:
        """Whether a regular callback was declared with `websocket=True`, or all are."""
        return bool(self.app._websocket_callbacks or self.app.callback_map.get(output, {}).get("websocket"))

    # ---- calling them

    def run_stock(
        self, body: JsonObject, client: Client | None, websocket: WebSocket = None, cause: Cause | None = None
    ) -> tuple[Callable[[], Returned], Context]:
        """Prepare one regular callback.

        Returns:
            A function that runs it, giving JSON text or a coroutine of it, and the context.
        """
        self.enter_app()
        context = self.app._initialize_context(body)
        context.client = client
        context.cause = cause
        if websocket is not None:
            context.dash_websocket = websocket
        function = self.app._prepare_callback(context, body)
        args = self.app._inputs_to_vals(context.inputs_list + context.states_list)
        return self.app._execute_callback(function, args, context.outputs_list, context), context

    def stock_arguments(self, body: JsonObject, client: Client | None) -> tuple[list[PropValue], Keywords, Context]:
        """The arguments that a regular callback's function gets for a request, and the context."""
        _, context = self.run_stock(body, client)
        indices = self.registered(body["output"])["inputs_state_indices"]
        flat = self.app._inputs_to_vals(context.inputs_list + context.states_list)
        args, kwargs = grouped_arguments(flat, indices)
        return args, kwargs, context

    def stock_outputs(self, output: str, context: Context, returned: Returned) -> list[tuple[Key, PropValue]]:
        """What a regular callback's result sets: ((id, prop), value)."""
        specs = context.outputs_list
        if not specs or isinstance(returned, dash.NoUpdate):
            return []
        grouping = self.registered(output)["output"]
        if not isinstance(grouping, list | tuple):
            specs, values = [specs], [returned]
        else:
            values = flat_outputs(returned, grouping)
        pairs = []
        for spec, value in zip(specs, values, strict=True):
            many = zip(spec, value, strict=True) if isinstance(spec, list) else [(spec, value)]
            pairs += [((dash.stringify_id(s["id"]), s["property"].split("@")[0]), v) for s, v in many]
        return [pair for pair in pairs if not isinstance(pair[1], dash.NoUpdate)]

    # ---- MCP

    def forget_tools(self) -> None:
        """Callbacks were declared: Dash's MCP server makes its tools of them anew."""
        self.app.mcp_callback_map = None

    def output_of_tool(self, name: str) -> str | None:
        """The output of the callback that is an MCP tool of this name, or None. Not on a loop's thread."""
        from dash.mcp.primitives.tools.callback_adapter_collection import CallbackAdapterCollection  # slow to import

        self.enter_app()
        if self.app.mcp_callback_map is None:
            self.app.mcp_callback_map = CallbackAdapterCollection(self.app)
        found = self.app.mcp_callback_map.find_by_tool_name(name)
        return None if found is None else str(found.output_id)

    def _take_tools(self) -> None:
        """Take the functions of `dash.mcp.mcp_enabled` that wait for an app, as those of `dash.callback` do."""
        if self.app._enable_mcp:
            from dash.mcp._decorator import MCP_DECORATED_FUNCTIONS  # slow to import, and needed by few

            waiting = dict(MCP_DECORATED_FUNCTIONS)
            MCP_DECORATED_FUNCTIONS.clear()
            self.app._mcp_functions.update(self.app._views.tools(waiting))


def keep_jobs_apart(manager: BackgroundManager) -> None:
    """Give each background job a key of its own for its result, its progress and its `set_props`.

    Stock Dash makes the key of the function and its arguments. So two people who start the same job take each other's
    result away. If the program sets `cache_by`, results are shared as it says.
    """
    if "build_cache_key" in vars(manager):
        return
    shared_place = manager.build_cache_key

    def place(*args: Argument, **kwargs: Argument) -> str:
        return secrets.token_hex(32) if manager.cache_by is None else str(shared_place(*args, **kwargs))

    manager.build_cache_key = place


class TooManyJobs(BaseException):
    """A link has too many background jobs. Thrown through Dash, which gives a program's `on_error` each `Exception`."""


def bound_jobs(manager: BackgroundManager) -> None:
    """Count the background jobs that are started for the budget of who starts them. Raises TooManyJobs, when called."""
    if "call_job_fn" in vars(manager):
        return
    stock = manager.call_job_fn

    def call_job_fn(*args: Argument, **kwargs: Argument) -> Returned:
        budget = _budget.get()
        if budget is None:
            return stock(*args, **kwargs)
        job = budget.takes_job()
        if job is None:
            raise TooManyJobs
        try:
            handle = stock(*args, **kwargs)
        except BaseException:
            budget.jobs.discard(job)
            raise
        job.began(lambda: _runs(manager, handle))
        return handle

    manager.call_job_fn = call_job_fn


def _runs(manager: BackgroundManager, handle: object) -> bool:
    try:
        return bool(manager.job_running(handle))
    except Exception:  # noqa: BLE001 - it has ended between two looks that Dash takes, or nobody can say
        return False


def _calls(registered: dict[str, Any], function: Any) -> bool:
    return getattr(registered.get("callback"), "__wrapped__", None) is function


def clientside_callback(*args: Argument, **kwargs: Argument) -> Returned:
    """`dash.clientside_callback`: for the app that comes."""
    return _global_clientside(*args, **kwargs)

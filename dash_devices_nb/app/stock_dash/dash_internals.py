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
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from importlib import import_module
from typing import Any

import dash
import orjson
import quart
from dash import _validate
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
from quart.wrappers.request import Body

from dash_devices_nb.app.stock_dash.addresses import Addresses
from dash_devices_nb.app.stock_dash.lazy_imports import import_at_once, wait_for_imports
from dash_devices_nb.app.stock_dash.route_roles import OF_DASH, RouteRoles
from dash_devices_nb.app.stock_dash.served_files import ServedFiles
from dash_devices_nb.core.props.media_types import data_url
from dash_devices_nb.core.props.values import PatchValue, Value
from dash_devices_nb.errors import DeclarationError, InvalidValueError, StreamError

try:
    _StreamedResponse: Any = import_module("dash._streaming").StreamedCallbackResponse
except ModuleNotFoundError:  # before Dash 4.5
    _StreamedResponse = None

SCALARS = (str, int, float, bool, type(None))


# ---- values


def encode(value: Any, where: str = "value") -> Value:
    """A prop's value as JSON: what Dash takes (components, figures, numpy arrays, `Patch`), and bytes as a data URL.

    From any thread.

    Raises:
        InvalidValueError: it cannot be JSON; the message names `where` and the type.
    """
    if isinstance(value, Value):
        return value
    if type(value) in SCALARS:
        return _scalar(value, where)
    if isinstance(value, bytes | bytearray | memoryview):
        return Value.of(data_url(bytes(value)))
    try:
        wait_for_imports()
        json = to_json(value).encode()
        if isinstance(value, dash.Patch):
            return PatchValue(json, orjson.loads(json)["operations"])
    except (TypeError, ValueError, RecursionError) as exc:
        raise InvalidValueError(
            f"{where} is a {type(value).__name__} that is not JSON ({exc}); Dash takes strings, numbers, None, "
            "dicts, lists, components, figures, numpy arrays, Patch and bytes"
        ) from exc
    return Value(json)


def _scalar(value: Any, where: str) -> Value:
    encoded = Value.of(value)
    try:
        _ = encoded.json
    except TypeError as exc:
        raise InvalidValueError(f"{where} is {value!r:.60}, which is not JSON ({exc})") from exc
    return encoded


def patch_value(operations: list[dict[str, Any]]) -> PatchValue:
    """A `Patch` of these operations."""
    return PatchValue(
        orjson.dumps({"__dash_patch_update": "__dash_patch_update", "operations": operations}), operations
    )


def combined(name: str, value: Any, default: Any) -> Any:
    """A setting: the argument, else the environment's `DASH_` variable, else the default."""
    return get_combined_config(name, value, default)


def text_of(value: Any) -> str:
    """A layout or another tree of components as JSON text."""
    wait_for_imports()
    return str(to_json(value))


def check_layout(layout: Any) -> None:
    """What stock Dash looks for at the start. Raises DuplicateIdError, NoLayoutException."""
    _validate.validate_layout(layout, layout)


@lru_cache(maxsize=1024)
def props_of(namespace: str, kind: str) -> frozenset[str] | None:
    """The props that a component names, without its `data-*` and `aria-*`; None for an unknown component."""
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
    """The props of the components of this name, of all libraries that were imported; empty: there is none."""
    pending: list[type] = list(Component.__subclasses__())
    namespaces: set[str] = set()
    while pending:
        cls = pending.pop()
        if getattr(cls, "_type", None) == kind:
            namespaces.add(str(getattr(cls, "_namespace", "")))
        pending.extend(cls.__subclasses__())
    return frozenset().union(*(props_of(namespace, kind) or () for namespace in namespaces))


# ---- declarations


def dependencies_of(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, list[Any], list[Any], Any, Any]:
    """Read a callback's arguments in all the orders that Dash allows.

    Returns:
        The outputs as they were grouped, the flat inputs, the flat state, where each argument comes from, and
        `prevent_initial_call`.
    """
    outputs, inputs, state, indices, prevent = handle_grouped_callback_args(args, kwargs)
    return outputs, inputs, state, indices, prevent


def grouped_arguments(flat: list[Any], indices: Any) -> tuple[list[Any], dict[str, Any]]:
    """The positional and keyword arguments of a callback's function."""
    args, kwargs = _validate.validate_and_group_input_args(flat, indices)
    return args, kwargs


def flat_outputs(returned: Any, grouping: Any) -> list[Any]:
    """What a callback with several outputs returned, flat. Raises `InvalidCallbackReturnValue`."""
    if isinstance(returned, tuple) and isinstance(grouping, list):
        returned = list(returned)
    return list(flatten_grouping(returned, grouping))


def flat_grouping(grouping: Any) -> list[Any]:
    """The outputs of a declaration, flat."""
    return list(flatten_grouping(grouping))


def check_generator(function: Any, name: str) -> None:
    """Refuse a generator as a callback where Dash cannot stream its answers. Raises DeclarationError."""
    if _StreamedResponse is None and (inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)):
        raise DeclarationError(
            f"{name} is a generator: with Dash 4.5 or newer it sends each of its answers as it comes; "
            f"Dash {dash.__version__} is installed"
        )


def raised(error: BaseException) -> BaseException:
    """What a callback has raised: Dash 4.5 prints it, and what its text then raises would take its place."""
    context = error.__context__
    return context if context is not None and _invoked(context) and not _invoked(error) else error


def _invoked(error: BaseException) -> bool:
    codes = (_invoke_callback.__code__, _async_invoke_callback.__code__)
    return any(frame.f_code in codes for frame, _ in traceback.walk_tb(error.__traceback__))


def is_stream(returned: Any) -> bool:
    """Whether a callback that is an async generator was called (Dash 4.5); `stream_frames` are its answers."""
    return _StreamedResponse is not None and isinstance(returned, _StreamedResponse)


async def stream_frames(returned: Any) -> AsyncGenerator[list[tuple[tuple[str, str], Any]], None]:
    """What an async generator sets with each of its answers: ((id, prop), value).

    Raises:
        StreamError: it has raised; Dash tells no more than the message.
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
    def client(self) -> Any:
        """The client that made the change or asked for the callback; None down a chain, for pushes and at the start."""
        return getattr(context_value.get(), "client", None)


callback_context = ctx = CallbackContext()


def enter_context(app: Any, context: Any) -> None:
    """Make `context` what `callback_context` shows in the running thread's or task's context."""
    app_context.set(app)
    context_value.set(context)


def current_context() -> Any:
    """What `callback_context` shows here; None outside of a callback."""
    return context_value.get({}) or None


# ---- requests and routes

_request: ContextVar[Any] = ContextVar("dash_devices_nb_request", default=None)


class RequestAdapter(QuartRequestAdapter):  # type: ignore[misc]
    """Reads the request: Quart's own, or the one that came over a page's WebSocket."""

    @property
    def request(self) -> Any:
        """The request."""
        return _request.get() or self._request

    @property
    def context(self) -> Any:
        """Where timing information is kept."""
        request = _request.get()
        return super().context if request is None else request.context

    def __bool__(self) -> bool:
        return True


@contextmanager
def requesting(request: Any) -> Any:
    """Let Dash see a request that did not come through Quart."""
    token = _request.set(request)
    try:
        yield
    finally:
        _request.reset(token)


class HttpRequest:
    """Quart's request for a callback that runs in a worker or on another loop, where Quart's own is not to be had."""

    def __init__(self, request: Any) -> None:
        self._request = request
        self.origin = request.headers.get("origin")
        self.context = getattr(quart.g, "_get_current_object", lambda: None)()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._request, name)

    def kept(self) -> HttpRequest:
        """Itself without its body, which the call has, and which may be large."""
        request = copy.copy(self._request)
        request.body = Body(None, None)
        request.body.set_complete()
        other = object.__new__(HttpRequest)
        other.__dict__.update(self.__dict__, _request=request)
        return other


class Backend(QuartDashServer):  # type: ignore[misc]
    """Dash's Quart backend without its own WebSocket, and with plain callbacks off the event loop."""

    websocket_capability = False
    dash_app: Any
    """The app whose backend this is."""

    def __init__(self, server: Any) -> None:
        super().__init__(server)
        self.request_adapter = RequestAdapter
        self._files = ServedFiles()

    def serve_component_suites(self, dash_app: Any, package_name: str, fingerprinted_path: str) -> Any:
        """A file of a component library; Dash refuses what is none."""
        response = super().serve_component_suites(dash_app, package_name, fingerprinted_path)
        return self._files.share(package_name, fingerprinted_path, response)

    def serve_callback(self, dash_app: Any) -> Callable[..., Any]:
        """The view of the update route."""
        return dash_app.http_view()  # type: ignore[no-any-return]

    def register_callback_api_routes(self, callback_api_paths: dict[str, Any]) -> None:
        """The routes of `api_endpoint=`, of this app alone; those that there are already stay."""
        dash_app = self.dash_app
        for path in callback_api_paths:
            endpoint = f"dash_callback_api_{path}"
            if endpoint not in self.server.view_functions:
                rule = path if path.startswith("/") else f"/{path}"
                self.server.add_url_rule(rule, endpoint, dash_app.api_view(path), methods=["POST"])
                dash_app.routes_of_server.known(endpoint)

    def add_redirect_rule(self, app: Any, fullname: str, path: str) -> None:
        """A page's `redirect_from`, below the app's own path; where it leads is known when it is asked for."""
        rule = app.config.routes_pathname_prefix + app.strip_relative_path(fullname)
        target = f"/{app.strip_relative_path(path)}"
        self.server.add_url_rule(rule, rule, lambda: quart.redirect(app.get_relative_path(target), code=301))
        app.routes_of_server.known(rule)

    def error_page(self, error: Exception) -> str:
        """What a page is told of an error: the traceback in debug mode."""
        if self.error_handling_mode == "ignore":
            return "Internal server error."
        return str(self._get_traceback(None, error))


class DashInternals(dash.Dash):  # type: ignore[misc]
    """Stock Dash with the seams that we need."""

    _page_libraries: frozenset[str] = frozenset(ComponentRegistry.registry)
    routes_of_server: RouteRoles
    _mcp_functions: dict[str, Any]
    mcp_callback_map: Any
    _mcp_server: quart.Quart | None = None

    # ---- routes

    def init_app(self, app: Any = None, **kwargs: Any) -> None:
        """As in stock Dash, and note which routes are Dash's."""
        self.backend.dash_app = self
        server = self.server if app is None else app
        with self.routes_of_server.of_dash(server):
            super().init_app(app, **kwargs)
        prefix = str(self.config.routes_pathname_prefix)
        known = [prefix + name for name in OF_DASH]
        if self.config.health_endpoint is not None:
            known.append(prefix + self.config.health_endpoint)
        known.append(f"{prefix.replace('/', '_').replace('.', '_')}dash_assets.static")
        self.routes_of_server.known(*known)
        self.routes_of_server.own(*(prefix + hook.data["name"] for hook in self._hooks.get_hooks("routes")))
        if self._enable_mcp:
            self._guard_mcp(server, prefix + self._mcp_path)

    def _guard_mcp(self, server: quart.Quart, path: str) -> None:
        self.routes_of_server.known(*(f"{path}:{method}" for method in ("GET", "POST", "DELETE")))
        endpoint = f"{path}:POST"
        if self._mcp_server is server:
            return
        self._mcp_server = server
        server.view_functions[endpoint] = self.mcp_view(server.view_functions[endpoint])

    def setup_apis(self) -> None:
        """Make the routes of `api_endpoint=`: of this app's callbacks, those of `dash.callback` that it takes too."""
        for path, function in list(GLOBAL_API_PATHS.items()):
            tables = (GLOBAL_CALLBACK_MAP, self.callback_map)
            found = [out for table in tables for out, each in table.items() if _calls(each, function)]
            if found:  # else it is another app's
                self.serves_api(path, found[0])
        self.backend.register_callback_api_routes(self.callback_api_paths)

    def serves_api(self, path: str, output: str) -> None:
        """This app's callback with this output has an API endpoint."""
        self.callback_api_paths[path] = GLOBAL_API_PATHS.pop(path)

    def api_view(self, path: str) -> Any:
        """The view of an API endpoint."""
        raise NotImplementedError

    def mcp_view(self, stock_view: Any) -> Any:
        """The view of MCP's POST, instead of Dash's."""
        raise NotImplementedError

    def tool_asks(self, body: dict[str, Any]) -> Any:
        """What stands for a callback that an MCP tool is about to run; None: it is no tool that runs it."""
        raise NotImplementedError

    def tools_of(self, registered: dict[str, Any]) -> dict[str, Any]:
        """The functions of `dash.mcp.mcp_enabled` as MCP's tools call them."""
        raise NotImplementedError

    def _prepare_callback(self, g: Any, body: Any) -> Any:
        g.asked_body = body
        prepared = super()._prepare_callback(g, body)
        if g.background_callback_manager is not None:
            keep_jobs_apart(g.background_callback_manager)
        return prepared

    def _execute_callback(self, func: Any, args: Any, outputs_list: Any, g: Any) -> Any:
        return self.tool_asks(g.pop("asked_body")) or super()._execute_callback(func, args, outputs_list, g)

    @property
    def mcp_decorated_functions(self) -> dict[str, Any]:
        """The functions of `dash.mcp.mcp_enabled` that this app has taken: those that no app had when it started."""
        return self._mcp_functions

    @mcp_decorated_functions.setter
    def mcp_decorated_functions(self, functions: dict[str, Any]) -> None:
        """Dash gives those of the whole process, of other apps, too: they are not taken."""
        self.__dict__.setdefault("_mcp_functions", {})

    def output_of_tool(self, name: str) -> str | None:
        """The output of the callback that is an MCP tool of this name, or None. Not on a loop's thread."""
        from dash.mcp.primitives.tools.callback_adapter_collection import CallbackAdapterCollection  # slow to import

        app_context.set(self)
        if self.mcp_callback_map is None:
            self.mcp_callback_map = CallbackAdapterCollection(self)
        found = self.mcp_callback_map.find_by_tool_name(name)
        return None if found is None else str(found.output_id)

    def take_tools(self) -> None:
        """Take the functions of `dash.mcp.mcp_enabled` that wait for an app, as those of `dash.callback` do."""
        if self._enable_mcp:
            from dash.mcp._decorator import MCP_DECORATED_FUNCTIONS  # slow to import, and needed by few

            waiting = dict(MCP_DECORATED_FUNCTIONS)
            MCP_DECORATED_FUNCTIONS.clear()
            self._mcp_functions.update(self.tools_of(waiting))

    # ---- callbacks

    def run_stock(
        self, body: dict[str, Any], client: Any, websocket: Any = None, cause: Any = None
    ) -> tuple[Callable[[], Any], Any]:
        """Prepare one regular callback.

        Returns:
            A function that runs it, giving JSON text or a coroutine of it, and the context.
        """
        app_context.set(self)
        context = self._initialize_context(body)
        context.client = client
        context.cause = cause
        if websocket is not None:
            context.dash_websocket = websocket
        function = self._prepare_callback(context, body)
        args = self._inputs_to_vals(context.inputs_list + context.states_list)
        return self._execute_callback(function, args, context.outputs_list, context), context

    def stock_arguments(self, body: dict[str, Any], client: Any) -> tuple[list[Any], dict[str, Any], Any]:
        """The arguments that a regular callback's function gets for a request, and the context."""
        _, context = self.run_stock(body, client)
        indices = self.callback_map[body["output"]]["inputs_state_indices"]
        args, kwargs = grouped_arguments(self._inputs_to_vals(context.inputs_list + context.states_list), indices)
        return args, kwargs, context

    def stock_outputs(self, output: str, context: Any, returned: Any) -> list[tuple[tuple[str, str], Any]]:
        """What a regular callback's result sets: ((id, prop), value)."""
        specs = context.outputs_list
        if not specs or isinstance(returned, dash.NoUpdate):
            return []
        grouping = self.callback_map[output]["output"]
        if not isinstance(grouping, list | tuple):
            specs, values = [specs], [returned]
        else:
            values = flat_outputs(returned, grouping)
        pairs = []
        for spec, value in zip(specs, values, strict=True):
            many = zip(spec, value, strict=True) if isinstance(spec, list) else [(spec, value)]
            pairs += [((dash.stringify_id(s["id"]), s["property"].split("@")[0]), v) for s, v in many]
        return [pair for pair in pairs if not isinstance(pair[1], dash.NoUpdate)]

    def wants_websocket(self, output: str) -> bool:
        """Whether a regular callback was declared with `websocket=True`, or all are."""
        return bool(self._websocket_callbacks or self.callback_map.get(output, {}).get("websocket"))

    def error_page(self, error: Exception) -> str:
        """What a page is told of an error: the traceback in debug mode."""
        return str(self.backend.error_page(error))

    @property
    def allowed_origins(self) -> list[str]:
        """`Dash(websocket_allowed_origins=)`."""
        return list(self._websocket_allowed_origins)

    @property
    def debugging(self) -> bool:
        """Whether the dev tools are shown."""
        return bool(self._dev_tools.ui)

    def reload_state(self) -> dict[str, Any]:
        """What the reload-hash route answers."""
        reload = self._hot_reload
        with reload.lock:
            state = {
                "reloadHash": reload.hash,
                "hard": reload.hard,
                "packages": list(self.registered_paths),
                "files": list(reload.changed_assets),
            }
            reload.hard = False
            reload.changed_assets = []
        return state

    def inline_scripts(self) -> list[str]:
        """The scripts of clientside callbacks that were given as source."""
        return list(self._inline_scripts)

    def registered(self, output: str) -> dict[str, Any]:
        """What Dash keeps of a regular callback. Raises KeyError."""
        return self.callback_map[output]  # type: ignore[no-any-return]

    def last_declared(self) -> dict[str, Any]:
        """The declaration of the callback that was just declared, as pages get it."""
        return self._callback_list[-1]  # type: ignore[no-any-return]

    def rename_last(self, output: str) -> None:
        """Give the callback that was just declared another name, by which pages ask for it."""
        declared = self.last_declared()
        self.callback_map[output] = self.callback_map.pop(declared["output"])
        declared["output"] = output

    def declared(self) -> list[dict[str, Any]]:
        """The declarations of all regular and clientside callbacks, as pages get them."""
        return self._callback_list  # type: ignore[no-any-return]

    def new_libraries(self) -> list[dict[str, Any]]:
        """The component libraries that were imported since the page was last made: what a page must load."""
        new = [name for name in ComponentRegistry.registry if name not in self._page_libraries]
        return list(self.get_dist(new)) if new else []

    def note_libraries(self) -> None:
        """The page is made with the libraries of now."""
        self._page_libraries = frozenset(ComponentRegistry.registry)

    def registered_last(self) -> tuple[dict[str, Any], Any]:
        """The callback that was just declared: as pages get it, and how it is called (None for a clientside one)."""
        declared = self.last_declared()
        if declared.get("hidden") is None:  # else Dash puts a copy in its place at the first request
            declared["hidden"] = self.config.get("hide_all_callbacks", False)
        # Of Dash 4.5: ways of its own to send large requests and to stream answers, over HTTP. Ours is the WebSocket.
        declared.pop("stream", None)
        if declared.get("compress_payload"):
            declared["compress_payload"] = False
        return declared, self.callback_map.get(declared["output"])

    def take_out(self, declared: dict[str, Any]) -> int:
        """Take a regular or clientside callback from what pages get. Returns the place, for `put_back`."""
        place = next(n for n, each in enumerate(self._callback_list) if each is declared)
        del self._callback_list[place]
        return place

    def put_back(self, place: int, declared: dict[str, Any]) -> None:
        """Put a callback back that was taken out."""
        self._callback_list.insert(place, declared)

    def register(self, output: str, registered: Any) -> None:
        """Set how the callback of an output is called; None: it is not."""
        if registered is None:
            self.callback_map.pop(output, None)
        else:
            self.callback_map[output] = registered

    def set_up(self) -> None:
        """What Dash does on its first request; needs a layout."""
        app_context.set(self)
        import_at_once()
        with self.routes_of_server.of_dash(self.server):
            self._setup_server()
        self.take_tools()

    def hooked(self, name: str) -> Iterable[Any]:
        """The hooks of a name (`dash.hooks`)."""
        return self._hooks.get_hooks(name)  # type: ignore[no-any-return]

    def set_prefix(self, prefix: str) -> None:
        """Set the path below which the browser sees the app; it starts and ends with a slash."""
        names = ["requests_pathname_prefix"]
        self.addresses.moved_to(prefix)
        self.config.unset_read_only(names)
        self.config.update({"requests_pathname_prefix": prefix})
        self.config.set_read_only(names, "Read-only: it is set by run()")
        for page in dash.page_registry.values() if self.use_pages else ():
            page["relative_path"] = self.get_relative_path(page["path"])

    @property
    def addresses(self) -> Addresses:
        """Below which path the app is served, and was meant to be before."""
        return self.__dict__.setdefault("_addresses", Addresses(str(self.config.requests_pathname_prefix)))  # type: ignore[no-any-return]

    @property
    def assets_folder_of_urls(self) -> str:
        """Where the assets are, below the app's path; with a slash at its end."""
        return str(self.config.assets_url_path).strip("/") + "/"

    def paths(self) -> list[str]:
        """The paths below the app's own that lead somewhere: its pages, and the routes of the program."""
        pages = list(dash.page_registry.values()) if self.use_pages else []
        of_pages = [str(page.get(kind) or "") for page in pages for kind in ("path", "path_template")]
        prefix = str(self.config.routes_pathname_prefix)
        rules = [rule.rule for rule in self.server.url_map.iter_rules() if rule.rule.startswith(prefix)]
        routes = [rule[len(prefix) :] for rule in rules if rule[len(prefix) :] not in OF_DASH]
        return ["/", *of_pages, *routes]

    @property
    def default_on_error(self) -> Any:
        """`Dash(on_error=)`."""
        return self._on_error


def keep_jobs_apart(manager: Any) -> None:
    """Give each background job a place of its own for its result, its progress and its `set_props`.

    Stock Dash makes the place of the function and its arguments, so two people who start the same job take each
    other's result away. Where the program says by what results are shared (`cache_by`), they are.
    """
    if "build_cache_key" in vars(manager):
        return
    shared_place = manager.build_cache_key

    def place(*args: Any, **kwargs: Any) -> str:
        return secrets.token_hex(32) if manager.cache_by is None else str(shared_place(*args, **kwargs))

    manager.build_cache_key = place


def _calls(registered: dict[str, Any], function: Any) -> bool:
    return getattr(registered.get("callback"), "__wrapped__", None) is function


def clientside_callback(*args: Any, **kwargs: Any) -> Any:
    """`dash.clientside_callback`: for the app that comes."""
    return _global_clientside(*args, **kwargs)

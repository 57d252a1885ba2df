"""The OpenAPI document of an app: its props, and the callbacks that have a name."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence

from dash_devices_nb.app.stock_dash.types import Function, JsonObject
from dash_devices_nb.core.protocol.version import VERSION

_SENTENCE: JsonObject = {"content": {"text/plain": {"schema": {"type": "string"}}}}


def document(name: str, shared: Sequence[str], functions: Mapping[str, Function | None]) -> JsonObject:
    """Make the document.

    Args:
        name: the app's name.
        shared: the shared props, as "id.prop".
        functions: the functions of the callbacks with a name, by their paths. None: its callback has gone.
    """
    paths: JsonObject = {"/api/props/{id}/{prop}": _props(shared)}
    for path, function in functions.items():
        if function is not None:
            paths[f"/{path.strip('/')}"] = {"post": _call(path, function)}
    return {
        "openapi": "3.1.0",
        "info": {"title": name, "version": str(VERSION), "description": "The props of the app, and callbacks by name."},
        "servers": [{"url": ".."}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {"type": "apiKey", "in": "query", "name": "token", "description": "the app's or Jupyter's"},
                "share": {"type": "apiKey", "in": "query", "name": "share", "description": "of a share link"},
            }
        },
    }


def _props(shared: Sequence[str]) -> JsonObject:
    tag: JsonObject = {"ETag": {"description": "the revision", "schema": {"type": "string"}}}
    got = _object({"id": {"type": "string"}, "prop": {"type": "string"}, "value": {}, "revision": {"type": "integer"}})
    held = _object({"error": {"type": "string"}, "value": {}, "revision": {"type": "integer"}})
    examples = {each: {"value": each.rpartition(".")[0]} for each in shared}
    named: list[JsonObject] = [
        {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}, "examples": examples},
        {"name": "prop", "in": "path", "required": True, "schema": {"type": "string"}},
    ]
    match = {"in": "header", "schema": {"type": "string"}}
    return {
        "parameters": named,
        "get": {
            "operationId": "getProp",
            "summary": "The current value. It is shared by all pages, or the layout's",
            "parameters": [{"name": "If-None-Match", **match}],
            "responses": {
                "200": {"description": "the value", "headers": tag, **got},
                "304": {"description": "it has not changed"},
                "404": {"description": "there is no such component", **_SENTENCE},
            },
        },
        "put": {
            "operationId": "setProp",
            "summary": "Set a shared prop, as a person does on a page",
            "description": f"These are shared: {', '.join(shared) or 'none'}.",
            "parameters": [{"name": "If-Match", "description": "only if it has not changed since this ETag", **match}],
            "requestBody": {"required": True, **_object({"value": {}}, ["value"])},
            "responses": {
                "200": {"description": "it is ordered", "headers": tag},
                "400": {"description": "the request cannot be read", **_SENTENCE},
                "403": {"description": "the role, the floor or the app forbids it", **_SENTENCE},
                "404": {"description": "there is no such component", **_SENTENCE},
                "409": {"description": "the prop is not shared", **_SENTENCE},
                "412": {"description": "others were faster; the value that holds", "headers": tag, **held},
                "422": {"description": "the value does not fit", **_SENTENCE},
                "429": {"description": "the link sends too much", **_SENTENCE},
            },
        },
    }


def _call(path: str, function: Function) -> JsonObject:
    """A callback, with the arguments of its function."""
    given = [
        each
        for each in inspect.signature(function).parameters.values()
        if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)
    ]
    required = [each.name for each in given if each.default is each.empty]
    summary = (inspect.getdoc(function) or "").partition("\n")[0]
    return {
        "operationId": path.strip("/").replace("/", "_"),
        **({"summary": summary} if summary else {}),
        "requestBody": {"required": bool(required), **_object({each.name: {} for each in given}, required)},
        "responses": {
            "200": {"description": "what it returns", "content": {"application/json": {"schema": {}}}},
            "400": {"description": "the arguments do not fit", **_SENTENCE},
            "403": {"description": "the role, the floor or the app forbids it", **_SENTENCE},
        },
    }


def _object(properties: JsonObject, required: Sequence[str] = ()) -> JsonObject:
    """JSON content with these properties."""
    schema: JsonObject = {"type": "object", "properties": properties}
    if required:
        schema["required"] = list(required)
    return {"content": {"application/json": {"schema": schema}}}

"""A renderer's request for a callback, by a frame or over HTTP, and the props that it names."""

from __future__ import annotations

import orjson

from dash_devices_nb.app.stock_dash.types import JsonObject, JsonValue
from dash_devices_nb.core.props.ids import canonical
from dash_devices_nb.core.props.json_limits import checked, read
from dash_devices_nb.core.protocol import messages
from dash_devices_nb.errors import FrameError

REQUEST = "a request for a callback"


class CallbackRequest:
    """A renderer's request for a callback, kept as the JSON text that arrived.

    A program may change the arguments of its function in place. The text shares nothing with them, so the journal and a
    replay get what was sent, and its size is known.

    Args:
        json: the text.
        framed: whether the text is the whole frame, with the request as its `body`.
        body: the request as parsed from the text. None: it is parsed on first use.
    """

    __slots__ = ("_body", "_framed", "json")

    def __init__(self, json: bytes, *, framed: bool = False, body: JsonObject | None = None) -> None:
        self.json = json
        self._framed = framed
        self._body = body

    @classmethod
    def posted(cls, data: bytes) -> CallbackRequest:
        """Make one from the body of an HTTP request. Raises FrameError."""
        body = read(data, "the body of a request")
        if not isinstance(body, dict):
            raise FrameError(f"the body of a request for a callback is a JSON object, not {str(body)[:60]!r}")
        return cls(data, body=body)

    @classmethod
    def of(cls, body: JsonObject) -> CallbackRequest:
        """Make one from a request that the server made itself."""
        return cls(messages.dumps(body).encode())

    @property
    def body(self) -> JsonObject:
        """The request as the callback gets it: the same object each time."""
        if self._body is None:
            self._body = self.fresh()
        return self._body

    def fresh(self) -> JsonObject:
        """Return a new copy of the request as it arrived."""
        message = orjson.loads(self.json)
        body: JsonObject = message["body"] if self._framed else message
        return body

    @property
    def size(self) -> int:
        """Bytes of JSON."""
        return len(self.json)

    def kept(self) -> CallbackRequest:
        """Return a copy without the object that the callback gets."""
        return CallbackRequest(self.json, framed=self._framed)


def requested_outputs(body: JsonObject) -> list[str]:
    """Return the "id.prop" of each output of the requested callback; [""] for a callback without outputs.

    The outputs are those in the callback's name, by which it is called. For its patterns, the request says which
    components are meant.

    Raises:
        FrameError: it is not a request for a callback.
    """
    _check_items(body)
    output = body.get("output")
    if not isinstance(output, str):
        raise FrameError(f"'output' of a request for a callback is a string, not {str(output)[:60]!r}")
    declared = output[2:-2].split("...") if output.startswith("..") else [output]
    for name in declared:
        checked("" if "." not in name else name.rpartition(".")[0], name.rpartition(".")[2], REQUEST)
    names = {name.rpartition("@")[0] or name: None for name in declared if "." in name and not name.startswith("{")}
    outputs = body.get("outputs") or []
    for item in outputs if isinstance(outputs, list) else [outputs]:
        for each in item if isinstance(item, list) else [item]:
            if not isinstance(each, dict) or not isinstance(each.get("id"), str | dict):
                raise FrameError(f"an output of a request for a callback has an id and a prop, not {str(each)[:60]!r}")
            component_id, prop = canonical(each["id"]), str(each.get("property"))
            checked(component_id, prop, REQUEST)
            names[f"{component_id}.{prop.split('@')[0]}"] = None
    names.update((name, None) for name in declared if name.startswith("{") and len(names) < len(declared))
    return list(names) or [""]


def _check_items(body: JsonObject) -> None:
    """Check the inputs and state of a request, so that later readers, such as the journal, can rely on their shape."""
    for part in ("inputs", "state"):
        for slot in _list(body, part):
            for item in slot if isinstance(slot, list) else (slot,):
                if not (
                    isinstance(item, dict)
                    and isinstance(component_id := item.get("id"), str | dict)
                    and isinstance(prop := item.get("property"), str)
                ):
                    raise FrameError(f"each of the {part} of {REQUEST} has an id and a prop, not {str(item)[:60]!r}")
                checked(component_id if isinstance(component_id, str) else canonical(component_id), prop, REQUEST)
    for name in _list(body, "changedPropIds"):
        if not isinstance(name, str):
            raise FrameError(f"'changedPropIds' of {REQUEST} are strings, not {str(name)[:60]!r}")


def _list(body: JsonObject, part: str) -> list[JsonValue]:
    given = body.get(part, [])
    if not isinstance(given, list):
        raise FrameError(f"{part!r} of {REQUEST} is a list, not {str(given)[:60]!r}")
    return given

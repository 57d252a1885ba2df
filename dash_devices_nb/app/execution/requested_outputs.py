"""What a renderer's request for a callback names, wherever it comes from: a frame, or HTTP."""

from __future__ import annotations

from typing import Any

import orjson

from dash_devices_nb.core.props.ids import canonical
from dash_devices_nb.core.props.json_limits import checked, read
from dash_devices_nb.core.protocol import messages
from dash_devices_nb.errors import FrameError

REQUEST = "a request for a callback"


class CallbackRequest:
    """A renderer's request for a callback, as the JSON text that came: whoever looks gets objects of their own.

    A program may change in place what its function is given. What is kept of a call, for the journal or to call it
    again, shares nothing with that, and its size is known.

    Args:
        json: the text.
        framed: whether it is the whole frame, which has the request as its `body`.
        body: the request, as read from the text, for the one who asks first; None: it is read then.
    """

    __slots__ = ("_body", "_framed", "json")

    def __init__(self, json: bytes, *, framed: bool = False, body: dict[str, Any] | None = None) -> None:
        self.json = json
        self._framed = framed
        self._body = body

    @classmethod
    def posted(cls, data: bytes) -> CallbackRequest:
        """From the body of a request over HTTP. Raises FrameError."""
        body = read(data, "the body of a request")
        if not isinstance(body, dict):
            raise FrameError(f"the body of a request for a callback is a JSON object, not {str(body)[:60]!r}")
        return cls(data, body=body)

    @classmethod
    def of(cls, body: dict[str, Any]) -> CallbackRequest:
        """From a request that was made here."""
        return cls(messages.dumps(body).encode())

    @property
    def body(self) -> dict[str, Any]:
        """The request as the callback gets it: the same object each time."""
        if self._body is None:
            self._body = self.fresh()
        return self._body

    def fresh(self) -> dict[str, Any]:
        """The request as it came."""
        message = orjson.loads(self.json)
        body: dict[str, Any] = message["body"] if self._framed else message
        return body

    @property
    def size(self) -> int:
        """Bytes of JSON."""
        return len(self.json)

    def kept(self) -> CallbackRequest:
        """The same without the object that the callback gets."""
        return CallbackRequest(self.json, framed=self._framed)


def requested_outputs(body: dict[str, Any]) -> list[str]:
    """The "id.prop" of each output of the callback that a renderer asks for; [""] for a callback without outputs.

    What counts is the callback's name, by which it is called; of its patterns the renderer says which components are
    meant.

    Raises:
        FrameError: the request is none for a callback.
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


def _check_items(body: dict[str, Any]) -> None:
    """Check what a request says of inputs and state, so that whoever reads it later, the journal too, finds them."""
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


def _list(body: dict[str, Any], part: str) -> list[Any]:
    given = body.get(part, [])
    if not isinstance(given, list):
        raise FrameError(f"{part!r} of {REQUEST} is a list, not {str(given)[:60]!r}")
    return given

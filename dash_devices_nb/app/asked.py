"""What a renderer's request for a callback names, wherever it comes from: a frame, or HTTP."""

from __future__ import annotations

from typing import Any

from dash_devices_nb.core.ids import canonical
from dash_devices_nb.errors import FrameError


def output_names(body: dict[str, Any]) -> list[str]:
    """The "id.prop" of each output of the callback that a renderer asks for; [""] for a callback without outputs.

    What counts is the callback's name, by which it is called; of its patterns the renderer says which components are
    meant.

    Raises:
        FrameError: the request is none for a callback.
    """
    output = body.get("output")
    if not isinstance(output, str):
        raise FrameError(f"'output' of a request for a callback is a string, not {str(output)[:60]!r}")
    declared = output[2:-2].split("...") if output.startswith("..") else [output]
    names = {name.rpartition("@")[0] or name: None for name in declared if "." in name and not name.startswith("{")}
    outputs = body.get("outputs") or []
    for item in outputs if isinstance(outputs, list) else [outputs]:
        for each in item if isinstance(item, list) else [item]:
            if not isinstance(each, dict) or not isinstance(each.get("id"), str | dict):
                raise FrameError(f"an output of a request for a callback has an id and a prop, not {str(each)[:60]!r}")
            names[f"{canonical(each['id'])}.{str(each.get('property')).split('@')[0]}"] = None
    names.update((name, None) for name in declared if name.startswith("{") and len(names) < len(declared))
    return list(names) or [""]

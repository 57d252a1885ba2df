"""What reading a page's frame costs: our types and readers beside `msgspec`, in one process, in turn.

All three make typed, immutable frames of the same bytes, and check the same limits. What differs is who reads the
fields: `page_frames.parse` (dataclasses, readers by hand), `msgspec.convert` (structs, from the object that orjson has
read), and `msgspec.json.decode` (structs, straight from the bytes, which leaves out our limits of numbers and nesting).
`msgspec` is no dependency of ours; install it to run this (`docs/decisions/0061-frames-are-dataclasses.md`).
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

from dash_devices_nb.core.props import json_limits
from dash_devices_nb.core.props.values import Value
from dash_devices_nb.core.protocol.page_frames import parse

BODY = (
    b'{"output":"out.children","outputs":{"id":"out","property":"children"},"inputs":[{"id":"in","property":"value",'
    b'"value":4}],"changedPropIds":["in.value"]}'
)
FRAMES = {
    "set": b'{"t":"set","s":17,"m":{"slider":{"value":4.5}},"q":3,"k":120}',
    "ok": b'{"t":"ok","q":3,"k":120}',
    "req": b'{"t":"req","n":9,"path":"_dash-update-component","query":"","body":' + BODY + b',"q":3,"k":120}',
}


def structs() -> Any:
    """The same three frames as tagged structs of `msgspec`."""
    import msgspec

    class Base(msgspec.Struct, frozen=True, tag_field="t"):
        q: int | None = None
        k: int | None = None

    class Set(Base, frozen=True, tag="set", kw_only=True):
        s: int
        m: dict[str, dict[str, Any]]
        e: list[tuple[str, str, list[tuple[list[str | int], Any]]]] = []  # noqa: RUF012 - msgspec copies it
        c: list[Any] | None = None
        w: str | None = None

    class Ok(Base, frozen=True, tag="ok"):
        pass

    class Req(Base, frozen=True, tag="req", kw_only=True):
        n: int
        path: str
        query: str = ""
        body: Any = None
        c: list[Any] | None = None
        w: str | None = None

    return Set | Ok | Req


def readers() -> dict[str, Callable[[bytes], Any]]:
    import msgspec

    union = structs()
    decoder = msgspec.json.Decoder(union)

    def finished(frame: Any) -> Any:
        """What a struct does not say: ids are bounded, and a value is a `Value`."""
        given = getattr(frame, "m", None)
        if given is None:
            return frame
        mods = {}
        for component_id, props in given.items():
            for prop, value in props.items():
                json_limits.checked(component_id, prop)
                mods[component_id, prop] = Value.of(value)
        return frame, mods

    return {
        "ours": parse,
        "convert": lambda data: finished(msgspec.convert(json_limits.read(data, "a frame"), union)),
        "decode": lambda data: finished(decoder.decode(data)),
    }


def measure(read: Callable[[bytes], Any], data: bytes, count: int) -> float:
    """Microseconds of this thread for each."""
    began = time.thread_time()
    for _ in range(count):
        read(data)
    return (time.thread_time() - began) / count * 1e6


def run(options: Any) -> int:
    """The command ``parsing``. Prints the median of each, and its ratio to ours."""
    known = readers()
    print(f"{'microseconds':14}" + "".join(f"{key:>22}" for key in known))
    for name, data in FRAMES.items():
        said: dict[str, list[float]] = {key: [] for key in known}
        for _ in range(options.rounds):  # interleaved, so that a busy moment of the machine meets all
            for key, read in known.items():
                said[key].append(measure(read, data, options.count))
        medians = {key: statistics.median(values) for key, values in said.items()}
        cells = [f"{median:.2f} ({median / medians['ours']:.2f}x)" for median in medians.values()]
        print(f"{name + f', {len(data)} B':14}" + "".join(f"{cell:>22}" for cell in cells), flush=True)
    return 0

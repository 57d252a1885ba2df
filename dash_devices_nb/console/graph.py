"""The picture of the callbacks as SVG: inputs, callbacks and outputs in columns.

In JupyterLab's page the colours follow its theme; elsewhere they are those of a light theme. The picture has a
background of its own, so it is readable everywhere.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from dash_devices_nb.console.layers import Edge, Node, columns, heights, routes

if TYPE_CHECKING:
    from dash_devices_nb.app.api.dash import Dash

KINDS = {"shared": "#1976d2", "regular": "#2e8b57", "clientside": "#c77700"}
CHARACTER, BOLD, SMALL = 6.8, 7.6, 6.0
"""Mean width of a letter, in pixels: of a prop, a callback's name, and the line below it."""
PROP_HEIGHT, CALL_HEIGHT, VIA_HEIGHT = 24.0, 42.0, 2.0
ROOM, BETWEEN, MARGIN, LEGEND = 8.0, 70.0, 12.0, 34.0
LONGEST = 28
_INK, _FAINT, _PAPER = (
    "var(--jp-ui-font-color1, #222)",
    "var(--jp-ui-font-color2, #666)",
    "var(--jp-layout-color1, #fff)",
)
_BAD = "var(--jp-error-color1, #c62828)"


@dataclass(eq=False)
class _Box:
    """A prop or a callback in the picture."""

    label: str
    title: str
    detail: str = ""
    kind: str = ""
    failed: bool = False
    x: float = 0.0
    y: float = 0.0
    width: float = field(init=False)
    height: float = field(init=False)

    def __post_init__(self) -> None:
        self.width = max(len(self.label) * (BOLD if self.kind else CHARACTER), len(self.detail) * SMALL) + 20
        self.height = CALL_HEIGHT if self.kind else PROP_HEIGHT


class Graph:
    """The callbacks of an app at the time of construction.

    Attributes:
        svg: the picture.
    """

    def __init__(self, app: Dash) -> None:
        self.svg = draw(app.callbacks)

    def _repr_svg_(self) -> str:
        return self.svg

    def _repr_html_(self) -> str:
        return f'<div style="max-height: 640px; max-width: 100%; overflow: auto">{self.svg}</div>'


def draw(definitions: Iterable[Any]) -> str:
    """Draw some definitions. Connect and authorize hooks are left out: they have no props."""
    boxes: dict[Node, _Box] = {}
    flow: dict[Edge, str] = {}
    read: dict[Edge, str] = {}
    for number, each in enumerate(definitions):
        if each.kind not in KINDS:
            continue
        for name in (*each.inputs, *each.state, *each.outputs):
            if name not in boxes:
                label = _readable(name)
                boxes[name] = _Box(_short(label), label)
        boxes[number] = _callback_box(each)
        flow.update(((name, number), each.kind) for name in each.inputs)
        flow.update(((number, name), each.kind) for name in each.outputs)
        read.update(((name, number), each.kind) for name in each.state if name not in each.inputs)
    points = _arrange(boxes, [*flow, *read])
    return _svg(boxes, points, flow, read)


def _callback_box(each: Any) -> _Box:
    stats = each.stats
    if each.kind == "clientside":
        parts = ["runs in the page"]
    else:
        parts = [f"{stats.calls} call{'' if stats.calls == 1 else 's'}"]
        parts += [f"{stats.mean * 1000:.1f} ms"] if stats.calls else []
        parts += [f"{stats.errors} failed"] if stats.errors else []
    parts += [each.cell] if each.cell else []
    title = f"{each.name} ({each.kind})\n" + ", ".join(parts)
    if stats.calls:
        title += f"\nworst {stats.worst * 1000:.1f} ms"
    return _Box(_short(each.name), title, " · ".join(parts), each.kind, failed=bool(stats.errors))


def _readable(name: str) -> str:
    """Return a prop's name; patterns without quotes and brackets."""
    component_id, _, prop = name.rpartition(".")
    if not component_id.startswith("{"):
        return name
    try:
        pairs = json.loads(component_id).items()
    except ValueError:
        return name
    return f"{{{', '.join(f'{k}: {v[0] if isinstance(v, list) and v else v}' for k, v in pairs)}}}.{prop}"


def _short(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    return f"{text[: LONGEST // 2]}…{text[-(LONGEST // 2 - 1) :]}"


def _arrange(boxes: dict[Node, _Box], edges: list[Edge]) -> dict[Edge, list[tuple[float, float]]]:
    """Place the boxes. Returns the points through which each edge goes."""
    column = columns(list(boxes), edges)
    by = routes(column, edges)
    size = {node: (boxes[node].height if node in boxes else VIA_HEIGHT) + ROOM for node in column}
    steps = [step for nodes in by.values() for step in pairwise(nodes)]
    height = heights(column, steps, size)
    middle = {node: value + MARGIN + LEGEND for node, value in height.items()}
    left, sides = MARGIN, []
    for number in range(max(column.values(), default=-1) + 1):
        widest = max(box.width for node, box in boxes.items() if column[node] == number)
        sides.append((left, left + widest))
        left += widest + BETWEEN
    for node, box in boxes.items():
        box.x, box.y = sides[column[node]][0], middle[node] - box.height / 2
    points: dict[Edge, list[tuple[float, float]]] = {}
    for (source, target), nodes in by.items():
        line = [(boxes[source].x + boxes[source].width, middle[source])]
        for node in nodes[1:-1]:
            line += [(side, middle[node]) for side in sides[column[node]]]
        points[source, target] = [*line, (boxes[target].x - 5, middle[target])]
    return points


def _svg(
    boxes: dict[Node, _Box],
    points: dict[Edge, list[tuple[float, float]]],
    flow: dict[Edge, str],
    read: dict[Edge, str],
) -> str:
    width = max((box.x + box.width for box in boxes.values()), default=300.0) + MARGIN
    height = max((box.y + box.height for box in boxes.values()), default=LEGEND + 30) + MARGIN
    width = max(width, 420.0)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="Callbacks" width="{width:.0f}" '
        f'height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'font-family="var(--jp-ui-font-family, system-ui, sans-serif)" font-size="12">',
        f'<rect width="100%" height="100%" fill="{_PAPER}"/>',
        _legend(),
    ]
    if not boxes:
        parts.append(f'<text x="{MARGIN}" y="{LEGEND + 20}" fill="{_FAINT}">There are no callbacks.</text>')
    parts += [_edge(points[edge], kind, dashed=False) for edge, kind in flow.items()]
    parts += [_edge(points[edge], kind, dashed=True) for edge, kind in read.items()]
    parts += [_box(box) for box in boxes.values()]
    return "".join([*parts, "</svg>"])


def _legend() -> str:
    x, parts = MARGIN, []
    for kind, colour in KINDS.items():
        parts.append(
            f'<rect x="{x}" y="11" width="14" height="14" rx="3" fill="{colour}" fill-opacity=".22" stroke="{colour}"/>'
            f'<text x="{x + 20}" y="22" fill="{_INK}">{kind}</text>'
        )
        x += 34 + len(kind) * CHARACTER
    parts.append(
        f'<path d="M{x} 18h26" stroke="{_FAINT}" stroke-dasharray="4 3" fill="none"/>'
        f'<text x="{x + 32}" y="22" fill="{_INK}">state, read only</text>'
    )
    return "".join(parts)


def _edge(points: list[tuple[float, float]], kind: str, *, dashed: bool) -> str:
    """Draw a line that bends between columns and is straight across one."""
    (x, y), colour = points[0], KINDS[kind]
    path = f"M{x:.1f} {y:.1f}"
    for number, ((x1, y1), (x2, y2)) in enumerate(pairwise(points)):
        bend = max((x2 - x1) / 2, BETWEEN / 2)
        curve = f"C{x1 + bend:.1f} {y1:.1f} {x2 - bend:.1f} {y2:.1f} {x2:.1f} {y2:.1f}"
        path += curve if number % 2 == 0 else f"H{x2:.1f}"
    x, y = points[-1]
    dash = ' stroke-dasharray="4 3"' if dashed else ""
    return (
        f'<path d="{path}" fill="none" stroke="{colour}" stroke-opacity=".75"{dash}/>'
        f'<path d="M{x:.1f} {y - 3.5:.1f}l5.5 3.5l-5.5 3.5z" fill="{colour}"/>'
    )


def _box(box: _Box) -> str:
    text_x, middle = box.x + 10, box.y + box.height / 2
    shape = f'x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}"'
    title = f"<title>{html.escape(box.title)}</title>"
    label = html.escape(box.label)
    if not box.kind:
        return (
            f'<g>{title}<rect {shape} rx="{box.height / 2}" fill="{_PAPER}" stroke="{_FAINT}" stroke-opacity=".6"/>'
            f'<text x="{text_x:.1f}" y="{middle + 4:.1f}" fill="{_INK}">{label}</text></g>'
        )
    colour = KINDS[box.kind]
    return (
        f'<g>{title}<rect {shape} rx="5" fill="{_PAPER}"/>'
        f'<rect {shape} rx="5" fill="{colour}" fill-opacity=".16" stroke="{_BAD if box.failed else colour}"/>'
        f'<text x="{text_x:.1f}" y="{middle - 4:.1f}" fill="{_INK}" font-weight="600">{label}</text>'
        f'<text x="{text_x:.1f}" y="{middle + 12:.1f}" fill="{_BAD if box.failed else _FAINT}" font-size="10.5">'
        f"{html.escape(box.detail)}</text></g>"
    )

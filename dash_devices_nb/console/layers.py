"""A small layered layout: nodes in columns, with arrows to the right where possible.

A node stands one column to the right of the rightmost node that leads to it. Arrows that close a circle do not count.
Within a column, nodes are ordered by the mean height of their neighbours, in a few passes to and fro (the barycentre
heuristic of Sugiyama, Tagawa and Toda, 1981), and stand as near to that height as there is room.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence

Node = Hashable
Edge = tuple[Node, Node]
SWEEPS, FORWARD = 8, 4


def columns(nodes: Sequence[Node], edges: Iterable[Edge]) -> dict[Node, int]:
    """Return the column of each node."""
    following: dict[Node, list[Node]] = {node: [] for node in nodes}
    for source, target in edges:
        following[source].append(target)
    order = _topological(nodes, following)
    place = {node: number for number, node in enumerate(order)}
    column = dict.fromkeys(nodes, 0)
    for node in order:
        for target in following[node]:
            if place[target] > place[node]:
                column[target] = max(column[target], column[node] + 1)
    return column


def _topological(nodes: Sequence[Node], following: Mapping[Node, list[Node]]) -> list[Node]:
    """Order each node before those that it leads to. Circles are cut where the walk returns."""
    seen: set[Node] = set()
    finished: list[Node] = []
    for start in nodes:
        if start in seen:
            continue
        seen.add(start)
        walk = [(start, iter(following[start]))]
        while walk:
            node, rest = walk[-1]
            for target in rest:
                if target not in seen:
                    seen.add(target)
                    walk.append((target, iter(following[target])))
                    break
            else:
                finished.append(node)
                walk.pop()
    return finished[::-1]


def routes(column: dict[Node, int], edges: Iterable[Edge]) -> dict[Edge, list[Node]]:
    """Return the points of each edge: its ends, and a new node (added to `column`) in each column between them.

    So other nodes make way for an edge.
    """
    found: dict[Edge, list[Node]] = {}
    for source, target in edges:
        points = [source]
        for number in range(column[source] + 1, column[target]):
            via = ("via", source, target, number)
            column[via] = number
            points.append(via)
        found[source, target] = [*points, target]
    return found


def heights(column: Mapping[Node, int], edges: Iterable[Edge], size: Mapping[Node, float]) -> dict[Node, float]:
    """Return the middle height of each node. `size` includes the gap between nodes. The topmost edge is at 0."""
    neighbours: dict[Node, list[Node]] = {node: [] for node in column}
    for source, target in edges:
        neighbours[source].append(target)
        neighbours[target].append(source)
    layers: list[list[Node]] = [[] for _ in range(max(column.values(), default=-1) + 1)]
    for node, number in column.items():
        layers[number].append(node)
    height: dict[Node, float] = {}
    for layer in layers:
        _place(layer, dict.fromkeys(layer, 0.0), size, height)
    for sweep in range(SWEEPS):
        # The last pass goes forward: inputs say more about a callback's place than outputs.
        step = 1 if sweep % 2 == 0 or sweep >= SWEEPS - FORWARD else -1
        for layer in layers[::step]:
            wanted = {}
            for node in layer:
                others = [other for other in neighbours[node] if (column[other] - column[node]) * step < 0]
                near = others or neighbours[node]
                wanted[node] = sum(height[other] for other in near) / len(near) if near else height[node]
            _place(sorted(layer, key=lambda node: wanted[node]), wanted, size, height)
    top = min((height[node] - size[node] / 2 for node in height), default=0.0)
    return {node: value - top for node, value in height.items()}


def _place(
    layer: Sequence[Node], wanted: Mapping[Node, float], size: Mapping[Node, float], height: dict[Node, float]
) -> None:
    """Place the nodes of a column in this order, each as near to its wanted height as the others permit.

    Nodes that would overlap form a block, which stands at the mean of their wanted heights.
    """
    blocks: list[tuple[float, float, list[Node]]] = []  # sum of wanted tops, extent, nodes
    for node in layer:
        total, extent, members = wanted[node] - size[node] / 2, size[node], [node]
        while blocks:
            before_total, before_extent, before = blocks[-1]
            if before_total / len(before) + before_extent <= total / len(members):
                break
            blocks.pop()
            total = before_total + total - before_extent * len(members)
            extent, members = before_extent + extent, before + members
        blocks.append((total, extent, members))
    for total, _, members in blocks:
        top = total / len(members)
        for node in members:
            height[node] = top + size[node] / 2
            top += size[node]

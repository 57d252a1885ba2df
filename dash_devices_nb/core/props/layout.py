"""The known components, found in plain JSON trees, and the shared values laid over such trees.

A component in JSON is `{"type", "namespace", "props"}`. Its id is one of the props. Components may be anywhere in a
prop's value, not only in `children`, so the whole tree is searched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypedDict, TypeGuard

from dash_devices_nb.core.props.ids import Ref, canonical
from dash_devices_nb.core.props.json_types import Json

EVENT_PROPS = frozenset({"extendData", "prependData"})
"""Props that are events: every value is applied, none is kept."""


UNKNOWN_KIND = ("", "")
"""The kind of a component of which only the id is known."""


class ComponentNode(TypedDict):
    """A component in JSON."""

    namespace: str
    type: str
    props: dict[str, Json]


def is_component(node: Json) -> TypeGuard[ComponentNode]:
    """Whether `node` is a component in JSON."""
    return isinstance(node, dict) and isinstance(node.get("props"), dict) and "type" in node and "namespace" in node


def components(tree: Json) -> Iterator[tuple[str, ComponentNode]]:
    """Yield (canonical id, component) for each component with an id, parents before their children."""
    stack: list[Json] = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            if is_component(node):
                component_id = node["props"].get("id")
                if isinstance(component_id, str | dict):
                    yield canonical(component_id), node
                stack.extend(reversed(list(node["props"].values())))
            else:
                stack.extend(reversed(list(node.values())))
        elif isinstance(node, list):
            stack.extend(reversed(node))


@dataclass
class Component:
    """A known component.

    Attributes:
        id: the canonical id.
        kind: (namespace, type), such as ("dash_core_components", "Slider").
        props: its props in the layout or the value that had it last.
    """

    id: str
    kind: tuple[str, str]
    props: dict[str, Json]


@dataclass
class Layout:
    """The known components, in the order of their first appearance.

    Attributes:
        version: a number that grows when a component is added. Caches depend on it.
    """

    by_id: dict[str, Component] = field(default_factory=dict)
    version: int = 0

    def add(self, tree: Json) -> list[str]:
        """Add all components of a tree.

        Returns:
            The new ids.
        """
        new: list[str] = []
        for component_id, node in components(tree):
            if component_id not in self.by_id:
                new.append(component_id)
            kind = (str(node["namespace"]), str(node["type"]))
            self.by_id[component_id] = Component(component_id, kind, node["props"])
        if new:
            self.version += 1
        return new

    def declare(self, ids: Iterable[str]) -> None:
        """Add components of which only the id is known."""
        new = [each for each in ids if each not in self.by_id]
        self.by_id.update((each, Component(each, UNKNOWN_KIND, {})) for each in new)
        if new:
            self.version += 1

    def remove(self, gone: Iterable[str], *, but: Json) -> None:
        """Forget components, and add those of the trees in `but`: some may have moved only."""
        for component_id in gone:
            self.by_id.pop(component_id, None)
        self.version += 1
        self.add(but)

    def replace(self, tree: Json) -> None:
        """Forget all components, and add those of another tree."""
        self.by_id.clear()
        self.version += 1
        self.add(tree)

    def __contains__(self, component_id: str) -> bool:
        return component_id in self.by_id

    def initial(self, component_id: str, prop: str) -> Json:
        """The prop's value in the layout, or None."""
        component = self.by_id.get(component_id)
        return None if component is None else component.props.get(prop)

    def matching(self, ref: Ref) -> Iterator[str]:
        """The known ids that a dependency matches, in layout order."""
        if not ref.pattern:
            if ref.id in self.by_id:
                yield ref.id
            return
        for component_id in self.by_id:
            if ref.bind(component_id) is not None:
                yield component_id


def overlay(
    tree: Json,
    values_of: Callable[[str], dict[str, Json] | None],
    covered: dict[str, dict[str, Json]] | None = None,
) -> bool:
    """Lay values over the components of a tree, in place, and over components within those values.

    Args:
        tree: a JSON tree that the caller owns.
        values_of: returns the values of a component by prop (plain, owned by the caller), or None.
        covered: receives the previous values, by id and prop.

    Returns:
        Whether anything was laid over.
    """
    changed = False
    pending: list[Json] = [tree]
    seen: set[str] = set()
    while pending:
        for component_id, node in components(pending.pop()):
            values = None if component_id in seen else values_of(component_id)
            if values:
                seen.add(component_id)
                changed = True
                if covered is not None:
                    covered[component_id] = {prop: node["props"].get(prop) for prop in values}
                node["props"].update(values)
                pending.extend(value for value in values.values() if isinstance(value, dict | list))
    return changed

"""Who sets an object's attributes: the object itself, or the file of its class. Others call a method that says why."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "dash_devices_nb"

OF_OTHERS = {
    "app/delivery/video.py": {"self._codec.width", "self._codec.height", "self._codec.options"},
    "app/stock_dash/dash_internals.py": {"request.body", "context.client", "context.cause"},
    "app/stock_dash/served_files.py": {"response.response"},
    "console/people.py": {"dropdown.options", "dropdown.value", "self.role.value", "self.text.value"},
    "console/status.py": {"widget.value"},
    "kernel/outputlog.py": {"self._again.now"},
    "remote/link.py": {"request.data"},
    "transport/server_state.py": {"self.logger.parent"},
}
"""Objects of other packages, which have an attribute that a class of ours has too."""

PUBLIC = {
    "demo/console.py": {"thermostat.on_reading", "thermostat.target", "thermostat.enabled"},
    "devices/bluesky_plans.py": {"run.note"},
}
"""What the documents let a program set."""


def stored(tree: ast.AST) -> Iterator[ast.Attribute]:
    """The attributes that are assigned, of whatever object."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node


def is_own(attribute: ast.Attribute) -> bool:
    """Whether an object sets its own attribute."""
    return isinstance(attribute.value, ast.Name) and attribute.value.id in ("self", "cls")


def setters(tree: ast.AST) -> Iterator[str]:
    """The properties that can be set."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            for decorator in node.decorator_list:
                if isinstance(decorator, ast.Attribute) and decorator.attr == "setter":
                    yield node.name


def declared(tree: ast.AST) -> Iterator[str]:
    """The attributes of the classes of a file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            yield from (each.attr for each in stored(node) if is_own(each))
            for each in node.body:
                if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name):
                    yield each.target.id


def test_nothing_is_assigned_from_outside():
    """Properties with a setter apart: those check what they are given."""
    trees = {str(path.relative_to(PACKAGE)): ast.parse(path.read_text("utf-8")) for path in PACKAGE.rglob("*.py")}
    settable = {name for tree in trees.values() for name in setters(tree)}
    files = defaultdict(set)
    for path, tree in trees.items():
        for name in declared(tree):
            files[name].add(path)
    allowed = {(path, name) for each in (OF_OTHERS, PUBLIC) for path, names in each.items() for name in names}
    found = {
        (path, ast.unparse(each))
        for path, tree in trees.items()
        for each in stored(tree)
        if not is_own(each) and each.attr not in settable and files[each.attr] and path not in files[each.attr]
    }
    assert found == allowed

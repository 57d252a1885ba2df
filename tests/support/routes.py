"""Every route of a Jupyter server: an extension for tests that lists them, and paths that match them."""

from __future__ import annotations

import re
from typing import Any

from tornado import web
from tornado.routing import PathMatches, RuleRouter

PATH = "every-route-of-this-server"


def _patterns(router: RuleRouter) -> list[str]:
    found: list[str] = []
    for rule in router.rules:
        if isinstance(rule.matcher, PathMatches):
            found.append(rule.matcher.regex.pattern)
        elif isinstance(rule.target, RuleRouter):
            found += _patterns(rule.target)
    return found


class RoutesHandler(web.RequestHandler):
    """The patterns of all routes, as JSON."""

    def get(self) -> None:
        self.finish({"routes": _patterns(self.application.default_router)})


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "tests.support.routes"}]


def _load_jupyter_server_extension(serverapp: Any) -> None:
    serverapp.web_app.add_handlers(".*", [(serverapp.base_url + PATH, RoutesHandler)])


def sample(pattern: str) -> str:
    """A path that a pattern matches."""
    parsed = re._parser.parse(pattern)  # type: ignore[attr-defined]
    text = _text(parsed)
    assert re.fullmatch(pattern.removesuffix("$"), text), (pattern, text)
    return text


def _text(parsed: Any) -> str:
    return "".join(_item(str(operation), argument) for operation, argument in parsed)


def _item(operation: str, argument: Any) -> str:
    match operation:
        case "LITERAL":
            return chr(argument)
        case "NOT_LITERAL" | "ANY":
            return "x"
        case "IN":
            return _one_of(argument)
        case "SUBPATTERN":
            return _text(argument[3])
        case "BRANCH":
            return _text(argument[1][0])
        case "MAX_REPEAT" | "MIN_REPEAT":
            least, most, inside = argument
            return _text(inside) * max(least, min(1, most))
        case "AT" | "ASSERT" | "ASSERT_NOT":
            return ""
    raise NotImplementedError(operation)


def _one_of(options: Any) -> str:
    kinds = [str(kind) for kind, _ in options]
    if kinds[0] == "NEGATE":
        excluded = {chr(value) for kind, value in options[1:] if str(kind) == "LITERAL"}
        return next(c for c in "xyz" if c not in excluded)
    kind, value = options[0]
    return {"LITERAL": lambda: chr(value), "RANGE": lambda: chr(value[0]), "CATEGORY": lambda: "1"}[str(kind)]()

"""Addresses that a program made before it knew below which path its app would be served.

Through Jupyter an app lives at `{base_url}dash-devices/{app}/`, which `run()` finds out; what `get_asset_url` and
`get_relative_path` gave before, and links that are written by hand, begin at "/". The values stay as they are; the page
completes them (`client/addresses.js`), by what this module tells it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

_VARIABLE = re.compile(r"<(?:([^:<>]+):)?[^<>]+>")


def pattern_of(paths: Iterable[str]) -> str:
    """The paths that there are as a pattern, without their first slash; `<name>` stands for anything in them."""
    return "|".join(sorted({_pattern(path.lstrip("/")) for path in paths}))


def _pattern(path: str) -> str:
    pieces, end = [], 0
    for variable in _VARIABLE.finditer(path):
        kind = variable[1] or ""
        pieces += [re.escape(path[end : variable.start()]), ".+" if kind.startswith("path") else "[^/]+"]
        end = variable.end()
    return "".join([*pieces, re.escape(path[end:])])


@dataclass
class Addresses:
    """What an app's prefix was, and is.

    Attributes:
        prefix: the path below which the browser sees the app now.
        before: what it was before, oldest first.
    """

    prefix: str
    before: list[str] = field(default_factory=list)

    def moved_to(self, prefix: str) -> None:
        """The app is served below another path from now on."""
        if self.prefix != prefix and self.prefix not in self.before:
            self.before.append(self.prefix)
        self.prefix = prefix

    def settings(self, assets: str, paths: Iterable[str]) -> dict[str, Any] | None:
        """What pages are told; None: there is nothing to complete.

        Args:
            assets: the folder of the assets below the prefix, with a slash at its end.
            paths: those below the prefix that there are.
        """
        others = [each for each in self.before if each != self.prefix]
        return {"from": others, "assets": assets, "known": pattern_of(paths)} if others else None

    def complete(self, page: str, assets: str) -> str:
        """A page as HTML, in which a program has written addresses of its assets."""
        for old in self.before:
            if old != self.prefix:
                page = re.sub(rf"([\"'(=]){re.escape(old + assets)}", rf"\g<1>{self.prefix}{assets}", page)
        return page

"""Addresses that a program made before it knew below which path its app would be served.

Through Jupyter, an app is at `{base_url}dash-devices/{app}/`, which is known only when `run()` is called. Addresses
from `get_asset_url` and `get_relative_path` before that, and links that are written by hand, begin at "/". The values
stay as they are. The page completes them (`client/addresses.js`), with the settings that this module makes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from dash_devices_nb.app.stock_dash.types import JsonObject

_VARIABLE = re.compile(r"<(?:([^:<>]+):)?[^<>]+>")


def pattern_of(paths: Iterable[str]) -> str:
    """Make a pattern of paths, without their first slash. `<name>` in a path stands for anything."""
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
    """The prefixes that an app has had.

    Attributes:
        prefix: the path below which the browser sees the app now.
        before: earlier prefixes, oldest first.
    """

    prefix: str
    before: list[str] = field(default_factory=list)

    def moved_to(self, prefix: str) -> None:
        """Note that the app is served below another path."""
        if self.prefix != prefix and self.prefix not in self.before:
            self.before.append(self.prefix)
        self.prefix = prefix

    def settings(self, assets: str, paths: Iterable[str]) -> JsonObject | None:
        """The settings for pages. None: there is nothing to complete.

        Args:
            assets: the folder of the assets below the prefix, with a slash at its end.
            paths: the existing paths below the prefix.
        """
        others = [each for each in self.before if each != self.prefix]
        return {"from": others, "assets": assets, "known": pattern_of(paths)} if others else None

    def complete(self, page: str, assets: str) -> str:
        """Complete the addresses of assets in a page's HTML."""
        for old in self.before:
            if old != self.prefix:
                page = re.sub(rf"([\"'(=]){re.escape(old + assets)}", rf"\g<1>{self.prefix}{assets}", page)
        return page

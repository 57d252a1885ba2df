"""Tables as a notebook shows them: small HTML whose texts are escaped."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence

_NUMBER = re.compile(r"-?\d+(\.\d+)?")


def html_table(heads: Sequence[str], rows: Iterable[Sequence[object]], caption: str = "") -> str:
    """A table. All texts are escaped.

    Args:
        heads: one for each column.
        rows: a cell for each column; numbers stand on the right.
        caption: a line below the table.
    """
    lines = list(rows)
    sides = [_side(cell) for cell in lines[0]] if lines else ["left"] * len(heads)
    head = "".join(_cell("th", name, side) for name, side in zip(heads, sides, strict=True))
    body = "".join(f"<tr>{''.join(_cell('td', cell, _side(cell)) for cell in row)}</tr>" for row in lines)
    below = f"<p><small>{html.escape(caption)}</small></p>" if caption else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{below}"


def _side(content: object) -> str:
    return "right" if _NUMBER.fullmatch(str(content)) else "left"


def _cell(tag: str, content: object, side: str) -> str:
    return f'<{tag} style="text-align: {side}; padding: 2px 8px">{html.escape(str(content))}</{tag}>'

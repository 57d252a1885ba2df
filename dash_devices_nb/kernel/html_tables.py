"""Small HTML tables for notebooks. All texts are escaped."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence

_NUMBER = re.compile(r"-?\d+(\.\d+)?")

SHORT = 24
"""Texts up to this length are not wrapped."""
_TABLE = "border-collapse: collapse; line-height: 1.4; margin: 2px 0"


def html_table(heads: Sequence[str], rows: Iterable[Sequence[object]], caption: str = "") -> str:
    """Return a table. All texts are escaped.

    Args:
        heads: one for each column.
        rows: one cell for each column; numbers are right-aligned.
        caption: a line below the table.
    """
    lines = list(rows)
    sides = [_side(cell) for cell in lines[0]] if lines else ["left"] * len(heads)
    head = "".join(_cell("th", name, side) for name, side in zip(heads, sides, strict=True))
    body = "".join(f"<tr>{''.join(_cell('td', cell, _side(cell)) for cell in row)}</tr>" for row in lines)
    below = f"<p><small>{html.escape(caption)}</small></p>" if caption else ""
    table = f'<table style="{_TABLE}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    return f'<div style="overflow-x: auto; max-width: 100%">{table}</div>{below}'


def _side(content: object) -> str:
    return "right" if _NUMBER.fullmatch(str(content)) else "left"


def _cell(tag: str, content: object, side: str) -> str:
    text = html.escape(str(content))
    style = f"text-align: {side}; padding: 2px 8px; vertical-align: top"
    style += "; white-space: nowrap" if tag == "th" or len(text) <= SHORT else ""
    style += "; border-bottom: 1px solid var(--jp-border-color2, #8886)" if tag == "th" else ""
    return f'<{tag} style="{style}">{text}</{tag}>'

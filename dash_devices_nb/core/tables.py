"""Tables as a notebook shows them: small HTML whose texts are escaped."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence


def html_table(heads: Sequence[str], rows: Iterable[Sequence[object]], caption: str = "") -> str:
    """A table. All texts are escaped.

    Args:
        heads: one for each column.
        rows: a cell for each column; numbers stand on the right.
        caption: a line below the table.
    """
    head = "".join(f"<th>{html.escape(name)}</th>" for name in heads)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    below = f"<p><small>{html.escape(caption)}</small></p>" if caption else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{below}"


def _cell(content: object) -> str:
    side = "right" if isinstance(content, int | float) else "left"
    return f'<td style="text-align: {side}">{html.escape(str(content))}</td>'

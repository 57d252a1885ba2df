"""What an AG Grid's `rowTransaction` does to its rows, so that who comes later sees them.

`add` puts rows at the end, or at `addIndex`; `update` and `remove` mean the row with the same id, which the grid's
`getRowId` tells. That is a piece of JavaScript; read are `params.data.NAME`, `params.data.NAME.NAME` and either in
`String(...)` or with `.toString()`.
"""

from __future__ import annotations

import re

from dash_devices_nb.core.props.json_types import Plain

_ROW_ID = re.compile(
    r"\s*(?:String\(\s*)?params\.data\.([A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)*?)(?:\.toString\(\))?\s*\)?;?\s*"
)


def transacted(rows: Plain, transaction: Plain, row_id: Plain) -> list[Plain] | None:
    """The rows after a transaction; the old ones are not changed.

    Args:
        rows: the rows before; None: there are none.
        transaction: `{"add": [rows], "addIndex": number, "update": [rows], "remove": [rows]}`.
        row_id: the grid's `getRowId`.

    Returns:
        None where it cannot be told: `update` or `remove` with a `getRowId` that is not read, or no transaction at all.
    """
    if not isinstance(transaction, dict) or not isinstance(rows, list | None):
        return None
    parts = {name: transaction.get(name) or [] for name in ("add", "update", "remove")}
    if not all(isinstance(part, list) for part in parts.values()):
        return None
    result = list(rows or [])
    if parts["update"] or parts["remove"]:
        found = _ROW_ID.fullmatch(row_id) if isinstance(row_id, str) else None
        if found is None:
            return None
        path = found[1].split(".")
        gone = {_id(row, path) for row in parts["remove"]}
        newer = {_id(row, path): row for row in parts["update"]}
        result = [newer.get(id, row) for row in result if (id := _id(row, path)) not in gone]
    index = transaction.get("addIndex")
    at = index if isinstance(index, int) and 0 <= index <= len(result) else len(result)
    result[at:at] = parts["add"]
    return result


def _id(row: Plain, path: list[str]) -> str:
    for name in path:
        row = row.get(name) if isinstance(row, dict) else None
    return str(row)

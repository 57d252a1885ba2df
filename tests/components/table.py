"""The table of the walk: docs/components.md, its odd cells and their reasons."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.components.walk import NO_ACT, Row

TABLE = Path(__file__).parents[2] / "docs" / "components.md"
REASONS = Path(__file__).with_name("reasons.toml")
USUAL = {"act": "1 by its page", "push": "none", "load": "none"}
SHOWN = ("3 pages", "3 pages, not to be seen")
INTRODUCTION = """# What components say, and who is called

`make components` walks the props below in Chromium and fails where a run differs; `make components
COMPONENTS_ARGS=--write` writes this table. Each prop has a shared callback. Three pages are open. *Act*: a person
does this in one of them. *Push*: the app then pushes another value of the prop; the call that the push itself makes
is not counted. *Load*: the three pages are opened, and at the end one is opened again. The cells count the calls
and say by whom: `callback_context.client` is the page of the person ("its page"), another one, or None ("nobody").
Calls of other props by the same act or push are named.

The last columns say whether all three pages have the pushed value, and why a cell is not "one act, one call, by
that page; push and load: none". The reasons stand in
[tests/components/reasons.toml](../tests/components/reasons.toml).

"""
HEAD = ("component", "prop", "act", "calls by the act", "by the push", "by loading", "the push shows in", "why")

Reasons = dict[str, dict[str, str]]


def reasons() -> Reasons:
    """Why cells are odd: by row and cell."""
    return tomllib.loads(REASONS.read_text())


def odd(row: Row) -> Iterator[str]:
    """The cells of a row that need a reason."""
    yield from (cell for cell, usual in USUAL.items() if getattr(row, cell) not in (usual, NO_ACT))
    if row.shown not in SHOWN:
        yield "shown"


def lines(rows: Iterable[Row], why: Reasons) -> list[str]:
    """Rows as lines of the table."""
    return [
        "| "
        + " | ".join(
            (
                row.component,
                f"`{row.prop}`",
                row.text,
                row.act,
                row.push,
                row.load,
                row.shown,
                " ".join(f"{cell}: {why.get(row.key, {}).get(cell, '?')}." for cell in odd(row)),
            )
        )
        + " |"
        for row in rows
    ]


def faults(rows: list[Row], why: Reasons, *, whole: bool) -> list[str]:
    """Odd cells without a reason, and reasons that are of no odd cell any more.

    Args:
        rows: What was counted.
        why: The reasons.
        whole: Whether all components were walked, so that a reason for none of these rows is stale.
    """
    found = [
        f"{row.key}, {cell}: {getattr(row, cell)!r} has no reason"
        for row in rows
        for cell in odd(row)
        if cell not in why.get(row.key, {})
    ]
    by_key = {row.key: set(odd(row)) for row in rows}
    for key, cells in why.items():
        if key in by_key or whole:
            stale = set(cells) - by_key.get(key, set())
            found += [f"{key}, {cell}: there is a reason, and nothing odd" for cell in sorted(stale)]
    return found


def written() -> dict[str, str]:
    """The lines of the committed table, by component and prop."""
    lines = TABLE.read_text().splitlines() if TABLE.exists() else []
    return {_row(line).key: line for line in lines if len(line.split(" | ")) == len(HEAD) and "| `" in line}


def _row(line: str) -> Row:
    component, prop, *cells, _ = line.removeprefix("| ").split(" | ")
    return Row(component, prop.strip("`"), *cells)


def differences(rows: list[Row], why: Reasons, *, whole: bool) -> list[str]:
    """Where a run is not what is committed."""
    committed = written()
    found = []
    for row, line in zip(rows, lines(rows, why), strict=True):
        if committed.get(row.key) != line:
            found.append(f"{row.key}:\n  committed {committed.get(row.key)}\n  counted   {line}")
    if whole:
        found += [f"{key}: is in the table, and was not walked" for key in committed.keys() - {r.key for r in rows}]
    return found


def write(rows: list[Row], why: Reasons, order: list[str]) -> None:
    """Write the table: what was walked, and of the rest what is there."""
    by_key = {key: _row(line) for key, line in written().items()} | {row.key: row for row in rows}
    head = ["| " + " | ".join(HEAD) + " |", "|" + "---|" * len(HEAD)]
    body = lines([by_key[key] for key in order if key in by_key], why)
    TABLE.write_text(INTRODUCTION + "\n".join([*head, *body]) + "\n")

"""axe-core, which looks for what people with a screen reader, a keyboard or weak eyes cannot use."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

from playwright.async_api import Page

NODE = Path(shutil.which("python") or sys.executable).parents[1] / "node" / "node_modules"
OFF = {"label-content-name-mismatch": {"enabled": False}}
"""Of axe's experimental rules: a hold button has its reading in its text, and not in its name."""
SCRIPT = NODE / "axe-core" / "axe.min.js"


async def findings(page: Page, *selectors: str) -> list[str]:
    """What axe finds, serious or critical, one line each.

    Args:
        page: the page. Shadow roots are looked into.
        selectors: only these parts of it. None: all.
    """
    if not await page.evaluate("typeof axe !== 'undefined'"):
        await page.evaluate(SCRIPT.read_text(encoding="utf-8"))
    found: dict[str, Any] = await page.evaluate(
        "([parts, off]) => axe.run(parts.length ? {include: parts.map(each => [each])} : document, {rules: off})",
        [list(selectors), OFF],
    )
    return [
        f"{each['id']} ({each['impact']}): {node['target']}: {node['failureSummary']}"
        for each in found["violations"]
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]

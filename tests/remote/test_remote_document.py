"""The examples of `docs/remote.md` run as they stand there."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from dash_devices_nb import Dash, Input, Output

TEXT = (Path(__file__).parents[2] / "docs/remote.md").read_text(encoding="utf-8")


def test_the_examples_run(app, capsys):
    """One after the other, in one namespace, as a reader types them."""
    blocks = re.findall(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    assert len(blocks) > 5
    # One block is of the app's program: it declares a callback that the app has already.
    names = {"url": app.url, "app": Dash("program"), "Input": Input, "Output": Output}
    for block in blocks:
        exec(block, names)
    assert "3 V" in capsys.readouterr().out
    assert asyncio.run(names["main"]()) == "1 V"

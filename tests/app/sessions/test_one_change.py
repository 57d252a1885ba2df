"""The way of one change through the files, as `docs/architecture.md` tells it."""

import asyncio
import json
import re
import sys
from pathlib import Path

import dash_devices_nb

HOME = Path(dash_devices_nb.__file__).parent.parent
TEXT = (HOME / "docs" / "architecture.md").read_text(encoding="utf-8")
OTHERS = {"tests/app/sessions/test_one_change.py", "app/access/permissions.py"}
"""Named there, but not passed by the change of an owner."""


async def passed() -> set[str]:
    """The files that a change passes, traced in a process of its own: a trace slows down all that its process does."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.programs.one_change", cwd=HOME, stdout=-1, stderr=-1
    )
    out, told = await process.communicate()
    assert process.returncode == 0, told.decode()
    return set(json.loads(out.splitlines()[-1]))


async def test_one_change_passes_the_files_that_the_documents_name():
    """Those of the numbered list are at most 20, the others are asked on the way; there are no more, and no less."""
    section = TEXT.partition("### One change, file by file")[2].partition("\n## ")[0]
    way, _, asked = section.partition("These ask, on the way:")
    on_the_way, on_the_side = (set(re.findall(r"`(\w+/[\w/]+\.py)`", part)) - OTHERS for part in (way, asked))
    assert not on_the_way & on_the_side
    assert len(on_the_way) <= 20
    files = await passed()
    assert ", ".join(sorted(files - on_the_way - on_the_side)) == ""
    assert ", ".join(sorted((on_the_way | on_the_side) - files)) == ""

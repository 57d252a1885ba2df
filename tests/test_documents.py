"""The documents name what there is: every file that they name exists, and every room is named in the architecture."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "dash_devices_nb"
DOCUMENTS = sorted(
    path.relative_to(ROOT).as_posix() for path in (ROOT / "README.md", ROOT / "SECURITY.md", *ROOT.glob("docs/*.md"))
)
FILE = re.compile(r"`([\w./-]+/[\w-]+\.(?:py|js|ts|json|md))`")


def there_is(name: str) -> bool:
    """Whether there is such a file, seen from the repository or from the package."""
    return any((base / name).exists() for base in (ROOT, PACKAGE))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_that_a_document_names_exists(document: str):
    """By its path from the repository or the package."""
    named = set(FILE.findall((ROOT / document).read_text(encoding="utf-8")))
    assert {name for name in named if not there_is(name)} == set()


def test_the_architecture_names_every_room():
    """A package without a line in the table is one that nobody finds."""
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    rooms = {path.parent.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("__init__.py")} - {"."}
    assert {room for room in rooms if f"`{room}/`" not in text} == set()

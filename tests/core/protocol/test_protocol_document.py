"""`docs/protocol.md` says what the types of frames say: no frame, field, version or close code more or less."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from dash_devices_nb.close_codes import CloseCode
from dash_devices_nb.core.protocol import messages
from dash_devices_nb.core.protocol.version import VERSION, mismatch
from tests.core.protocol.test_types_of_frames import APP_FRAMES, INTERFACES, PAGE_FRAMES

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs/protocol.md").read_text(encoding="utf-8")


def rows(title: str) -> list[tuple[str, dict[str, str]]]:
    """The frames of the table below a title: the name, and the fields with "?" where they may be absent."""
    section = TEXT.split(f"\n## {title}\n")[1].split("\n## ")[0]
    found = re.findall(r"^\| `(\w+)` \| (.*?) \|", section, re.MULTILINE)
    return [(name, dict(re.findall(r"`(\w+)(\??)`", given))) for name, given in found]


def test_the_frames_of_pages_are_those_that_the_app_reads():
    """`test_types_of_frames` holds these interfaces to what `page_frames` reads."""
    assert rows("Frames of pages and programs") == [
        (frame.t, {name: absent for name, absent in INTERFACES[frame.__name__].items() if name != "t"})
        for frame in PAGE_FRAMES.values()
    ]


def test_the_frames_of_the_app_are_its_types():
    """In their order, with their fields."""
    expected = []
    for frame in APP_FRAMES.values():
        own = {field.name: "?" if field.default is messages.UNSET else "" for field in fields(frame)}
        expected.append((frame.t, {**({"q": ""} if frame.numbered else {}), **own}))
    assert rows("Frames of the app") == expected


def test_the_close_codes_and_the_version():
    """All of them; and a reason fits into a close frame."""
    codes = {name: int(code) for code, name in re.findall(r"^\| (\d{4}) \| (\w+) \|", TEXT, re.MULTILINE)}
    assert codes == {code.name: int(code) for code in CloseCode}
    assert re.findall(r"\*\*version (\d+)\*\*", TEXT) == [str(VERSION)]
    script = (ROOT / "dash_devices_nb/client/socket.js").read_text(encoding="utf-8")
    assert re.findall(r"dd\.PROTOCOL = (\d+);", script) == [str(VERSION)]
    assert all(len(mismatch(theirs)) <= 120 for theirs in (0, VERSION + 1, 10**6))

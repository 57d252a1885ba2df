"""The browser's types of frames, `client/types.d.ts`, are those of the app: the same names with the same fields."""

import json
import re
from dataclasses import fields
from pathlib import Path

import pytest

from dash_devices_nb.core.protocol import messages, page_frames
from dash_devices_nb.core.protocol.messages import (
    AppFrame,
    ImageHeader,
    OwnModsFrame,
    SharedModsFrame,
    VideoHeader,
)
from dash_devices_nb.core.protocol.page_frames import PageFrame

CLIENT = Path(page_frames.__file__).parents[2] / "client"
TEXT = (CLIENT / "types.d.ts").read_text(encoding="utf-8")
INTERFACES = {
    name: dict(re.findall(r"^    (\w+)(\??): .*;$", body, re.MULTILINE))
    for name, body in re.findall(r"^interface (\w+)(?: extends \w+)? \{\n(.*?)^\}", TEXT, re.MULTILINE | re.DOTALL)
}
"""The fields of each, with "?" where they may be absent."""
TYPES = dict(re.findall(r"^interface (\w+)[^}]*?^    t: '(\w+)';", TEXT, re.MULTILINE))
PAGE_FRAMES = {each.__name__: each for each in PageFrame.__subclasses__()}
APP_FRAMES = {each.__name__: each for each in AppFrame.__subclasses__()}
SAMPLES = {
    "HelloFrame": {
        "client": "c",
        "key": "k",
        "epoch": "e",
        "rev": 1,
        "v": 1,
        "kind": "page",
        "arrays": True,
        "video": ["h264"],
    },
    "SetFrame": {"s": 1, "m": {"a": {"v": 1}}, "r": 1, "c": [], "w": "said", "e": [["a", "w", [[["x"], 1]]]]},
    "RequestFrame": {"n": 1, "path": "_dash-layout", "query": "", "body": None, "c": [], "w": "own"},
    "OkFrame": {},
    "ShownFrame": {"id": "a", "prop": "src", "n": 2, "lacks": "key"},
    "PingFrame": {"rtt": 1},
    "GotFrame": {"n": 1, "value": 1},
    "WantFrame": {"ids": {"a": 1}, "m": {"a": ["v"]}},
    "HereFrame": {"ids": ["a"], "gone": ["b"]},
    "FloorFrame": {"want": True},
    "NameFrame": {"name": "Ada"},
    "ChoiceFrame": {"n": 1, "option": 0},
    "LookFrame": {"visible": False},
    "CrowdFrame": {"n": 3},
    "WatchFrame": {"ids": {"lamp/level": 3, "lamp/on": None}},
    "ByeFrame": {},
}
"""A frame of each type, with all fields."""


class Noting(dict):
    """An object that notes which of its fields are looked at."""

    def __init__(self, given: dict) -> None:
        super().__init__(given)
        self.asked: set[str] = set()

    def get(self, name, default=None):
        self.asked.add(name)
        return super().get(name, default)

    def __contains__(self, name: object) -> bool:
        self.asked.add(str(name))
        return super().__contains__(name)

    def __getitem__(self, name):
        self.asked.add(name)
        return super().__getitem__(name)


def union(name: str) -> set[str]:
    """The members of a union of the browser's."""
    (members,) = re.findall(rf"^type {name} =(.*?);$", TEXT, re.MULTILINE | re.DOTALL)
    return {member.strip() for member in members.split("|") if member.strip()}


def test_both_sides_have_the_same_frames():
    """By their names, and by what they are called on the wire; each is read, or written."""
    assert union("PageFrame") == set(PAGE_FRAMES) == set(SAMPLES)
    assert union("AppFrame") == set(APP_FRAMES)
    assert {name: each.t for name, each in (PAGE_FRAMES | APP_FRAMES).items()} == TYPES
    assert {each.t for each in PAGE_FRAMES.values()} == set(page_frames._READERS)
    assert page_frames.FROM_PAGES.split(", ") == [kind for kind in page_frames._READERS if kind != "hello"]


@pytest.mark.parametrize("name", sorted(PAGE_FRAMES))
def test_the_app_reads_what_a_page_may_write(name, monkeypatch):
    """All fields of the browser's type, and no others; what may be absent there may be absent here."""
    wire = {"t": PAGE_FRAMES[name].t, **SAMPLES[name]}
    assert set(INTERFACES["PageFrameFields"]) == {"q", "k"}
    assert set(INTERFACES[name]) == set(wire)
    noting = Noting({**wire, "q": 1, "k": 1})
    monkeypatch.setattr(page_frames.json_limits, "read", lambda data, what: noting)
    assert type(page_frames.parse("")) is PAGE_FRAMES[name]
    assert noting.asked == {*wire, "q", "k"}
    monkeypatch.undo()
    required = {field: wire[field] for field, absent in INTERFACES[name].items() if not absent}
    assert type(page_frames.parse(json.dumps(required))) is PAGE_FRAMES[name]


@pytest.mark.parametrize("name", sorted(APP_FRAMES))
def test_a_page_reads_what_the_app_writes(name):
    """The fields of the app's type are those of the browser's; what may be unset here may be absent there."""
    frame = APP_FRAMES[name]
    expected = {"t": "", **({"q": ""} if frame.numbered else {})}
    expected |= {field.name: "?" if field.default is messages.UNSET else "" for field in fields(frame)}
    assert INTERFACES[name] == expected


def test_the_header_of_an_image():
    """It is no frame of JSON, but has a type on both sides, too."""
    header = {field.name: "?" if field.default is messages.UNSET else "" for field in fields(ImageHeader)}
    assert INTERFACES["ImageHeader"] == header
    assert json.loads(ImageHeader("a", "src", "raw", 4, 3, 1).encoded()[2:]) == {
        "id": "a",
        "prop": "src",
        "mime": "raw",
        "w": 4,
        "h": 3,
        "d": 1,
    }
    assert INTERFACES["VideoHeader"] == {field.name: "" for field in fields(VideoHeader)}
    unit = ImageHeader("a", "src", "video/h264", 4, 3, v=VideoHeader(True, "avc1.42E01F", 7), of="video/h264")
    assert json.loads(unit.encoded()[2:]) == {
        "id": "a",
        "prop": "src",
        "mime": "video/h264",
        "w": 4,
        "h": 3,
        "v": {"key": True, "codec": "avc1.42E01F", "at": 7},
        "of": "video/h264",
    }


def test_what_is_written_by_hand_has_the_fields_of_its_type():
    """Four frames are not written field by field."""
    frames = (
        messages.AckFrame(1),
        SharedModsFrame({}, 1),
        OwnModsFrame({}, 1, 2),
        messages.AnswerFrame(1, 200, "null", r=1, own=2, ch=[], ck="ticket"),
    )
    for frame in frames:
        text = frame.encoded(1)
        read = json.loads(text if isinstance(text, str) else b"".join(text))
        assert set(read) == set(INTERFACES[type(frame).__name__])


def test_the_scripts_write_the_fields_of_the_types():
    """What each literal of a frame in the scripts has; `tsc` checks the values where it is installed."""
    by_type = {kind: name for name, kind in TYPES.items() if name in PAGE_FRAMES}
    sent = set()
    for script in CLIENT.glob("*.js"):
        for kind, rest in re.findall(r"\{t: '(\w+)'((?:, \w+(?:: [^,{}]*)?)*)", script.read_text(encoding="utf-8")):
            sent.add(kind)
            assert set(re.findall(r", (\w+)", rest)) <= set(INTERFACES[by_type[kind]]), script.name
    assert sent == set(by_type) - {"crowd"}, "which relays send, see `relay/mirror.py`"


def test_every_frame_of_the_app_is_made_and_taken():
    """One that nobody makes, or that no script looks for, is no part of the protocol."""
    package = CLIENT.parent
    made = "".join(path.read_text(encoding="utf-8") for path in package.rglob("*.py") if path.name != "messages.py")
    scripts = "".join(path.read_text(encoding="utf-8") for path in CLIENT.glob("*.js"))
    assert [name for name in APP_FRAMES if f"{name}(" not in made] == []
    scripts += "case 'done' case 'relay'"  # for programs and relays, see `remote/session.py` and `relay/mirror.py`
    assert [each.t for each in APP_FRAMES.values() if not re.search(rf"(case|t ===) '{each.t}'", scripts)] == []

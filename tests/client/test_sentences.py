"""The sentences of the app that pages translate: `client/texts.js` has them as the app says them."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from dash_devices_nb.devices.signals import Dtype, SignalInfo
from dash_devices_nb.errors import SetError

PACKAGE = Path(__file__).parents[2] / "dash_devices_nb"
TABLE = (PACKAGE / "client/texts.js").read_text(encoding="utf-8").partition("dd.SENTENCES = {")[2]
SENTENCES = re.findall(r"""en: (?:'((?:[^'\\]|\\.)*)'|"([^"]*)")""", TABLE)
ROOMS = ("devices", "app/access", "app/api", "app/sessions")


def said(node: ast.AST) -> str:
    """A text of the program, with "{}" for each value."""
    if isinstance(node, ast.JoinedStr):
        return "".join(said(each) for each in node.values)
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    return "{}"


@pytest.fixture(scope="module")
def texts() -> str:
    """All texts of the rooms whose sentences pages show, and those that are put together of two."""
    found = [
        said(node)
        for room in ROOMS
        for path in (PACKAGE / room).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.JoinedStr | ast.Constant)
    ]
    for dtype in (Dtype.NUMBER, Dtype.INTEGER):
        for limits in ((0, 1), (0, None), (None, 1), (None, None)):
            signal = SignalInfo(("level",), dtype=dtype, limits=limits, settable=True)
            for wrong in ("much", 0.5):
                try:
                    signal.checked(wrong)
                except SetError as error:
                    found.append(
                        re.sub(r"(?<=from )\S+|(?<=to )\S+(?=,)|(?<=(?:least|.most) )\S+(?=,)", "{}", str(error))
                    )
    return "\n".join(found)


@pytest.mark.parametrize("sentence", [single or double for single, double in SENTENCES])
def test_the_app_says_this(texts: str, sentence: str) -> None:
    """Each part of it between two values stands in the program: a text that was changed there is changed here, too."""
    parts = [part.strip() for part in re.split(r"\{\d\}", sentence)]
    assert any(parts)
    assert [part for part in parts if part not in texts] == []


def test_there_are_sentences() -> None:
    """The table is found."""
    assert len(SENTENCES) > 50

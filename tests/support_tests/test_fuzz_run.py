"""`make fuzz` shows what is wrong, whatever else is."""

import argparse
import time
from multiprocessing.connection import Connection
from typing import Any

import pytest

from tests import fuzz

OPTIONS = argparse.Namespace(frames=1, requests=1, seconds=0, seed="1")


def never_ends(pipe: Connection, guests: int, read: Any) -> None:
    """An app that nobody can reach, and whose process does not end."""
    pipe.send(("http://127.0.0.1:1/", []))
    while True:
        time.sleep(60)


def dies(pipe: Connection, guests: int, read: Any) -> None:
    """An app that cannot be served."""
    raise SystemExit(3)


def test_the_fault_is_shown_and_not_that_the_process_does_not_end(monkeypatch, capfd):
    """That is said besides it, with the place where the process hangs."""
    monkeypatch.setattr(fuzz, "ENDS_WITHIN", 0.5)
    with pytest.raises(OSError, match=r"127\.0\.0\.1"):
        fuzz.run(OPTIONS, never_ends)
    said = capfd.readouterr().err
    assert "does not end either" in said
    assert "in never_ends" in said


def test_a_process_that_dies_at_once_is_noticed():
    """The run does not wait for its address."""
    with pytest.raises(EOFError):
        fuzz.run(OPTIONS, dies)

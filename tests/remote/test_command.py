"""`dash-devices-nb get|set|watch`: an app from the shell."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from dash_devices_nb.cli import main
from tests.support.eventually import eventually_sync


def lines(capsys) -> list[dict]:
    """What was printed, line by line."""
    return [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]


def test_props_are_read_and_set(app, capsys):
    """Values are JSON, or plain text; several are one change, and the revision is what the next one may name."""
    capsys.readouterr()
    assert main(["get", app.url, "target.value", "target.max"]) == 0
    assert [(each["name"], each["value"]) for each in lines(capsys)] == [("target.value", 20), ("target.max", 30)]
    assert main(["set", app.url, "target.value", "21", "gain.value", "very high"]) == 0
    first, second = lines(capsys)
    assert (first["value"], second["value"]) == (21, "very high")
    assert first["revision"] == second["revision"] > 0
    assert main(["set", app.url, "target.value", "22", "--if-revision", str(first["revision"])]) == 0
    assert main(["set", app.url, "target.value", "23", "--if-revision", str(first["revision"])]) == 1
    assert "target.value was changed after revision" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["set", "{url}", "target.value"], "target.value has no value"),
        (["get", "{url}", "target"], "'target' names no prop"),
        (["get", "{url}", "targt.value"], "The app has no component 'targt'"),
        (["get", "thermostat", "target.value"], "'thermostat' is not the address of an app"),
    ],
)
def test_what_is_wrong_is_one_line(app, capsys, arguments, message):
    """And exit code 1."""
    assert main([each.format(url=app.url) for each in arguments]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"dash-devices-nb: {message}")


def test_a_prop_is_followed(app, joined):
    """Line by line, each when it comes; the program ends after as many as were asked for."""
    command = [sys.executable, "-m", "dash_devices_nb", "watch", app.url, "target.value", "--count", "3"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watching:
        device, seen = joined(app.url), []
        for value in (20, 21, 22):
            if value > 20:
                device["target"].set(value)
            seen.append(json.loads(watching.stdout.readline())["value"])
        assert watching.wait(timeout=10) == 0
    assert seen == [20, 21, 22]
    eventually_sync(lambda: len(app.clients) == 1)

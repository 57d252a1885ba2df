"""What can be served, and what is written for systemd, without a kernel."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from itertools import islice
from pathlib import Path

import nbformat
import pytest

from dash_devices_nb.cli import main
from dash_devices_nb.errors import RunError
from dash_devices_nb.standalone import service_unit
from dash_devices_nb.standalone.log import Log
from dash_devices_nb.standalone.program import Cell, Notebook, program_of
from dash_devices_nb.standalone.supervisor import _delays
from tests.support.served import save


def test_code_cells_count_as_jupyter_numbers_them(tmp_path: Path):
    """Texts do not count, skipped and empty cells are not run, a tag lets one raise, and an id is made if it lacks."""
    path = tmp_path / "a.ipynb"
    new, text = nbformat.v4.new_code_cell, nbformat.v4.new_markdown_cell
    cells = [text("# A"), new("a"), new(""), new("b", metadata={"tags": ["skip-execution"]})]
    cells.append(new("c", id="c", metadata={"tags": ["raises-exception"]}))
    for each in cells[:4]:
        del each["id"]
    notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
    path.write_text(json.dumps(notebook))
    assert Notebook(path).cells() == [Cell("cell-1", 1, "a"), Cell("c", 4, "c", may_raise=True)]


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("gone.ipynb", "There is no notebook gone.ipynb"),
        ("bench.py", "'bench.py' cannot be served"),
        ("a b:app", "name a notebook, as bench.ipynb, or an app, as module:app"),
    ],
)
def test_what_cannot_be_served_is_named(named: str, said: str):
    """With what can."""
    with pytest.raises(RunError, match=said):
        program_of(named)


def test_a_file_that_is_no_notebook_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """In one line, with exit code 1."""
    path = tmp_path / "bad.ipynb"
    path.write_text("{")
    with pytest.raises(RunError, match="is not a notebook"):
        Notebook(path).cells()
    language = {"kernelspec": {"name": "ir", "display_name": "R", "language": "R"}}
    path.write_text(json.dumps({"cells": [], "metadata": language, "nbformat": 4, "nbformat_minor": 5}))
    with pytest.raises(RunError, match="is a notebook in 'R'"):
        Notebook(path).cells()
    assert main(["serve", "sys:app", "--watch"]) == 1
    assert "--watch follows a saved notebook" in capsys.readouterr().err


def test_delays_grow_to_a_minute():
    """So that a program that cannot start does not take the machine."""
    delays = list(islice(_delays(), 10))
    assert delays == sorted(delays)
    assert (delays[0], delays[-1]) == (0.5, 60.0)


def test_what_is_printed_is_said_by_lines_without_colours(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Pieces are joined, and the file has no secrets."""
    log = Log(tmp_path / "a.log")
    log.printed("one\ntw")
    log.printed("o\n\x1b[31mhttp://h:1/?token=abc-D\x1b[0m")
    log.close()
    assert capsys.readouterr().out == "one\ntwo\nhttp://h:1/?token=abc-D\n"
    assert [line.split(" ", 2)[2] for line in (tmp_path / "a.log").read_text().splitlines()] == [
        "one",
        "two",
        "http://h:1/?token=...",
    ]


def test_a_unit_is_written_and_systemd_takes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """For a notebook whose path has a space and signs that systemd reads."""
    notebook = save(tmp_path / "my 100% $bench.ipynb", ["1"])
    unit = tmp_path / "units" / "bench.service"
    arguments = ["serve", str(notebook), "--port", "8051", "--kiosk", "--install-service", "--service-file", str(unit)]
    assert main(arguments) == 0
    assert "systemctl --user enable --now bench.service" in capsys.readouterr().out
    text = unit.read_text()
    assert f"ExecStart={sys.executable} -m dash_devices_nb serve" in text
    assert 'my 100%% $$bench.ipynb" --host 127.0.0.1 --port 8051 --kiosk\n' in text
    assert "KillMode=mixed" in text
    if (analyze := shutil.which("systemd-analyze")) is not None:
        checked = subprocess.run([analyze, "verify", unit], capture_output=True, text=True, timeout=60, check=False)
        assert str(unit) not in checked.stderr + checked.stdout
        assert "bench.service" not in checked.stderr + checked.stdout


def test_a_unit_goes_to_the_users_services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """By the notebook's name; one of the system runs as its user."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    expected = tmp_path / "systemd" / "user" / "dash-devices-my-bench.service"
    assert service_unit.default_path(Path("/x/my bench.ipynb")) == expected
    text = service_unit.unit_text(["/bin/true"], Path("/x"), "x", system=True, user="pi")
    assert "User=pi" in text
    assert "WantedBy=multi-user.target" in text
    with pytest.raises(RunError, match=r"a name ends in \.service"):
        service_unit.install(tmp_path / "bench", text)

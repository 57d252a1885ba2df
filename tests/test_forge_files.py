"""What stands beside the code for a public forge, conda, Docker and binder: it parses, and names what there is."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

from dash_devices_nb import __version__
from dash_devices_nb.cli import _parser

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
TARGETS = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
PYTHONS = [m[1] for each in PROJECT["classifiers"] if (m := re.fullmatch(r".* :: (3\.\d+)", each))]


def loaded(path: Path) -> Any:
    """A YAML file, with its keys as they are written: "on" is no boolean here."""
    return yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)


def steps(workflow: Any) -> list[dict[str, Any]]:
    """All steps of all jobs."""
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_names_what_there_is(path: Path) -> None:
    """Targets of the Makefile with variables that it has, steps with a version, and rights that are named."""
    workflow = loaded(path)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert set(workflow) >= {"name", "on", "permissions", "jobs"}
    assert workflow["permissions"] == {"contents": "read"}
    made = 0
    for step in steps(workflow):
        assert ("uses" in step) != ("run" in step)
        if "uses" in step:
            assert re.fullmatch(r"[\w-]+/[\w-]+@[\w./-]+", step["uses"])
            continue
        words = shlex.split(re.sub(r"\$\{\{.*?\}\}", "value", step["run"]))
        if words[0] == "make":
            made += 1
            assert {word for word in words[1:] if "=" not in word} <= TARGETS
            assert all(f"{word.split('=')[0]} ?=" in makefile for word in words[1:] if "=" in word)
    assert made
    for job in workflow["jobs"].values():
        assert job["runs-on"] == "ubuntu-latest"
        assert set(job.get("needs", "").split()) <= set(workflow["jobs"])


def test_the_matrix_has_each_python_and_both_ends_of_dash() -> None:
    """Those of the classifiers, and those of `make test-matrix`."""
    jobs = loaded(ROOT / ".github/workflows/test.yml")["jobs"]
    assert jobs["suite"]["strategy"]["matrix"]["python"] == PYTHONS
    versions = re.search(r"^DASH_VERSIONS \?= (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert versions is not None
    assert jobs["dash"]["strategy"]["matrix"]["dash"] == versions[1].split()
    (dash,) = (each for each in map(Requirement, PROJECT["dependencies"]) if each.name == "dash")
    assert f">={versions[1].split()[0]}" in str(dash.specifier)


def test_the_lowest_versions_are_those_of_the_package() -> None:
    """`make test-lowest` installs what `.ci/lowest` prints: one version of each requirement, which it lets in."""
    ran = subprocess.run([ROOT / ".ci/lowest"], capture_output=True, text=True, check=True, timeout=60)
    lowest = dict(line.split("==") for line in ran.stdout.splitlines())
    wanted = {each.name: each for each in map(Requirement, PROJECT["dependencies"])}
    assert wanted.keys() <= lowest.keys()
    assert {"jupyterlab", "notebook"} <= lowest.keys()
    assert all(f">={lowest[name]}" in str(each.specifier) for name, each in wanted.items())


def test_a_release_needs_no_password_and_has_the_version_of_its_tag() -> None:
    """Trusted publishing: a token of the forge. The check of the tag is run here as it stands."""
    workflow = loaded(ROOT / ".github/workflows/release.yml")
    assert workflow["on"] == {"push": {"tags": ["v*"]}}
    assert workflow["jobs"]["publish"]["permissions"] == {"id-token": "write"}
    assert "secrets." not in (ROOT / ".github/workflows/release.yml").read_text(encoding="utf-8")
    (check,) = (step["run"] for step in steps(workflow) if step.get("name") == "the tag is the version")
    for tag, code in ((f"v{__version__}", 0), (f"v{__version__}1", 1)):
        ran = subprocess.run(["bash", "-c", check], cwd=ROOT, env={**os.environ, "GITHUB_REF_NAME": tag}, timeout=60)
        assert ran.returncode == code


def test_the_conda_recipe_has_the_requirements_of_the_package() -> None:
    """The same names and versions, the same version and command."""
    recipe = loaded(ROOT / "conda/recipe.yaml")
    assert recipe["context"]["version"] == __version__
    given = {Requirement(each.replace(" ", "", 1)).name: each for each in recipe["requirements"]["run"]}
    assert given.pop("python").removeprefix("python ") == PROJECT["requires-python"]
    assert given.pop("asgiref")
    wanted = map(Requirement, PROJECT["dependencies"])
    assert {name: Requirement(each.replace(" ", "", 1)).specifier for name, each in given.items()} == {
        each.name: each.specifier for each in wanted
    }
    ((name, where),) = PROJECT["scripts"].items()
    assert recipe["build"]["python"]["entry_points"] == [f"{name} = {where}"]


def test_the_image_calls_a_command_that_there_is() -> None:
    """The entry point and the command, as the command line reads them; files that are copied are there."""
    lines = (ROOT / "docker/Dockerfile").read_text(encoding="utf-8").splitlines()
    entry, command = (
        yaml.safe_load(next(line for line in lines if line.startswith(word)).removeprefix(word))
        for word in ("ENTRYPOINT ", "CMD ")
    )
    assert entry[0] in PROJECT["scripts"]
    given = _parser().parse_args([*entry[1:], *command])
    assert (given.host, given.port, given.program) == ("0.0.0.0", 8050, "bench.ipynb")
    assert "EXPOSE 8050" in lines
    assert "USER bench" in lines


def test_binder_installs_what_the_demo_needs() -> None:
    """An extra of ours, and a script that the shell can read."""
    (line,) = (ROOT / "binder/requirements.txt").read_text(encoding="utf-8").split()
    extra = re.fullmatch(r"\.\[(\w+)\]", line)
    assert extra is not None
    assert extra[1] in PROJECT["optional-dependencies"]
    script = ROOT / "binder/postBuild"
    assert script.stat().st_mode & 0o111
    subprocess.run(["sh", "-n", script], check=True, timeout=10)
    assert "python -m dash_devices_nb doctor" in script.read_text(encoding="utf-8")
    assert _parser().parse_args(["doctor"]).url is None

"""The programs in the documents: each parses, and those of the first pages run as they stand."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from traitlets.config import Config

from dash_devices_nb.cli import _parser
from dash_devices_nb.errors import SetError
from dash_devices_nb.server.app import DashDevicesApp

DOCS = Path(__file__).parent.parent / "docs"
ROOT = DOCS.parent
SHELL = re.compile(r"```sh\n(.*?)```", re.DOTALL)
BLOCK = re.compile(r"^```([^\s`]+)\n", re.MULTILINE)
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
PLACE = re.compile(r"\]\(([^)#\s]*)#([^)]+)\)")
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
PYTHON = re.compile(r"```py(?:thon)?\n(.*?)```", re.DOTALL)
BLOCKS = [
    pytest.param(block, id=f"{path.stem}-{number}")
    for path in sorted(DOCS.glob("*.md"))
    for number, block in enumerate(PYTHON.findall(path.read_text(encoding="utf-8")))
]


@pytest.mark.parametrize("block", BLOCKS)
def test_each_program_parses(block: str):
    """A program with a mistake teaches it."""
    ast.parse(block)


def ran(page: str) -> dict[str, object]:
    """The names that the programs of a page leave. All that is left out is that they serve."""
    names: dict[str, object] = {"__name__": "__main__", "get_config": Config}
    for block in PYTHON.findall((DOCS / f"{page}.md").read_text(encoding="utf-8")):
        exec(compile(block.replace("app.run()\n", ""), f"{page}.md", "exec"), names)
    return names


@pytest.mark.parametrize("page", ["index", "from-dash-devices", "from-others", "classroom"])
def test_the_programs_of_a_page_run(page: str):
    """As they stand. `docs/devices.md` has a test of its own."""
    assert len(ran(page)) > 2


def test_the_instruments_answer():
    """The simulated generator takes a frequency; the looped line gives back what it was asked."""
    names = ran("instruments")
    generator, voltmeter = names["generator"], names["voltmeter"]
    try:
        generator.frequency.set(440)
        assert generator.frequency.read().value == 440
        with pytest.raises(SetError, match="100000"):
            generator.frequency.set(200_000)
        assert voltmeter.identity.read().value == "*IDN?"
    finally:
        generator.close()
        voltmeter.close()
        names["port"].close()
        names["resources"].close()


async def test_the_tests_of_ones_own_app_pass(tab):
    """Both that the page shows, the second with this package's fixture."""
    names = ran("own-tests")
    await names["test_two_pages_agree"]()
    await names["test_a_guest_may_not_act"](tab)


def test_the_settings_of_a_hub_are_settings():
    """The option is one of the extension's."""
    (option,) = (each for each in ran("deploy")["c"].Spawner.args if "DashDevices" in each)
    assert option.split("=")[0].removeprefix("--DashDevicesApp.") in DashDevicesApp.class_trait_names(config=True)


def test_each_command_is_one_that_there_is():
    """What the pages say to type, as the command line reads it."""
    texts = {path.name: path.read_text(encoding="utf-8") for path in DOCS.glob("*.md")}
    lines = [
        (name, line) for name, text in texts.items() for block in SHELL.findall(text) for line in block.splitlines()
    ]
    ours = [(name, shlex.split(line, comments=True)[1:]) for name, line in lines if line.startswith("dash-devices-nb ")]
    assert len(ours) > 8
    for name, words in ours:
        assert _parser().parse_args(words).command, name


def test_each_block_is_of_a_kind_that_is_known():
    """Programs and commands are tried; what is not is marked as text, or as the format that it has."""
    kinds = {kind for path in DOCS.glob("*.md") for kind in BLOCK.findall(path.read_text(encoding="utf-8"))}
    assert kinds <= {"python", "py", "sh", "text", "json", "nginx", "mermaid", "{toctree}", "{eval-rst}"}


@pytest.mark.parametrize("path", [*sorted(DOCS.rglob("*.md")), ROOT / "README.md"], ids=lambda path: path.name)
def test_each_link_leads_to_a_file(path: Path):
    """Links between the documents, notebooks, programs and pictures. The tutorials are the notebooks."""
    links = {link for link in LINK.findall(path.read_text(encoding="utf-8")) if "://" not in link}
    missing = [link for link in links if not (path.parent / link.replace("tutorials/", "../notebooks/")).exists()]
    assert [link for link in missing if link != "decisions/index.md"] == []


def places(path: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub and MyST make them."""
    headings = HEADING.findall(re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL))
    plain = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", each) for each in headings]
    return {re.sub(r"[^\w\- ]", "", each.lower()).strip().replace(" ", "-") for each in plain}


@pytest.mark.parametrize(
    "path",
    [*sorted(DOCS.rglob("*.md")), *sorted(ROOT.glob("*.md"))],
    ids=lambda path: f"{path.parent.name}/{path.name}",
)
def test_each_anchor_is_a_heading(path: Path):
    """Links to a part of a document, also where no site is built. `make docs` checks those of the pages it builds."""
    missing = [
        f"{link}#{anchor}"
        for link, anchor in PLACE.findall(path.read_text(encoding="utf-8"))
        if "://" not in link
        and (target := path.parent / link if link else path).suffix == ".md"
        and anchor not in places(target)
    ]
    assert missing == []


def test_links_of_a_built_site_are_checked(tmp_path: Path):
    """A page, a file or a place that is not there is named; other sites are left alone."""
    (tmp_path / "index.html").write_text(
        '<h1 id="top">x</h1><a href="#top"></a><a href="#gone"></a><a href="part/other.html#a%20b"></a>'
        '<a href="part/"></a><a href="part/other.html#c"></a><img src="lost.png"><a href="https://example.org/#x"></a>'
    )
    (tmp_path / "part").mkdir()
    (tmp_path / "part/index.html").write_text('<a href="../index.html#top"></a>')
    (tmp_path / "part/other.html").write_text('<p id="a b"></p>')
    ran = subprocess.run(
        [sys.executable, DOCS / "check_links.py", tmp_path], capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 1
    assert ran.stderr.splitlines() == [
        "index.html: #gone leads to no place on that page",
        "index.html: lost.png leads to no file",
        "index.html: part/other.html#c leads to no place on that page",
    ]
    (tmp_path / "index.html").write_text("<p></p>")
    (tmp_path / "part/index.html").unlink()
    ran = subprocess.run(
        [sys.executable, DOCS / "check_links.py", tmp_path], capture_output=True, text=True, timeout=60
    )
    assert (ran.returncode, ran.stderr) == (0, "")


def test_each_page_is_in_the_table_of_contents():
    """A page that no list names is one that nobody finds."""
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^([\w/-]+)$", index, re.MULTILINE))
    assert {path.stem for path in DOCS.glob("*.md")} - {"index"} <= listed

"""The quick ones of the Autobahn cases, over each way to an app; `make autobahn` runs all."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest

from dash_devices_nb.transport.writer import Intake
from tests.autobahn.cases import Verdict, run_cases
from tests.autobahn.echoes import Echo
from tests.autobahn.listed import faults
from tests.autobahn.ways import Ways, direct, over_tls, through_jupyter

LONG = ("5.19", "5.20", "6.4.*", "9.*", "12.*", "13.*")
"""Cases that wait by themselves, or send much."""


@pytest.mark.parametrize("ways", [direct, over_tls, through_jupyter])
async def test_no_case_comes_out_worse_than_with_websockets(
    ways: Callable[[], AbstractAsyncContextManager[Ways]],
) -> None:
    """Whether an app reads and writes through Quart or the short way."""
    async with ways() as urls:
        verdicts = {way: await run_cases(url, without=LONG) for way, url in urls.items()}
    bare, *ours = urls
    assert len(verdicts[bare]) > 200
    assert {way: faults(verdicts[way], verdicts[bare]) for way in ours} == {way: [] for way in ours}


def test_what_is_worse_than_the_list_is_a_fault() -> None:
    """A case that the list does not name, a worse verdict than it names, and a case that was not run."""
    fine, loose, failed = (Verdict(word, "OK", "why") for word in ("OK", "NON-STRICT", "FAILED"))
    code = Verdict("FAILED", "WRONG CODE", "why")
    ours = {"1.1.1": fine, "1.1.2": loose, "3.2": loose, "3.3": failed, "7.1.5": code, "7.3.1": code}
    bare = {**dict.fromkeys(ours, fine), "2.1": fine}
    assert [line.split(":")[0] for line in faults(ours, bare)] == ["2.1", "1.1.2", "3.3", "7.3.1"]


def test_the_echo_has_all_that_a_connection_needs() -> None:
    """It lacked what is called when a connection is lost: connections stayed, and the last cases failed."""
    needed = {name for name in vars(Intake) if not name.startswith("_")}
    assert needed >= {"holds", "lost"}
    assert needed <= vars(Echo).keys()

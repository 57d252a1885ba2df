"""`make others`: what drives other programs, without their checkouts."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.others import components, kraken
from tests.others.daq import CHANNELS, COMMAND_BYTES, COMMAND_PORT, HEADER, IQ_PORT, SAMPLES, SYNC_WORD, Daq
from tests.others.kraken_setup import DAQ_CONFIG, SETTINGS, daq_config


@pytest.fixture
async def daq():
    """Receivers at an address of their own."""
    daq = Daq("127.83.68.83")
    await daq.start()
    yield daq
    await daq.close()


async def test_the_receivers_send_frames_and_take_commands(daq):
    """The header is the one that KrakenSDR unpacks; a frequency that was set is in the next frame."""
    reader, writer = await asyncio.open_connection(daq.host, COMMAND_PORT)
    writer.write((b"FREQ" + (433_000_000).to_bytes(8, "little")).ljust(COMMAND_BYTES, b"\0"))
    assert (await reader.readexactly(COMMAND_BYTES)).startswith(b"FNSD")
    writer.close()
    reader, writer = await asyncio.open_connection(daq.host, IQ_PORT)
    writer.write(b"streaming")
    head = HEADER.unpack(await reader.readexactly(HEADER.size))
    samples = np.frombuffer(await reader.readexactly(CHANNELS * SAMPLES * 8), np.complex64)
    writer.close()
    assert HEADER.size == 1024
    assert (head[0], head[4], head[6], head[9]) == (SYNC_WORD, CHANNELS, 433_000_000, SAMPLES)
    assert np.isfinite(samples).all()
    assert daq.values("FREQ") == [433_000_000]


def test_the_emitter_is_where_it_stands():
    """Antennas that are nearer to it hear it earlier: the phases are those of its bearing."""
    daq = Daq("127.0.0.1", bearing=0.0)
    samples = daq._samples()
    phases = np.angle(samples[:, : SAMPLES // 2] @ samples[0, : SAMPLES // 2].conj())
    nearer = daq.radius * (np.cos(2 * np.pi * np.arange(CHANNELS) / CHANNELS) - 1)
    wanted = np.angle(np.exp(2j * np.pi * nearer * daq.frequency / 299_792_458))
    assert np.allclose(phases, wanted, atol=0.01)


def test_a_configuration_of_the_receivers_has_what_is_changed():
    """A change is named by its key alone."""
    changed = daq_config(corr_size=4096)
    assert changed["calibration"]["corr_size"] == "4096"
    assert set(changed.sections()) == set(DAQ_CONFIG)


def test_what_fails_for_a_known_reason_is_a_check():
    """A check that has another name now is no known failure."""
    assert set(kraken.KNOWN) <= set(kraken.CHECKS)


class Saving(kraken.Interface):
    """An interface whose program goes on to save, each time that somebody looks, and reads it at its next turn."""

    def __init__(self, root: Path, saves: int) -> None:
        self.root, self.saves, self.turns = root, saves, 0

    def _saved(self) -> float:
        if self.saves:
            self.saves -= 1
            (self.root / SETTINGS).write_text(json.dumps({"station_id": "PROGRAM"}))
            os.utime(self.root / SETTINGS, (0, 1000 - self.saves))
        return super()._saved()

    async def ask(self, expression: str) -> Any:
        self.turns += 1
        return [self.turns, 1000.0] if "timestamp" in expression else self.turns


async def test_a_change_from_outside_comes_after_what_the_program_saves(tmp_path: Path):
    """Earlier it would be saved over before the program has read it."""
    (tmp_path / SETTINGS).parent.mkdir()
    (tmp_path / SETTINGS).write_text("{}")
    ui = Saving(tmp_path, saves=3)
    await ui.change_settings(station_id="OUTSIDE")
    assert ui.saves == 0
    assert (await ui.settings())["station_id"] == "OUTSIDE"


def test_examples_are_those_that_need_nothing_else(tmp_path: Path):
    """At most so many of each library, spread; what reads a file from the network, or acts in nothing, is left out."""
    folder = tmp_path / "dash-ag-grid/docs/examples/rows"
    folder.mkdir(parents=True)
    for number in range(6):
        (folder / f"e{number}.py").write_text("app = Dash()")
    (folder / "a.py").write_text('df = pd.read_csv("https://example.com/a.csv")\napp = Dash()')
    (folder / "z.py").write_text("rows = []")
    found = components.examples(tmp_path, 3)
    assert [path.name for path in found["dash-ag-grid"]] == ["e0.py", "e2.py", "e4.py"]
    assert found["dash-daq"] == []


@pytest.mark.parametrize(("drive", "message"), [(kraken.drive, "krakensdr_doa"), (components.drive, "dash-ag-grid")])
def test_a_folder_that_is_no_checkout_is_refused(tmp_path: Path, drive, message):
    """The message says what it is no checkout of."""
    with pytest.raises(SystemExit, match=message):
        drive(tmp_path)

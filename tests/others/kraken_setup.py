"""What KrakenSDR's interface finds around it: a copy of the checkout, and our own files for the DAQ firmware."""

from __future__ import annotations

import configparser
import json
import shutil
from pathlib import Path
from typing import Any

from tests.others.daq import CHANNELS, SAMPLE_RATE, SAMPLES, Daq

PROGRAM = "_ui/_web_interface/app.py"
SETTINGS = "_share/settings.json"
STARTED, STOPPED = "started", "stopped"
FIRMWARE = "heimdall_daq_fw/Firmware/"

# The keys that the interface reads, with values of ours.
DAQ_CONFIG: dict[str, dict[str, Any]] = {
    "meta": {"config_name": "Here", "ini_version": 7},
    "hw": {"name": "simulated", "unit_id": 1, "ioo_type": 0, "num_ch": CHANNELS, "en_bias_tee": "0,0,0,0,0"},
    "daq": {
        "log_level": 5,
        "daq_buffer_size": 16384,
        "center_freq": 416588000,
        "sample_rate": SAMPLE_RATE,
        "gain": 0,
        "en_noise_source_ctr": 1,
        "ctr_channel_serial_no": 1000,
    },
    "pre_processing": {
        "cpi_size": SAMPLES,
        "decimation_ratio": 1,
        "fir_relative_bandwidth": 1.0,
        "fir_tap_size": 1,
        "fir_window": "hann",
        "en_filter_reset": 0,
    },
    "calibration": {
        "corr_size": 8192,
        "std_ch_ind": 0,
        "en_iq_cal": 1,
        "gain_lock_interval": 0,
        "require_track_lock_intervention": 0,
        "cal_track_mode": 2,
        "amplitude_cal_mode": "channel_power",
        "cal_frame_interval": 687,
        "cal_frame_burst_size": 10,
        "amplitude_tolerance": 2,
        "phase_tolerance": 1,
        "maximum_sync_fails": 10,
        "iq_adjust_source": "explicit-time-delay",
        "iq_adjust_amplitude": "0,0,0,0",
        "iq_adjust_time_delay_ns": "0,0,0,0",
    },
    "adpis": {"en_adpis": 0, "en_gain_tune_init": 0, "adpis_gains_init": "0,0,0,0,0"},
    "data_interface": {"out_data_iface_type": "eth"},
}


def daq_config(**changes: Any) -> configparser.ConfigParser:
    """A configuration of the receivers; a change is named by its key alone."""
    parser = configparser.ConfigParser()
    parser.read_dict(
        {part: {**keys, **{k: v for k, v in changes.items() if k in keys}} for part, keys in DAQ_CONFIG.items()}
    )
    return parser


def settings(daq: Daq, **changes: Any) -> dict[str, Any]:
    """The interface's settings: what it needs to find the receivers, and what a check changes."""
    return {
        "center_freq": 416.588,
        "uniform_gain": 15.7,
        "data_interface": "eth",
        "default_ip": daq.host,
        "ant_arrangement": "UCA",
        "ant_spacing_meters": daq.radius,
        "doa_method": "MUSIC",
        "station_id": "HERE",
        "doa_data_format": "Kraken App",
        "vfo_freq_0": daq.emitter,
        "vfo_bw_0": 12500,
        "logging_level": 2,
        **changes,
    }


def prepare(source: Path, folder: Path, daq: Daq) -> Path:
    """Copy the checkout into the folder, with our files around it; return the copy.

    The interface writes into its own tree (settings, recordings), so it does not run in the checkout.
    """
    root = folder / "krakensdr_doa"
    shutil.copytree(source, root, ignore=shutil.ignore_patterns(".git", "__pycache__", "_share"))
    (root / "_share").mkdir()
    (root / SETTINGS).write_text(json.dumps(settings(daq)))
    (folder / "kraken_doa_start.sh").write_text("echo . >> restarted\n")
    (folder / "bin").mkdir()
    for name in ("reboot", "shutdown"):
        script = folder / "bin" / name
        script.write_text(f"#!/bin/sh\necho . >> {folder / name}\n")
        script.chmod(0o755)
    firmware = folder / FIRMWARE
    firmware.mkdir(parents=True)
    (firmware / "ini_checker.py").write_text("def check_ini(parameters, en_hw_check):\n    return []\n")
    for name, did in (("daq_start_sm.sh", STARTED), ("daq_stop.sh", STOPPED)):
        (firmware / name).write_text(f"echo . >> {did}\n")
    with (firmware / "daq_chain_config.ini").open("w") as file:
        daq_config().write(file)
    other = folder / "heimdall_daq_fw/config_files/other"
    other.mkdir(parents=True)
    with (other / "other.ini").open("w") as file:
        daq_config(config_name="Other", cpi_size=2 * SAMPLES, corr_size=4096, maximum_sync_fails=7).write(file)
    return root

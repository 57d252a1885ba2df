"""A video as H.264 beside JPEG of the same quality: bytes for each picture, as `push_video` and `push_frame` send them.

Quality is the peak signal-to-noise ratio (PSNR, in dB) of the decoded pictures against the arrays. JPEG has the quality
of `push_frame`. x264's rate factor is then the largest whose pictures are at least as good; so H.264 is not worse.
"""

from __future__ import annotations

import io
import time
from typing import Any

import av
import numpy as np
from PIL import Image

from benchmarks.harness import figure, load_now, print_table, save
from benchmarks.report import at_least, print_targets
from dash_devices_nb.app.delivery.images import image_frame, jpeg
from dash_devices_nb.app.delivery.video import Encoder

WIDTH, HEIGHT, RATE = 640, 480, 30
PLACE = ("camera", "src")
BEST, WORST = 12, 36
"""The rate factors between which the one of equal quality is looked for."""


def smooth(random: np.random.Generator, width: int, height: int) -> np.ndarray:
    """A scene of blobs, as floats from 0 to 1."""
    small = random.random((height // 32 + 2, width // 32 + 2, 3))
    image = Image.fromarray((small * 255).astype(np.uint8)).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(image, np.float32) / 255


def bench(number: int, random: np.random.Generator, scene: np.ndarray) -> np.ndarray:
    """A still scene in front of which a disc moves, with the noise of a sensor (1 of 255)."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    at = 100 + 6 * number % 440
    picture = scene[:HEIGHT, :WIDTH].copy()
    picture[(x - at) ** 2 + (y - 240) ** 2 < 60**2] = (0.9, 0.3, 0.2)
    return noisy(picture, random, 1)


def pan(number: int, random: np.random.Generator, scene: np.ndarray) -> np.ndarray:
    """The camera moves 3 pixels with each picture, with the same noise."""
    return noisy(scene[number : number + HEIGHT, 3 * number : 3 * number + WIDTH], random, 1)


def dark(number: int, random: np.random.Generator, scene: np.ndarray) -> np.ndarray:
    """Little light: the still scene with much noise (6 of 255), which no picture shares with the one before."""
    return noisy(scene[:HEIGHT, :WIDTH] * 0.4, random, 6)


def noisy(picture: np.ndarray, random: np.random.Generator, sigma: float) -> np.ndarray:
    return np.clip(picture * 255 + random.normal(0, sigma, picture.shape), 0, 255).astype(np.uint8)


SCENES = {"bench": bench, "pan": pan, "dark": dark}


def psnr(decoded: np.ndarray, array: np.ndarray) -> float:
    """In dB."""
    error = np.square(decoded.astype(np.float32) - array).mean()
    return float(10 * np.log10(255**2 / error))


def rgb(frame: Any) -> np.ndarray:
    """A decoded picture as a browser shows it: BT.601, exact. FFmpeg's own conversion is off by one level."""
    planes = frame.to_ndarray(format="yuv420p").astype(np.uint8)
    luma = planes[:HEIGHT].astype(np.float32)
    halves = planes[HEIGHT:].reshape(2, HEIGHT // 2, WIDTH // 2)
    size = (WIDTH, HEIGHT)
    blue, red = (
        np.asarray(Image.fromarray(each).resize(size, Image.Resampling.BILINEAR), np.float32) for each in halves
    )
    y, cb, cr = (luma - 16) * 255 / 219, (blue - 128) * 255 / 224, (red - 128) * 255 / 224
    return np.clip(np.stack([y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb], axis=-1), 0, 255)


def as_jpeg(arrays: list[np.ndarray]) -> tuple[float, float, float]:
    """Bytes for each picture, PSNR, and milliseconds of CPU for each."""
    began = time.process_time()
    frames = [image_frame(PLACE, array, None) for array in arrays]
    spent = time.process_time() - began
    qualities = [psnr(np.asarray(Image.open(io.BytesIO(jpeg(array)))), array) for array in arrays[::5]]
    return sum(map(len, frames)) / len(frames), float(np.mean(qualities)), spent / len(arrays) * 1e3


def as_video(arrays: list[np.ndarray], factor: int) -> tuple[float, float, float]:
    """The same, with a key frame every two seconds, as `push_video` has them."""
    encoder, decoder = Encoder(WIDTH, HEIGHT, factor, None), av.CodecContext.create("h264", "r")
    decoder.thread_count = 1
    began = time.process_time()
    units = [encoder.encode(array, n * 1_000_000 // RATE, n % (2 * RATE) == 0) for n, array in enumerate(arrays)]
    spent = time.process_time() - began
    decoded = [frame for unit in units for frame in decoder.decode(av.Packet(unit))]
    qualities = [psnr(rgb(decoded[n]), arrays[n]) for n in range(0, len(decoded), 5)]
    return sum(map(len, units)) / len(units) + 110, float(np.mean(qualities)), spent / len(arrays) * 1e3


def measure(options: Any) -> list[dict[str, Any]]:
    rows = []
    for name, make in SCENES.items():
        random = np.random.default_rng(1)
        scene = smooth(random, WIDTH + 3 * options.pictures, HEIGHT + options.pictures)
        arrays = [make(number, random, scene) for number in range(options.pictures)]
        size, quality, cpu = as_jpeg(arrays)
        row = {"scene": name, "jpeg_kb": size / 1e3, "jpeg_db": quality, "jpeg_cpu_ms": cpu}
        low, high = BEST, WORST
        best = as_video(arrays, low)
        while high - low > 1:  # the largest factor that is as good
            middle = (low + high) // 2
            found = as_video(arrays, middle)
            if found[1] >= quality:
                low, best = middle, found
            else:
                high = middle
        row |= {"h264_kb": best[0] / 1e3, "h264_db": best[1], "h264_cpu_ms": best[2], "factor": low}
        row["jpeg_mbit_s"], row["h264_mbit_s"] = (each * 8 * RATE / 1e6 for each in (size, best[0]))
        row["jpeg/h264"] = size / best[0]
        rows.append(row)
        print(".", end="", flush=True)
    return rows


def run(options: Any) -> int:
    """The command ``video``."""
    loads = load_now()
    rows = measure(options)
    targets = [
        at_least(f"bytes, JPEG / H.264 of the same quality, {row['scene']}", row["jpeg/h264"], 2) for row in rows
    ]
    targets += [
        at_least(f"PSNR, H.264 - JPEG (dB), {row['scene']}", row["h264_db"] - row["jpeg_db"], 0) for row in rows
    ]
    print_table(f"{WIDTH}x{HEIGHT} at {RATE} pictures a second, {options.pictures} pictures", rows)
    print_targets(targets)
    if options.no_save:
        return 0
    path = save(options.results, "video", rows, loads, targets=targets, pictures=options.pictures)
    picture, axis = figure(7, 2.6)
    if picture is not None:
        for offset, kind, colour in ((-0.2, "jpeg", "#b8c4cc"), (0.2, "h264", "#1f6f8b")):
            places = [n + offset for n in range(len(rows))]
            label = {"jpeg": "JPEG", "h264": "H.264"}[kind]
            axis.barh(places, [row[f"{kind}_mbit_s"] for row in rows], 0.38, color=colour, label=label)
        axis.set_yticks(range(len(rows)), [row["scene"] for row in rows])
        axis.set_xlabel("Mbit/s at the same PSNR")
        axis.invert_yaxis()
        axis.legend(frameon=False)
        picture.savefig(path, dpi=130)
    return 0

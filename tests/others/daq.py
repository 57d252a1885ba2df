"""A receiver chain of our own for KrakenSDR: what its interface connects to instead of the hardware.

It speaks the two TCP interfaces that KrakenSDR's receiver module reads (`"data_interface": "eth"`): IQ frames with a
header of 1024 bytes on port 5000, commands of 128 bytes on port 5001. Five antennas on a circle hear one emitter.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

IQ_PORT, COMMAND_PORT = 5000, 5001
COMMAND_BYTES = 128
CHANNELS, SAMPLES, SAMPLE_RATE = 5, 1 << 14, 2_400_000
HEADER = struct.Struct("II16sIIIQQQIQIIQIII" + "I" * 32 + "IIII" + "I" * 192 + "I")
SYNC_WORD, DATA_FRAME = 0x2BF7B95A, 0
FRAME_SECONDS = 0.4
LIGHT = 299_792_458.0


@dataclass
class Daq:
    """The receivers, which are tuned by commands and hear one emitter.

    Attributes:
        host: Where it listens; a loopback address of its own, since the ports are fixed.
        frequency: What the receivers are tuned to, in Hz.
        emitter: Where the emitter sends, in Hz.
        bearing: Where the emitter stands, in degrees.
        radius: Of the circle of antennas, in metres.
        commands: Every command with its value, in order.
        frames: How many frames went out.
        frame_seconds: The time between two.
    """

    host: str
    frequency: int = 416_588_000
    emitter: int = 416_900_000
    bearing: float = 70.0
    radius: float = 0.21
    commands: list[tuple[str, int]] = field(default_factory=list)
    frames: int = 0
    frame_seconds: float = FRAME_SECONDS
    _gains: list[int] = field(default_factory=lambda: [157] * CHANNELS)
    _servers: list[asyncio.Server] = field(default_factory=list)
    _writers: list[asyncio.StreamWriter] = field(default_factory=list)
    _answering: list[asyncio.Task[Any]] = field(default_factory=list)
    _random: np.random.Generator = field(default_factory=lambda: np.random.default_rng(1))

    async def start(self) -> None:
        """Listen on both ports."""
        for answer, port in ((self._frames, IQ_PORT), (self._commands, COMMAND_PORT)):
            self._servers.append(await asyncio.start_server(answer, self.host, port))

    async def close(self) -> None:
        """Listen no more, and end what is open."""
        for server in self._servers:
            server.close()
        for writer in self._writers:
            writer.close()
        await asyncio.gather(*self._answering)
        for server in self._servers:
            await server.wait_closed()

    def values(self, command: str) -> list[int]:
        """The values of one command ("FREQ", "GAIN"), in the order in which they came."""
        return [value for name, value in self.commands if name == command]

    def _begin(self, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._answering.append(task)
        self._writers.append(writer)

    async def _frames(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._begin(writer)
        with contextlib.suppress(ConnectionError):
            while request := await reader.read(64):
                if request == b"q":
                    break
                await asyncio.sleep(self.frame_seconds)
                writer.write(await asyncio.to_thread(self._frame))
                await writer.drain()
        writer.close()

    async def _commands(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._begin(writer)
        with contextlib.suppress(ConnectionError):
            # One command at a time, each answered: KrakenSDR sends "AGC " with fewer bytes than the others.
            while message := await reader.read(COMMAND_BYTES):
                name = message[:4].decode()
                if name == "EXIT":
                    break
                value = 0
                if name == "FREQ":
                    value = self.frequency = struct.unpack_from("<Q", message, 4)[0]
                elif name == "GAIN":
                    self._gains = list(struct.unpack_from(f"<{CHANNELS}I", message, 4))
                    value = self._gains[0]
                self.commands.append((name, value))
                writer.write(b"FNSD".ljust(COMMAND_BYTES, b"\0"))
                await writer.drain()
        writer.close()

    def _frame(self) -> bytes:
        self.frames += 1
        head = HEADER.pack(
            *(SYNC_WORD, DATA_FRAME, b"simulated", 1, CHANNELS, 0, self.frequency, SAMPLE_RATE, SAMPLE_RATE, SAMPLES),
            *(int(time.time() * 1000), self.frames, self.frames, 0, 0, 32, 0),
            *(self._gains + [0] * (32 - CHANNELS)),
            *(1, 1, 1, 0, *[0] * 192, 7),
        )
        return head + self._samples().tobytes()

    def _samples(self) -> npt.NDArray[np.complex64]:
        """A tone from the emitter's bearing, with noise, as each antenna of the circle hears it."""
        shape = (CHANNELS, SAMPLES)
        noise = self._random.normal(0, 1e-3, shape) + 1j * self._random.normal(0, 1e-3, shape)
        offset = self.emitter - self.frequency
        if abs(offset) >= SAMPLE_RATE / 2:
            return noise.astype(np.complex64)
        tone = 0.3 * np.exp(2j * np.pi * offset * np.arange(SAMPLES) / SAMPLE_RATE)
        angles = 2 * np.pi * np.arange(CHANNELS) / CHANNELS
        bearing = np.deg2rad(self.bearing)
        # Antennas are numbered clockwise, bearings count counter-clockwise.
        nearer = self.radius * (np.cos(angles) * np.cos(bearing) - np.sin(angles) * np.sin(bearing))
        phases = np.exp(2j * np.pi * nearer * self.frequency / LIGHT)
        return np.asarray(phases[:, None] * tone[None, :] + noise, dtype=np.complex64)

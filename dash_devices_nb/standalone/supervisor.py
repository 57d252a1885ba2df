"""The supervisor: it starts the kernel of a program, restarts it when it dies, and follows the saved notebook."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from dash_devices_nb.errors import DashDevicesError, RunError
from dash_devices_nb.standalone.kernel import CellError, ServedKernel
from dash_devices_nb.standalone.kiosk import Kiosk
from dash_devices_nb.standalone.log import Log
from dash_devices_nb.standalone.program import Cell, Program

FIRST_DELAY, LONGEST_DELAY = 0.5, 60.0
WELL = 60.0
"""Seconds after which a program that was served counts as well: the delays begin anew."""
LOOK = 0.3
SIGNALS = (signal.SIGTERM, signal.SIGINT)


@dataclass(frozen=True)
class Wishes:
    """The options of serving.

    Attributes:
        environment: variables for its kernel.
        directory: the kernel's working directory.
        watch: whether cells that change in the saved notebook run anew.
        kiosk: whether a browser shows the page on the whole screen.
    """

    environment: Mapping[str, str]
    directory: Path
    watch: bool = False
    kiosk: bool = False


class Died(Exception):
    """The kernel has ended without being asked to."""


class Supervisor:
    """Serves one program until it is asked to stop.

    Args:
        program: the program.
        wishes: how it is to be served.
        log: receives what is said.
    """

    def __init__(self, program: Program, wishes: Wishes, log: Log) -> None:
        self._program = program
        self._wishes = wishes
        self._log = log
        self._asked = asyncio.Event()
        self._served = False  # ever
        self._address = ""
        self._kiosk = Kiosk(log.say) if wishes.kiosk else None

    async def run(self) -> int:
        """Serve until SIGTERM or Ctrl-C. Returns the exit code: 1 if the program cannot be started."""
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            with contextlib.suppress(NotImplementedError):  # Windows
                loop.add_signal_handler(number, self._asked.set)
        delays = _delays()
        try:
            while True:
                began = time.monotonic()
                try:
                    await self._live()
                    return 0
                except (CellError, Died, DashDevicesError) as exc:
                    self._log.say(str(exc))
                if not self._served:
                    return 1
                if time.monotonic() - began > WELL:
                    delays = _delays()
                delay = next(delays)
                self._log.say(f"The program starts again in {delay:g} s.")
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(delay):
                        await self._asked.wait()
                        return 0
        finally:
            if self._kiosk is not None:
                await self._kiosk.close()
            for number in SIGNALS:
                with contextlib.suppress(NotImplementedError):
                    loop.remove_signal_handler(number)

    async def _live(self) -> None:
        """Run one kernel until we are asked to stop. Raises CellError, Died, RunError."""
        self._address = ""
        kernel = ServedKernel(self._wishes.environment, self._wishes.directory, self._log.printed, self._at_address)
        serves = asyncio.create_task(self._serve(kernel))
        asked = asyncio.create_task(self._asked.wait())
        try:
            await asyncio.wait((serves, asked), return_when=asyncio.FIRST_COMPLETED)
            if serves.done():
                serves.result()
        finally:
            for task in (serves, asked):
                task.cancel()
            await asyncio.wait((serves, asked))
            if self._asked.is_set():
                self._log.say("The program stops.")
            if not await kernel.stop() and self._asked.is_set():
                self._log.say("The program did not stop in order; its kernel was ended.")

    async def _serve(self, kernel: ServedKernel) -> None:
        """Run the cells, then wait until the kernel dies. Raises CellError, Died, RunError."""
        cells = self._program.cells()
        await kernel.start()
        work = asyncio.create_task(self._work(kernel, cells))
        ended = asyncio.create_task(kernel.ended())
        try:
            await asyncio.wait((work, ended), return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                raise Died(f"The program's kernel has ended ({_exit(ended.result())}).")
            work.result()
        finally:
            for task in (work, ended):
                task.cancel()
            await asyncio.wait((work, ended))

    async def _work(self, kernel: ServedKernel, cells: list[Cell]) -> None:
        for cell in cells:
            try:
                await kernel.run(cell)
            except CellError as exc:
                if not cell.may_raise:
                    raise
                self._log.say(str(exc))
        if not self._address:
            raise RunError(f"{self._program.path.name} has run to its end and serves no page: app.run() is missing.")
        if self._wishes.watch:
            await self._follow(kernel, cells)
        await asyncio.Event().wait()

    async def _follow(self, kernel: ServedKernel, ran: list[Cell]) -> None:
        """Run the cells that change in the saved notebook."""
        path = self._program.path
        seen = _stamp(path)
        while True:
            await asyncio.sleep(LOOK)
            if (now := _stamp(path)) == seen or now is None:
                continue
            seen = now
            try:
                cells = self._program.cells()
            except RunError as exc:  # half written, or broken
                self._log.say(str(exc))
                continue
            before = {cell.id: cell.source for cell in ran}
            gone = tuple(before.keys() - {cell.id for cell in cells})
            for cell in cells:
                if before.get(cell.id) == cell.source:
                    continue
                try:
                    await kernel.run(cell, gone)
                    self._log.say(f"Cell {cell.number} has changed, and was run.")
                except CellError as exc:
                    self._log.say(str(exc))
            ran = cells

    def _at_address(self, url: str) -> None:
        self._served = True
        if self._address:
            return
        self._address = url
        if self._kiosk is not None:
            self._kiosk.show(url)


def _delays() -> Iterator[float]:
    delay = FIRST_DELAY
    while True:
        yield delay
        delay = min(delay * 2, LONGEST_DELAY)


def _exit(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:  # an editor replaces it
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino

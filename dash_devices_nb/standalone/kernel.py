"""The kernel in which a served program runs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager

from dash_devices_nb.kernel.display import ADDRESS_TYPE
from dash_devices_nb.standalone.log import without_colours
from dash_devices_nb.standalone.program import INSIDE, Cell

READY_SECONDS = 60.0
STOP_SECONDS = 15.0
"""How long the program may take to stop, in seconds. Then it is killed."""
LOOK = 0.1
INTERRUPT_EVERY = 1.0
STOP = Cell("", 0, f"from {INSIDE} import stop_apps; stop_apps()")

ALLOCATOR = {"MALLOC_ARENA_MAX": "2"}
"""For glibc, unless it is set already. Threads would take memory from 8 arenas a core, and each keeps holes of its own:
resident memory would grow for days (decision 85)."""

Message = dict[str, Any]


class CellError(Exception):
    """A cell raised. Its text names the cell, the line and the error, and has the traceback."""


class _Manager(AsyncKernelManager):
    """Starts kernels of this interpreter, whatever kernels are installed."""

    @property
    def kernel_spec(self) -> KernelSpec:
        return KernelSpec(
            argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            display_name="dash-devices-nb",
            language="python",
        )


class ServedKernel:
    """One kernel, from its start to its end. All methods are for one event loop.

    Args:
        environment: variables in addition to those of this process and of `ALLOCATOR`.
        directory: the kernel's working directory.
        printed: receives what the program prints.
        at_address: receives the address of the page, once it is served.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        directory: Path,
        printed: Callable[[str], None],
        at_address: Callable[[str], None],
    ) -> None:
        self._environment = {**ALLOCATOR, **os.environ, **environment}
        self._directory = directory
        self._printed = printed
        self._at_address = at_address
        self._home = Path(tempfile.mkdtemp(prefix="dash-devices-"))
        self._manager = _Manager(
            connection_file=str(self._home / "kernel.json"), transport="tcp" if sys.platform == "win32" else "ipc"
        )
        self._manager.shutdown_wait_time = STOP_SECONDS
        self._client: AsyncKernelClient | None = None
        self._outputs: asyncio.Task[None] | None = None
        self._busy: dict[str, asyncio.Event] = {}  # the requests that run, until the kernel is idle again

    async def start(self) -> None:
        """Start it, and wait until it answers."""
        await self._manager.start_kernel(env=self._environment, cwd=str(self._directory))
        self._client = self._manager.client()
        self._client.start_channels(hb=False, stdin=False)
        await self._client.wait_for_ready(timeout=READY_SECONDS)
        self._outputs = asyncio.create_task(self._read_outputs(self._client))

    async def ended(self) -> int:
        """Wait until the process has ended, and return its exit code."""
        process = self._manager.provisioner
        assert process is not None
        while (code := await process.poll()) is None:
            await asyncio.sleep(LOOK)
        return int(code)

    async def run(self, cell: Cell, deleted: tuple[str, ...] = ()) -> None:
        """Run a cell to its end.

        Args:
            cell: the cell.
            deleted: the ids of cells that the notebook does not have any more.

        Raises:
            CellError: it raised.
        """
        client = self._client
        assert client is not None
        metadata = {"cellId": cell.id, "deletedCells": list(deleted)} if cell.id else {}
        content = {
            "code": cell.source,
            "silent": not cell.id,
            "store_history": bool(cell.id),
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": False,
        }
        request = client.session.msg("execute_request", content, metadata=metadata)
        number = request["header"]["msg_id"]
        idle = self._busy[number] = asyncio.Event()
        client.shell_channel.send(request)
        while True:
            reply = await client.get_shell_msg(timeout=None)
            if reply["parent_header"].get("msg_id") == number:
                break
        await idle.wait()
        if reply["content"]["status"] != "ok":
            raise CellError(_told(cell, reply["content"]))

    async def stop(self) -> bool:
        """Stop the program, then the kernel. The apps stop first, so that their hooks run. Then `atexit` functions run.

        Returns:
            Whether the program has stopped by itself within `STOP_SECONDS`.
        """
        in_order = False
        try:
            if self._client is not None and await self._manager.is_alive():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(STOP_SECONDS):
                        await self._interrupt()
                        try:
                            await self.run(STOP)
                        except CellError as exc:
                            self._printed(f"{exc}\n")
                        else:
                            in_order = True
            await self._manager.shutdown_kernel(now=not in_order)
        finally:
            if self._outputs is not None:
                self._outputs.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await self._outputs
            if self._client is not None:
                self._client.stop_channels()
            self._manager.context.destroy(linger=0)
            shutil.rmtree(self._home, ignore_errors=True)
        return in_order

    async def _interrupt(self) -> None:
        """Interrupt the running cell, if any, until it has ended. The first interrupt may stop a callback instead."""
        while waiting := [each for each in self._busy.values() if not each.is_set()]:
            await self._manager.interrupt_kernel()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(INTERRUPT_EVERY):
                    await waiting[0].wait()

    async def _read_outputs(self, client: AsyncKernelClient) -> None:
        while True:
            message = await client.get_iopub_msg(timeout=None)
            kind, content = message["msg_type"], message["content"]
            parent = message["parent_header"].get("msg_id")
            if kind == "stream":
                self._printed(content["text"])
            elif kind == "display_data" and ADDRESS_TYPE in content["data"]:
                self._printed(f"{content['data']['text/plain']}\n")
                self._at_address(content["data"][ADDRESS_TYPE])
            elif kind == "error" and parent not in self._busy:
                self._printed("\n".join(content["traceback"]) + "\n")
            elif kind == "status" and content["execution_state"] == "idle" and parent in self._busy:
                self._busy.pop(parent).set()


def _told(cell: Cell, error: Message) -> str:
    """Return the message for a cell that raised."""
    if error["status"] == "aborted":
        return f"Cell {cell.number} was not run."
    trace = without_colours("\n".join(error.get("traceback", ())))
    lines = re.findall(r"^\s*Cell In\[\d+\], line (\d+)", trace, re.MULTILINE)
    where = f"cell {cell.number}, line {lines[0]}" if lines else f"cell {cell.number}"
    return f"Error in {where}: {error['ename']}: {error['evalue']}\n{trace}"

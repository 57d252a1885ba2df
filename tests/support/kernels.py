"""A real IPython kernel, spoken to as a notebook does.

Every message that the kernel publishes is filed under the cell it belongs to, for as long as the
kernel lives: what a callback prints long after its cell has finished is found in `Cell.text`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
import tempfile
import textwrap
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager

from tests.support.eventually import eventually
from tests.support.jupyter import jupyter_environment

Message = dict[str, Any]


class CellError(AssertionError):
    """A cell raised and the test had not said that it would."""


class Cell:
    """One execution and all that was published under it, then and later.

    Attributes:
        code: What was run.
        messages: The kernel's messages on the output channel, in order.
        reply: The content of the execute reply, or None while the cell runs.
    """

    def __init__(self, code: str) -> None:
        self.code = code
        self.messages: list[Message] = []
        self.reply: Message | None = None
        self._idle = False

    @property
    def finished(self) -> bool:
        """Whether the kernel has answered and is done with the cell."""
        return self.reply is not None and self._idle

    @property
    def text(self) -> str:
        """What was printed on the standard output."""
        return self._stream("stdout")

    @property
    def stderr(self) -> str:
        """What was printed on the standard error."""
        return self._stream("stderr")

    @property
    def result(self) -> str | None:
        """The plain text of the value of the last expression, or None."""
        for content in self._contents("execute_result"):
            return str(content["data"].get("text/plain"))
        return None

    @property
    def displays(self) -> list[dict[str, Any]]:
        """The MIME bundles that were displayed, the result of the last expression among them."""
        return [c["data"] for c in self._contents("display_data", "execute_result")]

    @property
    def comms(self) -> list[Message]:
        """The contents of the widgets' messages, in order."""
        return self._contents("comm_open", "comm_msg", "comm_close")

    @property
    def errors(self) -> list[str]:
        """``Name: message`` of each error shown under the cell."""
        return [f"{content['ename']}: {content['evalue']}" for content in self._contents("error")]

    def _contents(self, *kinds: str) -> list[dict[str, Any]]:
        return [m["content"] for m in self.messages if m["msg_type"] in kinds]

    def _stream(self, name: str) -> str:
        return "".join(c["text"] for c in self._contents("stream") if c["name"] == name)

    def _receive(self, message: Message) -> None:
        if message["msg_type"] == "status":
            self._idle = self._idle or message["content"]["execution_state"] == "idle"
        else:
            self.messages.append(message)

    def __repr__(self) -> str:
        return (
            f"<Cell {self.code.strip()[:60]!r} finished={self.finished} text={self.text!r} "
            f"stderr={self.stderr!r} errors={self.errors!r}>"
        )


class Kernel:
    """A running kernel.

    Attributes:
        cells: Every cell that was run, in order.
        orphans: Messages on the output channel that belong to none of them.
        home: Its directory of configuration and runtime files.
    """

    def __init__(self, manager: AsyncKernelManager, client: AsyncKernelClient, home: Path) -> None:
        self._manager = manager
        self._client = client
        self._by_id: dict[str, Cell] = {}
        self.cells: list[Cell] = []
        self.orphans: list[Message] = []
        self.home = home

    @property
    def pid(self) -> int:
        """The kernel's process id."""
        return int(self._manager.provisioner.pid)

    def start(
        self,
        code: str,
        *,
        cell_id: str | None = None,
        deleted: Sequence[str] = (),
        session: str | None = None,
        store_history: bool = True,
    ) -> Cell:
        """Send a cell and do not wait for it.

        Args:
            code: The cell's source, dedented.
            cell_id: The front end's id of it, which some do not send.
            deleted: The ids of cells that were deleted, as the front end tells.
            session: The front end's; None: always the same one.
            store_history: Whether IPython keeps source and result, as it does for a notebook.
        """
        code = textwrap.dedent(code)
        cell = Cell(code)
        self.cells.append(cell)
        message = self._client.session.msg(
            "execute_request",
            {
                "code": code,
                "silent": False,
                "store_history": store_history,
                "user_expressions": {},
                "allow_stdin": False,
                "stop_on_error": False,
            },
            metadata={} if cell_id is None else {"cellId": cell_id, "deletedCells": list(deleted)},
        )
        message["header"]["session"] = session or message["header"]["session"]
        self._by_id[message["header"]["msg_id"]] = cell
        self._client.shell_channel.send(message)
        return cell

    async def run(self, code: str, *, within: float = 30.0, may_fail: bool = False, **options: Any) -> Cell:
        """Run a cell and wait until it is finished.

        Args:
            code: The cell's source, dedented.
            within: The deadline in seconds.
            may_fail: The cell may raise; without it that is a `CellError`.
            options: Of `start`.
        """
        cell = self.start(code, **options)
        try:
            await eventually(lambda: cell.finished, within)
        except AssertionError as error:
            raise CellError(f"still running after {within:g} s: {cell!r}") from error
        if cell.errors and not may_fail:
            traceback = "\n".join(line for c in cell._contents("error") for line in c.get("traceback", ()))
            raise CellError(f"{cell!r}\n{traceback}")
        return cell

    async def interrupt(self) -> None:
        """What the notebook's stop button does."""
        await self._manager.interrupt_kernel()

    async def restart(self, within: float = 30.0) -> None:
        """What the notebook's restart button does; the cells so far stay in `cells`."""
        await self._manager.restart_kernel(now=True)
        await self.wait_until_ready(within)

    async def wait_until_ready(self, within: float = 60.0) -> None:
        """Wait until the kernel answers on both channels.

        What is sent while it starts, or before the output channel's subscription has arrived, can
        be lost, so the question is asked again.
        """

        async def answers() -> bool:
            question = Cell("kernel_info")
            self._by_id[self._client.kernel_info()] = question
            await eventually(lambda: question.finished, within=0.25)
            return True

        await eventually(answers, within)
        # What a kernel says while it starts (warnings of its debugger) is no cell's.
        self.orphans.clear()

    async def _read_replies(self) -> None:
        while True:
            message = await self._client.get_shell_msg()
            cell = self._by_id.get(message["parent_header"].get("msg_id", ""))
            if cell is not None and message["msg_type"].endswith("_reply"):
                cell.reply = message["content"]

    async def _read_outputs(self) -> None:
        while True:
            message = await self._client.get_iopub_msg()
            cell = self._by_id.get(message["parent_header"].get("msg_id", ""))
            if cell is not None:
                cell._receive(message)
            elif message["msg_type"] not in ("status", "iopub_welcome"):
                self.orphans.append(message)


@asynccontextmanager
async def running_kernel(*, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> AsyncIterator[Kernel]:
    """Start a kernel of this interpreter with Jupyter directories of its own."""
    home = Path(tempfile.mkdtemp(prefix="ddnb-"))
    manager = AsyncKernelManager(
        connection_file=str(home / "kernel.json"),
        transport="ipc" if sys.platform != "win32" else "tcp",
    )
    manager._kernel_spec = KernelSpec(
        argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        display_name="test",
        language="python",
    )
    (home / "runtime").mkdir(mode=0o700)
    # Open for as long as the kernel lives: a restart writes there, too.
    log = (home / "kernel.log").open("wb")
    client: AsyncKernelClient | None = None
    readers: list[asyncio.Task[None]] = []
    try:
        await manager.start_kernel(env=_environment(home, env), cwd=str(cwd or home), stdout=log, stderr=log)
        client = manager.client()
        client.start_channels(hb=False, stdin=False)
        kernel = Kernel(manager, client, home)
        readers = [
            asyncio.create_task(kernel._read_replies()),
            asyncio.create_task(kernel._read_outputs()),
        ]
        try:
            await kernel.wait_until_ready()
        except AssertionError as error:
            lives = "lives" if await manager.is_alive() else "has ended"
            raise AssertionError(f"the kernel, which {lives}, has said: {(home / 'kernel.log').read_text()}") from error
        yield kernel
    finally:
        for reader in readers:
            reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reader
        if client is not None:
            client.stop_channels()
        await manager.shutdown_kernel(now=True)
        manager.context.destroy(linger=0)
        log.close()
        shutil.rmtree(home, ignore_errors=True)


def _environment(home: Path, env: Mapping[str, str] | None) -> dict[str, str]:
    return {**os.environ, **jupyter_environment(home), **(env or {})}

"""Programs that a test runs in processes of their own, and how they end."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.support.eventually import eventually

URL = re.compile(r"https?://[^\s'\"<>]+")


@dataclass
class Process:
    """A running program whose output goes to a file.

    Attributes:
        popen: The process.
        log: The file with its standard output and error.
    """

    popen: subprocess.Popen[bytes]
    log: Path

    @property
    def output(self) -> str:
        """All that the program has printed so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    @property
    def pid(self) -> int:
        return self.popen.pid

    @property
    def returncode(self) -> int | None:
        """The exit code, or None while it runs."""
        return self.popen.poll()

    def interrupt(self) -> None:
        """What Ctrl-C in a terminal does."""
        self.popen.send_signal(signal.SIGINT)

    async def wait(self, within: float = 10.0) -> int:
        """Wait for the end and return the exit code."""
        await eventually(lambda: self.returncode is not None, within)
        assert self.returncode is not None
        return self.returncode

    async def printed(self, pattern: str | re.Pattern[str], within: float = 20.0) -> re.Match[str]:
        """Wait until the output matches; a program that ends without it fails at once."""

        def found() -> re.Match[str] | None:
            ended = self.returncode is not None
            match = re.search(pattern, self.output)
            if match is None and ended:
                raise RuntimeError(
                    f"the program ended with exit code {self.returncode} and never printed "
                    f"{pattern!r}; its output:\n{self.output}"
                )
            return match

        match = await eventually(found, within)
        assert match is not None
        return match

    def kill_children(self) -> None:
        """End at once what the program itself has started."""
        for process in _family(self.popen.pid):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()

    async def stop(self, within: float = 10.0) -> None:
        """End the program by its pid and then whatever it left, politely first."""
        family = _family(self.popen.pid)
        if self.returncode is None:
            self.popen.terminate()
            try:
                await self.wait(within)
            except AssertionError:
                self.popen.kill()
                await self.wait(within)
        for process in family:
            if process.is_running() and process.pid != self.popen.pid:
                process.kill()


@dataclass
class Script(Process):
    """A program that serves a page.

    Attributes:
        url: The first URL that it printed.
    """

    url: str = ""


def _family(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def spawn(
    arguments: Sequence[str | Path],
    log: Path,
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own, its output into ``log``, nothing on its input."""
    with log.open("wb") as file:
        return subprocess.Popen(
            [str(argument) for argument in arguments],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})},
            cwd=cwd,
            start_new_session=True,
        )


class ScriptRunner:
    """What the `script` fixture hands out: call it with a program, await its page's URL."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.running: list[Script] = []

    async def __call__(
        self,
        program: str | Path,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        url: str | re.Pattern[str] | None = URL,
        within: float = 30.0,
        by: Sequence[str] = (),
    ) -> Script:
        """Run a Python program.

        Args:
            program: Its source (dedented), or the path of its file.
            arguments: Its command line.
            env: Environment variables on top of ours.
            url: What to wait for in its output; None: do not wait.
            within: How long, in seconds.
            by: A command that becomes the program whose command line follows its own.
        """
        number = len(self.running)
        if isinstance(program, str):
            path = self._directory / f"script{number}.py"
            path.write_text(textwrap.dedent(program), encoding="utf-8")
        else:
            path = program
        log = self._directory / f"script{number}.log"
        popen = spawn([*by, sys.executable, path, *arguments], log, env=env, cwd=self._directory)
        script = Script(popen, log)
        self.running.append(script)
        if url is not None:
            script.url = (await script.printed(url, within)).group(0)
        return script

    async def stop(self) -> None:
        """End every program that still runs."""
        for script in self.running:
            await script.stop()

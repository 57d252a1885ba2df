"""Memory in use by this process, by allocator: glibc's `malloc`, and Python's for small objects.

Resident memory is what the two have taken from the system: with holes, and with garbage that the collector has not come
to. These figures tell both from what is in use. Linux with glibc 2.33 or later.
"""

from __future__ import annotations

import ctypes
import gc
import re
import tempfile
from pathlib import Path

FIELDS = ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")
PYTHON_IN_USE = re.compile(r"^# bytes in allocated blocks\s*=\s*([\d,]+)", re.MULTILINE)
PYTHON_ARENAS = re.compile(r"([\d,]+) arenas? \* ([\d,]+) bytes/arena")


class Mallinfo(ctypes.Structure):
    """``struct mallinfo2``; mallinfo(3)."""

    _fields_ = [(name, ctypes.c_size_t) for name in FIELDS]


def in_use() -> dict[str, float]:
    """Megabytes by allocator, summed over all arenas.

    Returns:
        ``malloc_mb`` and ``python_mb`` are in use; ``malloc_taken_mb`` and ``python_taken_mb`` came from the system
        for it.
    """
    libc = ctypes.CDLL(None)
    libc.mallinfo2.restype = Mallinfo
    info = libc.mallinfo2()
    used, arenas = _python()
    return {
        "malloc_mb": (info.uordblks + info.hblkhd) / 1e6,
        "malloc_taken_mb": (info.arena + info.hblkhd) / 1e6,
        "python_mb": used / 1e6,
        "python_taken_mb": arenas / 1e6,
    }


class Kept:
    """What was in use right after the last full collection: between two of them garbage comes and goes by megabytes.

    Attributes:
        megabytes: of both allocators; 0 before the first.
    """

    def __init__(self) -> None:
        self.megabytes = 0.0
        gc.callbacks.append(self._collected)

    def _collected(self, phase: str, info: dict[str, int]) -> None:
        if phase == "stop" and info["generation"] == 2:
            now = in_use()
            self.megabytes = now["malloc_mb"] + now["python_mb"]


def _python() -> tuple[int, int]:
    """Bytes in use, and those taken from the system, of Python's allocator for small objects."""
    libc = ctypes.CDLL(None)
    libc.fopen.restype = ctypes.c_void_p
    libc.fclose.argtypes = [ctypes.c_void_p]
    # What `sys._debugmallocstats` calls, which writes to the standard error of the whole process.
    stats = ctypes.pythonapi._PyObject_DebugMallocStats
    stats.argtypes = [ctypes.c_void_p]
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "stats"
        file = libc.fopen(str(path).encode(), b"w")
        if not file:
            raise OSError(f"{path} cannot be written")
        stats(file)
        libc.fclose(file)
        text = path.read_text(encoding="ascii")
    found, arenas = PYTHON_IN_USE.search(text), PYTHON_ARENAS.search(text)
    if found is None or arenas is None:
        raise ValueError(f"not the statistics of Python's allocator: {text[:200]!r}")
    count, size = (int(each.replace(",", "")) for each in arenas.groups())
    return int(found[1].replace(",", "")), count * size

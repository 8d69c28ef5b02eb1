"""What the operating system has on its books about processes: CPU seconds, and memory in megabytes. Linux only."""

import os
from pathlib import Path

import msgspec

_TICKS = os.sysconf("SC_CLK_TCK")
_FIRST_AFTER_NAME = 3
"""``/proc/<pid>/stat`` counts its fields from one, and the second is a name that may hold anything."""

_IDLE = (3, 4)
"""Of the numbers of a ``cpu`` line: idle, and waiting for a disk."""


class Memory(msgspec.Struct, frozen=True):
    """``rss_mb`` counts every page that is present; ``pss_mb`` divides those that others map by how many do.

    ``pss_mb`` is None where the system does not tell.
    """

    rss_mb: float
    pss_mb: float | None


def cpu_seconds(pid: int) -> float:
    """User and system time of all threads of a process so far, to a clock tick (10 ms). Raises ``OSError``."""
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    user, system = (int(fields[number - _FIRST_AFTER_NAME]) for number in (14, 15))
    return (user + system) / _TICKS


def machine_cpu_seconds() -> float:
    """Time that all processors of the machine were busy so far, whoever kept them so."""
    line = Path("/proc/stat").read_text("utf-8").partition("\n")[0]
    spent = [int(number) for number in line.split()[1:9]]
    return sum(ticks for index, ticks in enumerate(spent) if index not in _IDLE) / _TICKS


def memory(pid: int) -> Memory:
    """What a process holds now. Raises ``OSError``."""
    rss = _kilobytes(Path(f"/proc/{pid}/status"), "VmRSS")
    try:
        pss = _kilobytes(Path(f"/proc/{pid}/smaps_rollup"), "Pss")
    except OSError:
        return Memory(rss / 1024, None)
    return Memory(rss / 1024, pss / 1024)


def peak_mb() -> float:
    """What this process held at its most until now."""
    return round(_kilobytes(Path("/proc/self/status"), "VmHWM") / 1024, 1)


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0))


def _kilobytes(file: Path, name: str) -> int:
    """The number on the line ``name:``."""
    lines = file.read_text("utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))

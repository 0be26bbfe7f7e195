"""Whether the machine had something else to do."""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path


class OtherLoad:
    """Counts, from when it is made, the cores that other processes keep busy."""

    def __init__(self) -> None:
        self._start = _cpu_times()

    def cores(self) -> float:
        """Their average number; children count as this process once they have ended."""
        elapsed, busy, own = (
            now - then for now, then in zip(_cpu_times(), self._start, strict=True)
        )
        return max(0.0, (busy - own) / elapsed)


def _cpu_times() -> tuple[float, float, float]:
    """The clock, and seconds that all processes and that this one with its children computed."""
    user, nice, system, _idle, _iowait, *interrupts_and_stolen = map(
        int, Path("/proc/stat").read_text().splitlines()[0].split()[1:9]
    )
    ticks = user + nice + system + sum(interrupts_and_stolen)
    usage = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    own = sum(used.ru_utime + used.ru_stime for used in usage)
    return time.monotonic(), ticks / os.sysconf("SC_CLK_TCK"), own

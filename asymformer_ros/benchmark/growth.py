"""Whether a process that runs for hours grows: its memory, threads and open file handles."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

#: What a process may gain before it counts as growing.
LIMITS = {"mb_per_hour": 10.0, "threads": 2.0, "handles": 4.0, "stall_s": 30.0}

#: Until then engines tune themselves and allocators take what they will need.
_WARM_UP_S = 120.0
_WARM_UP_SHARE = 0.2
# Neighbouring samples are alike, so the trend is judged by the medians of stretches of time.
_STRETCHES = 12
_Z95 = 1.96


@dataclass(frozen=True)
class Sample:
    """A process at one moment; seconds: since the first. segmented, dropped: totals so far."""

    seconds: float
    resident_mb: float
    threads: int
    handles: int
    segmented: int
    dropped: int


@dataclass(frozen=True)
class Held:
    """What a process holds: resident memory in 10^6 bytes, threads, open file handles."""

    resident_mb: float
    threads: int
    handles: int


@dataclass(frozen=True)
class Growth:
    """What a process gained after its warm-up.

    mb_per_hour: trend of its memory, with 95 % confidence between low and high. threads, handles:
    the average of the last third less that of the first. stall_s: the longest time in which it
    segmented no frame.
    """

    warm_up_s: float
    mb_per_hour: float
    low: float
    high: float
    threads: float
    handles: float
    stall_s: float

    @property
    def complaints(self) -> list[str]:
        """Which limits it certainly exceeds, in words; empty if none."""
        found = []
        if self.low > LIMITS["mb_per_hour"]:
            found.append(f"memory grows by more than {LIMITS['mb_per_hour']:g} MB an hour")
        for what, gained in (("threads", self.threads), ("handles", self.handles)):
            if gained > LIMITS[what]:
                found.append(f"{what} grew by {gained:.1f}, more than {LIMITS[what]:g}")
        if self.stall_s > LIMITS["stall_s"]:
            found.append(f"no frame was segmented for {self.stall_s:.0f} s")
        return found


def held_by(pid: int) -> Held:
    """What a process holds now; raises OSError once it has ended."""
    process = Path("/proc") / str(pid)
    status = (process / "status").read_text()
    threads = re.search(r"^Threads:\s+(\d+)", status, re.MULTILINE)
    resident = re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE)
    if threads is None or resident is None:
        raise ProcessLookupError(f"process {pid} has ended")
    handles = len(os.listdir(process / "fd"))  # noqa: PTH208
    return Held(int(resident[1]) * 1024 / 1e6, int(threads[1]), handles)


def growth(samples: Sequence[Sample]) -> Growth:
    """Judge at least twelve samples, in the order of time."""
    warm_up_s = min(_WARM_UP_S, _WARM_UP_SHARE * samples[-1].seconds)
    steady = [sample for sample in samples if sample.seconds >= warm_up_s]
    third = max(1, len(steady) // 3)
    hours = np.array([sample.seconds for sample in steady]) / 3600
    slope, low, high = trend(hours, np.array([sample.resident_mb for sample in steady]))
    return Growth(
        warm_up_s=warm_up_s,
        mb_per_hour=slope,
        low=low,
        high=high,
        threads=_gained([sample.threads for sample in steady], third),
        handles=_gained([sample.handles for sample in steady], third),
        stall_s=_longest_stall(steady),
    )


def trend(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float, float]:
    """Slope of y over x, and the ends of its interval of 95 % confidence.

    The median of all slopes between two stretches (Theil and Sen): one step up, as an allocator
    takes it once, is no trend. Needs two values.
    """
    parts = min(_STRETCHES, len(x))
    centres, middles = (
        np.array([np.median(part) for part in np.array_split(values, parts)]) for values in (x, y)
    )
    i, j = np.triu_indices(parts, 1)
    slopes = np.sort((middles[j] - middles[i]) / (centres[j] - centres[i]))
    reach = _Z95 * np.sqrt(parts * (parts - 1) * (2 * parts + 5) / 18)
    low = max(0, int((len(slopes) - reach) / 2))
    return float(np.median(slopes)), float(slopes[low]), float(slopes[-1 - low])


def _longest_stall(samples: Sequence[Sample]) -> float:
    longest, since = 0.0, samples[0]
    for sample in samples:
        if sample.segmented > since.segmented:
            since = sample
        longest = max(longest, sample.seconds - since.seconds)
    return longest


def _gained(counts: Sequence[int], third: int) -> float:
    return float(np.mean(counts[-third:]) - np.mean(counts[:third]))

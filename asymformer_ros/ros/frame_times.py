"""How long frames take, in total and by stage, over the last ten seconds."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import astuple, dataclass, fields

import numpy as np

_WINDOW_S = 10.0


@dataclass(frozen=True)
class FrameTiming:
    """Where the time of one published frame went, in milliseconds.

    latency_ms: from the colour stamp to the published labels by the node's clock, NaN where the
    stamp is zero. waiting_ms: for the worker. The others: of the stage on the worker, `publish` of
    the labels alone.
    """

    latency_ms: float
    waiting_ms: float
    decode_ms: float
    inference_ms: float
    publish_ms: float


@dataclass(frozen=True)
class Timing:
    """Frames a second, and percentiles 50, 95 and 99 by the name of `FrameTiming`'s field."""

    rate_hz: float
    percentiles: Mapping[str, tuple[float, float, float]]


class FrameTimes:
    """Remembers the frames of the last ten seconds; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._frames: deque[tuple[float, FrameTiming]] = deque()

    def add(self, now_s: float, frame: FrameTiming) -> None:
        """Note a published frame; now_s: any steady clock."""
        with self._lock:
            self._frames.append((now_s, frame))
            self._forget_before(now_s - _WINDOW_S)

    def timing(self, now_s: float) -> Timing:
        """The figures of the last ten seconds; what no frame tells is left out."""
        with self._lock:
            self._forget_before(now_s - _WINDOW_S)
            frames = list(self._frames)
        if not frames:
            return Timing(0.0, {})
        percentiles = {}
        stages = np.array([astuple(frame) for _, frame in frames]).T
        for field, times in zip(fields(FrameTiming), stages, strict=True):
            if known := times[~np.isnan(times)].tolist():
                p50, p95, p99 = np.percentile(known, [50, 95, 99]).tolist()
                percentiles[field.name] = (p50, p95, p99)
        return Timing(len(frames) / max(now_s - frames[0][0], 1.0), percentiles)

    def _forget_before(self, oldest_s: float) -> None:
        while self._frames and self._frames[0][0] < oldest_s:
            self._frames.popleft()

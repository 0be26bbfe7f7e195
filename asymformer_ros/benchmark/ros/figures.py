"""From what a run saw to its figures; nothing here knows ROS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_ALLOWANCE_MS = 10.0


class Passage(NamedTuple):
    """One message: stamp of its frame, when it was published, when its callback ran; ns."""

    stamp_ns: int
    published_ns: int
    arrived_ns: int


class Percentiles(NamedTuple):
    """Of a series of milliseconds."""

    p50: float
    p95: float
    p99: float


@dataclass(frozen=True)
class Case:
    """One run of the whole path. node: ``ours`` or ``straightforward``; size: width and height."""

    node: str
    size: tuple[int, int]
    rate_hz: float
    engine: str
    inference_ms: float


@dataclass(frozen=True)
class PathRun:
    """What a run saw. sent_ns: stamps of all pairs. labels: what came of them, in that order.

    dropped: pairs by cause. cpu_share: of one core, all threads of the node, while the camera ran.
    """

    case: Case
    sent_ns: tuple[int, ...]
    labels: tuple[Passage, ...]
    dropped: Mapping[str, int]
    cpu_share: float

    @property
    def camera_hz(self) -> float:
        """The rate that the camera kept."""
        span_ns = self.sent_ns[-1] - self.sent_ns[0]
        return (len(self.sent_ns) - 1) * 1e9 / span_ns if span_ns else 0.0

    @property
    def labels_hz(self) -> float:
        """Label images a second while the camera ran."""
        span_ns = self.sent_ns[-1] - self.sent_ns[0] + 1e9 / self.case.rate_hz
        return len(self.watched) * 1e9 / span_ns

    @property
    def watched(self) -> list[Passage]:
        """The labels published while the camera ran; a backlog worked off later is left out."""
        end_ns = self.sent_ns[-1] + round(1e9 / self.case.rate_hz)
        return [one for one in self.labels if one.published_ns <= end_ns]

    @property
    def latency_ms(self) -> NDArray[np.float64]:
        """Colour stamp to published labels, of each watched label image."""
        return np.array([(one.published_ns - one.stamp_ns) / 1e6 for one in self.watched])

    @property
    def age_ms(self) -> NDArray[np.float64]:
        """Colour stamp to the callback of a subscriber, of each watched label image."""
        return np.array([(one.arrived_ns - one.stamp_ns) / 1e6 for one in self.watched])

    @property
    def behind(self) -> NDArray[np.int64]:
        """How many newer pairs the camera had sent when each watched label image came out."""
        sent, watched = np.array(self.sent_ns), self.watched
        seen = np.searchsorted(sent, [one.published_ns for one in watched], side="right")
        own = np.searchsorted(sent, [one.stamp_ns for one in watched], side="right")
        return np.asarray(seen - own, np.int64)

    @property
    def limit_ms(self) -> float:
        """How old labels may be: one period of the camera, one inference, and 10 ms."""
        return 1e3 / self.case.rate_hz + self.case.inference_ms + _ALLOWANCE_MS


@dataclass(frozen=True)
class Receiving:
    """CPU milliseconds that a received pair takes, one for each round.

    bare: two subscriptions of an rclpy node with callbacks that only count. lifecycle: the same in
    a lifecycle node that also takes camera info. node: ours, with all of it up to the worker.
    lost: images of all rounds that did not arrive.
    """

    size: tuple[int, int]
    bare_ms: tuple[float, ...]
    lifecycle_ms: tuple[float, ...]
    node_ms: tuple[float, ...]
    lost: int

    @property
    def added_ms(self) -> float:
        """By how much the node's median exceeds what rclpy takes for the same topics."""
        return float(np.median(self.node_ms) - np.median(self.lifecycle_ms))


@dataclass(frozen=True)
class OutputCost:
    """Milliseconds from the engine's result to the last published output, of each frame.

    missing: outputs that nobody published or that never arrived; then there are no times.
    """

    size: tuple[int, int]
    outputs: tuple[str, ...]
    ms: tuple[float, ...]
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Target:
    """A promise and what was measured; None where it could not be."""

    what: str
    measured_ms: float | None
    limit_ms: float

    @property
    def is_met(self) -> bool:
        """Whether it was measured and keeps its limit."""
        return self.measured_ms is not None and self.measured_ms <= self.limit_ms


def size_text(size: tuple[int, int]) -> str:
    """Width x height."""
    width, height = size
    return f"{width}x{height}"


def percentiles(values: Sequence[float] | NDArray[np.float64]) -> Percentiles | None:
    """Percentiles 50, 95 and 99; None of nothing."""
    if len(values) == 0:
        return None
    return Percentiles(*(float(value) for value in np.percentile(values, (50, 95, 99))))


def last_published_after(
    returned_ns: Sequence[int], outputs: Sequence[Sequence[Passage]]
) -> list[float]:
    """Milliseconds from an engine's result to the last published of a frame's outputs.

    returned_ns: when the engine gave its results, in order. Frames that lack an output are left
    out: their subscriber missed it.
    """
    published: dict[int, list[int]] = {}
    for passages in outputs:
        for one in passages:
            published.setdefault(one.stamp_ns, []).append(one.published_ns)
    results = np.array(returned_ns)
    return [
        (max(times) - int(results[np.searchsorted(results, min(times)) - 1])) / 1e6
        for times in published.values()
        if len(times) == len(outputs)
    ]

"""What the plots of the report are drawn from: shares, positions, ticks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from asymformer_ros.evaluation.results import Latency

#: More rows cannot be read, and a page of 255 would be slow.
MOST_CLASSES = 64
_MOST_MISTAKES = 2


@dataclass(frozen=True)
class Confusion:
    """What the pixels of each class in the truth were taken for.

    rows: the shown classes by index, in their order. columns: names; those of the rows come first,
    then, where there are such predictions, what else. pixels[row][column]. left_out: how many
    classes of the truth are not shown, those with the fewest pixels.
    """

    rows: tuple[int, ...]
    columns: tuple[str, ...]
    pixels: tuple[tuple[int, ...], ...]
    left_out: int

    @property
    def shares(self) -> tuple[tuple[float, ...], ...]:
        """Each row divided by its sum."""
        return tuple(tuple(value / sum(row) for value in row) for row in self.pixels)


def shown_confusion(counts: Sequence[Sequence[int]], names: Sequence[str]) -> Confusion:
    """counts: as in `Result`, pixels [true class][predicted class, last: no class]."""
    pixels = np.array(counts, np.int64).reshape(len(names), len(names) + 1)
    in_truth = np.flatnonzero(pixels.sum(axis=1))
    most = in_truth[np.argsort(-pixels[in_truth].sum(axis=1), kind="stable")][:MOST_CLASSES]
    rows = np.sort(most)
    shown = pixels[rows]
    others = np.setdiff1d(np.arange(len(names)), rows)
    parts = [shown[:, rows]]
    columns = [names[row] for row in rows]
    for name, part in (("other classes", shown[:, others].sum(axis=1)), ("no class", shown[:, -1])):
        if part.any():
            parts.append(part[:, None])
            columns.append(name)
    table = np.hstack(parts).tolist()
    left_out = len(in_truth) - len(rows)
    return Confusion(tuple(rows.tolist()), tuple(columns), tuple(map(tuple, table)), left_out)


def mistakes(
    counts: Sequence[Sequence[int]], names: Sequence[str]
) -> list[list[tuple[str, float]]]:
    """For each class what it is mistaken for most: (name, share of its pixels), at most two."""
    found: list[list[tuple[str, float]]] = []
    for index, row in enumerate(counts):
        wrong = np.array(row, np.int64)
        total = int(wrong.sum())
        wrong[index] = 0
        order = np.argsort(-wrong, kind="stable")[:_MOST_MISTAKES].tolist()
        known = [*names, "no class"]
        found.append([(known[other], wrong[other] / total) for other in order if wrong[other]])
    return found


@dataclass(frozen=True)
class Bar:
    """x, y, width, height: in the picture. text: what it stands for."""

    x: float
    y: float
    width: float
    height: float
    text: str


@dataclass(frozen=True)
class Tick:
    """at: in the picture. text: the value."""

    at: float
    text: str


@dataclass(frozen=True)
class Histogram:
    """A histogram drawn into a picture of `size`; box: left, top, right, bottom of its axes.

    has_overflow: whether the last bar also holds what lies beyond the axis.
    """

    size: tuple[int, int]
    box: tuple[int, int, int, int]
    bars: tuple[Bar, ...]
    has_overflow: bool
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    marks: tuple[Tick, ...]
    y_title: str


_SIZE, _BOX = (640, 320), (62, 64, 624, 270)


def histogram(latency: Latency) -> Histogram:
    """Frames over milliseconds, with the median and the percentiles marked."""
    left, top, right, bottom = _BOX
    low, high = latency.edges[0], latency.edges[-1]
    highest = max(1, *latency.counts)

    def column(ms: float) -> float:
        return left + (ms - low) / max(high - low, 1e-9) * (right - left)

    def row(frames: float) -> float:
        return bottom - frames / highest * (bottom - top)

    # Beyond the last edge there are no bins: the last one holds those frames, too.
    has_overflow = latency.maximum > high + 1e-6
    bars = []
    for index, count in enumerate(latency.counts):
        start, end = latency.edges[index : index + 2]
        is_last = index == len(latency.counts) - 1
        until = latency.maximum if is_last and has_overflow else end
        text = f"{start:.1f} to {until:.1f} ms: {count} {'frame' if count == 1 else 'frames'}"
        width = max(column(end) - column(start) - 0.5, 0.5)
        bars.append(Bar(column(start), row(count), width, bottom - row(count), text))
    widths = np.diff(latency.edges)
    is_even = bool(np.allclose(widths, widths[0], rtol=1e-3))
    marked = (("median", latency.p50), ("95% below", latency.p95), ("99% below", latency.p99))
    return Histogram(
        size=_SIZE,
        box=_BOX,
        bars=tuple(bars),
        has_overflow=has_overflow,
        x_ticks=tuple(Tick(column(value), f"{value:g}") for value in ticks(low, high)),
        y_ticks=tuple(Tick(row(n), f"{n:g}") for n in ticks(0, highest) if n % 1 == 0),
        marks=tuple(Tick(column(ms), f"{name} {ms:.1f} ms") for name, ms in marked),
        y_title=f"frames in each {widths[0]:.2g} ms" if is_even else "frames",
    )


def ticks(low: float, high: float) -> list[float]:
    """Round values from low to high, three to eight of them where the two differ."""
    if not high > low:
        return [low]
    power = 10.0 ** math.floor(math.log10(high - low))
    step = next(p * power for p in (0.2, 0.5, 1.0, 2.0) if (high - low) / (p * power) <= 7)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(number * step, 10) for number in range(first, last + 1)]


def round_up(share: float) -> float:
    """The next share above that is good for the end of a scale."""
    return next((end for end in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5) if share <= end), 1.0)

"""How much of what a camera publishes arrives, read from the stamps of what did arrive.

Images that do not fit into the publisher's shared memory are lost in bursts: one period between
some stamps, many between others. A stream that is slow, paused, jittery or changes its rate has
like gaps next to each other, or none that recurs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_WINDOW_NS = 10_000_000_000
_SHORTEST_NS = 4_000_000_000
_FEWEST_GAPS = 8
_FEWEST_LOSSES = 5
# A longer gap is a pause: nothing was published.
_PAUSE_NS = 1_500_000_000
# Gaps within this factor of each other are alike.
_ALIKE = 1.5
_FEWEST_RECURRENCES = 3
# Gaps spread at random are so near in two of five cases, those of cameras in nearly all.
_NEAR_A_MULTIPLE = 0.2
_FEWEST_MULTIPLES = 0.8
# The remainder of longer gaps says nothing: the period is not known well enough.
_MOST_PERIODS = 5
_FEWEST_SHARED_STAMPS = 0.8
# No camera is faster; images that a bridge stamps as they come from its buffer are.
_SHORTEST_PERIOD_NS = 5_000_000
_LONGEST_GROUP = 8
_FEWEST_ALIKE = 0.9


class ArrivalRate(NamedTuple):
    """Images a second that arrive and that are published; lost: the share that is lost, 0 to 1."""

    arriving_hz: float
    published_hz: float
    lost: float


def arrival_rate(
    stamps_ns: Sequence[int], info_stamps_ns: Sequence[int] = ()
) -> ArrivalRate | None:
    """Judge the last ten seconds of a stream; None where they do not tell.

    stamps_ns: of the images that arrived, ascending. info_stamps_ns: of the camera infos that are
    published with them; they are small and arrive.
    """
    stamps = np.unique(np.array(stamps_ns, dtype=np.int64))
    stamps = stamps[stamps >= stamps[-1] - _WINDOW_NS] if len(stamps) else stamps
    if len(stamps) <= _FEWEST_GAPS or stamps[-1] - stamps[0] < _SHORTEST_NS:
        return None
    infos = np.unique(np.array(info_stamps_ns, dtype=np.int64))
    with_info = np.intersect1d(stamps, infos)
    if len(with_info) > max(_FEWEST_GAPS, _FEWEST_SHARED_STAMPS * len(stamps)):
        return _rate_beside(with_info, infos)
    return _rate_by_gaps(np.diff(stamps))


def _rate_beside(stamps: NDArray[np.int64], infos: NDArray[np.int64]) -> ArrivalRate:
    """What is missing beside the camera infos; an image topic that is throttled misses nothing."""
    periods = np.diff(np.searchsorted(infos, stamps))
    shortest, longest = np.percentile(periods, [10, 90])
    is_even = longest <= _ALIKE * shortest + 1
    time_s = float(stamps[-1] - stamps[0]) / 1e9
    published = float(periods.sum())
    return ArrivalRate(
        len(periods) / time_s, published / time_s, 0.0 if is_even else 1 - len(periods) / published
    )


def _rate_by_gaps(gaps: NDArray[np.int64]) -> ArrivalRate | None:
    period = _recurring_period(gaps)
    if period is None or period < _SHORTEST_PERIOD_NS:
        return None
    # Before and after it another rate may be right.
    single = np.flatnonzero(gaps < _ALIKE * period)
    gaps = gaps[single[0] : single[-1] + 1]
    periods = np.rint(gaps / period)
    is_loss = (periods > 1) & (gaps < _PAUSE_NS) & ~_like_a_neighbour(gaps)
    loses = is_loss.sum() >= _FEWEST_LOSSES and not _repeats(gaps)
    lost = float((periods[is_loss] - 1).sum()) if loses else 0.0
    time_s = float(gaps[gaps < _PAUSE_NS].sum()) / 1e9
    return ArrivalRate(len(gaps) / time_s, 1e9 / period, lost / (lost + len(gaps)))


def _recurring_period(gaps: NDArray[np.int64]) -> float | None:
    """The shortest gap that recurs, if the others are multiples of it."""
    ascending = np.sort(gaps)
    recurs = ascending[_FEWEST_RECURRENCES - 1 :] < _ALIKE * ascending[: 1 - _FEWEST_RECURRENCES]
    if not recurs.any():
        return None
    shortest = ascending[int(np.argmax(recurs))]
    period = float(np.median(gaps[(gaps >= shortest) & (gaps < _ALIKE * shortest)]))
    periods = gaps[gaps < (_MOST_PERIODS + 0.5) * period] / period
    is_multiple = np.abs(periods - np.rint(periods)) <= _NEAR_A_MULTIPLE
    return period if is_multiple.mean() >= _FEWEST_MULTIPLES else None


def _repeats(gaps: NDArray[np.int64]) -> bool:
    """Whether groups of images come again and again: sent in batches, not lost at random."""
    for length in range(2, min(_LONGEST_GROUP, len(gaps) // 2) + 1):
        one, next_one = gaps[:-length], gaps[length:]
        alike = np.maximum(one, next_one) <= _ALIKE * np.minimum(one, next_one)
        if alike.mean() >= _FEWEST_ALIKE:
            return True
    return False


def _like_a_neighbour(gaps: NDArray[np.int64]) -> NDArray[np.bool_]:
    longer = np.maximum(gaps[1:], gaps[:-1])
    alike = longer <= _ALIKE * np.minimum(gaps[1:], gaps[:-1])
    return np.concatenate([alike, [False]]) | np.concatenate([[False], alike])

"""What stamps tell of a stream: whether its clock went back, and how far two streams are apart."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from itertools import pairwise
from statistics import median

#: A stamp this far behind its predecessor is a message out of order; beyond it, or twice in a row,
#: the clock went back (bag loop, restarted driver).
REORDER_NS = 100_000_000
_REMEMBERED = 10
# The next stamp of a stream is expected no sooner than this share of its shortest recent period.
_SOONEST = 0.9


class StampHistory:
    """The recent stamps of one stream, ascending, in nanoseconds."""

    def __init__(self) -> None:
        self.recent: deque[int] = deque(maxlen=_REMEMBERED)
        self._last_was_behind = False

    @property
    def newest(self) -> int | None:
        """The newest stamp, None before the first."""
        return self.recent[-1] if self.recent else None

    def went_back(self, stamp: int) -> bool:
        """Whether this next stamp shows that the clock went back; asked once for each message."""
        if not self.recent or stamp >= self.recent[-1]:
            self._last_was_behind = False
            return False
        went_back = self._last_was_behind or self.recent[-1] - stamp > REORDER_NS
        self._last_was_behind = not went_back
        return went_back

    def note(self, stamp: int) -> None:
        """Remember a stamp, unless it is out of order."""
        if not self.recent or stamp > self.recent[-1]:
            self.recent.append(stamp)

    def soonest_next(self) -> float:
        """No message to come is expected before this stamp."""
        if not self.recent:
            return float("-inf")
        stamps = list(self.recent)
        if len(stamps) < _REMEMBERED:
            return stamps[-1]
        periods = (later - earlier for earlier, later in pairwise(stamps))
        return stamps[-1] + int(_SOONEST * min(periods))

    def forget_after(self, stamp: int) -> None:
        """Forget everything newer than `stamp`: the clock has gone back behind it."""
        self.recent = deque((s for s in self.recent if s <= stamp), maxlen=_REMEMBERED)


def stamps_apart_ns(colors: Sequence[int], depths: Sequence[int]) -> int | None:
    """How far recent colour stamps are from the nearest depth stamp, in the median.

    Colour older than the depth that is remembered says nothing and does not count, the newest
    excepted. None while either stream has brought nothing.
    """
    if not colors or not depths:
        return None
    oldest = min(depths)
    comparable = [c for c in colors if c >= oldest] or [colors[-1]]
    return int(median(min(abs(c - d) for d in depths) for c in comparable))


def nearest(stamps: Sequence[int], stamp: int) -> int | None:
    """Index of the stamp nearest to `stamp` in a sorted list, the earlier of two as near."""
    after = bisect_left(stamps, stamp)
    candidates = [index for index in (after - 1, after) if 0 <= index < len(stamps)]
    return min(candidates, key=lambda index: abs(stamps[index] - stamp), default=None)

"""Pairs colour with depth by their stamps.

The rule is closest first: of all colour and depth messages not yet used, the two whose stamps are
nearest belong together, if they are within the slop; pairs leave in stamp order, so a pair never
overtakes a newer one. A pair leaves as soon as no message still to come can be nearer to either
side. Equal stamps therefore never wait, and what is left behind is dropped and counted.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from asymformer_ros.perception.stamps import REORDER_NS, StampHistory, nearest, stamps_apart_ns

ColorT = TypeVar("ColorT")
DepthT = TypeVar("DepthT")
MessageT = TypeVar("MessageT")

#: Why a message was dropped.
NO_PARTNER = "no_partner"  # its partner cannot come any more
QUEUE_FULL = "queue_full"  # too many waited for the other stream
DUPLICATE_STAMP = "duplicate_stamp"  # replaced by a message of the same stamp
LATE = "late"  # came after a newer pair had left
TIME_RESET = "time_reset"  # from before the clock went back


@dataclass(frozen=True)
class Pair(Generic[ColorT, DepthT]):
    """One colour message with its depth message; stamps in nanoseconds."""

    color_stamp_ns: int
    color: ColorT
    depth_stamp_ns: int
    depth: DepthT


@dataclass(frozen=True)
class SyncCounts:
    """What became of the messages so far.

    received_color = paired + sum(dropped_color) + waiting_color, and so for depth.
    """

    received_color: int
    received_depth: int
    paired: int
    dropped_color: Mapping[str, int]
    dropped_depth: Mapping[str, int]
    waiting_color: int
    waiting_depth: int


class Synchronizer(Protocol[ColorT, DepthT]):
    """What pairs colour with depth; not thread-safe."""

    def add_color(self, stamp_ns: int, message: ColorT) -> list[Pair[ColorT, DepthT]]:
        """Take a colour message; returns the pairs that are certain now, oldest first."""

    def add_depth(self, stamp_ns: int, message: DepthT) -> list[Pair[ColorT, DepthT]]:
        """Take a depth message; returns the pairs that are certain now, oldest first."""

    def clear(self, cause: str) -> None:
        """Drop everything that waits, counted under `cause`, and forget the stamps."""

    def counts(self) -> SyncCounts:
        """The counters as they are now."""

    def stamps_apart_ns(self) -> int | None:
        """How far recent colour and depth stamps are apart; see `stamps.stamps_apart_ns`."""


class RgbdSynchronizer(Generic[ColorT, DepthT]):
    """Pairs each colour message with the nearest depth message; each is used once.

    slop_ns: largest difference of the stamps of a pair, 0 = equal stamps only. queue_size: how many
    messages of a stream may wait. Not thread-safe.
    """

    def __init__(self, slop_ns: int, queue_size: int) -> None:
        if slop_ns < 0 or queue_size < 1:
            raise ValueError(f"need slop >= 0 and queue_size >= 1, got {slop_ns} and {queue_size}")
        self._slop = slop_ns
        self._queue_size = queue_size
        self._color: _Stream[ColorT] = _Stream()
        self._depth: _Stream[DepthT] = _Stream()
        self._paired = 0

    def add_color(self, stamp_ns: int, message: ColorT) -> list[Pair[ColorT, DepthT]]:
        """See `Synchronizer.add_color`."""
        return self._add(self._color, self._depth, stamp_ns, message)

    def add_depth(self, stamp_ns: int, message: DepthT) -> list[Pair[ColorT, DepthT]]:
        """See `Synchronizer.add_depth`."""
        return self._add(self._depth, self._color, stamp_ns, message)

    def clear(self, cause: str) -> None:
        """See `Synchronizer.clear`."""
        self._color.restart(cause)
        self._depth.restart(cause)

    def drain(self) -> list[Pair[ColorT, DepthT]]:
        """The pairs among what waits, oldest first, once no message can come any more.

        What is left has no partner.
        """
        pairs: list[Pair[ColorT, DepthT]] = []
        if self._color.stamps and self._depth.stamps:
            pairs = self._take_through(len(self._color.stamps) - 1, len(self._depth.stamps) - 1)
        self.clear(NO_PARTNER)
        return pairs

    def counts(self) -> SyncCounts:
        """See `Synchronizer.counts`."""
        return SyncCounts(
            received_color=self._color.received,
            received_depth=self._depth.received,
            paired=self._paired,
            dropped_color=dict(+self._color.dropped),
            dropped_depth=dict(+self._depth.dropped),
            waiting_color=len(self._color.stamps),
            waiting_depth=len(self._depth.stamps),
        )

    def stamps_apart_ns(self) -> int | None:
        """See `Synchronizer.stamps_apart_ns`."""
        return stamps_apart_ns(self._color.history.recent, self._depth.history.recent)

    def _add(
        self, stream: _Stream[Any], other: _Stream[Any], stamp: int, message: Any
    ) -> list[Pair[ColorT, DepthT]]:
        stream.received += 1
        if stream.history.went_back(stamp):
            stream.restart(TIME_RESET)
            # The other stream may have gone back already: what fits the new time stays.
            other.forget_after(stamp + REORDER_NS)
        if not stream.insert(stamp, message):
            return []
        pairs = self._take_certain_pairs()
        for one, two in ((self._color, self._depth), (self._depth, self._color)):
            one.drop_hopeless(two, self._slop)
            one.drop_beyond(self._queue_size)
        return pairs

    def _take_certain_pairs(self) -> list[Pair[ColorT, DepthT]]:
        pairs: list[Pair[ColorT, DepthT]] = []
        while (found := self._find_certain_pair()) is not None:
            pairs += self._take_through(*found)
        return pairs

    def _find_certain_pair(self) -> tuple[int, int] | None:
        """Indices of two messages that are each other's nearest, whatever may still come."""
        colors, depths = self._color.stamps, self._depth.stamps
        for i, color in enumerate(colors):
            j = nearest(depths, color)
            if j is None or nearest(colors, depths[j]) != i:
                continue
            apart = abs(color - depths[j])
            if (
                apart <= self._slop
                and self._depth.history.soonest_next() >= color + apart
                and self._color.history.soonest_next() >= depths[j] + apart
            ):
                return i, j
        return None

    def _take_through(self, i: int, j: int) -> list[Pair[ColorT, DepthT]]:
        """Take the pair (i, j); everything older is complete too, so it is settled with it."""
        colors, depths = self._color.take(i + 1), self._depth.take(j + 1)
        matched = _closest_first([c for c, _ in colors], [d for d, _ in depths], self._slop)
        self._paired += len(matched)
        self._color.dropped[NO_PARTNER] += len(colors) - len(matched)
        self._depth.dropped[NO_PARTNER] += len(depths) - len(matched)
        return [Pair(*colors[c], *depths[d]) for c, d in matched]


class _Stream(Generic[MessageT]):
    """What one stream has brought: the messages that wait, in stamp order, and the counts."""

    def __init__(self) -> None:
        self.stamps: list[int] = []
        self.history = StampHistory()
        self.received = 0
        self.dropped: Counter[str] = Counter()
        self._messages: list[MessageT] = []
        self._last_taken: int | None = None

    def insert(self, stamp: int, message: MessageT) -> bool:
        """Let the message wait, unless a newer one has left already; says which."""
        self.history.note(stamp)
        if self._last_taken is not None and stamp < self._last_taken:
            self.dropped[LATE] += 1
            return False
        index = bisect_left(self.stamps, stamp)
        if index < len(self.stamps) and self.stamps[index] == stamp:
            self._messages[index] = message
            self.dropped[DUPLICATE_STAMP] += 1
        else:
            self.stamps.insert(index, stamp)
            self._messages.insert(index, message)
        return True

    def take(self, count: int) -> list[tuple[int, MessageT]]:
        taken = list(zip(self.stamps[:count], self._messages[:count], strict=True))
        self._last_taken = self.stamps[count - 1]
        del self.stamps[:count], self._messages[:count]
        return taken

    def drop_hopeless(self, other: _Stream[Any], slop: int) -> None:
        """Drop the messages that the other stream has left behind."""
        newest = other.history.newest
        for index in reversed(range(len(self.stamps))):
            stamp = self.stamps[index]
            partner = nearest(other.stamps, stamp)
            has_partner = partner is not None and abs(other.stamps[partner] - stamp) <= slop
            if newest is not None and newest > stamp + slop and not has_partner:
                self._drop(index, index + 1, NO_PARTNER)

    def drop_beyond(self, queue_size: int) -> None:
        self._drop(0, max(0, len(self.stamps) - queue_size), QUEUE_FULL)

    def forget_after(self, stamp: int) -> None:
        """Drop and forget everything newer than `stamp`: the clock has gone back behind it."""
        self._drop(bisect_left(self.stamps, stamp + 1), len(self.stamps), TIME_RESET)
        self.history.forget_after(stamp)
        self._last_taken = None

    def restart(self, cause: str) -> None:
        self._drop(0, len(self.stamps), cause)
        self.history = StampHistory()
        self._last_taken = None

    def _drop(self, start: int, stop: int, cause: str) -> None:
        if stop > start:
            self.dropped[cause] += stop - start
            del self.stamps[start:stop], self._messages[start:stop]


def _closest_first(
    colors: Sequence[int], depths: Sequence[int], slop: int
) -> list[tuple[int, int]]:
    """Pair two complete lists of stamps: the nearest two first, then each side of them."""
    apart, i, j = min(
        ((abs(c - d), i, j) for i, c in enumerate(colors) for j, d in enumerate(depths)),
        default=(slop + 1, 0, 0),
    )
    if apart > slop:
        return []
    later = _closest_first(colors[i + 1 :], depths[j + 1 :], slop)
    return [
        *_closest_first(colors[:i], depths[:j], slop),
        (i, j),
        *((i + 1 + c, j + 1 + d) for c, d in later),
    ]

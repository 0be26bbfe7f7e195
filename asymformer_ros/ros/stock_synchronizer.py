"""Pairing by the message_filters package, for robots on which all nodes are to pair alike.

What it does differently from our own: a pair needs stamps nearer than the slop (equal stamps where
that is 0), it is made of what is there when a message arrives, and late depth can bring an older
pair after a newer one.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Generic, NamedTuple

from builtin_interfaces.msg import Time

from asymformer_ros.perception.stamps import REORDER_NS, StampHistory, stamps_apart_ns
from asymformer_ros.perception.synchronizer import (
    TIME_RESET,
    ColorT,
    DepthT,
    Pair,
    RgbdSynchronizer,
    SyncCounts,
    Synchronizer,
)
from asymformer_ros.ros.parameters import ConfigurationError

#: Why a message was dropped: message_filters does not tell more.
UNPAIRED = "unpaired"
# message_filters raises at what rclpy's Time cannot hold, and then keeps its lock.
_END_OF_TIME_NS = 2**31 * 10**9


def make_synchronizer(policy: str, slop_ns: int, queue_size: int) -> Synchronizer[Any, Any]:
    """The synchronizer of the parameter `sync.policy`, own or message_filters.

    slop_ns, queue_size: see `RgbdSynchronizer`. Raises ConfigurationError where message_filters is
    not installed.
    """
    if policy == "own":
        return RgbdSynchronizer(slop_ns, queue_size)
    return StockSynchronizer(slop_ns, queue_size)


class StockSynchronizer(Generic[ColorT, DepthT]):
    """A `Synchronizer` around message_filters' (Approximate)TimeSynchronizer.

    After a backward jump of a stream's clock, its own messages that wait are dropped, and of the
    other stream those from the time left behind: message_filters would keep them and throw away
    every new one instead. What it swallows itself is counted as `UNPAIRED`.
    """

    def __init__(self, slop_ns: int, queue_size: int) -> None:
        try:
            from message_filters import ApproximateTimeSynchronizer, SimpleFilter, TimeSynchronizer
        except ImportError as error:
            raise ConfigurationError(
                "sync.policy is message_filters, which is not installed here: "
                "apt install ros-$ROS_DISTRO-message-filters, or set sync.policy to own"
            ) from error
        inputs = [SimpleFilter(), SimpleFilter()]
        if slop_ns:
            self._stock = ApproximateTimeSynchronizer(inputs, queue_size, slop_ns / 1e9)
        else:
            self._stock = TimeSynchronizer(inputs, queue_size)
        self._stock.registerCallback(self._on_pair)
        self._color, self._depth = (
            _Stream(feed, waiting) for feed, waiting in zip(inputs, self._stock.queues, strict=True)
        )
        self._new_pairs: list[Pair[ColorT, DepthT]] = []
        self._paired = 0

    def add_color(self, stamp_ns: int, message: ColorT) -> list[Pair[ColorT, DepthT]]:
        """See `Synchronizer.add_color`; in the order of message_filters."""
        return self._add(self._color, self._depth, stamp_ns, message)

    def add_depth(self, stamp_ns: int, message: DepthT) -> list[Pair[ColorT, DepthT]]:
        """See `Synchronizer.add_depth`; in the order of message_filters."""
        return self._add(self._depth, self._color, stamp_ns, message)

    def clear(self, cause: str) -> None:
        """See `Synchronizer.clear`."""
        self._color.restart(cause)
        self._depth.restart(cause)

    def counts(self) -> SyncCounts:
        """See `Synchronizer.counts`."""
        return SyncCounts(
            received_color=self._color.received,
            received_depth=self._depth.received,
            paired=self._paired,
            dropped_color=self._color.all_dropped(self._paired),
            dropped_depth=self._depth.all_dropped(self._paired),
            waiting_color=len(self._color.waiting),
            waiting_depth=len(self._depth.waiting),
        )

    def stamps_apart_ns(self) -> int | None:
        """See `Synchronizer.stamps_apart_ns`."""
        return stamps_apart_ns(self._color.history.recent, self._depth.history.recent)

    def _add(
        self, stream: _Stream, other: _Stream, stamp: int, message: Any
    ) -> list[Pair[ColorT, DepthT]]:
        stream.received += 1
        if stream.history.went_back(stamp):
            stream.restart(TIME_RESET)
            other.forget_after(stamp + REORDER_NS)
        stream.history.note(stamp)
        if 0 <= stamp < _END_OF_TIME_NS:
            try:
                stream.feed.signalMessage(_Envelope.of(stamp, message))
            finally:
                # It is not released when something inside raises; nobody else holds it.
                if self._stock.lock.locked():
                    self._stock.lock.release()
        # Not kept: the messages are megabytes.
        pairs, self._new_pairs = self._new_pairs, []
        return pairs

    def _on_pair(self, color: _Envelope, depth: _Envelope) -> None:
        self._paired += 1
        self._new_pairs.append(
            Pair(color.stamp_ns, color.message, depth.stamp_ns, depth.message),
        )


class _Header(NamedTuple):
    stamp: Time


class _Envelope(NamedTuple):
    """What message_filters sees of a message."""

    header: _Header
    stamp_ns: int
    message: Any

    @classmethod
    def of(cls, stamp_ns: int, message: Any) -> _Envelope:
        seconds, nanoseconds = divmod(stamp_ns, 1_000_000_000)
        return cls(_Header(Time(sec=seconds, nanosec=nanoseconds)), stamp_ns, message)


class _Stream:
    """One input of message_filters; waiting: its queue, envelopes by their stamp."""

    def __init__(self, feed: Any, waiting: dict[int, _Envelope]) -> None:
        self.feed = feed
        self.waiting = waiting
        self.history = StampHistory()
        self.received = 0
        self._dropped: Counter[str] = Counter()

    def all_dropped(self, paired: int) -> dict[str, int]:
        known = paired + len(self.waiting) + self._dropped.total()
        return dict(+(self._dropped + Counter({UNPAIRED: self.received - known})))

    def restart(self, cause: str) -> None:
        self._dropped[cause] += len(self.waiting)
        self.waiting.clear()
        self.history = StampHistory()

    def forget_after(self, stamp: int) -> None:
        stale = [waiting for waiting in self.waiting if waiting > stamp]
        for one in stale:
            del self.waiting[one]
        self._dropped[TIME_RESET] += len(stale)
        self.history.forget_after(stamp)

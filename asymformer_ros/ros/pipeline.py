"""From two streams of messages to one worker thread, with an account of every message."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic

from asymformer_ros.perception.frame_drops import FrameDropped, stage
from asymformer_ros.perception.synchronizer import ColorT, DepthT, Pair, Synchronizer
from asymformer_ros.ros.latest_slot import LatestSlot

#: Why a pair was dropped, beside the stages of `stage`.
REPLACED_BY_NEWER = "replaced_by_newer"  # the worker was busy until a newer pair came
STOPPED = "stopped"  # it waited when the node was deactivated


@dataclass(frozen=True)
class FrameAccount:
    """What became of every message so far.

    received_color = segmented + sum(dropped_color) + pending, where pending waits for its depth,
    waits for the worker or is being worked on; in_work are the latter two. received_depth = paired
    + sum(dropped_depth) + waiting_depth. refused: how many of the dropped the worker refused for
    their content or a fault, last_drop: why it last did. stamps_apart_ns: see Synchronizer.
    """

    received_color: int
    received_depth: int
    paired: int
    segmented: int
    dropped_color: Mapping[str, int]
    dropped_depth: Mapping[str, int]
    pending: int
    in_work: int
    waiting_depth: int
    refused: int
    last_drop: str
    stamps_apart_ns: int | None


class FramePipeline(Generic[ColorT, DepthT]):
    """Pairs messages on the receiving thread and processes the newest pair on a worker thread.

    admit: asked on the receiving thread for each pair; the cause under which to drop it, None to
    let it pass. process: called on the worker thread with one pair at a time and the seconds that
    it waited for the worker; raises FrameDropped for a pair that it refuses. on_drop: called there
    with each FrameDropped.
    """

    def __init__(
        self,
        synchronizer: Synchronizer[ColorT, DepthT],
        admit: Callable[[], str | None],
        process: Callable[[Pair[ColorT, DepthT], float], None],
        on_drop: Callable[[FrameDropped], None],
    ) -> None:
        self._synchronizer = synchronizer
        self._admit = admit
        self._process = process
        self._on_drop = on_drop
        self._lock = threading.Lock()
        self._slot: LatestSlot[tuple[Pair[ColorT, DepthT], float]] | None = None
        self._worker: threading.Thread | None = None
        self._segmented = 0
        self._dropped: Counter[str] = Counter()
        self._refused = 0
        self._last_drop = ""

    def add_color(self, stamp_ns: int, message: ColorT) -> None:
        """Take a colour message while started; never waits for the worker."""
        with self._lock:
            self._hand_over(self._synchronizer.add_color(stamp_ns, message))

    def add_depth(self, stamp_ns: int, message: DepthT) -> None:
        """Take a depth message while started; never waits for the worker."""
        with self._lock:
            self._hand_over(self._synchronizer.add_depth(stamp_ns, message))

    def start(self) -> None:
        """Start the worker; the counters go on from where they were."""
        self._slot = LatestSlot()
        self._worker = threading.Thread(
            target=self._work, args=(self._slot,), name="segmentation", daemon=True
        )
        self._worker.start()

    def stop(self, timeout_s: float) -> bool:
        """Finish the frame in work and drop what waits; False if the worker did not end in time."""
        with self._lock:
            if self._slot is not None and self._slot.close() is not None:
                self._dropped[STOPPED] += 1
            self._synchronizer.clear(STOPPED)
            self._slot = None
        if self._worker is not None:
            self._worker.join(timeout_s)
        return not self.is_working

    @property
    def is_working(self) -> bool:
        """Whether the worker runs: after a `stop` in vain it may be in the engine still."""
        return self._worker is not None and self._worker.is_alive()

    def account(self) -> FrameAccount:
        """The counters at this moment."""
        with self._lock:
            counts = self._synchronizer.counts()
            in_work = counts.paired - self._segmented - self._dropped.total()
            return FrameAccount(
                received_color=counts.received_color,
                received_depth=counts.received_depth,
                paired=counts.paired,
                segmented=self._segmented,
                dropped_color=Counter(counts.dropped_color) + self._dropped,
                dropped_depth=counts.dropped_depth,
                pending=counts.waiting_color + in_work,
                in_work=in_work,
                waiting_depth=counts.waiting_depth,
                refused=self._refused,
                last_drop=self._last_drop,
                stamps_apart_ns=self._synchronizer.stamps_apart_ns(),
            )

    def _hand_over(self, pairs: list[Pair[ColorT, DepthT]]) -> None:
        for pair in pairs:
            if self._slot is None:
                self._dropped[STOPPED] += 1
            elif (cause := self._admit()) is not None:
                self._dropped[cause] += 1
            elif self._slot.put((pair, time.monotonic())):
                self._dropped[REPLACED_BY_NEWER] += 1

    def _work(self, slot: LatestSlot[tuple[Pair[ColorT, DepthT], float]]) -> None:
        while (item := slot.take()) is not None:
            pair, handed_over_s = item
            try:
                with stage("internal_error"):
                    self._process(pair, time.monotonic() - handed_over_s)
            except FrameDropped as drop:
                with self._lock:
                    self._dropped[drop.cause] += 1
                    self._refused += 1
                    self._last_drop = str(drop)
                self._on_drop(drop)
            else:
                with self._lock:
                    self._segmented += 1
            # Before waiting for the next: the messages are megabytes.
            del item, pair

"""What /diagnostics says about the node: figures, and one sentence that judges them."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus, KeyValue

from asymformer_ros.ros.pipeline import FrameAccount

# A stream or the output counts as silent after this time.
_SILENCE_S = 3.0
_WINDOW_S = 10.0
# Pairs that come after such a time end a pause; more than the period of the reports.
_RESUMED_S = 1.5


@dataclass(frozen=True)
class Timing:
    """Figures of the last seconds; latency from the colour stamp to the published labels."""

    rate_hz: float
    latency_ms: tuple[float, float, float] | None
    inference_ms: float | None


class FrameTimes:
    """Remembers the times of the frames of the last ten seconds; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._frames: deque[tuple[float, float, float]] = deque()

    def add(self, now_s: float, latency_ms: float, inference_ms: float) -> None:
        """Note a published frame; now_s: any steady clock."""
        with self._lock:
            self._frames.append((now_s, latency_ms, inference_ms))
            self._forget_before(now_s - _WINDOW_S)

    def timing(self, now_s: float) -> Timing:
        """Rate, latency percentiles 50, 95 and 99, and the median inference time."""
        with self._lock:
            self._forget_before(now_s - _WINDOW_S)
            frames = np.array(self._frames)
        if len(frames) == 0:
            return Timing(0.0, None, None)
        span = now_s - frames[0, 0]
        p50, p95, p99 = np.percentile(frames[:, 1], [50, 95, 99])
        return Timing(
            rate_hz=len(frames) / max(span, 1.0),
            latency_ms=(float(p50), float(p95), float(p99)),
            inference_ms=float(np.median(frames[:, 2])),
        )

    def _forget_before(self, oldest_s: float) -> None:
        while self._frames and self._frames[0][0] < oldest_s:
            self._frames.popleft()


class Judgement(NamedTuple):
    """Level of diagnostic_msgs/DiagnosticStatus, the reason, and whether no log line told it."""

    level: bytes
    sentence: str
    is_news: bool


class HealthMonitor:
    """Judges the account: OK, WARN or ERROR with a sentence; asked about once a second."""

    def __init__(
        self,
        color_topic: str,
        depth_topic: str,
        slop_ns: int,
        start: FrameAccount,
        now_s: float,
    ) -> None:
        self._topics = {"colour": color_topic, "depth": depth_topic}
        self._slop_ns = slop_ns
        self._before = _counters(start)
        self._changed_s = dict.fromkeys(self._before, now_s)

    def judge(self, account: FrameAccount, rate_hz: float, now_s: float) -> Judgement:
        """Judge the time since the last call; now_s: a steady clock."""
        progress = self._progress(account)
        silent = self._note(progress, now_s)
        if silent["paired"] >= _SILENCE_S:
            return Judgement(DiagnosticStatus.WARN, self._why_unpaired(account, silent), True)
        if silent["segmented"] >= _SILENCE_S:
            duration = f"no frame segmented for {silent['segmented']:.0f} s"
            if silent["refused"] < _SILENCE_S:
                return Judgement(DiagnosticStatus.ERROR, f"{duration}: {account.last_drop}", False)
            sentence = f"{duration}: the engine is busy with one frame"
            return Judgement(DiagnosticStatus.WARN, sentence, True)
        if progress["refused"]:
            sentence = f"frames are refused: {account.last_drop}"
            return Judgement(DiagnosticStatus.WARN, sentence, False)
        sentence = f"segmenting {rate_hz:.1f} frames a second"
        return Judgement(DiagnosticStatus.OK, sentence, False)

    def _progress(self, account: FrameAccount) -> dict[str, int]:
        """By how much each counter has grown since the last time."""
        now = _counters(account)
        grown = {what: now[what] - self._before[what] for what in now}
        self._before = now
        return grown

    def _note(self, progress: Mapping[str, int], now_s: float) -> dict[str, float]:
        """For how many seconds each counter has stood still."""
        if progress["paired"] and now_s - self._changed_s["paired"] > _RESUMED_S:
            # The worker is measured from the first pair after a pause.
            self._changed_s["segmented"] = now_s
        for what, grown in progress.items():
            if grown:
                self._changed_s[what] = now_s
        return {what: now_s - since for what, since in self._changed_s.items()}

    def _why_unpaired(self, account: FrameAccount, silent: Mapping[str, float]) -> str:
        duration = f"nothing paired for {silent['paired']:.0f} s"
        missing = [
            f"{what} image on {topic}"
            for what, topic in self._topics.items()
            if silent[what] >= _SILENCE_S
        ]
        if missing:
            return (
                f"{duration}: no {' and no '.join(missing)}; "
                "check the driver, the topic names and the QoS"
            )
        if account.stamps_apart_ns is None:
            return f"{duration}: the stamps keep going back"
        return (
            f"{duration}: colour and depth stamps are {account.stamps_apart_ns / 1e6:.1f} ms "
            f"apart, sync.slop is {self._slop_ns / 1e6:.1f} ms"
        )


def _counters(account: FrameAccount) -> dict[str, int]:
    return {
        "colour": account.received_color,
        "depth": account.received_depth,
        "paired": account.paired,
        "segmented": account.segmented,
        "refused": account.refused,
    }


def diagnostic_status(
    name: str, engine: str, judgement: Judgement, account: FrameAccount, timing: Timing
) -> DiagnosticStatus:
    """The whole report of a node as one diagnostic status."""
    values: dict[str, object] = {
        "engine": engine,
        "received_color": account.received_color,
        "received_depth": account.received_depth,
        "paired": account.paired,
        "segmented": account.segmented,
        "pending": account.pending,
        "waiting_depth": account.waiting_depth,
    }
    values |= {f"dropped.{cause}": n for cause, n in sorted(account.dropped_color.items())}
    values |= {f"dropped_depth.{cause}": n for cause, n in sorted(account.dropped_depth.items())}
    values["rate_hz"] = f"{timing.rate_hz:.2f}"
    if timing.latency_ms is not None:
        percentiles = zip(("p50", "p95", "p99"), timing.latency_ms, strict=True)
        values |= {f"latency_ms.{share}": f"{value:.1f}" for share, value in percentiles}
    if timing.inference_ms is not None:
        values["inference_ms.median"] = f"{timing.inference_ms:.1f}"
    return DiagnosticStatus(
        level=judgement.level,
        name=name,
        message=judgement.sentence,
        values=[KeyValue(key=key, value=str(value)) for key, value in values.items()],
    )

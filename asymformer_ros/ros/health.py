"""Judges how the node fares: OK, WARN or ERROR, and a sentence with the reason and what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from diagnostic_msgs.msg import DiagnosticStatus

from asymformer_ros.perception.synchronizer import QUEUE_FULL
from asymformer_ros.ros.input_watch import SILENCE_S, Finding
from asymformer_ros.ros.pipeline import FrameAccount

# Stamps of one clock are never so far apart.
_OTHER_CLOCK_NS = 1_000_000_000


class Judgement(NamedTuple):
    """Level of diagnostic_msgs/DiagnosticStatus, the reason, and whether no log line told it."""

    level: bytes
    sentence: str
    is_news: bool


class HealthMonitor:
    """Judges the account of the pipeline; asked about once a second.

    slop_ns: the synchronizer's. start: the account at now_s, which is of a steady clock.
    """

    def __init__(self, slop_ns: int, start: FrameAccount, now_s: float) -> None:
        #: Pairs a second between the last two judgements.
        self.pairs_hz = 0.0
        self._slop_ns = slop_ns
        self._overflows = False
        self._before = _counters(start)
        self._judged_s = now_s
        self._changed_s = self._all_well_at(now_s)

    def judge(
        self,
        account: FrameAccount,
        findings: Sequence[Finding],
        rate_hz: float,
        enabled: bool,
        now_s: float,
    ) -> Judgement:
        """Judge the time since the last call.

        findings: of `InputWatch`. rate_hz: frames segmented a second. enabled: whether the node
        is to segment at all.
        """
        progress = self._progress(account, now_s)
        if not enabled:
            self._changed_s = self._all_well_at(now_s)
            return Judgement(DiagnosticStatus.OK, "disabled: set enabled to true to segment", False)
        silent = self._silent(progress, account, now_s)
        if silent["paired"] >= SILENCE_S:
            sentence = self._why_unpaired(account, findings, silent)
            return Judgement(DiagnosticStatus.WARN, sentence, True)
        level, sentence, is_news = self._judge_frames(account, progress, silent, rate_hz)
        if findings:
            level = max(level, DiagnosticStatus.WARN)
            return Judgement(level, f"{sentence}, but {_joined(findings)}", True)
        return Judgement(level, sentence, is_news)

    def _judge_frames(
        self,
        account: FrameAccount,
        progress: Mapping[str, int],
        silent: Mapping[str, float],
        rate_hz: float,
    ) -> Judgement:
        """What became of the pairs."""
        if silent["segmented"] >= SILENCE_S:
            duration = f"no frame segmented for {silent['segmented']:.0f} s"
            if silent["refused"] < SILENCE_S:
                return Judgement(DiagnosticStatus.ERROR, f"{duration}: {account.last_drop}", False)
            sentence = f"{duration}: the engine is busy with one frame"
            return Judgement(DiagnosticStatus.WARN, sentence, True)
        if progress["refused"]:
            sentence = f"frames are refused: {account.last_drop}"
            return Judgement(DiagnosticStatus.WARN, sentence, False)
        return Judgement(DiagnosticStatus.OK, f"segmenting {rate_hz:.1f} frames a second", False)

    def _all_well_at(self, now_s: float) -> dict[str, float]:
        return dict.fromkeys(self._before, now_s) | {"refused": float("-inf")}

    def _progress(self, account: FrameAccount, now_s: float) -> dict[str, int]:
        """By how much each counter has grown since the last time."""
        now = _counters(account)
        grown = {what: now[what] - self._before[what] for what in now}
        if now_s > self._judged_s:
            self.pairs_hz = grown["paired"] / (now_s - self._judged_s)
        # Stamps of a stream that is late look as if they were far apart.
        self._overflows = grown["overflow"] > 0
        self._before, self._judged_s = now, now_s
        return grown

    def _silent(
        self, progress: Mapping[str, int], account: FrameAccount, now_s: float
    ) -> dict[str, float]:
        """For how many seconds each counter has stood still."""
        for what, grown in progress.items():
            if grown:
                self._changed_s[what] = now_s
        refuses = now_s - self._changed_s["refused"] < SILENCE_S
        if not account.in_work and not refuses:
            # The worker has nothing to do: a pause of the camera, a rate limit.
            self._changed_s["segmented"] = now_s
        return {what: now_s - since for what, since in self._changed_s.items()}

    def _why_unpaired(
        self, account: FrameAccount, findings: Sequence[Finding], silent: Mapping[str, float]
    ) -> str:
        missing = [what for what in ("colour", "depth") if silent[what] >= SILENCE_S]
        reasons = [finding for finding in findings if finding.prevents_pairs]
        if reasons:
            why = _joined(reasons)
        elif missing:
            why = f"no {' and no '.join(missing)} image"
        elif self._overflows:
            why = (
                "images wait in vain until more than sync.queue_size do: one stream comes late, "
                "raise sync.queue_size"
            )
        else:
            why = self._why_stamps_do_not_fit(account.stamps_apart_ns)
        others = [finding for finding in findings if not finding.prevents_pairs]
        duration = f"nothing paired for {silent['paired']:.0f} s"
        return "; ".join([f"{duration}: {why}", *([_joined(others)] if others else [])])

    def _why_stamps_do_not_fit(self, apart_ns: int | None) -> str:
        if apart_ns is None:
            return "the stamps keep going back"
        if apart_ns >= _OTHER_CLOCK_NS:
            return (
                f"colour and depth stamps are {apart_ns / 1e9:.1f} s apart, which no sync.slop can "
                "mend: one stream is delayed, or its clock is another; stamp both with one clock "
                "(synchronise the machines, set use_sim_time everywhere, play both from one bag)"
            )
        apart_ms, slop_ms = apart_ns / 1e6, self._slop_ns / 1e6
        if apart_ns < self._slop_ns:
            return (
                f"colour and depth stamps are {apart_ms:.1f} ms apart, within sync.slop "
                f"({slop_ms:.1f} ms), but one stream comes too late: raise sync.queue_size"
            )
        return (
            f"colour and depth stamps are {apart_ms:.1f} ms apart, sync.slop is {slop_ms:.1f} ms: "
            f"set sync.slop to at least {(apart_ns // 1_000_000 + 1) / 1e3:.3f}"
        )


def _joined(findings: Sequence[Finding]) -> str:
    return "; ".join(finding.sentence for finding in findings)


def _counters(account: FrameAccount) -> dict[str, int]:
    return {
        "colour": account.received_color,
        "depth": account.received_depth,
        "paired": account.paired,
        "segmented": account.segmented,
        "refused": account.refused,
        "overflow": sum(
            dropped.get(QUEUE_FULL, 0) for dropped in (account.dropped_color, account.dropped_depth)
        ),
    }

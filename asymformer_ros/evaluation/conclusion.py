"""From what a run came to, to the result that is written."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from typing import Any

import numpy as np

from asymformer_ros import __version__
from asymformer_ros.evaluation.metrics import ConfusionMatrix
from asymformer_ros.evaluation.results import (
    ClassResult,
    FrameCounts,
    Latency,
    OverallScores,
    Result,
    Subject,
)
from asymformer_ros.evaluation.run import Run
from asymformer_ros.evaluation.score_keeper import ScoreKeeper
from asymformer_ros.perception.labels import LabelSpace

_BINS = 40


def conclude(
    run: Run,
    subject: Subject,
    space: LabelSpace,
    latency_of: str,
    engine_s: float | None,
    machine: Mapping[str, Any],
) -> Result:
    """The result of a run; latency_of: what its latencies measure, engine_s: None if unknown."""
    keeper = run.keeper
    with_drops = ConfusionMatrix(len(space.classes))
    with_drops.merge(keeper.confusion)
    with_drops.merge(keeper.confusion_of_lost)
    some_lost = keeper.latency_ms and keeper.confusion_of_lost.counts.any()
    return Result(
        subject=subject,
        complete=run.complete,
        problems=run.intake.problems,
        frames=FrameCounts(
            received_color=run.intake.received_color,
            received_depth=run.intake.received_depth,
            segmented=len(keeper.latency_ms),
            scored=keeper.scored,
            dropped=dict(run.all_dropped),
            dropped_depth=dict(run.intake.dropped_depth),
        ),
        scores=_overall(keeper.confusion),
        scores_with_drops=_overall(with_drops) if some_lost else None,
        classes=_classes(keeper, space),
        confusion=_rows(keeper.confusion),
        latency_ms=_latency(keeper.latency_ms, latency_of),
        flicker=keeper.flicker.share,
        seconds=run.seconds,
        engine_share=engine_s / run.seconds if engine_s is not None and run.seconds else None,
        machine=machine,
        version=__version__,
    )


def _overall(confusion: ConfusionMatrix) -> OverallScores | None:
    if not confusion.counts.any():
        return None
    scores = confusion.scores()
    return OverallScores(
        mean_iou=scores.mean_iou,
        mean_iou_present=scores.mean_iou_present,
        pixel_accuracy=scores.pixel_accuracy,
        mean_accuracy=scores.mean_accuracy,
    )


def _rows(confusion: ConfusionMatrix) -> tuple[tuple[int, ...], ...] | None:
    if not confusion.counts.any():
        return None
    return tuple(tuple(int(count) for count in row) for row in confusion.counts)


def _classes(keeper: ScoreKeeper, space: LabelSpace) -> tuple[ClassResult, ...]:
    scores = keeper.confusion.scores()
    truth = keeper.confusion.counts.sum(axis=1)
    return tuple(
        ClassResult(
            name=name,
            color="#{:02x}{:02x}{:02x}".format(*space.palette[index]),
            iou=_known(scores.iou[index]),
            accuracy=_known(scores.recall[index]),
            truth_share=float(truth[index] / truth.sum()) if truth.any() else None,
            predicted_share=float(keeper.predicted[index] / max(1, keeper.predicted.sum())),
        )
        for index, name in enumerate(space.classes)
    )


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _latency(values: array[float], of: str) -> Latency | None:
    if not values:
        return None
    latencies = np.asarray(values)
    p50, p95, p99 = np.percentile(latencies, [50, 95, 99])
    # The last bin holds the slowest frames, too: a few outliers must not flatten the rest.
    edges = np.linspace(latencies.min(), max(p99, latencies.min() + 1e-3), _BINS + 1)
    counts, _ = np.histogram(np.minimum(latencies, edges[-1]), edges)
    return Latency(
        of=of,
        mean=float(latencies.mean()),
        p50=float(p50),
        p95=float(p95),
        p99=float(p99),
        maximum=float(latencies.max()),
        edges=tuple(map(float, edges)),
        counts=tuple(map(int, counts)),
    )

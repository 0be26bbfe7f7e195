"""Keeps the score of an evaluation, frame by frame, in memory that does not grow with them."""

from __future__ import annotations

import random
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from asymformer_ros.evaluation.flicker import Flicker
from asymformer_ros.evaluation.frame_row import FrameRow, PicturedFrame
from asymformer_ros.evaluation.frames import EvaluatedFrame
from asymformer_ros.evaluation.metrics import ConfusionMatrix
from asymformer_ros.perception.frames import UNLABELLED, RgbdFrame

_PICTURED_OF_A_KIND = 4
_WIDEST_PICTURE = 640
_NEAR_NS = 1_000_000_000


@dataclass(frozen=True, eq=False)
class Answer:
    """What was said of a frame, and how many milliseconds it took.

    labels, confidence: as `Segmentation` has them, confidence None where it is not known.
    """

    labels: NDArray[np.uint8]
    confidence: NDArray[np.uint8] | None
    latency_ms: float


class ScoreKeeper:
    """Scores of the frames added so far.

    confusion: over the frames with truth. confusion_of_lost: over the lost frames with truth, each
    held against the labels before it. predicted: int64 [256], pixels by label.
    """

    def __init__(self, num_classes: int) -> None:
        self.confusion = ConfusionMatrix(num_classes)
        self.confusion_of_lost = ConfusionMatrix(num_classes)
        self.predicted = np.zeros(256, np.int64)
        self.flicker = Flicker()
        self.latency_ms = array("d")
        self.scored = 0
        self._num_classes = num_classes
        self._held: NDArray[np.uint8] | None = None
        self._pictures = _Pictures()

    def add(self, frame: EvaluatedFrame, answer: Answer) -> FrameRow:
        """Score one frame; returns its line. Raises FrameError for a truth that cannot be right."""
        labels, confidence = answer.labels, answer.confidence
        mean_iou = pixel_accuracy = None
        if frame.truth is not None:
            confusion = ConfusionMatrix(self._num_classes)
            confusion.add(frame.truth, labels)
            self.confusion.merge(confusion)
            self.scored += 1
            if confusion.counts.any():
                scores = confusion.scores()
                mean_iou, pixel_accuracy = scores.mean_iou_present, scores.pixel_accuracy
        self._held = labels
        self.predicted += _histogram(labels)
        row = FrameRow(
            number=len(self.latency_ms),
            name=frame.name,
            stamp_ns=frame.frame.stamp_ns,
            latency_ms=answer.latency_ms,
            confidence=None if confidence is None else float(confidence.mean()) / 255,
            mean_iou=mean_iou,
            pixel_accuracy=pixel_accuracy,
            flicker=self.flicker.add(frame.frame.stamp_ns, frame.frame.depth_m, labels),
        )
        self.latency_ms.append(answer.latency_ms)
        self._pictures.offer(row, frame, labels)
        return row

    def add_lost(self, truth: NDArray[np.uint8] | None) -> None:
        """Score the labels before a lost frame against its truth; all wrong if there were none.

        Raises FrameError for a truth that cannot be right.
        """
        if truth is None:
            return
        held = np.full(truth.shape, UNLABELLED, np.uint8) if self._held is None else self._held
        self.confusion_of_lost.add(truth, held)

    def pictured(self) -> list[PicturedFrame]:
        """The best, the worst and some random frames, without one twice.

        By mean IoU, or by confidence where there is no truth; without either at random alone.
        """
        return list(self._pictures.chosen())


class _Pictures:
    """Chooses frames to show; reservoir sampling (Vitter 1985, algorithm R) with a fixed seed."""

    def __init__(self) -> None:
        self._best = _Ranking()
        self._worst = _Ranking()
        self._random: list[PicturedFrame] = []
        # From the first frame with truth on, those without are no longer compared.
        self._by_truth = False
        self._seen = 0
        self._dice = random.Random(0)

    def offer(self, row: FrameRow, frame: EvaluatedFrame, labels: NDArray[np.uint8]) -> None:
        place = self._dice.randrange(self._seen + 1)
        self._seen += 1
        if row.mean_iou is not None and not self._by_truth:
            self._best, self._worst, self._by_truth = _Ranking(), _Ranking(), True
        value = row.mean_iou if self._by_truth else row.confidence
        ranked = [] if value is None else [(self._best, value), (self._worst, -value)]
        entered = [(ranking, of) for ranking, of in ranked if ranking.place(of, row) is not None]
        if not entered and place >= _PICTURED_OF_A_KIND:
            return
        shown = _shrunk(row, frame, labels)
        for ranking, of in entered:
            ranking.put(of, shown)
        if len(self._random) < _PICTURED_OF_A_KIND:
            self._random.append(shown)
        elif place < _PICTURED_OF_A_KIND:
            self._random[place] = shown

    def chosen(self) -> Iterator[PicturedFrame]:
        told: set[int] = set()
        best = [replace(one, why="best") for one in self._best.in_order()]
        worst = [replace(one, why="worst") for one in self._worst.in_order()]
        by_number = sorted(self._random, key=lambda one: one.row.number)
        for one in (*best, *worst, *by_number):
            if one.row.number not in told:
                told.add(one.row.number)
                yield one


class _Ranking:
    """The frames of the largest values; of those close together in time the first of the largest.

    Neighbours in a video look alike: the four best frames of it would be one.
    """

    def __init__(self) -> None:
        self._kept: list[tuple[float, PicturedFrame]] = []

    def place(self, value: float, row: FrameRow) -> int | None:
        """Which of the kept a frame would replace, or join as the last; None if it is no match."""
        near = [i for i, (_, one) in enumerate(self._kept) if _are_near(one.row, row)]
        if not near and len(self._kept) < _PICTURED_OF_A_KIND:
            return len(self._kept)
        least = min(near or range(len(self._kept)), key=lambda i: self._kept[i][0])
        return least if value > self._kept[least][0] else None

    def put(self, value: float, shown: PicturedFrame) -> None:
        place = self.place(value, shown.row)
        if place is not None:
            self._kept[place : place + 1] = [(value, shown)]

    def in_order(self) -> list[PicturedFrame]:
        ranked = sorted(self._kept, key=lambda one: (-one[0], one[1].row.number))
        return [shown for _, shown in ranked]


def _are_near(one: FrameRow, other: FrameRow) -> bool:
    """Whether frames of a recording are close in time; those of a data set have no stamps."""
    if not (one.stamp_ns and other.stamp_ns):
        return False
    return abs(one.stamp_ns - other.stamp_ns) < _NEAR_NS


def _shrunk(row: FrameRow, frame: EvaluatedFrame, labels: NDArray[np.uint8]) -> PicturedFrame:
    """The frame at the size of a picture: the arrays themselves may be of any size."""
    stride = -(-labels.shape[1] // _WIDEST_PICTURE)
    rgb = np.ascontiguousarray(frame.frame.rgb[::stride, ::stride])
    depth_m = np.ascontiguousarray(frame.frame.depth_m[::stride, ::stride])
    truth = None if frame.truth is None else frame.truth[::stride, ::stride].copy()
    small = RgbdFrame(rgb, depth_m, frame.frame.stamp_ns, frame.frame.frame_id)
    return PicturedFrame("random", row, small, labels[::stride, ::stride].copy(), truth)


def _histogram(labels: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Pixels by label, int64 [256]; OpenCV counts in int32 inside and exactly."""
    counts = cv2.calcHist([labels], [0], None, [256], [0.0, 256.0])
    return np.asarray(counts, np.float64).astype(np.int64).ravel()

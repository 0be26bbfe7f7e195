"""Keeps the score of an evaluation, frame by frame, in memory that does not grow with them."""

from __future__ import annotations

import heapq
import random
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

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

# What it is ranked by, the negative number of the frame: of equals the first stays.
_Heap: TypeAlias = "list[tuple[float, int, PicturedFrame]]"


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
        """Score the labels before a lost frame against its truth; all wrong if there were none."""
        if truth is None:
            return
        held = self._held
        if held is None or held.shape != truth.shape:
            held = np.full(truth.shape, UNLABELLED, np.uint8)
        self.confusion_of_lost.add(truth, held)

    def pictured(self) -> list[PicturedFrame]:
        """The best, the worst and some random frames, without one twice.

        By mean IoU, or by confidence where there is no truth; without either at random alone.
        """
        return list(self._pictures.chosen())


class _Pictures:
    """Chooses frames to show; reservoir sampling (Vitter 1985, algorithm R) with a fixed seed."""

    def __init__(self) -> None:
        self._best: _Heap = []
        self._worst: _Heap = []
        self._random: list[PicturedFrame] = []
        # From the first frame with truth on, those without are no longer compared.
        self._by_truth = False
        self._seen = 0
        self._dice = random.Random(0)

    def offer(self, row: FrameRow, frame: EvaluatedFrame, labels: NDArray[np.uint8]) -> None:
        place = self._dice.randrange(self._seen + 1)
        self._seen += 1
        if row.mean_iou is not None and not self._by_truth:
            self._best, self._worst, self._by_truth = [], [], True
        value = row.mean_iou if self._by_truth else row.confidence
        best, worst = (value or 0.0, -row.number), (-(value or 0.0), -row.number)
        is_best = value is not None and _enters(self._best, best)
        is_worst = value is not None and _enters(self._worst, worst)
        if not (is_best or is_worst or place < _PICTURED_OF_A_KIND):
            return
        shown = _shrunk(row, frame, labels)
        if is_best:
            _enter(self._best, (*best, shown))
        if is_worst:
            _enter(self._worst, (*worst, shown))
        if len(self._random) < _PICTURED_OF_A_KIND:
            self._random.append(shown)
        elif place < _PICTURED_OF_A_KIND:
            self._random[place] = shown

    def chosen(self) -> Iterator[PicturedFrame]:
        told: set[int] = set()
        best = [replace(one, why="best") for *_, one in sorted(self._best, reverse=True)]
        worst = [replace(one, why="worst") for *_, one in sorted(self._worst, reverse=True)]
        by_number = sorted(self._random, key=lambda one: one.row.number)
        for one in (*best, *worst, *by_number):
            if one.row.number not in told:
                told.add(one.row.number)
                yield one


def _enters(heap: _Heap, value: tuple[float, int]) -> bool:
    return len(heap) < _PICTURED_OF_A_KIND or value > heap[0][:2]


def _enter(heap: _Heap, item: tuple[float, int, PicturedFrame]) -> None:
    if len(heap) < _PICTURED_OF_A_KIND:
        heapq.heappush(heap, item)
    else:
        heapq.heapreplace(heap, item)


def _shrunk(row: FrameRow, frame: EvaluatedFrame, labels: NDArray[np.uint8]) -> PicturedFrame:
    """Copies at the size of a picture: the arrays themselves may be of any size."""
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

"""The metric of the AsymFormer paper: one confusion matrix over all labelled pixels of a set."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from asymformer_ros.perception.frames import UNLABELLED, FrameError

_RANGE = [0.0, 256.0, 0.0, 256.0]

# OpenCV gives counts in float32, which holds all whole numbers up to here.
_PIXELS_AT_ONCE = 1 << 24


class ConfusionMatrix:
    """Counts of (true class, predicted class) pairs.

    Pixels whose truth is 255 are left out; an unlabelled prediction counts as wrong.
    """

    def __init__(self, num_classes: int) -> None:
        self.num_classes = num_classes
        self._counts = np.zeros((num_classes, num_classes + 1), np.int64)

    @property
    def counts(self) -> NDArray[np.int64]:
        """Pixels so far, int64 [true class, predicted class], read-only.

        The last column, one more than there are classes, holds the predictions of no class.
        """
        counts = self._counts.view()
        counts.flags.writeable = False
        return counts

    def add(self, truth: NDArray[np.uint8], prediction: NDArray[np.uint8]) -> None:
        """Count one image; both uint8 of one shape. Raises FrameError."""
        if truth.shape != prediction.shape:
            (height, width), (rows, columns) = truth.shape, prediction.shape
            raise FrameError(f"truth is {width}x{height}, its frame {columns}x{rows}")
        counts = _pairs(truth, prediction)
        if (strange := counts[self.num_classes : UNLABELLED].any(axis=1)).any():
            largest = self.num_classes + int(np.nonzero(strange)[0][-1])
            raise FrameError(
                f"truth has class {largest}, the set has {self.num_classes}: "
                f"classes are 0 to {self.num_classes - 1}, {UNLABELLED} is void"
            )
        known = counts[: self.num_classes]
        self._counts[:, : self.num_classes] += known[:, : self.num_classes]
        self._counts[:, self.num_classes] += known[:, self.num_classes :].sum(axis=1)

    def merge(self, other: ConfusionMatrix) -> None:
        """Add what the other has counted, of as many classes."""
        self._counts += other._counts

    def scores(self) -> Scores:
        """Scores over everything counted so far."""
        hits = np.diag(self._counts).astype(np.float64)
        truth = self._counts.sum(axis=1)
        union = truth + self._counts.sum(axis=0)[: self.num_classes] - hits
        with np.errstate(invalid="ignore"):
            iou = np.where(union > 0, hits / union, np.nan)
            recall = np.where(truth > 0, hits / truth, np.nan)
        total = truth.sum()
        return Scores(
            iou=iou,
            recall=recall,
            mean_iou=float(np.nan_to_num(iou).mean()),
            mean_iou_present=float(iou[truth > 0].mean()) if total else float("nan"),
            pixel_accuracy=float(hits.sum() / total) if total else float("nan"),
            mean_accuracy=float(recall[truth > 0].mean()) if total else float("nan"),
        )


def _pairs(truth: NDArray[np.uint8], prediction: NDArray[np.uint8]) -> NDArray[np.int64]:
    """How often each pair of values occurs, int64 [256, 256]."""
    counts = np.zeros((256, 256), np.int64)
    rest = truth.reshape(-1), prediction.reshape(-1)
    for start in range(0, truth.size, _PIXELS_AT_ONCE):
        some = [image[start : start + _PIXELS_AT_ONCE] for image in rest]
        # Less than half the time of numpy's bincount.
        counts += cv2.calcHist(some, [0, 1], None, [256, 256], _RANGE).astype(np.int64)
    return counts


@dataclass(frozen=True)
class Scores:
    """iou: float64 [classes], NaN where a class was neither there nor predicted.

    recall: float64 [classes], the share of a class's pixels that were found, NaN where it has none.
    mean_iou: over all classes, absent ones as 0 (the paper's). mean_iou_present: over the classes
    that the truth contains. mean_accuracy: mean recall over these. All shares between 0 and 1.
    """

    iou: NDArray[np.float64]
    recall: NDArray[np.float64]
    mean_iou: float
    mean_iou_present: float
    pixel_accuracy: float
    mean_accuracy: float

"""Labels and confidence at full size from quarter-resolution log-probabilities, on the host."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from asymformer_ros.perception.frames import UNLABELLED

#: The deploy graph's output is this many times smaller than the image, a side.
SCALE = 4
_HALF = SCALE // 2


def labels_and_confidence(
    log_probabilities: NDArray[np.float32],
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Upsample bilinearly and take the largest class of each pixel; the lower one of equals.

    log_probabilities: float32 [classes, H/4, W/4]. Returns (labels, confidence), uint8 [H, W]
    each. Labels are exactly those of the full [classes, H, W] volume, which never exists: one class
    at a time against a running maximum, and only where that class can win at all. Confidence is
    the upsampled log-probability's exponential: a lower bound of the soft-max, equal to it inside
    an object and lower within a cell of its border. Where the network gave NaN, pixels are
    unlabelled with confidence 0.
    """
    _, rows, columns = log_probabilities.shape
    size = (rows * SCALE, columns * SCALE)
    best = np.full(size, -np.inf, np.float32)
    labels = np.full(size, UNLABELLED, np.uint8)
    better = np.empty(size, np.uint8)
    constant = np.empty(size, np.uint8)
    for label, (top, bottom, left, right) in _where_classes_can_win(log_probabilities):
        candidate = cv2.resize(
            log_probabilities[label, top:bottom, left:right],
            ((right - left) * SCALE, (bottom - top) * SCALE),
            interpolation=cv2.INTER_LINEAR,
        )
        # Half a cell at a cut edge would need the cells beyond it; nothing can win there.
        above, left_of = _HALF * (top > 0), _HALF * (left > 0)
        below, right_of = _HALF * (bottom < rows), _HALF * (right < columns)
        window = np.s_[
            top * SCALE + above : bottom * SCALE - below,
            left * SCALE + left_of : right * SCALE - right_of,
        ]
        inner = candidate[
            above : candidate.shape[0] - below, left_of : candidate.shape[1] - right_of
        ]
        cv2.compare(inner, best[window], cv2.CMP_GT, dst=better[window])
        constant[window] = label
        cv2.copyTo(constant[window], better[window], labels[window])
        np.maximum(inner, best[window], out=best[window])
    cv2.exp(best, dst=best)
    confidence = np.asarray(cv2.convertScaleAbs(best, alpha=255.0), np.uint8)
    confidence[labels == UNLABELLED] = 0
    return labels, confidence


def _where_classes_can_win(
    log_probabilities: NDArray[np.float32],
) -> list[tuple[int, tuple[int, int, int, int]]]:
    """(class, (top, bottom, left, right)) in cells, for the classes that can win a pixel.

    A pixel is a convex combination of the four cells around it, so no class exceeds its largest
    cell there, and the winner is at least the largest of the classes' smallest cells.
    """
    smallest = np.minimum(log_probabilities[:, :-1], log_probabilities[:, 1:])
    smallest = np.minimum(smallest[:, :, :-1], smallest[:, :, 1:])
    largest = np.maximum(log_probabilities[:, :-1], log_probabilities[:, 1:])
    largest = np.maximum(largest[:, :, :-1], largest[:, :, 1:])
    possible = largest >= smallest.max(axis=0)
    boxes = []
    for label, (in_rows, in_columns) in enumerate(
        zip(possible.any(axis=2), possible.any(axis=1), strict=True)
    ):
        if in_rows.any():
            top, bottom = _span(in_rows)
            left, right = _span(in_columns)
            boxes.append((label, (top, bottom, left, right)))
    return boxes


def _span(hits: NDArray[np.bool_]) -> tuple[int, int]:
    """First and one past the last cell of the 2x2 windows that are set."""
    (indices,) = np.nonzero(hits)
    return int(indices[0]), int(indices[-1]) + 2

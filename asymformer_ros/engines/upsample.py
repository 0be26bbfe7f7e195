"""Labels and confidence at full size from quarter-resolution log-probabilities, on the host."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def labels_and_confidence(
    log_probabilities: NDArray[np.float32], size: tuple[int, int]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Upsample bilinearly and take the largest class of each pixel.

    log_probabilities: float32 [classes, h, w]. size: height and width of the result. Returns
    (labels, confidence), uint8 [H, W] each. One class at a time with a running maximum: the full
    [classes, H, W] volume never exists, which is several times as fast as an argmax over it.
    """
    width_height = size[::-1]
    best = cv2.resize(log_probabilities[0], width_height, interpolation=cv2.INTER_LINEAR)
    labels = np.zeros(size, np.uint8)
    candidate = np.empty(size, np.float32)
    better = np.empty(size, np.uint8)
    constant = np.empty(size, np.uint8)
    for label in range(1, len(log_probabilities)):
        cv2.resize(
            log_probabilities[label],
            width_height,
            dst=candidate,
            interpolation=cv2.INTER_LINEAR,
        )
        cv2.compare(candidate, best, cv2.CMP_GT, dst=better)
        if cv2.hasNonZero(better):
            constant.fill(label)
            cv2.copyTo(constant, better, labels)
            np.maximum(candidate, best, out=best)
    cv2.exp(best, dst=best)
    confidence = cv2.convertScaleAbs(best, alpha=255.0)
    return labels, np.asarray(confidence, np.uint8)

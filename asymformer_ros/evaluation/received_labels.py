"""Labels that came from elsewhere, kept on disk until their frames are read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from asymformer_ros.evaluation.score_keeper import Answer
from asymformer_ros.perception.frames import RgbdFrame

# Twice as fast as the default, and half the size of no compression at all.
_FAST = (cv2.IMWRITE_PNG_COMPRESSION, 1)


class ReceivedLabels:
    """An `Answerer` that knows what the node said; folder: for its files.

    Labels are kept by the stamp under which they were published.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._latency_ms: dict[int, float] = {}
        self._published_as: Mapping[int, int] = {}

    def keep(self, stamp_ns: int, labels: NDArray[np.uint8], latency_ms: float) -> None:
        """Keep labels, uint8 [H, W]; raises OSError."""
        if not cv2.imwrite(str(self._file(stamp_ns)), labels, _FAST):
            raise OSError(f"{self._file(stamp_ns)} cannot be written")
        self._latency_ms[stamp_ns] = latency_ms

    def published_as(self, stamps_ns: Mapping[int, int]) -> None:
        """Say under which stamp each colour image of the recording was published."""
        self._published_as = stamps_ns

    def answer(self, frame: RgbdFrame) -> Answer | None:
        """What was received for a frame of the recording, None if nothing was."""
        stamp_ns = self._published_as.get(frame.stamp_ns)
        if stamp_ns is None or stamp_ns not in self._latency_ms:
            return None
        labels = cv2.imread(str(self._file(stamp_ns)), cv2.IMREAD_GRAYSCALE)
        if labels is None:
            raise OSError(f"{self._file(stamp_ns)} cannot be read")
        return Answer(np.asarray(labels, np.uint8), None, self._latency_ms[stamp_ns])

    def _file(self, stamp_ns: int) -> Path:
        return self._folder / f"{stamp_ns}.png"

"""An engine that takes a chosen time and no CPU, as one on a GPU does."""

from __future__ import annotations

import threading
import time

import numpy as np
from numpy.typing import NDArray

from asymformer_ros.engines.engine import StageTimes
from asymformer_ros.engines.self_check import CheckFrame
from asymformer_ros.network.profile import Profile

NEVER_S = 1e6
_TILE = 20  # pixels: as ragged as the labels of a furnished room


class StubEngine:
    """Gives the same labels of all classes after `inference_s` or on `release`; at first at once.

    returned_ns: wall-clock times in nanoseconds at which it gave them.
    """

    name = "stub"
    precision = "fp32"
    stages = StageTimes(0.0, 0.0, 0.0, 0.0)
    profile = Profile(network="asymformer-nano", label_space="nyu40", num_classes=40)
    input_size = profile.input_size

    def __init__(self, inference_s: float) -> None:
        self.returned_ns: list[int] = []
        self._inference_s = inference_s
        self._released = threading.Event()
        rows, columns = np.indices(self.input_size) // _TILE
        self._labels = ((rows * 7 + columns) % self.profile.num_classes).astype(np.uint8)
        self._confidence = np.full(self.input_size, 200, np.uint8)

    def infer(
        self, rgb: NDArray[np.uint8], depth_m: NDArray[np.float32]
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """See `Engine.infer`; the labels say nothing about the frame."""
        if self.returned_ns:  # the first is the self-check: it must not wait for ever
            self._released.wait(self._inference_s)
        self.returned_ns.append(time.time_ns())
        return self._labels, self._confidence

    def release(self) -> None:
        """End the wait of this frame and of all to come."""
        self._released.set()

    def close(self) -> None:
        """Nothing to free."""

    def check_frame(self) -> CheckFrame:
        """A frame with which this engine passes its self-check."""
        black = np.zeros((*self.input_size, 3), np.uint8)
        return CheckFrame(black, np.ones(self.input_size, np.float32), self._labels)

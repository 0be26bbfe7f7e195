"""An engine whose runtime computes log-probabilities; the host makes labels of them."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from asymformer_ros.engines.engine import EngineError, StageTimes, contiguous_frame, first_line
from asymformer_ros.engines.upsample import labels_and_confidence
from asymformer_ros.network.profile import Profile

LogProbabilities = Callable[[NDArray[np.uint8], NDArray[np.float32]], NDArray[np.float32]]


class HostEngine:
    """A runtime's deploy graph behind the `Engine` contract.

    network: rgb and depth of one contiguous frame to float32 [classes, H/n, W/n].
    """

    def __init__(
        self, name: str, precision: str, profile: Profile, network: LogProbabilities
    ) -> None:
        self.name = name
        self.precision = precision
        self.profile = profile
        self.input_size = profile.input_size
        self.stages = StageTimes(0.0, 0.0, 0.0, 0.0)
        self._network: LogProbabilities | None = network

    def infer(
        self, rgb: NDArray[np.uint8], depth_m: NDArray[np.float32]
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """See `Engine.infer`."""
        if self._network is None:
            raise EngineError(f"engine {self.name} is closed")
        started = time.perf_counter()
        frame = contiguous_frame(rgb, depth_m, self.input_size)
        taken = time.perf_counter()
        try:
            log_probabilities = self._network(*frame)
        except Exception as error:  # each runtime has exceptions of its own
            raise EngineError(f"{self.name} failed on a frame: {first_line(error)}") from error
        computed = time.perf_counter()
        result = labels_and_confidence(log_probabilities, self.input_size)
        ended = time.perf_counter()
        self.stages = StageTimes(
            copy_in=(taken - started) * 1e3,
            network=(computed - taken) * 1e3,
            copy_out=0.0,
            postprocess=(ended - computed) * 1e3,
        )
        return result

    def close(self) -> None:
        """Free what the runtime holds; calling it again does nothing."""
        self._network = None

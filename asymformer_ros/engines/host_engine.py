"""An engine whose runtime computes the deploy graph; the host upsamples its output."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from asymformer_ros.engines.engine import EngineError, contiguous_frame
from asymformer_ros.engines.upsample import labels_and_confidence
from asymformer_ros.network.profile import Profile

LogProbabilities = Callable[[NDArray[np.uint8], NDArray[np.float32]], NDArray[np.float32]]


class HostEngine:
    """A runtime's deploy graph behind the `Engine` contract.

    network: rgb and depth of one contiguous frame to float32 [classes, H/4, W/4].
    """

    def __init__(self, name: str, profile: Profile, network: LogProbabilities) -> None:
        self.name = name
        self.profile = profile
        self._network: LogProbabilities | None = network

    @property
    def input_size(self) -> tuple[int, int]:
        """Height and width of the frames that `infer` takes."""
        return self.profile.input_size

    def infer(
        self, rgb: NDArray[np.uint8], depth_m: NDArray[np.float32]
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """See `Engine.infer`."""
        if self._network is None:
            raise EngineError(f"engine {self.name} is closed")
        frame = contiguous_frame(rgb, depth_m, self.input_size)
        try:
            log_probabilities = self._network(*frame)
        except Exception as error:  # each runtime has exceptions of its own
            raise EngineError(f"{self.name} failed on a frame: {first_line(error)}") from error
        return labels_and_confidence(log_probabilities)

    def close(self) -> None:
        """Free what the runtime holds; calling it again does nothing."""
        self._network = None


def first_line(error: BaseException) -> str:
    """What a runtime's exception says, without the pages that follow."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)

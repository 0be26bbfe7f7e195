"""The contract every engine keeps."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class EngineError(RuntimeError):
    """An engine cannot be used or failed on a frame; the message says why and what to do."""


class Engine(Protocol):
    """A network bound to one machine, one input size and one set of weights."""

    @property
    def name(self) -> str:
        """Short name for logs and diagnostics, for example ``onnxruntime``."""

    @property
    def input_size(self) -> tuple[int, int]:
        """Height and width, in pixels, of the frames that `infer` takes."""

    def infer(
        self, rgb: NDArray[np.uint8], depth_m: NDArray[np.float32]
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Segment one frame of exactly `input_size`.

        rgb: uint8 [H, W, 3], R, G, B order. depth_m: float32 [H, W], metres, NaN = no reading.
        Returns (labels, confidence), both uint8 [H, W]; see `Segmentation`.
        Raises EngineError.
        """

    def close(self) -> None:
        """Free the engine; calling it again does nothing."""


def contiguous_frame(
    rgb: NDArray[np.uint8], depth_m: NDArray[np.float32], input_size: tuple[int, int]
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """The frame in the memory layout that runtimes take; EngineError if it is not `input_size`."""
    if rgb.shape != (*input_size, 3) or depth_m.shape != input_size:
        height, width = input_size
        raise EngineError(
            f"the engine takes {width}x{height}, got colour {rgb.shape} and depth {depth_m.shape}"
        )
    return np.ascontiguousarray(rgb), np.ascontiguousarray(depth_m)

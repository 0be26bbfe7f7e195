"""The contract every engine keeps."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from asymformer_ros.network.profile import Profile

# OpenVINO begins with the places that an exception passed through.
_PLACE = re.compile(r"\.[ch]pp:\d+:$")


class EngineError(RuntimeError):
    """An engine cannot be used or failed on a frame; the message says why and what to do."""


class GpuLost(EngineError):
    """Nothing works on the GPU any more, in this process: CUDA contexts do not survive a fault."""


class StageTimes(NamedTuple):
    """Milliseconds that the stages of one frame took, one after the other."""

    copy_in: float
    network: float
    copy_out: float
    postprocess: float


class Engine(Protocol):
    """A network bound to one machine, one input size and one set of weights.

    CUDA contexts belong to threads: an engine is opened, used and closed on one thread.
    """

    @property
    def name(self) -> str:
        """Short name for logs and diagnostics, for example ``onnxruntime``."""

    @property
    def precision(self) -> str:
        """Number format of the network's products: ``fp32``, ``bf16`` or ``fp16``."""

    @property
    def stages(self) -> StageTimes:
        """How long the stages of the last frame took; zeros before the first."""

    @property
    def profile(self) -> Profile:
        """Preprocessing and classes of its weights."""

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


def require_result(
    labels: NDArray[np.uint8], confidence: NDArray[np.uint8], input_size: tuple[int, int]
) -> None:
    """EngineError unless both are what `Engine.infer` promises."""
    for what, image in (("labels", labels), ("confidence", confidence)):
        if not isinstance(image, np.ndarray):
            raise EngineError(f"{what} are no array but {type(image).__name__}")
        if image.dtype != np.uint8 or image.shape != input_size:
            raise EngineError(f"{what} are {image.dtype} {image.shape}, not uint8 {input_size}")


def gpu_failure(engine: str, error: Exception, synchronize: Callable[[], None]) -> EngineError:
    """What an engine raises for an error on a frame: GpuLost if the GPU does not even wait.

    After an illegal access, a bit error or a launch that timed out every later call fails, too.
    """
    what = f"{engine} failed on a frame: {first_line(error)}"
    try:
        synchronize()
    except Exception:
        return GpuLost(f"{what}: restart the node to use the GPU again")
    return EngineError(what)


def first_line(error: BaseException) -> str:
    """What a runtime's exception says, without where in its source and the pages that follow."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = [line for line in lines if not _PLACE.search(line)]
    return next(iter(said or lines), type(error).__name__)

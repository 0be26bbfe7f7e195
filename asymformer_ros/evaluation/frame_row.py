"""One segmented frame of an evaluation: its figures, and for some its pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from asymformer_ros.perception.frames import RgbdFrame


@dataclass(frozen=True)
class FrameRow:
    """The figures of one frame, a line of frames.csv.

    name: of its file, or its stamp in seconds. mean_iou: over the classes in its truth; it and
    pixel_accuracy are None without truth. confidence: mean, share of 1, None where it is not known.
    flicker: see `Result`, from the frame before to this one, None where that is not known.
    """

    number: int
    name: str
    stamp_ns: int
    latency_ms: float
    confidence: float | None
    mean_iou: float | None = None
    pixel_accuracy: float | None = None
    flicker: float | None = None


@dataclass(frozen=True, eq=False)
class PicturedFrame:
    """A frame that the report shows, and why; labels, truth: uint8 [H, W], 255 = unlabelled."""

    why: Literal["best", "worst", "random"]
    row: FrameRow
    frame: RgbdFrame
    labels: NDArray[np.uint8]
    truth: NDArray[np.uint8] | None

"""Depth images as drivers publish them, turned into metres.

Units and holes are those of REP 118: 16-bit depth is millimetres with 0 for no reading, float depth
is metres with NaN for no reading and infinities for out of range.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from asymformer_ros.perception.frames import FrameError

# Not the smallest subnormal: a thread that flushes those to zero would let zeros pass.
_NEAREST_READING = np.array([np.finfo(np.float32).tiny])
_FARTHEST_READING = np.array([np.finfo(np.float32).max])

# Looking up all 65536 values is four times faster than multiplying and then masking the holes.
_METRES_OF_MILLIMETRES = np.arange(65536, dtype=np.float32) / np.float32(1000)
_METRES_OF_MILLIMETRES[0] = np.nan


def to_metres(raw: NDArray[Any]) -> NDArray[np.float32]:
    """Depth in metres with NaN wherever the sensor gave no distance.

    raw: uint16 [H, W] in millimetres (0 = no reading) or float32 [H, W] in metres (NaN, infinities
    and values <= 0 = no reading). Returns a new float32 [H, W]. Raises FrameError.
    """
    if raw.ndim != 2 or raw.size == 0:
        raise FrameError(f"a depth image has one channel and some pixels, got shape {raw.shape}")
    if raw.dtype == np.uint16:
        return _METRES_OF_MILLIMETRES.take(raw)
    if raw.dtype == np.float32:
        metres = np.full(raw.shape, np.nan, dtype=np.float32)
        cv2.copyTo(raw, cv2.inRange(raw, _NEAREST_READING, _FARTHEST_READING), metres)
        return metres
    raise FrameError(
        f"depth of type {raw.dtype} has no known unit: "
        "publish 16UC1 in millimetres or 32FC1 in metres"
    )


def to_millimetres(metres: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Depth as 16UC1 has it, rounded: 0 for no reading, 65.535 m for all beyond; uint16 [H, W]."""
    millimetres = np.rint(np.nan_to_num(metres * 1000, nan=0.0))
    return np.minimum(millimetres, 65535).astype(np.uint16)

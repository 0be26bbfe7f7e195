"""The size at which SUN RGB-D is evaluated, whatever its cameras' sizes.

AsymFormer's official evaluation (SUNRGBD/eval_SUN.py) resizes colour, depth and labels with
scikit-image, order 1, 0 and 0, before anything else.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from asymformer_ros.evaluation.labelled_frames import LabelledFrame

WIDTH, HEIGHT = 640, 480
#: In words, for a result.
RESIZE = f"to {WIDTH}x{HEIGHT}: colour bilinear, depth and labels nearest"


def resized(frame: LabelledFrame) -> LabelledFrame:
    """The frame at 640x480; see RESIZE."""
    if frame.labels.shape == (HEIGHT, WIDTH):
        return frame
    height, width = frame.labels.shape
    # OpenCV's INTER_NEAREST is off by half a pixel and its EXACT by one in some columns.
    nearest = np.ix_(_nearest(height, HEIGHT), _nearest(width, WIDTH))
    rgb = cv2.resize(frame.rgb, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)
    return LabelledFrame(
        frame.name, np.asarray(rgb, np.uint8), frame.depth_m[nearest], frame.labels[nearest]
    )


def _nearest(source: int, target: int) -> NDArray[np.int64]:
    """For each of the target's pixels the source's whose centre is nearest."""
    return (2 * np.arange(target, dtype=np.int64) + 1) * source // (2 * target)

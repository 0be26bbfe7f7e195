"""How restless labels are: pixels whose surface stays and whose label changes."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from asymformer_ros.perception.frames import UNLABELLED

#: Depth that differs by less than this share is the same surface; twice the noise of a structured
#: light or stereo camera at 3 m.
STEADY_SHARE = 0.03
#: Frames further apart than this are not compared, nor are those before a jump back.
LONGEST_GAP_NS = 1_000_000_000

_LABELLED = np.array([0]), np.array([UNLABELLED - 1])


class Flicker:
    """Compares each frame with the one before.

    A pixel counts where both have a depth reading, the readings agree to STEADY_SHARE, and both are
    labelled; it flickers where the labels differ. Without camera poses a surface that moves along
    itself counts as steady.
    """

    def __init__(self) -> None:
        self._last: tuple[int, NDArray[np.float32], NDArray[np.uint8]] | None = None
        self._steady = 0
        self._changed = 0

    def add(
        self, stamp_ns: int, depth_m: NDArray[np.float32], labels: NDArray[np.uint8]
    ) -> float | None:
        """Compare a frame; returns the share of its steady pixels that changed, None without any.

        depth_m: float32 [H, W], metres, NaN = no reading. labels: uint8 [H, W].
        """
        last, self._last = self._last, (stamp_ns, depth_m, labels)
        if last is None or last[2].shape != labels.shape:
            return None
        if not 0 < stamp_ns - last[0] <= LONGEST_GAP_NS:
            return None
        steady, changed = _compare(last[1], depth_m, last[2], labels)
        self._steady += steady
        self._changed += changed
        return changed / steady if steady else None

    @property
    def share(self) -> float | None:
        """Over all frames so far; None where nothing was steady."""
        return self._changed / self._steady if self._steady else None


def _compare(
    before_m: NDArray[np.float32],
    depth_m: NDArray[np.float32],
    before: NDArray[np.uint8],
    labels: NDArray[np.uint8],
) -> tuple[int, int]:
    """How many pixels are steady, and how many of these changed their label."""
    apart = cv2.absdiff(before_m, depth_m)
    # Ordered: false where either is NaN.
    steady = cv2.compare(apart, depth_m * np.float32(STEADY_SHARE), cv2.CMP_LE)
    for image in (before, labels):
        steady = cv2.bitwise_and(steady, cv2.inRange(image, _LABELLED[0], _LABELLED[1]))
    changed = cv2.bitwise_and(steady, cv2.compare(before, labels, cv2.CMP_NE))
    return cv2.countNonZero(steady), cv2.countNonZero(changed)

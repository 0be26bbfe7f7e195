"""Depth relative to the frame's own range, for weights that were trained on it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from asymformer_ros.network.profile import Profile

# eval_enhanced.py of the official repository, 2026.
_PERCENTILES = (2, 98)
_NEAREST_READING_M = 1e-6
_SMALLEST_HALF_RANGE_M = 1e-6
_MOST_READINGS_WITHOUT_A_RANGE = 10


def relative_depth(depth_m: NDArray[np.float32], profile: Profile) -> NDArray[np.float32]:
    """What to give an engine as depth so that its network sees the frame's own range.

    The network sees the 2nd to the 98th percentile of the readings as -1 to 1, what lies beyond
    clipped, and 0 where there is no reading; up to ten readings have no range and stay metres.
    depth_m: float32 [H, W], metres, NaN = no reading. profile: of the engine, whose graph takes
    depth_mean off and divides by depth_std; both are put in here. Returns a new float32 [H, W]
    without NaN. Source: eval_enhanced.py of the official repository.
    """
    valid = depth_m > _NEAREST_READING_M
    readings = depth_m[valid]
    seen = np.where(valid, depth_m, np.float32(0))
    if readings.size > _MOST_READINGS_WITHOUT_A_RANGE:
        low, high = np.percentile(readings, _PERCENTILES).astype(np.float32)
        np.clip(seen, low, high, out=seen)
        seen -= (low + high) / 2
        seen /= (high - low) / 2 + _SMALLEST_HALF_RANGE_M
        seen[~valid] = 0
    seen *= profile.depth_std / profile.depth_scale
    seen += profile.depth_mean / profile.depth_scale
    return seen

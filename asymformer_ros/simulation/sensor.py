"""What a structured-light or stereo camera makes of an exact depth image."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from asymformer_ros.simulation.geometry import Intrinsics

#: Distance between projector and camera of a Kinect v1, metres.
_BASELINE = 0.075

Image = NDArray[np.float32]


def add_sensor_noise(
    depth_m: Image,
    rng: np.random.Generator,
    intrinsics: Intrinsics,
    absorption: Image | None = None,
    max_range_m: float = 8.0,
) -> Image:
    """Return depth as a Kinect-like sensor reports it: noisy, in whole millimetres, with holes.

    depth_m: float32 [H, W], metres, NaN = no reading. absorption: float32 [H, W], 0..1, how often a
    surface gives no reading. Noise: sigma = 1.2 mm + 1.9 mm (z - 0.4)^2 (Nguyen et al. 2012).
    Holes: the projector's shadow beside near objects, slanted, absorbing, too near and too far
    surfaces.
    """
    height, width = depth_m.shape
    z = np.nan_to_num(depth_m, nan=0.0)
    ok = (z > 0.35) & (z < max_range_m)
    z = np.maximum(z, np.float32(0.3))
    shift = np.float32(intrinsics.fx * _BASELINE) / z
    # In the projector's image a surface is hidden where one further right lies further left.
    seen_at = np.arange(width, dtype=np.float32) - shift
    first = np.minimum.accumulate(seen_at[:, ::-1], axis=1)[:, ::-1]
    ok &= seen_at <= first + np.float32(0.75)
    # Slant: tangent against the image plane from the depth gradient, per pixel spacing z / f.
    slope_x = np.zeros_like(z)
    slope_y = np.zeros_like(z)
    np.subtract(z[:, 1:], z[:, :-1], out=slope_x[:, 1:])
    np.subtract(z[1:], z[:-1], out=slope_y[1:])
    slope = (np.abs(slope_x) + np.abs(slope_y)) * np.float32(intrinsics.fx) / z
    chance = rng.random(depth_m.shape, dtype=np.float32)
    ok &= slope < 4.0 + 8.0 * chance
    if absorption is not None:
        # Blobs, as reflections are, with a ragged rim.
        cells = (width // max(4, width // 40), height // max(4, width // 40))
        coarse = rng.random((cells[1], cells[0]), dtype=np.float32)
        patches = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
        patches = np.clip(1.4 * (patches - np.float32(0.5)) + np.float32(0.5), 0.0, 1.0)
        ok &= 0.75 * patches + 0.25 * chance >= absorption
    ok &= rng.random(depth_m.shape, dtype=np.float32) > 0.001
    sigma = np.float32(0.0012) + np.float32(0.0019) * (z - np.float32(0.4)) ** 2
    noisy = z + sigma * rng.standard_normal(depth_m.shape, dtype=np.float32)
    noisy = np.rint(noisy * np.float32(1000)) * np.float32(0.001)
    return np.where(ok, noisy, np.float32(np.nan)).astype(np.float32)

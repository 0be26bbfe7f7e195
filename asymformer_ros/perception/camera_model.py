"""Where each pixel looks: the pinhole camera with the distortions of sensor_msgs/CameraInfo."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from asymformer_ros.perception.frames import FrameError

# The models of sensor_msgs/distortion_models.hpp. The first two are one function in OpenCV, and
# drivers (kinect2_bridge) say plumb_bob with any number of coefficients.
_OPENCV = (4, 5, 8, 12, 14)
_COEFFICIENTS = {"plumb_bob": _OPENCV, "rational_polynomial": _OPENCV, "equidistant": (4,)}

_CONVERGED = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 50, 5e-3)
_LARGEST_ERROR_PX = 0.1
# projectPoints insists on its Jacobian: 500 MB for all of a large image, in parts thrice as fast.
_ROWS = 8


@dataclass(frozen=True)
class CameraModel:
    """What sensor_msgs/CameraInfo says of a camera; equal ones share their rays.

    k: 9 numbers, row by row. distortion_model and coefficients: as in CameraInfo, "" and () for
    none. width, height: pixels. For a rectified image give the left 3x3 of P and no coefficients.
    Raises FrameError where the camera is uncalibrated or its distortion unknown.
    """

    k: tuple[float, ...]
    distortion_model: str
    coefficients: tuple[float, ...]
    width: int
    height: int

    def __post_init__(self) -> None:
        numbers = (*self.k, *self.coefficients)
        if len(self.k) != 9 or not all(map(math.isfinite, numbers)) or self.k[0] * self.k[4] == 0:
            raise FrameError(
                f"camera_info is of an uncalibrated camera, its K is {list(map(float, self.k))}: "
                "calibrate it or have the driver publish its factory calibration"
            )
        if not self.has_distortion:
            return
        known = _COEFFICIENTS.get(self.distortion_model)
        if known is None:
            raise FrameError(
                f"camera_info has the distortion model {self.distortion_model!r}, known are "
                f"{', '.join(_COEFFICIENTS)}: use the rectified image or one of these"
            )
        if len(self.coefficients) not in known:
            raise FrameError(
                f"camera_info has {len(self.coefficients)} coefficients for {self.distortion_model}"
                f", which has {' or '.join(map(str, known))}: correct the calibration"
            )

    @property
    def has_distortion(self) -> bool:
        """Whether the image differs from a pinhole camera's; an equidistant lens always does."""
        if self.distortion_model == "equidistant":
            return len(self.coefficients) > 0
        return any(self.coefficients)

    def rays(self, height: int, width: int, stride: int = 1) -> NDArray[np.float32]:
        """x/z and y/z of every stride-th pixel of an image [height, width], undistorted.

        Returns float32 [ceil(height / stride), ceil(width / stride), 2], read-only, computed once;
        NaN where the lens sees nothing. Raises FrameError for an image of another size.
        """
        if (height, width) != (self.height, self.width):
            raise FrameError(
                f"camera_info is of a {self.width}x{self.height} image, this one is "
                f"{width}x{height}: remap camera_info to the colour image's own"
            )
        return _rays(self, stride)


def strided_matrix(matrix: Sequence[float], stride: int) -> list[float]:
    """K (9 numbers) or P (12) of the image that takes every stride-th pixel and row.

    Pixel u of that image is pixel stride * u of the camera's, so that the first two rows shrink.
    """
    shrinking = len(matrix) // 3 * 2
    return [float(v) / stride if i < shrinking else float(v) for i, v in enumerate(matrix)]


@lru_cache(maxsize=4)
def _rays(camera: CameraModel, stride: int) -> NDArray[np.float32]:
    columns = np.arange(0, camera.width, stride, dtype=np.float64)
    rows = np.arange(0, camera.height, stride, dtype=np.float64)
    pixels = np.stack(np.meshgrid(columns, rows), axis=-1)
    k = np.array(camera.k, dtype=np.float64).reshape(3, 3)
    # As in OpenCV a skew in K is not looked at: no calibration has one.
    rays = ((pixels - k[:2, 2]) / k[[0, 1], [0, 1]]).astype(np.float32)
    if camera.has_distortion:
        for row in range(0, len(rows), _ROWS):
            part = pixels[row : row + _ROWS]
            rays[row : row + _ROWS] = _undistorted(part.reshape(-1, 1, 2), k, camera).reshape(
                part.shape
            )
    rays.setflags(write=False)
    return rays


def forget_rays() -> None:
    """Free what `CameraModel.rays` keeps."""
    _rays.cache_clear()


def _undistorted(
    pixels: NDArray[np.float64], k: NDArray[np.float64], camera: CameraModel
) -> NDArray[np.float64]:
    d = np.array(camera.coefficients, dtype=np.float64)
    origin = np.zeros(3)
    if camera.distortion_model == "equidistant":
        rays = cv2.fisheye.undistortPoints(pixels, k, d)
        points = cv2.convertPointsToHomogeneous(rays)
        seen, _ = cv2.fisheye.projectPoints(points, origin, origin, k, d)
    else:
        rays = cv2.undistortPointsIter(pixels, k, d, np.eye(3), np.eye(3), _CONVERGED)
        points = cv2.convertPointsToHomogeneous(rays)
        seen, _ = cv2.projectPoints(points, origin, origin, k, d)
    # Beyond the angle up to which a calibration holds the search ends just anywhere.
    lost = np.abs(seen - pixels).max(axis=2) > _LARGEST_ERROR_PX
    return np.where(lost[..., np.newaxis], np.nan, rays)

"""One frame in, its segmentation out, whatever sizes camera and network have."""

from __future__ import annotations

from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from asymformer_ros.engines.engine import Engine
from asymformer_ros.perception.frames import RgbdFrame, Segmentation
from asymformer_ros.perception.relative_depth import relative_depth

# Unlike INTER_NEAREST it takes the pixel centres as INTER_AREA and INTER_LINEAR do, so that depth
# and labels stay aligned with the resized colour.
_NEAREST = cv2.INTER_NEAREST_EXACT

_TURNS = {
    90: cv2.ROTATE_90_CLOCKWISE,
    180: cv2.ROTATE_180,
    270: cv2.ROTATE_90_COUNTERCLOCKWISE,
}

_Pixel = TypeVar("_Pixel", np.uint8, np.float32)


class Segmenter:
    """Runs an engine on camera frames of any size.

    rotate_degrees: the clockwise turn that makes the camera's image upright, 0, 90, 180 or 270; the
    network sees the upright image, labels and confidence come back as the camera is mounted.
    """

    def __init__(self, engine: Engine, rotate_degrees: int = 0) -> None:
        if rotate_degrees not in (0, *_TURNS):
            raise ValueError(f"rotate_degrees is 0, 90, 180 or 270, not {rotate_degrees}")
        self._engine = engine
        self._rotate_degrees = rotate_degrees

    def segment(self, frame: RgbdFrame) -> Segmentation:
        """Segment one frame at the camera's resolution and in its orientation.

        Depth and labels are never interpolated. Raises EngineError.
        """
        camera_size = _size(frame.depth_m)
        width = self._width_in_network(camera_size)
        size = self._as_mounted((self._engine.input_size[0], width))
        depth_m = _resize_nearest(frame.depth_m, size)
        if self._engine.profile.depth_normalisation == "percentile":
            depth_m = relative_depth(depth_m, self._engine.profile)
        labels, confidence = self._engine.infer(
            self._to_network(_resize_colour(frame.rgb, size)), self._to_network(depth_m)
        )
        return Segmentation(
            _resize_nearest(self._from_network(labels, width), camera_size),
            _resize_nearest(self._from_network(confidence, width), camera_size),
        )

    def _width_in_network(self, camera_size: tuple[int, int]) -> int:
        """Columns of the network's picture that the upright camera image takes, in full height.

        An image narrower than the network's keeps its aspect ratio: for portraits that is worth 2
        to 5 points of asymformer-nano's mIoU. A wider one would gain nothing and is squeezed.
        """
        height, width = self._as_mounted(camera_size)
        network_height, network_width = self._engine.input_size
        return min(network_width, max(1, round(network_height * width / height)))

    def _as_mounted(self, size: tuple[int, int]) -> tuple[int, int]:
        """Height and width in the camera's image of what has this size upright; or back."""
        return size if self._rotate_degrees in (0, 180) else size[::-1]

    def _to_network(self, image: NDArray[_Pixel]) -> NDArray[_Pixel]:
        """Upright, its sides mirrored outwards where it is narrower than the network's picture."""
        upright = _turn(image, self._rotate_degrees)
        width = self._engine.input_size[1]
        missing = width - upright.shape[1]
        if missing == 0:
            return upright
        widened = _like(upright, (upright.shape[0], width))
        sides = (0, 0, missing // 2, missing - missing // 2)
        cv2.copyMakeBorder(upright, *sides, cv2.BORDER_REFLECT, dst=widened)
        return widened

    def _from_network(self, image: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
        """The camera image's columns, turned back to how the camera is mounted."""
        left = (image.shape[1] - width) // 2
        shown = np.ascontiguousarray(image[:, left : left + width])
        return _turn(shown, -self._rotate_degrees)


def _size(image: NDArray[_Pixel]) -> tuple[int, int]:
    return image.shape[0], image.shape[1]


def _like(image: NDArray[_Pixel], size: tuple[int, int]) -> NDArray[_Pixel]:
    """An empty image of the same type and channels."""
    return np.empty(size + image.shape[2:], dtype=image.dtype)


def _turn(image: NDArray[_Pixel], degrees: int) -> NDArray[_Pixel]:
    """Turned clockwise; the image itself for 0 degrees."""
    if degrees == 0:
        return image
    height, width = _size(image)
    turned = _like(image, (height, width) if degrees % 180 == 0 else (width, height))
    cv2.rotate(image, _TURNS[degrees % 360], dst=turned)
    return turned


def _resize_colour(rgb: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    if _size(rgb) == size:
        return rgb
    # Up to half the size INTER_LINEAR leaves no pixel out either, in a quarter of the time.
    shrinks = rgb.shape[0] > 2 * size[0] or rgb.shape[1] > 2 * size[1]
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    resized = _like(rgb, size)
    cv2.resize(rgb, size[::-1], dst=resized, interpolation=interpolation)
    return resized


def _resize_nearest(image: NDArray[_Pixel], size: tuple[int, int]) -> NDArray[_Pixel]:
    if _size(image) == size:
        return image
    resized = _like(image, size)
    cv2.resize(image, size[::-1], dst=resized, interpolation=_NEAREST)
    return resized

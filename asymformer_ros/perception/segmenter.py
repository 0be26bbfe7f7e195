"""One frame in, its segmentation out, whatever sizes camera and network have."""

from __future__ import annotations

from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from asymformer_ros.engines.engine import Engine
from asymformer_ros.perception.frames import RgbdFrame, Segmentation

# Unlike INTER_NEAREST it takes the pixel centres as INTER_AREA and INTER_LINEAR do, so that depth
# and labels stay aligned with the resized colour.
_NEAREST = cv2.INTER_NEAREST_EXACT

_Pixel = TypeVar("_Pixel", np.uint8, np.float32)


class Segmenter:
    """Runs an engine on camera frames of any size."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def segment(self, frame: RgbdFrame) -> Segmentation:
        """Segment one frame at the camera's resolution.

        Depth and labels are never interpolated. Raises EngineError.
        """
        height, width = frame.depth_m.shape
        camera_size = (height, width)
        network_size = self._engine.input_size
        if camera_size == network_size:
            return Segmentation(*self._engine.infer(frame.rgb, frame.depth_m))
        labels, confidence = self._engine.infer(
            _resize_colour(frame.rgb, network_size), _resize_nearest(frame.depth_m, network_size)
        )
        return Segmentation(
            _resize_nearest(labels, camera_size), _resize_nearest(confidence, camera_size)
        )


def _resize_colour(rgb: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    shrinks = size[0] <= rgb.shape[0] and size[1] <= rgb.shape[1]
    resized = np.empty((*size, 3), dtype=np.uint8)
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    cv2.resize(rgb, size[::-1], dst=resized, interpolation=interpolation)
    return resized


def _resize_nearest(image: NDArray[_Pixel], size: tuple[int, int]) -> NDArray[_Pixel]:
    resized = np.empty(size, dtype=image.dtype)
    cv2.resize(image, size[::-1], dst=resized, interpolation=_NEAREST)
    return resized

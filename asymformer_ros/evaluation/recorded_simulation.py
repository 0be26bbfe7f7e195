"""Frames of the simulated world as a camera driver's messages, raw or compressed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from asymformer_ros.evaluation.recordings import (
    FRAME_ID,
    CompressedMessage,
    RawMessage,
    RecordedCameraInfo,
    RecordedImage,
)
from asymformer_ros.perception.depth import to_millimetres
from asymformer_ros.simulation import Intrinsics, SimulatedFrame

# image_transport's own.
_JPEG_QUALITY = 95
# int32 0, float32 A and B, which quantise 32FC1 alone.
_DEPTH_HEADER = bytes(12)


def simulated_images(
    frame: SimulatedFrame, stamp_ns: int, compressed: bool
) -> Iterator[RecordedImage]:
    """Labels as mono8, depth as 16UC1 in millimetres and colour as rgb8, recorded at their stamp.

    compressed: depth as PNG in compressedDepth, colour as JPEG.
    """
    depth = to_millimetres(frame.depth_m)
    messages: dict[Any, RawMessage | CompressedMessage] = {"labels": _raw(frame.labels, "mono8")}
    if compressed:
        bgr = np.ascontiguousarray(frame.rgb[:, :, ::-1])
        jpeg = _encoded(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
        png = _DEPTH_HEADER + _encoded(".png", depth, [])
        messages["depth"] = _compressed("16UC1; compressedDepth png", png)
        messages["color"] = _compressed("rgb8; jpeg compressed bgr8", jpeg)
    else:
        messages["depth"] = _raw(depth, "16UC1")
        messages["color"] = _raw(frame.rgb, "rgb8")
    for stream, message in messages.items():
        yield RecordedImage(stream, stamp_ns, stamp_ns, FRAME_ID, message)


def simulated_camera_info(intrinsics: Intrinsics) -> RecordedCameraInfo:
    """Of an undistorted pin-hole camera."""
    k = intrinsics
    return RecordedCameraInfo(
        frame_id=FRAME_ID,
        height=k.height,
        width=k.width,
        distortion_model="plumb_bob",
        d=(0.0,) * 5,
        k=(k.fx, 0.0, k.cx, 0.0, k.fy, k.cy, 0.0, 0.0, 1.0),
        r=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
        p=(k.fx, 0.0, k.cx, 0.0, 0.0, k.fy, k.cy, 0.0, 0.0, 0.0, 1.0, 0.0),
    )


def _raw(array: NDArray[Any], encoding: str) -> RawMessage:
    height, width = array.shape[:2]
    data = np.ascontiguousarray(array).view(np.uint8).reshape(-1)
    is_bigendian = sys.byteorder == "big"
    return RawMessage(encoding, height, width, data.size // height, is_bigendian, data)


def _compressed(how: str, data: bytes) -> CompressedMessage:
    return CompressedMessage(how, np.frombuffer(data, np.uint8))


def _encoded(suffix: str, array: NDArray[Any], parameters: list[int]) -> bytes:
    # OpenCV encodes every 8-bit or 16-bit image of these shapes.
    return cv2.imencode(suffix, array, parameters)[1].tobytes()

"""Organised point cloud: one point for each pixel of the label image."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from asymformer_ros.perception.camera_model import CameraModel
from asymformer_ros.perception.frames import Segmentation

#: Little-endian, unpadded, 24 bytes; rgb is PCL's: the bits of the uint32 0x00RRGGBB.
POINT = np.dtype(
    [
        ("x", "<f4"),
        ("y", "<f4"),
        ("z", "<f4"),
        ("rgb", "<f4"),
        ("label", "<u4"),
        ("confidence", "<f4"),
    ]
)

_RGB_BITS = np.uint32(0x00FFFFFF)
_PER_STEP = np.float32(1 / 255)


def labelled_cloud(
    rgb: NDArray[np.uint8],
    depth_m: NDArray[np.float32],
    segmentation: Segmentation,
    camera: CameraModel,
    stride: int = 1,
) -> NDArray[np.void]:
    """Position, colour, label and confidence of every pixel of the published label image.

    rgb: uint8 [H, W, 3], R, G, B order. depth_m: float32 [H, W], NaN = no reading. segmentation:
    what `refine` gave at this stride. Returns POINT [ceil(H / stride), ceil(W / stride)],
    C-contiguous; x right, y down, z forward in metres (REP 103), all NaN where there is no depth;
    confidence 0..1. Raises FrameError.
    """
    height, width = depth_m.shape
    rays = camera.rays(height, width, stride)
    z = depth_m[::stride, ::stride]
    # Filled channel by channel: a product of [H, W, 2] and [H, W, 1] takes ten times as long.
    cloud = np.empty(z.shape, dtype=POINT)
    np.multiply(rays[..., 0], z, out=cloud["x"])
    np.multiply(rays[..., 1], z, out=cloud["y"])
    cloud["z"] = z
    # A pixel without a ray has no position although it has depth.
    np.copyto(cloud["z"], np.nan, where=np.isnan(cloud["x"]))
    bgra = cv2.cvtColor(np.ascontiguousarray(rgb[::stride, ::stride]), cv2.COLOR_RGB2BGRA)
    # Without alpha: with it bright colours would be NaN to whoever filters those.
    np.bitwise_and(bgra.view("<u4")[..., 0], _RGB_BITS, out=cloud["rgb"].view("<u4"))
    cloud["label"] = segmentation.labels
    np.multiply(segmentation.confidence, _PER_STEP, out=cloud["confidence"])
    return cloud

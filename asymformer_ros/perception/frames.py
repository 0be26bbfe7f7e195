"""The two records that every room of the package exchanges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Label of a pixel that belongs to no class or was not segmented.
UNLABELLED = 255
#: How drivers register depth to colour themselves.
REGISTERED_BY_DRIVERS = (
    "RealSense: align_depth.enable:=true, Orbbec: depth_registration:=true, "
    "OAK: stereo.i_align_depth: true, Azure Kinect: depth_to_rgb/image_raw, "
    "ZED: depth/depth_registered"
)


class FrameError(ValueError):
    """A frame cannot be used; the message says what is wrong with it and what to do."""


@dataclass(frozen=True)
class RgbdFrame:
    """One colour image with the depth image registered to it.

    rgb: uint8 [H, W, 3] in R, G, B order. depth_m: float32 [H, W], metres, NaN where there is no
    reading. stamp_ns: the colour image's stamp in nanoseconds. frame_id: its optical frame.
    """

    rgb: NDArray[np.uint8]
    depth_m: NDArray[np.float32]
    stamp_ns: int = 0
    frame_id: str = ""

    def __post_init__(self) -> None:
        if self.rgb.dtype != np.uint8 or self.rgb.ndim != 3 or self.rgb.shape[2] != 3:
            raise FrameError(f"rgb must be uint8 [H, W, 3], got {self.rgb.dtype} {self.rgb.shape}")
        if self.depth_m.dtype != np.float32 or self.depth_m.ndim != 2:
            raise FrameError(
                f"depth must be float32 [H, W], got {self.depth_m.dtype} {self.depth_m.shape}"
            )
        if self.rgb.shape[:2] != self.depth_m.shape:
            height, width = self.rgb.shape[:2]
            raise FrameError(
                f"colour is {width}x{height} but depth is "
                f"{self.depth_m.shape[1]}x{self.depth_m.shape[0]}: "
                f"use the driver's depth that is registered to colour ({REGISTERED_BY_DRIVERS})"
            )


@dataclass(frozen=True)
class Segmentation:
    """Classes of one frame at the camera's resolution.

    labels: uint8 [H, W], class index, 255 = unlabelled. confidence: uint8 [H, W], soft-max
    probability of the network's label times 255, 0 where it gave none.
    """

    labels: NDArray[np.uint8]
    confidence: NDArray[np.uint8]

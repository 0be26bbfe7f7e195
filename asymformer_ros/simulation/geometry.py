"""Pin-hole intrinsics and camera poses in a world whose z axis points up."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Intrinsics:
    """A pin-hole camera without distortion: pixel (u, v) looks along ((u-cx)/fx, (v-cy)/fy, 1).

    width, height: pixels. fx, fy, cx, cy: pixels, with pixel centres at whole numbers.
    """

    width: int = 640
    height: int = 480
    fx: float = 525.0
    fy: float = 525.0
    cx: float = 319.5
    cy: float = 239.5

    def scaled(self, width: int, height: int) -> Intrinsics:
        """Return the same field of view at another image size."""
        sx, sy = width / self.width, height / self.height
        return Intrinsics(
            width,
            height,
            self.fx * sx,
            self.fy * sy,
            (self.cx + 0.5) * sx - 0.5,
            (self.cy + 0.5) * sy - 0.5,
        )


def camera_pose(
    position: NDArray[np.float64], yaw: float, pitch: float, roll: float = 0.0
) -> NDArray[np.float64]:
    """Build the pose of an optical frame (x right, y down, z forward) in the world.

    position: float64 [3], metres. yaw: heading of the view about the world's z axis, pitch:
    positive looks up, roll: positive turns clockwise; radians. Returns float64 [4, 4].
    """
    forward = np.array(
        [math.cos(yaw) * math.cos(pitch), math.sin(yaw) * math.cos(pitch), math.sin(pitch)]
    )
    level_right = np.array([math.sin(yaw), -math.cos(yaw), 0.0])
    level_down = np.cross(forward, level_right)
    right = math.cos(roll) * level_right + math.sin(roll) * level_down
    pose = np.eye(4)
    pose[:3, 0] = right
    pose[:3, 1] = np.cross(forward, right)
    pose[:3, 2] = forward
    pose[:3, 3] = position
    return pose


def yaw_rotation(yaw: float) -> NDArray[np.float64]:
    """Rotation about the world's z axis, float64 [3, 3]."""
    c, s = math.cos(yaw), math.sin(yaw)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])

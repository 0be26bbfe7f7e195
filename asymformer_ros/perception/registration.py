"""Depth of one camera as the colour camera beside it would see it."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from asymformer_ros.perception.camera_model import CameraModel
from asymformer_ros.perception.frames import FrameError

# Tangent of 72 degrees: no depth camera looks further aside, and it bounds a fisheye's z-buffer.
_WIDEST = 3.0

# Metres before the colour camera; nearer points would overflow when they are projected.
_NEAREST = 1e-3

_NEIGHBOURS = np.ones((3, 3), np.uint8)

Floats = NDArray[np.float32]


class RigidTransform(NamedTuple):
    """Takes a point p to rotation p + translation: 9 numbers, row by row, and 3 in metres."""

    rotation: tuple[float, ...]
    translation: tuple[float, ...]


IDENTITY = RigidTransform((1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0), (0.0, 0.0, 0.0))


class DepthReprojection:
    """Turns depth images of one camera into what another camera would measure.

    depth_model, color_model: the two cameras. depth_to_color: from the depth camera's optical frame
    to the colour camera's. All that depends on these alone is computed here, once.

    The z-buffer has the coarser of the two resolutions, so that neighbours in the depth image stay
    neighbours in it; each colour pixel then takes the cell that it looks at. So one lookup serves
    distortion as well as another resolution, and a finer colour image gets no holes.
    """

    def __init__(
        self, depth_model: CameraModel, color_model: CameraModel, depth_to_color: RigidTransform
    ) -> None:
        rotation = np.array(depth_to_color.rotation).reshape(3, 3)
        translation = np.array(depth_to_color.translation)
        self._depth_size = depth_model.height, depth_model.width
        # Focal length and centre: of each axis those of the coarser camera.
        of_depth, of_color = _pinhole(depth_model), _pinhole(color_model)
        scale, centre = np.where(of_depth[0] < of_color[0], of_depth, of_color)

        # Beside what the colour camera sees: a row and column of cells that help to close the gaps
        # at its edge, and one for everything further out.
        rays = color_model.rays(color_model.height, color_model.width)
        with np.errstate(invalid="ignore"):
            is_looking = np.all(np.abs(rays) < _WIDEST, axis=2)
        if not is_looking.any():
            raise FrameError(
                f"the colour camera's K {color_model.k} looks nowhere: correct its camera_info"
            )
        cells = np.rint(rays * scale + centre)
        first = cells[is_looking].min(axis=0) - 2
        width, height = (cells[is_looking].max(axis=0) - first + 3).astype(int)
        self._zbuffer_shape = int(height), int(width)
        column, row = np.moveaxis(np.where(is_looking[..., None], cells - first, 0), 2, 0)
        self._cell_of_color = (row * width + column).astype(np.intp)

        # Column, row and depth in the z-buffer, times depth: linear in the depth that was measured.
        to_zbuffer = np.array(
            [
                [scale[0], 0, centre[0] - first[0] + 0.5],
                [0, scale[1], centre[1] - first[1] + 0.5],
                [0, 0, 1],
            ]
        )
        seen = depth_model.rays(*self._depth_size)
        directions = np.concatenate([seen, np.ones_like(seen[..., :1])], axis=2)
        self._slope = np.ascontiguousarray(
            np.moveaxis(directions @ (to_zbuffer @ rotation).T, 2, 0), np.float32
        )
        self._offset = (to_zbuffer @ translation).astype(np.float32)

    def to_color(self, depth_m: Floats) -> Floats:
        """Depth along the colour camera's axis, the nearest surface where several meet.

        depth_m: float32 [H, W] of the depth camera's size, metres, NaN = no reading. Returns a new
        float32 of the colour camera's size, metres, NaN where the depth camera saw nothing; gaps of
        one or two depth pixels are closed with what lies behind. Raises FrameError where the size
        is another.
        """
        if depth_m.shape != self._depth_size:
            height, width = depth_m.shape
            raise FrameError(
                f"depth is {width}x{height} but its camera_info is of a {self._depth_size[1]}x"
                f"{self._depth_size[0]} image: use the camera_info of this depth topic"
            )
        rows, columns = self._zbuffer_shape
        x, y, z = (depth_m * s + o for s, o in zip(self._slope, self._offset, strict=True))
        z[~(z > _NEAREST)] = np.inf  # NaN as well
        column = _clamped(np.divide(x, z, out=x), columns - 1)
        row = _clamped(np.divide(y, z, out=y), rows - 1)

        zbuffer = np.full((rows, columns), np.inf, np.float32)
        np.minimum.at(zbuffer.reshape(-1), (row * columns + column).ravel(), z.ravel())
        zbuffer[[0, -1]] = np.inf
        zbuffer[:, [0, -1]] = np.inf
        # The default border is a large number and would be nearer than infinity.
        closed = cv2.morphologyEx(
            zbuffer, cv2.MORPH_OPEN, _NEIGHBOURS, borderType=cv2.BORDER_REPLICATE
        )
        np.copyto(zbuffer, closed, where=np.isinf(zbuffer))

        registered = zbuffer.ravel().take(self._cell_of_color)
        registered[np.isinf(registered)] = np.nan
        return registered


def _clamped(position: Floats, last: int) -> NDArray[np.intp]:
    return np.fmin(np.fmax(position, 0), last).astype(np.intp)


def _pinhole(model: CameraModel) -> NDArray[np.float64]:
    """Focal lengths and centre, float64 [2, 2], each x, y."""
    return np.array([[model.k[0], model.k[4]], [model.k[2], model.k[5]]])

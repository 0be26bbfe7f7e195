"""Which face each pixel sees, and how far away it is: a z-buffer over convex polygons."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asymformer_ros.simulation.geometry import Intrinsics
from asymformer_ros.simulation.mesh import Mesh

NEAR = 0.05
#: Pixels that an outline is widened by, so that rounding leaves no crack between two faces.
_SLACK = 1e-3

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Raster:
    """face: int64 [H, W], index of the face seen, or F where there is none.

    inverse_depth: float32 [H, W], 1/metres along the optical axis, 0 where nothing is seen.
    """

    face: NDArray[np.int64]
    inverse_depth: NDArray[np.float32]


def _clip_near(polygon: Floats) -> Floats:
    """Cut off what lies closer than NEAR (Sutherland and Hodgman)."""
    z = polygon[:, 2]
    following = np.roll(polygon, -1, axis=0)
    kept: list[Floats] = []
    for here, there, z0, z1 in zip(polygon, following, z, np.roll(z, -1), strict=True):
        if z0 >= NEAR:
            kept.append(here)
        if (z0 >= NEAR) != (z1 >= NEAR):
            kept.append(here + (there - here) * ((NEAR - z0) / (z1 - z0)))
    return np.array(kept)


def _edge_lines(outlines: Floats) -> tuple[Floats, Floats]:
    """Lines x = slope * y + offset that bound convex outlines on the left and on the right.

    outlines: float64 [n, k, 2] pixels, clockwise on the screen. Returns float64 [n, k, 2] (slope,
    offset) for each side; edges that do not bound that side get an offset of -inf or +inf.
    """
    step = np.roll(outlines, -1, axis=1) - outlines
    dx, dy = step[..., 0], step[..., 1]
    level = np.abs(dy) < 1e-9
    slope = np.where(level, 0.0, dx / np.where(level, 1.0, dy))
    offset = outlines[..., 0] - slope * outlines[..., 1]
    is_left, is_right = (dy < 0) & ~level, (dy > 0) & ~level
    left = np.stack([slope * is_left, np.where(is_left, offset - _SLACK, -np.inf)], axis=-1)
    right = np.stack([slope * is_right, np.where(is_right, offset + _SLACK, np.inf)], axis=-1)
    return left, right


def rasterize(mesh: Mesh, camera_to_world: Floats, intrinsics: Intrinsics) -> Raster:
    """Find the nearest face of every pixel.

    camera_to_world: float64 [4, 4], pose of the optical frame. Depth is exact in the planes of the
    faces, outlines by the pixels' centres.
    """
    k = intrinsics
    rotation, position = camera_to_world[:3, :3], camera_to_world[:3, 3]
    distance = np.einsum("fk,fk->f", mesh.normals, mesh.corners[:, 0] - position)
    candidates = np.flatnonzero(distance < -1e-5)
    corners = (mesh.corners[candidates] - position) @ rotation
    z = corners[..., 2]
    nearest = z.min(axis=1)
    reachable = z.max(axis=1) > NEAR
    # A face lies wholly outside the view if all its corners are beyond one side of the frustum.
    x, y = corners[..., 0] * k.fx, corners[..., 1] * k.fy
    reachable &= (x > -(k.cx + 1) * z).any(axis=1) & (x < (k.width - k.cx) * z).any(axis=1)
    reachable &= (y > -(k.cy + 1) * z).any(axis=1) & (y < (k.height - k.cy) * z).any(axis=1)
    candidates, corners, nearest = candidates[reachable], corners[reachable], nearest[reachable]

    # n·P = d, hence 1/z = n·ray / d: an affine function of the pixel.
    normals = mesh.normals[candidates] @ rotation / distance[candidates, None]
    per_u = (normals[:, 0] / k.fx).astype(np.float32)
    per_v = (normals[:, 1] / k.fy).astype(np.float32)
    rest = normals[:, 2] - normals[:, 0] * k.cx / k.fx - normals[:, 1] * k.cy / k.fy
    constant = rest.astype(np.float32)

    safe_z = np.maximum(corners[..., 2], NEAR)
    pixels = np.stack(
        [corners[..., 0] / safe_z * k.fx + k.cx, corners[..., 1] / safe_z * k.fy + k.cy], axis=-1
    )
    face = np.full((k.height, k.width), len(mesh.label), dtype=np.int64)
    inverse_depth = np.zeros((k.height, k.width), dtype=np.float32)
    columns = np.arange(k.width, dtype=np.float32)
    rows = np.arange(k.height, dtype=np.float32)[:, None]
    lefts, rights = _edge_lines(pixels)
    lows, highs = pixels.min(axis=1), pixels.max(axis=1)
    # Near faces first: far ones then fail the depth test and write little.
    for i in np.argsort(nearest):
        left, right, low, high = lefts[i], rights[i], lows[i], highs[i]
        if nearest[i] < NEAR:
            clipped = _clip_near(corners[i])
            if len(clipped) < 3:
                continue
            outline = clipped[:, :2] / clipped[:, 2:] * (k.fx, k.fy) + (k.cx, k.cy)
            (left,), (right,) = _edge_lines(outline[None])
            low, high = outline.min(axis=0), outline.max(axis=0)
        x0, x1 = max(math.ceil(low[0] - _SLACK), 0), min(math.floor(high[0] + _SLACK) + 1, k.width)
        y0, y1 = max(math.ceil(low[1] - _SLACK), 0), min(math.floor(high[1] + _SLACK) + 1, k.height)
        if x0 >= x1 or y0 >= y1:
            continue
        v, u = rows[y0:y1], columns[x0:x1]
        plane = v * per_v[i] + (u * per_u[i] + constant[i])
        seen = inverse_depth[y0:y1, x0:x1]
        wins = plane > seen
        wins &= u >= (v * left[:, 0] + left[:, 1]).max(axis=1, keepdims=True).astype(np.float32)
        wins &= u <= (v * right[:, 0] + right[:, 1]).min(axis=1, keepdims=True).astype(np.float32)
        np.copyto(seen, plane, where=wins)
        np.copyto(face[y0:y1, x0:x1], candidates[i], where=wins)
    return Raster(face, inverse_depth)

"""Convex planar faces with labels and materials, and the builder that furniture is made with."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from asymformer_ros.simulation.geometry import yaw_rotation
from asymformer_ros.simulation.materials import Material
from asymformer_ros.simulation.textures import TILE

#: Corners of every stored face; faces with fewer repeat their last corner.
CORNERS = 8

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Mesh:
    """F faces: corners float64 [F, CORNERS, 3] in metres, outward normals float64 [F, 3].

    label uint8 [F]. Texture coordinates of a point P are s_axis·P + s0 and t_axis·P + t0, in
    tiles. tile, density (texels a metre), dark, bright, glow, absorption: see Material.
    """

    corners: Points
    normals: Points
    label: NDArray[np.uint8]
    s_axis: Points
    t_axis: Points
    s0: Points
    t0: Points
    tile: NDArray[np.int64]
    density: Points
    dark: Points
    bright: Points
    glow: Points
    absorption: Points


_UNIT_BOX = np.array(  # each face: top left, top right, bottom right, bottom left, from outside
    [
        [[0, 0, 1], [1, 0, 1], [1, 0, 0], [0, 0, 0]],
        [[1, 1, 1], [0, 1, 1], [0, 1, 0], [1, 1, 0]],
        [[0, 1, 1], [0, 0, 1], [0, 0, 0], [0, 1, 0]],
        [[1, 0, 1], [1, 1, 1], [1, 1, 0], [1, 0, 0]],
        [[0, 1, 1], [1, 1, 1], [1, 0, 1], [0, 0, 1]],
        [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]],
    ],
    dtype=np.float64,
)


def _pad(faces: Points) -> Points:
    missing = CORNERS - faces.shape[1]
    return np.concatenate([faces, np.repeat(faces[:, -1:], missing, axis=1)], axis=1)


@dataclass
class _Store:
    corners: list[Points] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    materials: list[Material] = field(default_factory=list)


class Builder:
    """Collects primitives in a local frame; `at` gives a builder of the same mesh moved there."""

    def __init__(
        self,
        store: _Store | None = None,
        rotation: Points | None = None,
        origin: Points | None = None,
    ) -> None:
        self._store = store or _Store()
        self.rotation = np.eye(3) if rotation is None else rotation
        self.origin = np.zeros(3) if origin is None else origin

    def at(self, x: float, y: float, z: float = 0.0, yaw: float = 0.0) -> Builder:
        """Return a builder whose frame is moved by (x, y, z) metres and turned by yaw radians."""
        origin = self.origin + self.rotation @ np.array([x, y, z])
        return Builder(self._store, self.rotation @ yaw_rotation(yaw), origin)

    def faces(self, label: int, material: Material, faces: Points) -> None:
        """Add convex planar faces, float64 [n, k <= CORNERS, 3], clockwise seen from outside."""
        placed = faces @ self.rotation.T + self.origin
        self._store.corners.append(_pad(placed))
        self._store.counts.append(len(placed))
        self._store.labels.append(label)
        self._store.materials.append(material)

    def box(
        self,
        label: int,
        material: Material,
        size: tuple[float, float, float],
        at: tuple[float, float, float] = (0.0, 0.0, 0.0),
    ) -> None:
        """Add a box of (x, y, z) size whose bottom centre lies at the given point."""
        low = np.array([at[0] - size[0] / 2, at[1] - size[1] / 2, at[2]])
        self.faces(label, material, _UNIT_BOX * np.array(size) + low)

    def lathe(
        self,
        label: int,
        material: Material,
        profile: list[tuple[float, float]],
        at: tuple[float, float, float] = (0.0, 0.0, 0.0),
        sides: int = 8,
        stretch: tuple[float, float] = (1.0, 1.0),
    ) -> None:
        """Add a solid of revolution; profile: (radius, height) from bottom to top, closed."""
        angle = -2 * np.pi * np.arange(sides + 1) / sides
        ring = np.stack([np.cos(angle) * stretch[0], np.sin(angle) * stretch[1]], axis=-1)
        levels = [np.column_stack([ring * r, np.full(len(ring), z)]) for r, z in profile]
        quads = [
            np.stack([high[1:], high[:-1], low[:-1], low[1:]], axis=1)
            for low, high in itertools.pairwise(levels)
        ]
        self.faces(label, material, np.concatenate(quads) + np.array(at))
        if sides <= CORNERS:
            for level, radius, order in (
                (levels[-1], profile[-1][0], -1),
                (levels[0], profile[0][0], 1),
            ):
                if radius > 0:
                    self.faces(label, material, level[None, :-1][:, ::-order] + np.array(at))

    def tube(
        self,
        label: int,
        material: Material,
        start: tuple[float, float, float],
        end: tuple[float, float, float],
        radii: tuple[float, float],
    ) -> None:
        """Add a limb with rounded ends from start to end, thickness radii at the two."""
        a, b = np.array(start), np.array(end)
        length = float(np.linalg.norm(b - a))
        z_axis = (b - a) / length
        helper = np.array([1.0, 0.0, 0.0]) if abs(z_axis[0]) < 0.8 else np.array([0.0, 1.0, 0.0])
        x_axis = np.cross(helper, z_axis)
        x_axis /= np.linalg.norm(x_axis)
        turn = np.column_stack([x_axis, np.cross(z_axis, x_axis), z_axis])
        limb = Builder(self._store, self.rotation @ turn, self.origin + self.rotation @ a)
        r0, r1 = radii
        profile = [(0.6 * r0, -0.7 * r0), (r0, 0.0), (r1, length), (0.6 * r1, length + 0.7 * r1)]
        limb.lathe(label, material, profile)

    def mesh(self, rng: np.random.Generator) -> Mesh:
        """Freeze what was added; rng shifts the textures so that no two parts look alike."""
        store = self._store
        counts = np.array(store.counts)
        corners = np.concatenate(store.corners)
        edge = corners[:, 1] - corners[:, 0]
        down = corners[:, 3] - corners[:, 0]
        # The diagonals give a normal even where two neighbouring corners coincide.
        cross = np.cross(corners[:, 3] - corners[:, 1], corners[:, 2] - corners[:, 0])
        length = np.linalg.norm(cross, axis=1, keepdims=True)
        normals = (cross / np.maximum(length, 1e-12)).astype(np.float64)
        width = np.maximum(np.linalg.norm(edge, axis=1), 1e-6)
        short = np.linalg.norm(edge, axis=1) < 1e-6
        edge = np.where(short[:, None], corners[:, 2] - corners[:, 3], edge)
        along = edge / np.maximum(np.linalg.norm(edge, axis=1, keepdims=True), 1e-6)
        across = np.cross(along, normals)
        height = np.maximum(np.abs(np.sum(down * across, axis=1)), 1e-6)

        def spread(values: list[float] | list[tuple[float, float, float]]) -> Points:
            return np.repeat(np.array(values, dtype=np.float64), counts, axis=0)

        metres = spread([m.metres for m in store.materials])
        fitted = metres <= 0
        s_scale = np.where(fitted, 1 / width, 1 / np.maximum(metres, 1e-6))
        t_scale = np.where(fitted, 1 / height, 1 / np.maximum(metres, 1e-6))
        s_axis, t_axis = along * s_scale[:, None], across * t_scale[:, None]
        turned = spread([float(m.turned) for m in store.materials])[:, None] > 0
        s_axis, t_axis = np.where(turned, t_axis, s_axis), np.where(turned, s_axis, t_axis)
        shift = np.repeat(rng.random((len(counts), 2)), counts, axis=0)
        shift[fitted] = 0.0
        return Mesh(
            corners=corners,
            normals=normals,
            label=np.repeat(np.array(store.labels, dtype=np.uint8), counts),
            s_axis=s_axis,
            t_axis=t_axis,
            s0=shift[:, 0] - np.sum(s_axis * corners[:, 0], axis=1),
            t0=shift[:, 1] - np.sum(t_axis * corners[:, 0], axis=1),
            tile=np.repeat(np.array([m.tile for m in store.materials]), counts),
            density=np.sqrt(s_scale * t_scale) * TILE,
            dark=spread([m.dark for m in store.materials]),
            bright=spread([m.bright for m in store.materials]),
            glow=spread([m.glow for m in store.materials]),
            absorption=spread([m.absorption for m in store.materials]),
        )

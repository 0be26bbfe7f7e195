"""Where things go: floor space and wall space are given away once."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from asymformer_ros.simulation.furniture.parts import Item
from asymformer_ros.simulation.mesh import Builder

#: Metres a cell of the floor plan.
CELL = 0.05


@dataclass(frozen=True)
class Spot:
    """A place in the room: metres, radians; wall 0..3 and metres along it for a place at a wall."""

    x: float
    y: float
    yaw: float
    wall: int = -1
    along: float = 0.0


@dataclass
class Layout:
    """A room's floor plan while it is being furnished.

    size: width (x), depth (y), height (z), metres. taken: uint8 [rows, columns] cells where nothing
    else may stand; solid: those that something stands on.
    """

    rng: np.random.Generator
    size: tuple[float, float, float]
    builder: Builder = field(default_factory=Builder)

    def __post_init__(self) -> None:
        width, depth, _ = self.size
        shape = (math.ceil(depth / CELL), math.ceil(width / CELL))
        self.taken: NDArray[np.uint8] = np.zeros(shape, dtype=np.uint8)
        self.solid: NDArray[np.uint8] = np.zeros(shape, dtype=np.uint8)
        self.targets: list[tuple[float, float, float]] = []
        self._on_walls: list[tuple[int, float, float, float, float]] = []

    def footprint(
        self, spot: Spot, width: float, depth: float, front: float = 0.0
    ) -> NDArray[np.uint8]:
        """Mark the floor cells of a thing at a spot and `front` metres before it, uint8 0 or 1."""
        corners = np.array(
            [
                [-width / 2, -depth / 2 - front],
                [width / 2, -depth / 2 - front],
                [width / 2, depth / 2],
                [-width / 2, depth / 2],
            ]
        )
        cos, sin = math.cos(spot.yaw), math.sin(spot.yaw)
        placed = corners @ np.array([[cos, sin], [-sin, cos]]) + (spot.x, spot.y)
        mask = np.zeros_like(self.taken)
        cv2.fillConvexPoly(mask, np.rint(placed / CELL - 0.5).astype(np.int32), 1)
        return mask

    def wall_length(self, wall: int) -> float:
        """Length of wall 0..3: south, east, north, west; metres."""
        return self.size[wall % 2]

    def at_wall(self, wall: int, along: float, off: float) -> Spot:
        """Return the spot `along` metres down a wall and `off` metres from it, back to the wall."""
        w, d, _ = self.size
        x, y, yaw = [
            (along, off, math.pi),
            (w - off, along, -math.pi / 2),
            (w - along, d - off, 0.0),
            (off, d - along, math.pi / 2),
        ][wall]
        return Spot(x, y, yaw, wall, along)

    def wall_free(self, wall: int, low: float, high: float, bottom: float, top: float) -> bool:
        """Tell whether nothing hangs on or stands at that rectangle of the wall."""
        return not any(
            w == wall and low < b and high > a and bottom < t and top > z
            for w, a, b, z, t in self._on_walls
        )

    def claim_wall(self, wall: int, low: float, high: float, bottom: float, top: float) -> None:
        """Give a rectangle of a wall away."""
        self._on_walls.append((wall, low, high, bottom, top))

    def claim_over(self, below: Spot, width: float, bottom: float, top: float) -> bool:
        """Claim the wall above something that stands at it; False if that is not free."""
        low, high = below.along - width / 2, below.along + width / 2
        free = self.wall_free(below.wall, low, high, bottom, top)
        if free:
            self.claim_wall(below.wall, low, high, bottom, top)
        return free

    def keep_free(self, spot: Spot, width: float, depth: float) -> None:
        """Let nothing stand there."""
        self.taken |= self.footprint(spot, width, depth)

    def frame(self, spot: Spot) -> Builder:
        """Return a builder whose origin is the spot on the floor, turned with it."""
        return self.builder.at(spot.x, spot.y, 0.0, spot.yaw)

    def put(self, item: Item, spot: Spot, worth_a_look: bool = True) -> None:
        """Stand an item at a spot without asking."""
        cells = self.footprint(spot, item.width, item.depth)
        self.taken |= cells
        self.solid |= cells
        if worth_a_look:
            looks = max(1, round(1.5 * item.width * max(item.depth, item.height)))
            self.targets.extend([(spot.x, spot.y, item.height / 2)] * looks)
        item.build(self.frame(spot))

    def fits(self, item: Item, spot: Spot, front: float = 0.0) -> bool:
        """Tell whether the floor is free under an item and for `front` metres before it."""
        radius = math.hypot(item.width, item.depth) / 2
        w, d, _ = self.size
        if math.sin(2 * spot.yaw) ** 2 > 0.01 and not (
            radius < spot.x < w - radius and radius < spot.y < d - radius
        ):
            return False
        return not np.any(self.footprint(spot, item.width, item.depth, front) & self.taken)

    def against_wall(self, item: Item, front: float = 0.45, corner: bool = False) -> Spot | None:
        """Stand an item with its back to a wall where there is room; None if there is none."""
        for _ in range(30):
            wall = int(self.rng.integers(0, 4))
            spare = self.wall_length(wall) - item.width - 0.04
            if spare <= 0:
                continue
            share = self.rng.choice([0.0, 1.0]) if corner else self.rng.random()
            along = 0.02 + item.width / 2 + float(share) * spare
            low, high = along - item.width / 2, along + item.width / 2
            gap = float(self.rng.uniform(0.01, 0.06))
            spot = self.at_wall(wall, along, item.depth / 2 + gap)
            if self.wall_free(wall, low, high, 0.0, item.height) and self.fits(item, spot, front):
                self.claim_wall(wall, low, high, 0.0, item.height)
                self.put(item, spot)
                return spot
        return None

    def anywhere(self, item: Item, turned: bool = True, margin: float = 0.1) -> Spot | None:
        """Stand an item on free floor; None if none was found."""
        w, d, _ = self.size
        for _ in range(16):
            yaw = (
                float(self.rng.uniform(-math.pi, math.pi))
                if turned
                else float(self.rng.integers(0, 4)) * math.pi / 2
            )
            reach = max(item.width, item.depth) / 2 + margin
            if w <= 2 * reach or d <= 2 * reach:
                return None
            spot = Spot(
                float(self.rng.uniform(reach, w - reach)),
                float(self.rng.uniform(reach, d - reach)),
                yaw,
            )
            if self.fits(item, spot):
                self.put(item, spot)
                return spot
        return None

    def on_wall(self, width: float, bottom: float, top: float) -> Spot | None:
        """Claim a rectangle of some wall; the spot on its surface, or None if there is no room."""
        for _ in range(8):
            wall = int(self.rng.integers(0, 4))
            spare = self.wall_length(wall) - width - 0.2
            if spare <= 0 or top > self.size[2] - 0.05:
                continue
            along = 0.1 + width / 2 + float(self.rng.random()) * spare
            low, high = along - width / 2, along + width / 2
            if self.wall_free(wall, low, high, bottom, top):
                self.claim_wall(wall, low, high, bottom, top)
                return self.at_wall(wall, along, 0.0)
        return None

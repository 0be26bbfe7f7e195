"""Furnished rooms, made up from a seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asymformer_ros.simulation import wall_items as w
from asymformer_ros.simulation.arrangements import FURNISH, add_extras
from asymformer_ros.simulation.layout import Layout
from asymformer_ros.simulation.mesh import Mesh
from asymformer_ros.simulation.renderer import Lighting
from asymformer_ros.simulation.shell import build_ceiling_lamp, build_shell, random_lighting

ROOM_KINDS = ("bedroom", "living room", "office", "kitchen", "bathroom", "corridor", "study")
_SHARES = (0.27, 0.22, 0.13, 0.15, 0.1, 0.03, 0.1)


@dataclass(frozen=True)
class Room:
    """A furnished room: walls at x = 0, x = size[0], y = 0, y = size[1], floor at z = 0.

    size: metres. blocked: bool [rows, columns], floor cells of CELL metres under things.
    targets: points worth looking at, float64 [n, 3], large things repeated.
    """

    kind: str
    seed: int
    size: tuple[float, float, float]
    mesh: Mesh
    lighting: Lighting
    blocked: NDArray[np.bool_]
    targets: NDArray[np.float64]


def make_room(seed: int) -> Room:
    """Furnish a room: kind, size, things, materials and light all follow from the seed."""
    rng = np.random.Generator(np.random.PCG64(seed))
    kind = str(rng.choice(ROOM_KINDS, p=_SHARES))
    span = {"bathroom": (2.0, 3.2), "corridor": (1.6, 2.3), "kitchen": (2.8, 4.5)}.get(
        kind, (3.2, 5.5)
    )
    x, y = float(rng.uniform(*span)), float(rng.uniform(*span))
    if kind == "corridor":
        y = float(rng.uniform(4.0, 8.0))
    layout = Layout(rng, (x, y, float(rng.uniform(2.35, 2.95))))
    build_shell(layout)
    daylight = float(rng.choice([0.15, 0.8, 1.5]))
    w.door(layout)
    windows = [w.window(layout, daylight) for _ in range(int(rng.integers(0, 3)))]
    FURNISH[kind](layout)
    add_extras(layout)
    if rng.random() < 0.6:
        build_ceiling_lamp(layout)
    lighting = random_lighting(layout, [p for p in windows if p is not None], daylight)
    return Room(
        kind=kind,
        seed=seed,
        size=layout.size,
        mesh=layout.builder.mesh(rng),
        lighting=lighting,
        blocked=layout.solid.astype(bool),
        targets=np.array(layout.targets or [(x / 2, y / 2, 0.8)]),
    )

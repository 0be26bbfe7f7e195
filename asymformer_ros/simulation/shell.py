"""The empty room: floor, ceiling, walls, a projecting corner, skirting boards, and its light."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from asymformer_ros.simulation import classes as c
from asymformer_ros.simulation.furniture.parts import HARD, WOOD, Item
from asymformer_ros.simulation.layout import Layout, Spot
from asymformer_ros.simulation.materials import Material, random_material
from asymformer_ros.simulation.renderer import Light, Lighting


def _corner_block(layout: Layout, wall_paint: Material) -> None:
    """Fill a corner from floor to ceiling, which makes the room L-shaped."""
    rng, (x, y, z) = layout.rng, layout.size
    size = (float(rng.uniform(0.4, 0.4 * x)), float(rng.uniform(0.4, 0.4 * y)), z)
    east, north = bool(rng.random() < 0.5), bool(rng.random() < 0.5)
    at_x = x - size[0] / 2 if east else size[0] / 2
    at_y = y - size[1] / 2 if north else size[1] / 2
    block = Item(size[0], size[1], z, lambda b: b.box(c.WALL, wall_paint, size))
    layout.put(block, Spot(at_x, at_y, 0.0), worth_a_look=False)
    # Walls run round the room: the block lies at the start of one and at the end of another.
    low_x, low_y = (at_x - size[0] / 2, at_y - size[1] / 2)
    start_x = x - low_x - size[0] if north else low_x
    start_y = low_y if east else y - low_y - size[1]
    layout.claim_wall(2 if north else 0, start_x, start_x + size[0], 0.0, z)
    layout.claim_wall(1 if east else 3, start_y, start_y + size[1], 0.0, z)


def build_shell(layout: Layout) -> None:
    """Floor, ceiling, walls, perhaps a projecting corner and skirting boards."""
    rng, (x, y, z) = layout.rng, layout.size
    b = layout.builder
    floor = random_material(rng, ("wood", "wood", "tiles", "weave", "cloud"))
    b.faces(c.FLOOR, floor, np.array([[[0, y, 0], [x, y, 0], [x, 0, 0], [0, 0, 0]]], dtype=float))
    ceiling = random_material(rng, ("plain", "plain", "tiles"), pale=0.7)
    b.faces(
        c.CEILING, ceiling, np.array([[[0, 0, z], [x, 0, z], [x, y, z], [0, y, z]]], dtype=float)
    )
    wall = random_material(rng, ("plain", "plain", "plain", "stripes", "ornament"), pale=0.5)
    corners = [(0, 0), (x, 0), (x, y), (0, y)]
    for i in range(4):
        (ax, ay), (bx, by) = corners[i], corners[(i + 1) % 4]
        paint = random_material(rng, ("plain",), pale=0.4) if rng.random() < 0.12 else wall
        face = [[bx, by, z], [ax, ay, z], [ax, ay, 0], [bx, by, 0]]
        b.faces(c.WALL, paint, np.array([face], dtype=float))
    if min(x, y) > 3.2 and rng.random() < 0.45:
        _corner_block(layout, wall)
    if rng.random() < 0.6:
        board = random_material(rng, WOOD, pale=0.4)
        high = float(rng.uniform(0.06, 0.14))
        for i in range(4):
            length = layout.wall_length(i)
            spot = layout.at_wall(i, length / 2, 0.01)
            layout.frame(spot).box(c.WALL, board, (length, 0.02, high))


def random_lighting(
    layout: Layout, windows: list[tuple[float, float, float]], daylight: float
) -> Lighting:
    """Draw lamps under the ceiling, the light of a window, and the camera's exposure."""
    rng, (x, y, z) = layout.rng, layout.size
    lights = []
    for _ in range(int(rng.integers(1, 3))):
        at = np.array(
            [rng.uniform(0.25, 0.75) * x, rng.uniform(0.25, 0.75) * y, z - rng.uniform(0.25, 0.7)]
        )
        warm = rng.uniform(0.0, 1.0)
        tint = np.array([1.0, 1.0 - 0.18 * warm, 1.0 - 0.45 * warm])
        lights.append(Light(at, tint * rng.uniform(0.4, 2.2)))
    for place in windows[:1]:
        tint = np.array([rng.uniform(0.8, 1.0), 0.95, 1.0])
        lights.append(Light(np.array(place), tint * daylight * rng.uniform(0.6, 1.8)))
    ambient = rng.uniform(0.15, 0.6) * np.array(
        [1.0, rng.uniform(0.9, 1.0), rng.uniform(0.75, 1.02)]
    )
    return Lighting(
        ambient=ambient,
        lights=tuple(lights),
        exposure=float(rng.uniform(0.32, 0.62)),
        gamma=float(rng.uniform(0.6, 1.0)),
        vignette=float(rng.uniform(0.0, 0.7)),
        grain=float(rng.uniform(0.5, 5.0)),
        blur=float(rng.uniform(0.4, 1.3)),
    )


def build_ceiling_lamp(layout: Layout) -> None:
    """A lamp on the ceiling."""
    rng, (x, y, z) = layout.rng, layout.size
    m = random_material(rng, ("plain",), pale=0.9)
    m = replace(m, glow=float(rng.uniform(0.2, 1.5)))
    b = layout.builder.at(x * rng.uniform(0.3, 0.7), y * rng.uniform(0.3, 0.7))
    if rng.random() < 0.5:
        drop, r = float(rng.uniform(0.1, 0.6)), float(rng.uniform(0.12, 0.25))
        b.lathe(c.LAMP, m, [(r, z - drop), (r * 0.4, z - drop + 0.18)])
        b.lathe(c.LAMP, random_material(rng, HARD), [(0.012, z - drop + 0.15), (0.012, z)], sides=6)
    else:
        b.box(
            c.LAMP,
            m,
            (float(rng.uniform(0.3, 1.2)), float(rng.uniform(0.2, 0.4)), 0.07),
            (0, 0, z - 0.07),
        )

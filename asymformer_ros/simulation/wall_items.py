"""Things set into walls or hung on them. Local frame: wall surface at y = 0, room at -y."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from asymformer_ros.simulation import classes as c
from asymformer_ros.simulation.furniture.parts import CLOTH, HARD, WOOD, folds
from asymformer_ros.simulation.layout import Layout, Spot
from asymformer_ros.simulation.materials import Material, picture_material, random_material
from asymformer_ros.simulation.mesh import Builder

Rng = np.random.Generator


def panel(
    b: Builder,
    label: int,
    m: Material,
    x: float,
    z: float,
    w: float,
    h: float,
    out: float,
    thick: float = 0.02,
) -> None:
    """Add a flat box whose front stands `out` metres before the wall; z is its lower edge."""
    b.box(label, m, (w, thick, h), (x, -out + thick / 2, z))


def door(layout: Layout) -> None:
    """A closed door with its frame and handle; the floor before it stays free."""
    rng = layout.rng
    w, h = float(rng.uniform(0.75, 0.95)), float(rng.uniform(1.95, 2.1))
    spot = layout.on_wall(w + 0.16, 0.0, h + 0.08)
    if spot is None:
        return
    layout.keep_free(layout.at_wall(spot.wall, spot.along, 0.5), w, 0.9)
    b = layout.frame(spot)
    leaf, frame, metal = (
        random_material(rng, WOOD),
        random_material(rng, WOOD),
        random_material(rng, HARD),
    )
    panel(b, c.DOOR, leaf, 0, 0, w, h, 0.03, 0.03)
    rows = int(rng.integers(0, 4))
    for i in range(rows):
        for sx in (-1, 1):
            high = (h - 0.3) / rows
            panel(b, c.DOOR, leaf, sx * w * 0.23, 0.15 + i * high, w * 0.36, high - 0.12, 0.045)
    for sx in (-1, 1):
        panel(b, c.DOOR, frame, sx * (w / 2 + 0.04), 0, 0.08, h + 0.08, 0.06, 0.06)
    panel(b, c.DOOR, frame, 0, h, w, 0.08, 0.06, 0.06)
    side = float(rng.choice([-1, 1]))
    b.box(c.DOOR, metal, (0.12, 0.05, 0.03), (side * w * 0.38, -0.06, 1.0))
    layout.targets.append((spot.x, spot.y, 1.1))


def window(layout: Layout, daylight: float) -> tuple[float, float, float] | None:
    """A window with bars, perhaps curtains or blinds; returns where its light comes from."""
    rng = layout.rng
    w, h = float(rng.uniform(0.7, 2.0)), float(rng.uniform(0.8, 1.4))
    z = float(rng.uniform(0.75, 1.0))
    covered = rng.choice(["none", "curtain", "curtain", "blinds", "blinds"])
    margin = 0.5 if covered == "curtain" else 0.16
    spot = layout.on_wall(w + margin, z - 0.1, min(z + h + 0.15, layout.size[2] - 0.06))
    if spot is None:
        return None
    h = min(h, layout.size[2] - 0.2 - z)
    b = layout.frame(spot)
    frame = random_material(rng, WOOD, pale=0.5)
    glass = picture_material(rng, "outside", glow=daylight * 1.6, absorption=0.8)
    panel(b, c.WINDOW, glass, 0, z, w, h, 0.012, 0.012)
    columns, rows = int(rng.integers(1, 4)), int(rng.integers(1, 3))
    for i in range(columns + 1):
        panel(b, c.WINDOW, frame, (i / columns - 0.5) * w, z - 0.03, 0.06, h + 0.06, 0.05, 0.05)
    for i in range(rows + 1):
        panel(b, c.WINDOW, frame, 0, z + h * i / rows - 0.03, w, 0.06, 0.045, 0.045)
    panel(b, c.WINDOW, frame, 0, z - 0.06, w + 0.12, 0.04, 0.12, 0.12)
    if covered == "curtain":
        cloth = random_material(rng, CLOTH)
        low = 0.04 if rng.random() < 0.6 else z - 0.1
        wide = float(rng.uniform(0.25, 0.5)) * (w + 0.4) * 0.5
        for sx in (-1, 1):
            folds(
                b.at(sx * (w / 2 + 0.2 - wide / 2), -0.17),
                c.CURTAIN,
                cloth,
                wide,
                low,
                z + h + 0.08,
            )
        panel(b, c.CURTAIN, frame, 0, z + h + 0.08, w + 0.45, 0.03, 0.19, 0.03)
    elif covered == "blinds":
        slat = random_material(rng, ("plain", "wood"))
        low = z + h * float(rng.choice([0.0, 0.0, 0.3, 0.6]))
        pitch = 0.055
        for i in range(int((z + h - low) / pitch)):
            panel(b, c.BLINDS, slat, 0, low + i * pitch, w * 0.98, pitch * 0.72, 0.075, 0.012)
        panel(b, c.BLINDS, slat, 0, z + h - 0.02, w, 0.07, 0.1, 0.04)
    layout.targets.append((spot.x, spot.y, 1.4))
    x, y, _ = b.origin + b.rotation @ np.array([0.0, -0.5, 0.0])
    return float(x), float(y), z + h * 0.6


def picture(layout: Layout) -> None:
    """A framed picture or a bare poster."""
    rng = layout.rng
    w, h = float(rng.uniform(0.25, 1.1)), float(rng.uniform(0.3, 0.85))
    z = float(rng.uniform(1.15, 1.5))
    spot = layout.on_wall(w, z, z + h)
    if spot is None:
        return
    b = layout.frame(spot)
    if rng.random() < 0.75:
        panel(b, c.PICTURE, random_material(rng), 0, z, w, h, 0.03, 0.03)
        rim = float(rng.uniform(0.03, 0.12))
        panel(b, c.PICTURE, picture_material(rng), 0, z + rim / 2, w - rim, h - rim, 0.035, 0.006)
    else:
        panel(b, c.PICTURE, picture_material(rng), 0, z, w, h, 0.006, 0.006)


def mirror(layout: Layout, w: float, z: float, h: float) -> None:
    """A mirror: it shows a vague picture of a room and a depth camera reads nothing there."""
    spot = layout.on_wall(w, z, z + h)
    if spot is not None:
        _mirror(layout, spot, w, z, h)


def mirror_over(layout: Layout, below: Spot, w: float, z: float, h: float) -> None:
    """A mirror over a wash basin, if the wall is free there."""
    if layout.claim_over(below, w, z, z + h):
        _mirror(layout, layout.at_wall(below.wall, below.along, 0.0), w, z, h)


def _mirror(layout: Layout, spot: Spot, w: float, z: float, h: float) -> None:
    b, rng = layout.frame(spot), layout.rng
    panel(b, c.MIRROR, random_material(rng), 0, z, w, h, 0.025, 0.025)
    glass = random_material(rng, ("cloud",), pale=0.4)
    glass = replace(glass, metres=1.5, absorption=0.9)
    panel(b, c.MIRROR, glass, 0, z + 0.03, w - 0.06, h - 0.06, 0.03, 0.006)


def whiteboard(layout: Layout) -> None:
    """A board with a rim, some scribbles and sheets of paper."""
    rng = layout.rng
    w, h, z = float(rng.uniform(1.0, 2.2)), float(rng.uniform(0.8, 1.2)), 0.9
    spot = layout.on_wall(w, z, z + h)
    if spot is None:
        return
    b = layout.frame(spot)
    panel(b, c.WHITEBOARD, random_material(rng, HARD), 0, z, w, h, 0.02)
    face = random_material(rng, ("plain",), pale=0.9)
    panel(b, c.WHITEBOARD, face, 0, z + 0.03, w - 0.06, h - 0.06, 0.026, 0.006)
    for _ in range(int(rng.integers(0, 4))):
        x, low = rng.uniform(-0.4, 0.4) * w, z + rng.uniform(0.1, 0.5) * h
        panel(
            b, c.PAPER, picture_material(rng, "print"), float(x), float(low), 0.21, 0.3, 0.03, 0.004
        )


def hanging_shelf(layout: Layout) -> None:
    """A board on the wall with books and other things on it."""
    rng = layout.rng
    w, z = float(rng.uniform(0.6, 1.3)), float(rng.uniform(1.3, 1.6))
    spot = layout.on_wall(w, z - 0.03, z + 0.4)
    if spot is None:
        return
    b = layout.frame(spot)
    b.box(c.SHELVES, random_material(rng, WOOD), (w, 0.24, 0.03), (0, -0.12, z - 0.03))
    x = -w / 2 + 0.05
    while x < w / 2 - 0.15:
        length, high = float(rng.uniform(0.08, 0.3)), float(rng.uniform(0.12, 0.3))
        length = min(length, w / 2 - 0.02 - x)
        kind = int(rng.choice([c.BOOKS, c.BOOKS, c.BOX, c.OTHER_PROP]))
        m = picture_material(rng, "spines") if kind == c.BOOKS else random_material(rng)
        b.box(kind, m, (length, 0.18, high), (x + length / 2, -0.11, z))
        x += length + float(rng.choice([0.0, 0.06, 0.2]))


def hanging_cabinet(layout: Layout, below: Spot, width: float) -> None:
    """Kitchen cabinets over a counter, with doors."""
    rng = layout.rng
    z, h = 1.4, float(rng.uniform(0.5, 0.75))
    if z + h > layout.size[2] - 0.05 or not layout.claim_over(below, width, z, z + h):
        return
    b = layout.frame(layout.at_wall(below.wall, below.along, 0.0))
    body, front, knob = (
        random_material(rng, WOOD),
        random_material(rng, WOOD),
        random_material(rng, HARD),
    )
    b.box(c.CABINET, body, (width, 0.33, h), (0, -0.165, z))
    count = max(2, round(width / 0.45))
    for i in range(count):
        x = (i + 0.5) * width / count - width / 2
        b.box(c.CABINET, front, (width / count - 0.02, 0.02, h - 0.03), (x, -0.335, z + 0.015))
        b.box(c.CABINET, knob, (0.02, 0.03, 0.1), (x + width / count * 0.35, -0.35, z + 0.06))


def hung_cloth(layout: Layout, label: int) -> None:
    """A towel on a rail or clothes on hooks."""
    rng = layout.rng
    w, h = float(rng.uniform(0.3, 0.6)), float(rng.uniform(0.4, 0.9))
    top = float(rng.uniform(1.3, 1.8))
    spot = layout.on_wall(w, top - h, top)
    if spot is None:
        return
    b = layout.frame(spot)
    if label == c.TOWEL:
        panel(b, label, random_material(rng, CLOTH), 0, top - h, w, h, 0.07, 0.02)
        b.box(
            c.OTHER_PROP, random_material(rng, HARD), (w + 0.1, 0.02, 0.02), (0, -0.06, top - 0.01)
        )
    else:
        for i in range(int(rng.integers(1, 4))):
            x = (i - 1) * w * 0.3
            folds(
                b.at(x, -0.08 - 0.04 * (i % 2)),
                label,
                random_material(rng, CLOTH),
                w * 0.5,
                top - h,
                top,
            )

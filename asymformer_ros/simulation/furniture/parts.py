"""What furniture is made from: the record of an item and the parts that many items share."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from asymformer_ros.simulation import classes as c
from asymformer_ros.simulation.materials import Material, random_material
from asymformer_ros.simulation.mesh import Builder

Rng = np.random.Generator

#: Kinds of texture that are likelier on cloth, on carcasses and on hard smooth surfaces.
CLOTH = ("weave", "cloud", "stripes", "plaid", "ornament", "dots")
WOOD = ("wood", "wood", "plain")
HARD = ("plain", "plain", "marble", "cloud")


@dataclass(frozen=True)
class Top:
    """A level surface for clutter: centre x, y, height z, size in x and y; metres, local frame."""

    x: float
    y: float
    z: float
    width: float
    depth: float
    kind: str = "table"


@dataclass(frozen=True)
class Item:
    """A thing to place: footprint width (x), depth (y) and height in metres, builder, surfaces."""

    width: float
    depth: float
    height: float
    build: Callable[[Builder], None]
    tops: list[Top] = field(default_factory=list)


def legs(
    b: Builder, label: int, m: Material, w: float, d: float, h: float, thick: float, round_: bool
) -> None:
    for sx in (-1, 1):
        for sy in (-1, 1):
            at = (sx * (w / 2 - thick), sy * (d / 2 - thick), 0.0)
            if round_:
                b.lathe(label, m, [(thick * 0.4, 0.0), (thick * 0.6, h)], at, sides=6)
            else:
                b.box(label, m, (thick, thick, h), at)


def pillow(b: Builder, m: Material, w: float, d: float, upright: bool) -> None:
    """A cushion: a box with shrunken rims, lying or leaning against what is behind it."""
    thick = 0.13
    rings = [(0.82, 0.0), (1.0, 0.35), (1.0, 0.65), (0.82, 1.0)]
    loops = []
    for share, level in rings:
        corners = np.array([[-1, 1], [1, 1], [1, -1], [-1, -1]]) * share * np.array([w, d]) / 2
        loops.append(np.column_stack([corners, np.full(4, level * thick)]))
    quads = [
        np.stack([np.roll(high, -1, 0)[i], high[i], low[i], np.roll(low, -1, 0)[i]])
        for low, high in itertools.pairwise(loops)
        for i in range(4)
    ]
    faces = np.concatenate([np.stack(quads), loops[-1][None]])
    if upright:
        lean = 0.35
        turn = np.array(
            [[1, 0, 0], [0, np.sin(lean), -np.cos(lean)], [0, np.cos(lean), np.sin(lean)]]
        )
        faces = faces @ turn.T + (0, 0, d / 2)
    b.faces(c.PILLOW, m, faces)


def folds(b: Builder, label: int, m: Material, width: float, low: float, high: float) -> None:
    """Hang cloth in zigzag folds, visible from both sides, in the plane y = 0."""
    count = max(4, int(width / 0.09))
    x = np.linspace(-width / 2, width / 2, count + 1)
    y = 0.025 * (-1.0) ** np.arange(count + 1)
    top = np.column_stack([x, y, np.full(count + 1, high)])
    bottom = np.column_stack([x, y * 1.3, np.full(count + 1, low)])
    front = np.stack([top[:-1], top[1:], bottom[1:], bottom[:-1]], axis=1)
    b.faces(label, m, front)
    b.faces(label, m, front[:, ::-1])


def lamp_parts(rng: Rng, height: float) -> Callable[[Builder], None]:
    """Draw a lamp with foot, pole and shade; returns its builder."""
    metal = random_material(rng, HARD)
    cloth = random_material(rng, ("plain", "weave", "stripes"), pale=0.5)
    on = float(rng.uniform(0.3, 1.0)) if rng.random() < 0.5 else 0.0
    cloth = Material(cloth.tile, cloth.dark, cloth.bright, cloth.metres, glow=on)
    tall = height > 0.9
    shade = min(0.28, height * rng.uniform(0.35, 0.5))
    wide, narrow = rng.uniform(0.1, 0.15) * (1.35 if tall else 1.0), rng.uniform(0.5, 0.95)
    belly = rng.uniform(0.02, 0.09)

    def build(b: Builder) -> None:
        low = height - shade
        if tall:
            b.lathe(c.LAMP, metal, [(0.14, 0), (0.13, 0.025)])
            b.lathe(c.LAMP, metal, [(0.015, 0.02), (0.015, low + 0.05)], sides=6)
        else:
            b.lathe(
                c.LAMP,
                metal,
                [(0.07, 0), (belly, low * 0.4), (0.03, low * 0.8), (0.015, low + 0.03)],
            )
        b.lathe(c.LAMP, cloth, [(wide, low), (wide * narrow, height)])

    return build

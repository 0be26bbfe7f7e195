"""Toilets, wash basins and bathtubs. Local frame: centre of the footprint, back towards +y."""

from __future__ import annotations

from asymformer_ros.simulation import classes as c
from asymformer_ros.simulation.furniture.parts import (
    CLOTH,
    HARD,
    WOOD,
    Item,
    Rng,
    Top,
    folds,
)
from asymformer_ros.simulation.materials import (
    random_material,
)
from asymformer_ros.simulation.mesh import Builder


def toilet(rng: Rng) -> Item:
    """A toilet with a tank."""
    m = random_material(rng, HARD, pale=0.6)

    def build(b: Builder) -> None:
        b.lathe(
            c.TOILET,
            m,
            [(0.13, 0), (0.12, 0.15), (0.2, 0.36), (0.21, 0.4)],
            (0, -0.12, 0),
            stretch=(0.9, 1.2),
        )
        b.lathe(
            c.TOILET, m, [(0.2, 0.4), (0.21, 0.43), (0.18, 0.45)], (0, -0.12, 0), stretch=(0.9, 1.2)
        )
        b.box(c.TOILET, m, (0.42, 0.18, 0.36), (0, 0.26, 0.4))
        b.box(c.TOILET, m, (0.45, 0.21, 0.03), (0, 0.25, 0.76))
        b.box(c.TOILET, m, (0.2, 0.2, 0.4), (0, 0.2, 0))

    return Item(0.46, 0.76, 0.8, build, [Top(0, 0.26, 0.79, 0.35, 0.14, "bath")])


def washbasin(rng: Rng) -> Item:
    """A bathroom sink on a cabinet or a column."""
    w, d, h = rng.uniform(0.5, 1.0), rng.uniform(0.42, 0.52), rng.uniform(0.78, 0.88)
    white, body, steel = (
        random_material(rng, HARD, pale=0.6),
        random_material(rng, WOOD),
        random_material(rng, HARD),
    )
    column = rng.random() < 0.4

    def build(b: Builder) -> None:
        if column:
            b.lathe(c.SINK, white, [(0.11, 0), (0.08, 0.3), (0.1, h - 0.15)], (0, 0.05, 0))
        else:
            b.box(c.CABINET, body, (w * 0.92, d * 0.9, h - 0.18), (0, 0.02, 0.04))
            for sx in (-1, 1):
                b.box(
                    c.CABINET, body, (w * 0.43, 0.02, h - 0.28), (sx * w * 0.225, -d * 0.44, 0.08)
                )
        b.box(c.SINK, white, (w, d, 0.14), (0, 0, h - 0.14))
        b.lathe(c.SINK, steel, [(0.19, 0), (0.17, 0.006)], (0, -0.03, h), stretch=(1.1, 0.8))
        b.tube(c.SINK, steel, (0, d * 0.36, h), (0, d * 0.36, h + 0.16), (0.018, 0.015))
        b.tube(c.SINK, steel, (0, d * 0.36, h + 0.16), (0, d * 0.1, h + 0.14), (0.014, 0.012))

    return Item(w, d, h, build, [Top(-w * 0.38, 0.05, h, w * 0.16, d * 0.5, "bath")])


def bathtub(rng: Rng) -> Item:
    """A bathtub, usually with a shower curtain on the open side."""
    w, d, h = rng.uniform(1.4, 1.75), rng.uniform(0.68, 0.8), rng.uniform(0.42, 0.58)
    m = random_material(rng, HARD, pale=0.6)
    cloth = random_material(rng, CLOTH)
    covered = rng.uniform(0.15, 0.6) if rng.random() < 0.6 else 0.0
    side = float(rng.choice([-1, 1]))

    def build(b: Builder) -> None:
        t = 0.07
        for sy in (-1, 1):
            b.box(c.BATHTUB, m, (w, t, h), (0, sy * (d - t) / 2, 0))
        for sx in (-1, 1):
            b.box(c.BATHTUB, m, (t, d - 2 * t, h), (sx * (w - t) / 2, 0, 0))
        b.box(c.BATHTUB, m, (w - 2 * t, d - 2 * t, 0.1), (0, 0, 0))
        if covered:
            length = w * covered
            folds(
                b.at(side * (w - length) / 2, -d / 2 - 0.03, 0),
                c.SHOWER_CURTAIN,
                cloth,
                length,
                0.12,
                1.95,
            )
            b.box(c.OTHER_STRUCTURE, m, (w, 0.025, 0.025), (0, -d / 2 - 0.03, 1.97))

    return Item(w, d + 0.12, 2.0 if covered else h, build)

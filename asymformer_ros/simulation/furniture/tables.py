"""Tables, desks and kitchen counters. Local frame: centre of the footprint, back towards +y."""

from __future__ import annotations

from asymformer_ros.simulation import classes as c
from asymformer_ros.simulation.furniture.parts import (
    HARD,
    WOOD,
    Item,
    Rng,
    Top,
    legs,
)
from asymformer_ros.simulation.materials import (
    random_material,
)
from asymformer_ros.simulation.mesh import Builder


def table(rng: Rng, label: int = c.TABLE, height: float | None = None) -> Item:
    """A dining, coffee or work table: four legs, two panels or a column."""
    low = label == c.TABLE and rng.random() < 0.3
    h = height or (rng.uniform(0.38, 0.5) if low else rng.uniform(0.7, 0.78))
    w, d = rng.uniform(0.8, 1.7), rng.uniform(0.55, 0.95)
    top, leg = random_material(rng, WOOD), random_material(rng, WOOD)
    style = rng.choice(["legs", "legs", "panels", "column"]) if label == c.TABLE else "legs"
    disc = style == "column" and rng.random() < 0.6
    thick, round_ = rng.uniform(0.03, 0.07), bool(rng.random() < 0.4)
    drawers = label == c.DESK and rng.random() < 0.7
    side = float(rng.choice([-1, 1]))
    if disc:
        w = d = rng.uniform(0.7, 1.2)

    def build(b: Builder) -> None:
        if disc:
            b.lathe(label, top, [(w / 2, h - 0.035), (w / 2, h)])
        else:
            b.box(label, top, (w, d, 0.035), (0, 0, h - 0.035))
        if style == "legs":
            legs(b, label, leg, w, d, h - 0.035, thick, round_)
        elif style == "panels":
            for sx in (-1, 1):
                b.box(label, leg, (0.04, d * 0.9, h - 0.035), (sx * (w / 2 - 0.08), 0, 0))
        else:
            b.lathe(label, leg, [(w * 0.25, 0), (0.05, 0.06), (0.05, h - 0.035)])
        if drawers:
            x = side * (w / 2 - 0.24)
            b.box(label, top, (0.4, d * 0.9, h * 0.75), (x, 0, h * 0.2))
            for i in range(3):
                z = h * 0.2 + 0.02 + i * h * 0.25
                b.box(label, leg, (0.36, 0.02, h * 0.21), (x, -d * 0.45, z))

    share = 0.65 if disc else 0.9
    return Item(
        w, d, h, build, [Top(0, 0, h, w * share, d * share, "desk" if label == c.DESK else "table")]
    )


def desk(rng: Rng) -> Item:
    """A desk, sometimes with a block of drawers."""
    return table(rng, c.DESK, rng.uniform(0.7, 0.77))


def counter(rng: Rng) -> Item:
    """A kitchen counter on cabinets, often with a sink."""
    w, d, h = rng.uniform(1.2, 2.6), rng.uniform(0.58, 0.66), rng.uniform(0.85, 0.95)
    slab, body, knob = (
        random_material(rng, HARD),
        random_material(rng, WOOD),
        random_material(rng, HARD),
    )
    basin, steel = random_material(rng, HARD, pale=0.6), random_material(rng, HARD)
    sink_x = rng.uniform(-0.25, 0.25) * w if rng.random() < 0.6 else None
    doors = max(2, round(w / 0.5))
    stove = rng.random() < 0.4

    def build(b: Builder) -> None:
        b.box(c.CABINET, body, (w, d - 0.05, h - 0.14), (0, 0.02, 0.1))
        b.box(c.CABINET, knob, (w, d - 0.12, 0.1), (0, 0.04, 0))
        b.box(c.COUNTER, slab, (w, d, 0.04), (0, 0, h - 0.04))
        for i in range(doors):
            x = (i + 0.5) * w / doors - w / 2
            b.box(c.CABINET, body, (w / doors - 0.02, 0.02, h - 0.32), (x, -d / 2 + 0.04, 0.12))
            b.box(c.CABINET, body, (w / doors - 0.02, 0.02, 0.13), (x, -d / 2 + 0.04, h - 0.18))
            b.box(c.CABINET, knob, (0.1, 0.03, 0.015), (x, -d / 2 + 0.02, h - 0.11))
        if sink_x is not None:
            b.box(c.SINK, basin, (0.55, 0.42, 0.012), (sink_x, -0.02, h))
            b.box(c.SINK, steel, (0.46, 0.32, 0.004), (sink_x, -0.02, h + 0.012))
            b.tube(c.SINK, steel, (sink_x, 0.22, h), (sink_x, 0.22, h + 0.25), (0.015, 0.015))
            b.tube(
                c.SINK, steel, (sink_x, 0.22, h + 0.25), (sink_x, 0.06, h + 0.22), (0.013, 0.013)
            )
        if stove:
            b.box(c.OTHER_PROP, steel, (0.56, 0.5, 0.01), (w * 0.33, 0, h))

    tops = [
        Top(-w * 0.36, 0.05, h, w * 0.22, d * 0.7, "kitchen"),
        Top(w * 0.36, 0.05, h + 0.01 * stove, w * 0.22, d * 0.7, "kitchen"),
    ]
    return Item(w, d, h, build, tops)

"""Lamps, bags, boxes, plants and people. Local frame: centre of the footprint, back at +y."""

from __future__ import annotations

import numpy as np

from asymformer_ros.simulation import classes as c
from asymformer_ros.simulation.furniture.parts import (
    CLOTH,
    HARD,
    Item,
    Rng,
    lamp_parts,
)
from asymformer_ros.simulation.materials import (
    random_material,
    skin_material,
)
from asymformer_ros.simulation.mesh import Builder


def floor_lamp(rng: Rng) -> Item:
    """A lamp on a pole with a shade that glows if it is on."""
    h = rng.uniform(1.3, 1.8)
    return Item(0.42, 0.42, h, lamp_parts(rng, h))


def bag(rng: Rng) -> Item:
    """A bag with a handle, standing."""
    w, d, h = rng.uniform(0.25, 0.5), rng.uniform(0.12, 0.22), rng.uniform(0.25, 0.45)
    m, strap = random_material(rng, CLOTH), random_material(rng, HARD)

    def build(b: Builder) -> None:
        b.lathe(c.BAG, m, [(0.5, 0), (0.55, h * 0.5), (0.45, h * 0.9), (0.25, h)], stretch=(w, d))
        for sx in (-1, 1):
            b.tube(
                c.BAG,
                strap,
                (sx * w * 0.25, 0, h * 0.9),
                (sx * w * 0.12, 0, h * 1.25),
                (0.012, 0.012),
            )
        b.tube(c.BAG, strap, (-w * 0.12, 0, h * 1.25), (w * 0.12, 0, h * 1.25), (0.012, 0.012))

    return Item(w * 1.1, d * 1.1, h * 1.3, build)


def boxes(rng: Rng) -> Item:
    """One to three stacked boxes."""
    parts, z = [], 0.0
    w, d = rng.uniform(0.25, 0.6), rng.uniform(0.25, 0.5)
    for _ in range(int(rng.integers(1, 4))):
        h = rng.uniform(0.12, 0.38)
        parts.append((w, d, h, z, rng.uniform(-0.15, 0.15), random_material(rng)))
        z += h
        w, d = w * rng.uniform(0.75, 1.0), d * rng.uniform(0.75, 1.0)

    def build(b: Builder) -> None:
        for width, depth, high, level, yaw, m in parts:
            b.at(0, 0, level, yaw).box(c.BOX, m, (width, depth, high))

    return Item(parts[0][0] * 1.1, parts[0][1] * 1.1, z, build)


def plant(rng: Rng) -> Item:
    """A pot with leaves."""
    h = rng.uniform(0.6, 1.4)
    pot, leaf = random_material(rng, HARD), random_material(rng, ("cloud", "stripes"))
    blades = rng.uniform(-1, 1, (14, 3))

    def build(b: Builder) -> None:
        b.lathe(c.OTHER_PROP, pot, [(0.1, 0), (0.16, 0.28)])
        for dx, dy, dz in blades:
            tip = np.array([0.28 * dx, 0.28 * dy, h * (0.75 + 0.25 * dz)])
            root, side = np.array([0.05 * dx, 0.05 * dy, 0.27]), np.array([dy, -dx, 0.0]) * 0.1
            middle = (root + tip) / 2 + (0, 0, 0.1)
            blade = np.array([[root, middle + side, tip], [root, tip, middle - side]])
            b.faces(c.OTHER_PROP, leaf, blade)
            b.faces(c.OTHER_PROP, leaf, blade[:, ::-1])

    return Item(0.4, 0.4, h, build)


def bin_(rng: Rng) -> Item:
    """A waste bin or a laundry basket."""
    r, h = rng.uniform(0.12, 0.2), rng.uniform(0.28, 0.6)
    m = random_material(rng)
    return Item(2 * r, 2 * r, h, lambda b: b.lathe(c.OTHER_PROP, m, [(r * 0.8, 0), (r, h)]))


def person(rng: Rng) -> Item:
    """A standing person with a slight pose."""
    tall = rng.uniform(1.5, 1.9)
    shirt, trousers = random_material(rng, CLOTH), random_material(rng, CLOTH)
    skin = skin_material(rng)
    hair, shoe = random_material(rng, ("cloud",)), random_material(rng, HARD)
    swing = rng.uniform(-0.15, 0.15, 4)
    bend = rng.uniform(0.0, 0.3, 2)

    def build(b: Builder) -> None:
        s, p = tall / 1.75, c.PERSON
        for i, sx in enumerate((-1, 1)):
            hip, knee = (sx * 0.09 * s, 0.0, 0.88 * s), (sx * 0.1 * s, swing[i] * 0.5 * s, 0.47 * s)
            foot = (sx * 0.11 * s, swing[i] * s, 0.08 * s)
            b.tube(p, trousers, hip, knee, (0.085 * s, 0.065 * s))
            b.tube(p, trousers, knee, foot, (0.06 * s, 0.045 * s))
            b.box(p, shoe, (0.09 * s, 0.25 * s, 0.08 * s), (foot[0], foot[1] - 0.06 * s, 0))
            shoulder = (sx * 0.19 * s, 0.0, 1.4 * s)
            elbow = (sx * 0.25 * s, swing[2 + i] * 0.6 * s, 1.12 * s)
            hand = (sx * 0.24 * s, swing[2 + i] * s - bend[i] * s, (0.88 + bend[i] * 0.6) * s)
            b.tube(p, shirt, shoulder, elbow, (0.055 * s, 0.045 * s))
            b.tube(p, skin, elbow, hand, (0.04 * s, 0.035 * s))
        body = [(0.13, 0.82), (0.16, 0.9), (0.15, 1.08), (0.19, 1.32), (0.17, 1.44), (0.06, 1.5)]
        b.lathe(p, shirt, [(r * s, z * s) for r, z in body], stretch=(1.05, 0.65))
        b.lathe(p, skin, [(0.05 * s, 1.45 * s), (0.05 * s, 1.55 * s)], sides=8)
        head = [(0.05, 1.52), (0.085, 1.58), (0.1, 1.66), (0.085, 1.73), (0.04, 1.76)]
        b.lathe(p, skin, [(r * s, z * s) for r, z in head], stretch=(0.8, 0.95))
        crown = [(0.1, 1.65), (0.112, 1.7), (0.09, 1.76), (0.03, 1.79)]
        b.lathe(p, hair, [(r * s, z * s) for r, z in crown], (0, 0.02 * s, 0), stretch=(0.85, 1.0))

    return Item(0.6, 0.5, tall, build)
